"""PDF, read with PDFium."""

from __future__ import annotations

import gc
import logging
import socket
from base64 import b64encode
from datetime import date
from io import BytesIO

import pypdfium2
import pytest
from PIL import Image
from pypdfium2 import raw

from include.scheduled_reports.render import as_pdf
from include.scheduled_reports.settings.branding import Branding
from tests.unit.documents import chart, column, document, figure, table
from tests.unit.pdf_pages import COMMENT, DAYS, EMOJI, LINES, NAMES, many, sizes, tags, texts, utf16_text, written

UPRIGHT, TURNED, A3_TURNED, A2_TURNED, A1_TURNED = (595, 842), (842, 595), (1191, 842), (1684, 1191), (2384, 1684)


def of_width(columns):
    """Make a table with so many columns, half of them numbers that must not be broken."""
    heads = [column(f"c{n}", "integer" if n % 2 else "text", title=f"Column {n}") for n in range(columns)]
    return table(heads, [tuple(1_234_567_890 if n % 2 else "some text of a length" for n in range(columns))])


def test_every_page_has_table_heads_and_a_page_number(caplog):
    shown = document(many(120), figures=[figure("Messages", 1_234_567, 987_654)], charts=[LINES])
    with caplog.at_level(logging.WARNING):
        count, pdf = written(shown, row_limit=90)
    pages = texts(pdf)

    assert count == 90
    assert [record.getMessage() for record in caplog.records if "HarfBuzz" not in record.getMessage()] == []
    assert set(sizes(pdf)) == {UPRIGHT}
    assert "Acme · 4\N{EN DASH}10 May 2026 · compared with 27 Apr \N{EN DASH} 3 May" in pages[0]
    assert "1,234,567 ▲ 25.0% from 987,654" in pages[0]
    assert "By day" in pages[0]
    assert "Mon 4" in pages[0]
    assert "Channels (120) First 90 of 120 rows." in pages[0]
    assert f"channels 89 1,089 {COMMENT} First 90 of 120 rows. Data until Sun 10 May 2026, 24:00 (Berlin)." in pages[-1]
    assert "Scheduled for Mon 11 May 2026, 09:00 (Berlin). Times in Berlin time." in pages[-1]
    for number, page in enumerate(pages, start=1):
        assert page.count("Channel Messages") == 1
        assert f"Page {number} of {len(pages)}" in page
    for page in pages[1:]:
        assert "Weekly channels · Channels (continued) 4\N{EN DASH}10 May 2026" in page


def test_a_page_that_begins_with_another_table_does_not_continue_the_one_before():
    pages = texts(written(document(many(60), many(20, "last", "Last")))[1])

    (continued,) = [page for page in pages if "(continued)" in page]
    assert "Channels (continued)" in continued
    assert pages.index(continued) == 1


def test_the_report_ends_with_definitions_what_it_leaves_out_and_the_run():
    days = column("day", "date", definition="In Berlin."), column("n", "integer", title="N", definition="Messages.")
    rows = [(date(2026, 5, 4 + n), n) for n in range(7)]
    shown = document(
        many(2),
        table(days, rows, name="days", title="By day", rest="All of them are in the JSON file."),
        charts=[chart("line", days[0], days[1:], rows, table="days", title="Per day")],
        figures=[figure("Replies", definition="In threads.")],
        notes=("7 tasks in private channels are counted, not listed.",),
        link="https://airflow.example/runs/1",
    )
    pages = texts(written(shown)[1])

    assert "Per day" in pages[0]
    assert "By day (7)" not in " ".join(pages)
    ending = pages[-1].partition("Definitions and scope ")[2]
    assert ending.startswith("Replies In threads.")
    assert "By day: drawn as a chart here. All of them are in the JSON file." in ending
    assert "7 tasks in private channels are counted, not listed." in ending
    assert "Open this report" in ending


@pytest.mark.parametrize("is_main", [True, False])
def test_a_table_of_days_stays_if_it_is_the_main_one_or_in_no_other_file(is_main):
    rows = [(date(2026, 5, 4 + n), n) for n in range(7)]
    days = table(
        [DAYS[0], *DAYS[1]],
        rows,
        name="days",
        title="By day",
        rest="All of them are in the JSON file." if is_main else "",
    )
    lines = chart("line", *DAYS, rows, table="days")
    tables = [days, many(2)] if is_main else [many(2), days]

    assert "By day (7)" in " ".join(texts(written(document(*tables, charts=[lines]))[1]))


def test_two_small_tables_stand_side_by_side():
    small = [
        table([column("a"), column("n", "integer")], [(f"{name} {n}", n) for n in range(4)], name=name, title=name)
        for name in ("left", "right")
    ]
    with pypdfium2.PdfDocument(written(document(*small))[1]) as read:
        text = read[0].get_textpage()
        baselines = [text.get_charbox(text.search(f"{name} 3").get_next()[0])[1] for name in ("left", "right")]

    assert baselines[0] == pytest.approx(baselines[1], abs=1)


def test_a_last_page_that_would_be_nearly_empty_is_saved_by_less_space():
    counts = [len(texts(written(document(many(count)))[1])) for count in (34, 38, 42)]

    assert counts == [1, 1, 1]


# Paper


def test_a_wide_table_is_in_landscape_and_the_next_in_portrait():
    tables = [many(1), table([column(f"c{n}") for n in range(9)], [tuple("abcdefghi")], name="wide"), many(1, "last")]

    assert sizes(written(document(*tables))[1]) == [UPRIGHT, TURNED, UPRIGHT]


def test_a_report_with_a_wide_main_table_is_in_landscape():
    shown = document(of_width(9), many(1, "narrow"), figures=[figure()], charts=[LINES])

    assert set(sizes(written(shown)[1])) == {TURNED}


@pytest.mark.parametrize(
    ("columns", "size"), [(6, UPRIGHT), (8, TURNED), (9, TURNED), (14, A3_TURNED), (22, A2_TURNED), (30, A1_TURNED)]
)
def test_a_number_is_never_broken_because_the_paper_grows_with_the_table(columns, size):
    pdf = written(document(of_width(columns)))[1]
    lines = texts_in_lines(pdf)

    assert sizes(pdf)[-1] == size
    assert sum(line.count("1,234,567,890") for line in lines) == columns // 2


def texts_in_lines(pdf):
    with pypdfium2.PdfDocument(pdf) as read:
        return [line for page in read for line in page.get_textpage().get_text_bounded().splitlines()]


@pytest.mark.parametrize("word", ["x" * 60, "W" * 300, "demo-channel-" * 12, "長" * 90, "m@" * 80])
def test_a_long_word_stays_on_its_page_and_out_of_its_neighbours(word):
    rows = table([column("a"), column("b", title=word), column("c")], [(word, word, "c"), ("a", "b", word)], title=word)
    ranks = chart("rank", column("name"), [column("n", "integer", title=word)], [(word, 1)], title=word)
    pdf = written(document(rows, title=word, workspace=word, description=word, figures=[figure(word)], charts=[ranks]))[
        1
    ]
    with pypdfium2.PdfDocument(pdf) as read:
        for page in read:
            text = page.get_textpage()
            places = [n for n in range(text.count_chars()) if text.get_text_range(n, 1).strip()]
            boxes = [text.get_charbox(place) for place in places]
            assert min(left for left, _, _, _ in boxes) >= 45
            assert max(right for _, _, right, _ in boxes) <= page.get_width() - 45
            assert min(bottom for _, bottom, _, _ in boxes) >= 10
            assert max(top for _, _, _, top in boxes) <= page.get_height() - 10


def test_no_heading_ends_a_page_and_no_chart_is_cut():
    charts = [
        chart("rank", column("a"), DAYS[1], [(f"bar {n}.{k}", 9 - k) for k in range(7)], title=f"Chart {n}")
        for n in range(12)
    ]
    tables = [many(13 + n % 7, f"t{n}", f"Table {n}.") for n in range(16)]
    pages = texts(written(document(*tables, charts=charts))[1])

    assert len(pages) > 6
    for n in range(12):
        (page,) = [page for page in pages if f"Chart {n} " in page]
        assert f"bar {n}.0" in page
        assert f"bar {n}.6" in page
    for n in range(16):
        (page,) = [page for page in pages if f"Table {n}. ({13 + n % 7})" in page]
        assert f"t{n} 4 1,004 {COMMENT}" in page


def test_a_long_table_that_is_narrow_runs_in_columns():
    rows = [(f"channel {n}", 1_000 + n) for n in range(60)]
    (page,) = texts(written(document(table([column("channel"), column("messages", "integer")], rows, batch=50)))[1])

    assert page.count("Channel Messages") == 3
    assert "channel 19 1,019 Channel Messages channel 20 1,020" in page
    assert "channel 39 1,039 Channel Messages channel 40 1,040" in page


def test_the_last_page_has_more_than_one_row_of_a_table():
    for count in range(38, 46):
        last = texts(written(document(many(count)))[1])[-1]
        assert f"channels {count - 2} 1,{count - 2:03d} {COMMENT} channels {count - 1} 1,{count - 1:03d}" in last


# Metadata and structure


def test_the_file_has_title_author_subject_and_date_and_is_reproducible():
    shown = document(many(0), title="Weekly <b>&</b>", workspace="Acme & Söhne", description="What <i> happened")
    (count, one), (_, two) = written(shown), written(shown)
    with pypdfium2.PdfDocument(one) as read:
        facts = read.get_metadata_dict()

    assert count == 0
    assert one == two
    assert (facts["Title"], facts["Author"]) == ("Weekly <b>&</b> · 4\N{EN DASH}10 May 2026", "Acme & Söhne")
    assert (facts["Subject"], facts["Keywords"]) == (
        "What <i> happened", "Channel analytics, 4\N{EN DASH}10 May 2026, Europe/Berlin",
    )  # fmt: skip
    assert facts["CreationDate"] == "D:20260511090000+02'00"


def test_charts_and_tables_are_bookmarks_below_the_title():
    shown = document(many(40), many(3, "others", "Others <b>"), charts=[LINES])
    with pypdfium2.PdfDocument(written(shown)[1]) as read:
        found = [(mark.level, mark.get_title(), mark.get_dest().get_index()) for mark in read.get_toc()]

    assert found == [(0, "Weekly channels", 0), (1, "By day", 0), (1, "Channels", 0), (1, "Others <b>", 1)]


def test_the_file_is_tagged_with_headings_tables_and_what_a_chart_shows():
    ranks = chart("rank", column("a"), DAYS[1], [("general", 9)], title="Ranks")
    with pypdfium2.PdfDocument(written(document(many(2), charts=[LINES, ranks]))[1]) as read:
        found, language = tags(read[0]), utf16_text(raw.FPDFCatalog_GetLanguage, read)

    kinds = [kind for kind, _ in found]
    assert language == "en"
    assert (kinds.count("H1"), kinds.count("H2"), kinds.count("Table")) == (1, 1, 2)
    assert (kinds.count("TH"), kinds.count("TD"), kinds.count("Caption")) == (4, 7, 2)
    assert [alt for kind, alt in found if kind == "Figure"] == ["By day. N: 1 (Mon 4 May 2026) to 2 (Tue 5 May 2026)."]


def unseen(caplog, *letters):
    """Return the PDF, and the warnings about characters without a glyph, wherever a report can show them."""
    caplog.clear()
    text = " ".join(letters)
    ranks = chart("rank", column("a"), DAYS[1], [(letter, 1) for letter in letters], title=text)
    rows = table([column("a", title=text)], [(letter,) for letter in letters], title=text)
    shown = document(rows, title=text, workspace=text, description=text, figures=[figure(text)], charts=[ranks])
    with caplog.at_level(logging.WARNING):
        pdf = written(shown)[1]
    return pdf, [record.getMessage() for record in caplog.records if "notdef" in record.getMessage()]


# Fonts


def test_every_script_is_drawn_and_can_be_copied(caplog):
    pdf, boxes = unseen(caplog, *NAMES.values())
    found = set("".join(texts(pdf)))

    assert boxes == []
    assert set("".join(NAMES.values())) - {" "} - found == set()


def test_an_emoji_of_several_characters_is_one_picture(caplog):
    pdf, boxes = unseen(caplog, *EMOJI)

    assert boxes == []
    plain = unseen(caplog, *("🎉" for _ in EMOJI))[0]
    assert colourful(pdf) == pytest.approx(colourful(plain), rel=0.2)


def colourful(pdf):
    """Return the number of pixels on the first page that are neither grey nor of the page's blue."""
    with pypdfium2.PdfDocument(pdf) as read:
        picture = read[0].render(scale=2).to_pil().convert("HSV")
    return sum(s > 90 and v > 120 and not 130 < h < 170 for h, s, v in picture.get_flattened_data())


@pytest.mark.parametrize("end", ["\u0085", "\u2028", "\u2029"])
def test_a_unicode_line_separator_breaks_the_line(caplog, end):
    text = f"one {end} two"
    rows = table([column("a", title=text)], [(text,)] * 3, title=text)
    with caplog.at_level(logging.WARNING):
        pdf = written(document(rows, title=text, workspace=text, description=text, figures=[figure(text)]))[1]

    assert [line for line in texts_in_lines(pdf) if "one" in line and end in line] == []
    assert " ".join(texts(pdf)).count("one two") >= 8
    assert [record.getMessage() for record in caplog.records if "notdef" in record.getMessage()] == []


def test_a_character_without_a_font_is_detected(caplog):
    assert unseen(caplog, "\U0010fffd")[1] != []


# Brand


def test_every_page_shows_the_brand():
    logo = BytesIO()
    Image.new("RGB", (30, 10), "#ff00ff").save(logo, "PNG")
    brand = Branding(
        logo=f"data:image/png;base64,{b64encode(logo.getvalue()).decode()}",
        colour="#7b2ff7",
        footer='Confidential "<&>" \\ é 字',
        name="Neolith",
    )
    pdf = written(document(many(60), branding=brand, charts=[LINES]))[1]
    pages = texts(pdf)
    with pypdfium2.PdfDocument(pdf) as read:
        first = read[0].render(scale=1).to_pil().convert("RGB")
        second = read[1].render(scale=1).to_pil().convert("RGB")

    assert "Neolith" not in " ".join(pages)  # the logo says it
    assert all('Confidential "<&>" \\ é 字' in page for page in pages)
    assert first.getpixel((300, 3)) == (0x7B, 0x2F, 0xF7)
    assert second.getpixel((300, 3)) == (255, 255, 255)
    assert (255, 0, 255) in set(first.get_flattened_data())


def test_an_svg_logo_is_drawn():
    size = 'viewBox="0 0 9 9" width="9" height="9"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><path d="M0 0h9v9H0z" fill="#ff00ff"/></svg>'
    brand = Branding(logo=f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}")
    with pypdfium2.PdfDocument(written(document(branding=brand))[1]) as read:
        colours = read[0].render(scale=1).to_pil().convert("RGB").get_flattened_data()

    assert (255, 0, 255) in set(colours)


# Garbage collector


@pytest.mark.parametrize("was_on", [True, False])
def test_the_garbage_collector_is_restored_even_if_a_report_fails(monkeypatch, was_on):
    seen = []

    def fails(self, *args, **kwargs):
        seen.append(gc.isenabled())
        raise RuntimeError

    monkeypatch.setattr(as_pdf.HTML, "render", fails)
    (gc.enable if was_on else gc.disable)()
    try:
        with pytest.raises(RuntimeError):
            written(document())
        assert (seen, gc.isenabled()) == ([False], was_on)
    finally:
        gc.enable()


# Nothing to show


def test_an_empty_report_says_that_it_ran_as_planned():
    (page,) = texts(written(document(many(0), figures=[figure("Messages", 0, 4)]))[1])

    assert "No activity in this period. The report ran as planned; there is no data for" in page
    assert "Messages" not in page


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/x.png", "file:///etc/hostname"])
def test_nothing_is_fetched(monkeypatch, caplog, address):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = address.format(port=server.getsockname()[1])
        monkeypatch.setattr(as_pdf.Page, "html", lambda *_, **__: iter([f"<img src='{url}'><p>text</p>"]))
        monkeypatch.setattr(as_pdf.Page, "main_rows", 0)
        _, pdf = written(document())

        assert texts(pdf) == ["text"]
        assert "disallowed protocol" in caplog.text
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("numbers", [1, 5])
@pytest.mark.parametrize("rest", [1, 8, 31, 60])
def test_a_table_a_little_longer_than_what_is_laid_out_first_has_every_row(numbers, rest):
    heads = [column("name"), *(column(f"n{n}", "integer") for n in range(numbers))]
    count = as_pdf.LEAD * (3 if numbers == 1 else 1) + rest
    rows = [(f"row-{n}", *[n] * numbers) for n in range(count)]
    found, pdf = written(document(table(heads, rows, batch=100)))
    pages = texts(pdf)

    assert found == count
    assert [f"row-{n}" for n in range(count) if f"row-{n} " not in f"{' '.join(pages)} "] == []
    assert [f"Page {n} of {len(pages)}" in page for n, page in enumerate(pages, start=1)] == [True] * len(pages)


def test_two_long_tables_that_end_soon_after_what_is_laid_out_have_every_row():
    heads = [column("name"), *(column(f"n{n}", "integer") for n in range(5))]
    tables = [
        table(heads, [(f"{name}-{n}", *[n] * 5) for n in range(as_pdf.LEAD + 12)], name=name, title=name, batch=100)
        for name in ("one", "two", "three")
    ]
    pages = f"{' '.join(texts(written(document(*tables))[1]))} "

    wanted = [f"{name}-{n} " for name in ("one", "two", "three") for n in range(as_pdf.LEAD + 12)]
    assert [name for name in wanted if name not in pages] == []


@pytest.mark.parametrize("count", [20, 60, 300])
def test_numbers_of_a_very_wide_table_are_whole_and_left_out_columns_are_counted(count):
    heads = [column(f"c{n}", "integer", title=f"Column {n}") for n in range(count)]
    rows = [tuple(1_234_567 + n for n in range(count))] * 3
    _, pdf = written(document(table(heads, rows)))
    (page,) = [page for page in texts(pdf) if "1,234,567" in page]
    shown = sum(f" {1_234_567 + n:,d}" in page for n in range(count))

    assert all(f" {1_234_567 + n:,d}" in page for n in range(shown))
    assert shown == count or f"First {shown} of {count} columns." in page
    assert shown >= min(count, 40)


def test_a_number_that_grows_far_below_the_first_rows_is_not_broken():
    heads = [column("n", "integer"), *(column(f"c{n}", "integer") for n in range(8))]
    rows = [(n if n < 250 else 1_234_567_890_123_456, *[1] * 8) for n in range(300)]
    pages = texts(written(document(table(heads, rows, batch=100)))[1])

    assert sum(page.count("1,234,567,890,123,456") for page in pages) == 50


def test_rows_and_columns_that_are_left_out_are_named_together():
    heads = [column(f"c{n}", "integer") for n in range(300)]
    pages = texts(written(document(table(heads, [(10**12,) * 300] * 60)), row_limit=3)[1])

    assert "First 3 of 60 rows. First 28 of 300 columns." in pages[0] + pages[1]
