"""Text of any length on paper: laid out in linear time, whole, or cut and saying so.

The words here took WeasyPrint minutes; a bound in seconds of the processor only has to tell these apart.
"""

from __future__ import annotations

import base64
import random
import re
import time
from io import BytesIO

import pypdfium2
import pytest

from include.scheduled_reports.render import as_html, as_pdf
from tests.unit.documents import chart, column, document, figure, table

WORD = base64.b64encode(random.Random(1).randbytes(120_000)).decode()  # noqa: S311 - text without spaces
#: On the machine where this was written the worst of these takes three seconds, and took more than a hundred.
SECONDS = 30
FAMILY = "👨\u200d👩\u200d👧"


def texts(shown):
    out = BytesIO()
    start = time.process_time()
    as_pdf.render(shown, out, row_limit=None)
    assert time.process_time() - start < SECONDS
    with pypdfium2.PdfDocument(out.getvalue()) as pdf:
        return [page.get_textpage().get_text_bounded() for page in pdf]


def bare(text):
    return re.sub(r"[\s\u200b\ufffe\x02]+", "", text)


@pytest.mark.parametrize("length", [500, 10_000, 15_999])
def test_a_long_word_in_a_table_is_whole(length):
    pages = texts(document(table([column("a"), column("n", "integer")], [(WORD[:length], 4_711)])))

    letters = bare("".join(pages))
    assert WORD[: min(length, 2_000)] in letters
    assert WORD[length - 40 : length] in letters
    assert "cut:" not in letters
    assert "4,711" in "".join(pages)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(WORD, id="base64"),
        pytest.param("a" + "\u0301" * 40_000, id="marks", marks=pytest.mark.slow),
        pytest.param("a\u200d" * 20_000, id="joiners", marks=pytest.mark.slow),
        pytest.param("a\u200b" * 20_000, id="spaces"),
        pytest.param("\u200c" * 40_000, id="non-joiners"),
        pytest.param("word\u00a0" * 8_000, id="unbroken spaces"),
        pytest.param("العربية" * 6_000, id="Arabic"),
        pytest.param("報告書" * 14_000, id="Chinese"),
        pytest.param("รายงานประจำ" * 4_000, id="Thai"),
    ],
)
def test_a_text_of_40_kb_and_more_in_a_table_is_cut_and_says_so(text):
    rows = [("a", 1)] * 3 + [(text, 2)] + [("b", 3)] * 3
    pages = "".join(texts(document(table([column("a"), column("n", "integer")], rows))))

    assert f"cut:{len(text):,d}characters" in bare(pages)


@pytest.mark.parametrize(
    "name", [pytest.param(WORD, id="160 KB", marks=pytest.mark.slow), pytest.param(FAMILY * 12, id="families")]
)
def test_a_long_name_anywhere_is_bounded(name):
    day, count = column("day", "date", title=name), column("n", "integer", title=name)
    ranks = chart("rank", column("who"), [count, column("m", "integer")], [(name, 3, 1), ("b", 2, 1)], title=name)
    bars = chart("bar", column("who"), [count], [(name, 3), ("b", 2)], title=name)
    shown = document(
        table([day, count], [], title=name), table([count], [(1,)], name="o"),
        title=name, workspace=name, description=name, figures=[figure(name)], charts=[ranks, bars],
    )  # fmt: skip
    pages = texts(shown)

    assert len(pages) < 20
    if len(name) > 300:
        assert bare(f"(cut: {len(name):,d} characters)") in bare(pages[0])


def test_a_long_word_in_the_middle_of_a_long_table_is_the_same_on_every_page():
    rows = [(f"row {n}", n) for n in range(400)]
    rows[300] = (WORD[:3_000], 300)
    pages = "".join(texts(document(table([column("a"), column("n", "integer")], rows, batch=100))))

    assert WORD[100:400] in bare(pages)  # the number of the row stands beside its first line
    assert "row 399" in pages


def test_a_page_for_the_screen_has_every_letter():
    out = BytesIO()
    as_html.render(document(table([column("a")], [(WORD,)]), title=WORD), out, row_limit=None)

    assert out.getvalue().decode().count(WORD) >= 3
