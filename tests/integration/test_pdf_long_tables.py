"""Long PDF tables, set row by row, look as if WeasyPrint had laid out all of them."""

from __future__ import annotations

import pypdfium2
import pytest
from PIL import ImageChops

from include.scheduled_reports.render import as_pdf
from include.scheduled_reports.render.as_pdf import text
from tests.unit.documents import column, document, figure, table
from tests.unit.pdf_pages import COMMENT, EMOJI, LINES, NAMES, many, sizes, tags, texts, written

WORDS = [
    "plain", *NAMES.values(), *EMOJI, "x" * 90, "one\ntwo\n\nfour", "  two   spaces ", "tab\there", "a\u2028b", "",
    "a text that has to be broken over some lines because it is so long", "\u202ebackwards", "e\u0301te\u0301", " \n",
    "https://example.com/a/very/long/address?with=parameters&and=more", "<b>&amp;</b>", "\r\nnew", "office",
    "soft\u00adhyphen " * 6, "a \u2029 b", "a \u0085b",
]  # fmt: skip


def of_words(count, **names):
    """Make a table with all kinds of text, and a column of numbers among them."""
    columns = [
        column("n", "integer", total=True), column("a", tones={"plain": "bad"}),
        column("amount", "number", 2, tone="good", bar=True), column("b", tones={"office": "warning"}), column("c"),
    ]  # fmt: skip
    rows = [
        (n, WORDS[n % len(WORDS)], n * 1234.5, WORDS[n * 7 % len(WORDS)], f"row {n}") for n in range(count)
    ]  # fmt: skip
    return table(columns, rows, batch=100, **names)


def of_rows(count, columns=2, name="channels"):
    """Make a table with so many columns and one line per cell."""
    heads = [column(f"c{n}", "integer" if n % 2 else "text") for n in range(columns)]
    rows = [tuple(row if n % 2 else f"{name} {row}.{n}" for n in range(columns)) for row in range(count)]
    return table(heads, rows, name=name, title=name.capitalize(), batch=100)


def with_a_giant(count, place):
    """Make a table with a row that is longer than a page."""
    columns = [column("a"), column("n", "integer"), column("comment")]
    rows = [("word " * (3_000 if n == place else 3), n, COMMENT) for n in range(count)]
    return table(columns, rows, batch=100)


LONG = {
    "every script, emoji and break": lambda: document(of_words(300), charts=[LINES], figures=[figure()]),
    "columns, and a table after them": lambda: document(of_rows(900), many(20, "last")),
    "wide paper, and a long one after it": lambda: document(of_rows(200, 14), of_rows(250, 5, "second"), many(2, "z")),
    "tall paper": lambda: document(of_rows(215, 22)),
    "a row longer than a page": lambda: document(with_a_giant(280, 200)),
}


# A long table, whose pages are set row by row, compared with WeasyPrint's own layout of the same report


@pytest.mark.parametrize("shown", LONG.values(), ids=LONG)
def test_a_long_table_looks_as_if_weasyprint_had_laid_out_all_of_it(monkeypatch, shown):
    monkeypatch.setattr(as_pdf, "_FEW_PAGES", 0)  # WeasyPrint's own layout is set no more tightly either
    set_by_rows = written(shown())
    monkeypatch.setattr(as_pdf, "LEAD", 10**6)
    laid_out = written(shown())

    assert set_by_rows[0] == laid_out[0] == shown().main.rows
    assert set_by_rows[1] != laid_out[1]
    assert sizes(set_by_rows[1]) == sizes(laid_out[1])
    for ours, theirs in zip(texts(set_by_rows[1]), texts(laid_out[1]), strict=True):
        assert ours.split() == theirs.split()
    assert most_different(set_by_rows[1], laid_out[1]) <= 16


def test_it_looks_the_same_however_many_texts_are_remembered(monkeypatch):
    shown = of_words(200)
    remembered = written(document(shown))
    monkeypatch.setattr(text, "_MOST_KNOWN", 1)
    forgotten = written(document(shown))

    assert texts(remembered[1]) == texts(forgotten[1])
    assert most_different(remembered[1], forgotten[1]) == 0


def most_different(one, other):
    """Return the largest difference in brightness of any pixel on any page, out of 255."""
    with pypdfium2.PdfDocument(one) as read, pypdfium2.PdfDocument(other) as read_too:
        pages = [[page.render(scale=1).to_pil().convert("L") for page in pdf] for pdf in (read, read_too)]
    return max(ImageChops.difference(*pair).getextrema()[1] for pair in zip(*pages, strict=True))


@pytest.mark.parametrize("count", range(295, 340, 4))
def test_the_last_page_of_a_long_table_has_more_than_one_row_too(count):
    last = texts(written(document(many(count)))[1])[-1]

    assert f"channels {count - 2} 1,{count - 2:03d} {COMMENT} channels {count - 1} 1,{count - 1:03d}" in last


def test_each_row_of_a_long_table_is_tagged_and_its_cells_hold_their_text():
    shown = document(of_rows(500, 5), many(3, "others", "Others"))
    (_, one), (_, two) = written(shown), written(shown)
    with pypdfium2.PdfDocument(one) as read:
        kinds = [kind for page in read for kind, _ in tags(page)]
        marks = [(mark.get_title(), mark.get_dest().get_index()) for mark in read.get_toc()]
        count = len(read)

    assert one == two
    assert kinds.count("TD") == 500 * 5 + 3 * 3
    assert kinds.count("TR") == 503 + kinds.count("Table")
    assert kinds.count("TH") == 5 * (kinds.count("Table") - 1) + 3
    assert marks == [("Weekly channels", 0), ("Channels", 0), ("Others", count - 1)]


def test_a_long_table_stops_at_the_limit_and_says_so():
    count, pdf = written(document(many(900)), row_limit=350)
    pages = texts(pdf)

    assert count == 350
    assert "Channels (900) First 350 of 900 rows." in pages[0]
    assert [number for number, page in enumerate(pages) if "First 350" in page] == [0, len(pages) - 1]
    assert all("Channels (continued)" in page for page in pages[1:])
    assert f"channels 349 1,349 {COMMENT} First 350 of 900 rows." in pages[-1]
    assert [f"Page {n} of {len(pages)}" in page for n, page in enumerate(pages, start=1)] == [True] * len(pages)
