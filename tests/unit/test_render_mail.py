"""The HTML and text bodies of a message."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.lead import Sentence
from include.scheduled_reports.mail import body_images
from include.scheduled_reports.mail.body import MailNote, body
from include.scheduled_reports.mail.excerpts import aligned
from include.scheduled_reports.mail.files_line import MailFile
from include.scheduled_reports.render.colours import contrast
from include.scheduled_reports.render.document import Excerpt
from tests.unit.brand import BRAND, LOGO, SVG
from tests.unit.documents import chart, column, document, figure, table

CSV = MailFile(
    format=Format.CSV, file_name="weekly.csv", bytes=1_234_567, rows=1_234, total_rows=1_234, attached=True
)  # fmt: skip
LINKED = replace(CSV, link="https://files.example/a")
NOTE = MailNote(
    files=(CSV,),
    set_up_by="Zoë O'Brien",
    schedule_words="Mondays at 09:00 (Berlin)",
    stop_hint="contact Zoë O'Brien or an administrator of Acme",
)
SHOWN = replace(NOTE, preview=True)


class Words(HTMLParser):
    """The text and the links of a message."""

    def __init__(self, page):
        super().__init__()
        self.data, self.links, self.tags = [], [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.data.append(data)

    def __str__(self):
        return " ".join(" ".join(self.data).replace("\u2007", " ").replace("\u034f", " ").split())


def read(note, told=None):
    written = body(told or document(), note)
    return written.text, Words(written.html)


def shown(rows, title="Channels", note=""):
    """Make a document with an excerpt that has all rows of a table."""
    return replace(document(rows), excerpts=(Excerpt(title=title, table=rows, total=rows.rows, note=note),))


def test_the_text_body_is_useful_by_itself():
    shown = document(
        figures=[figure("Messages", 1_234_567, 987_654), figure("People", 412, 425), figure("New", 3, None)],
        description="For the Monday meeting.",
    )
    told = replace(
        shown,
        lead=(Sentence(text="Messages rose by 25.0%."), Sentence(text="People fell.")),
        notes=("3 messages have no channel.",),
        link="https://airflow.example/run",
    )

    assert body(told, NOTE).text == (
        "Weekly channels\n"
        "Acme · 4\N{EN DASH}10 May 2026 · Berlin time\n"
        "\n"
        "Messages rose by 25.0%.\n"
        "People fell.\n"
        "\n"
        "For the Monday meeting.\n"
        "\n"
        "Compared with 27 Apr \N{EN DASH} 3 May\n"
        "Messages  1,234,567  ▲ 25.0% from 987,654\n"
        "People          412  ▼ 3.1% from 425\n"
        "New               3  no earlier data\n"
        "\n"
        "3 messages have no channel.\n"
        "\n"
        "Open report: https://airflow.example/run\n"
        "\n"
        "Files (attached):\n"
        "- CSV: weekly.csv (1.2 MB, 1,234 rows)\n"
        "\n"
        "-- \n"
        "Sent by Zoë O'Brien · Mondays at 09:00 (Berlin)\n"
        "To stop these emails, contact Zoë O'Brien or an administrator of Acme.\n"
    )


@pytest.mark.parametrize(
    "fact",
    [
        "Weekly channels", "Acme · 4\N{EN DASH}10 May 2026 · Berlin time", "Messages rose by 25.0%. People fell.",
        "1,234,567 ▲ 25.0% from 987,654", "Compared with 27 Apr \N{EN DASH} 3 May", "3 messages have no channel.",
        "Open report", "CSV , attached", "Sent by Zoë O'Brien · Mondays at 09:00 (Berlin)",
        "To stop these emails, contact Zoë O'Brien or an administrator of Acme.",
    ],
)  # fmt: skip
def test_the_html_body_says_the_same(fact):
    shown = document(figures=[figure("Messages", 1_234_567, 987_654)])
    told = replace(
        shown,
        lead=(Sentence(text="Messages rose by 25.0%."), Sentence(text="People fell.")),
        notes=("3 messages have no channel.",),
        link="https://airflow.example/run",
    )
    _, page = read(NOTE, told)

    assert fact in str(page)


def test_links_have_their_expiry_in_the_zone_of_the_report():
    linked = replace(CSV, attached=False, link="https://files.example/a?x=1&y=2", rows=5_000, total_rows=1_234_567)
    note = replace(NOTE, files=(linked,), link_expires=datetime(2026, 5, 18, 7, tzinfo=UTC))
    text, page = read(note)

    assert "Files:\n- CSV: weekly.csv (1.2 MB, 5,000 of 1,234,567 rows)\n  https://files.example/a?x=1&y=2\n" in text
    assert "Links work until Mon 18 May, 09:00." in text
    assert "CSV (first 5,000 of 1,234,567 rows); links work until Mon 18 May, 09:00" in str(page)


def test_an_expiry_in_another_year_has_its_year():
    note = replace(NOTE, link_expires=datetime(2027, 1, 3, 8, tzinfo=UTC))

    assert "Links work until Sun 3 Jan 2027, 09:00." in read(note)[0]


def test_a_zip_is_named_and_the_text_lists_what_it_holds():
    text, page = read(replace(NOTE, zip_name="weekly.zip"))

    assert "Files (attached as weekly.zip):\n- CSV: weekly.csv (1.2 MB" in text
    assert "CSV , attached as weekly.zip" in str(page)


def test_files_are_one_line_with_the_pdf_first():
    formats = [Format.JSON, Format.CSV, Format.HTML, Format.EXCEL, Format.PDF]
    files = tuple(replace(CSV, format=one, file_name=f"a.{one}", link=f"https://x.example/{one}") for one in formats)
    text, page = read(replace(NOTE, files=files))

    assert "PDF · Excel · CSV · HTML · JSON , attached" in str(page)
    assert [line.split(":")[0] for line in text.splitlines() if line.startswith("- ")] == [
        "- PDF", "- Excel", "- CSV", "- HTML", "- JSON",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("link", "formats", "opened"),
    [
        ("https://airflow.example/run", ["pdf"], "https://airflow.example/run"),
        ("", ["json", "csv", "html", "pdf"], "https://x.example/pdf"),
        ("", ["json", "csv", "excel", "html"], "https://x.example/html"),
        ("", ["json", "csv", "excel"], "https://x.example/excel"),
    ],
)
def test_one_button_opens_the_run_or_the_best_file(link, formats, opened):
    files = tuple(replace(CSV, format=Format(one), link=f"https://x.example/{one}") for one in formats)
    text, page = read(replace(NOTE, files=files), replace(document(), link=link))

    assert page.links[0] == opened
    assert str(page).count("Open report") == 1
    assert text.count(opened) == 1


def test_without_any_link_there_is_no_button():
    text, page = read(NOTE)

    assert "Open report" not in text + str(page)
    assert page.links == []


def test_formats_that_failed_are_named():
    text, page = read(replace(NOTE, failed_formats=("pdf", "excel")))

    assert "Missing because of an error: PDF and Excel." in text
    assert "Missing because of an error: PDF and Excel." in str(page)


def test_a_message_without_data_says_so_and_shows_no_rows():
    text, page = read(replace(NOTE, no_data=True, preview=True), shown(table([column("channel")], [])))

    assert "No activity in this period." in text
    assert "No activity in this period." in str(page)
    assert "Channels" not in text


def test_a_message_without_data_shows_no_tiles_of_nothing():
    figures = [figure("Messages", 0, 0), figure("Share", None, None, kind="percent"), figure("People", 0, 25)]
    told = replace(document(figures=figures), lead=(Sentence(text="Nothing happened."),))
    text, page = read(replace(NOTE, no_data=True), told)

    for said in (text, str(page)):
        assert "Nothing happened." in said
        assert "No activity" not in said
        assert "Messages" not in said
        assert "Share" not in said
        assert "from 25" in said


# Excerpts


def test_an_excerpt_has_names_short_values_beside_them_and_the_others_below():
    late = replace(column("late", "integer", title="Days late"), tone="bad")
    status = replace(column("status"), tones={"BLOCKED": "bad"}, titles={"BLOCKED": "Blocked", "TODO": "To do"})
    columns = [column("task"), column("assignee"), column("due", "date"), late, status, column("remark")]
    rows = [
        (
            "Order encoders for all twelve arms",
            "Ada Okafor of the second shift",
            date(2026, 4, 30),
            1_011,
            "BLOCKED",
            "x" * 30,
        ),
        ("日本", None, date(2026, 5, 8), 3, "TODO", None),
    ]
    cut = shown(table(columns, rows, batch=1), title="Longest overdue", note="Longest overdue 2 of 14 tasks.")
    text, page = read(SHOWN, cut)

    assert (
        "Longest overdue\n"
        "Longest overdue 2 of 14 tasks.\n"
        "\n"
        "Task                                Days late  Status\n"
        "Order encoders for all twelve arms      1,011  Blocked\n"
        f"  Ada Okafor of the second shift · Due Thu 30 Apr 2026 · {'x' * 30}\n"
        "日本                                        3  To do\n"
        "  Due Fri 8 May 2026\n"
        "\n"
    ) in text
    assert "Longest overdue Longest overdue 2 of 14 tasks. Task Days late Status Order encoders" in str(page)
    assert f"1,011 Blocked Ada Okafor of the second shift · Due Thu 30 Apr 2026 · {'x' * 30} 日本 3 To do" in str(page)


def test_a_status_is_coloured_by_its_tone():
    severity = replace(column("severity"), tones={"Critical": "bad", "Warning": "warning", "Fine": "good"})
    rows = [("a", "Critical"), ("b", "Warning"), ("c", "Fine"), ("d", "Other")]
    page = body(shown(table([column("event"), severity], rows)), SHOWN).html

    assert re.findall(r'color: (#\w+);">(Critical|Warning|Fine|Other)</b>', page) == [
        ("#b42318", "Critical"), ("#8a5a00", "Warning"), ("#1a7f37", "Fine"),
    ]  # fmt: skip
    assert ">Other</td>" in page


def test_an_excerpt_without_rows_is_one_line():
    text, page = read(SHOWN, shown(table([column("task")], []), title="Overdue", note="No overdue tasks."))

    assert "\n\nNo overdue tasks.\n\n" in text
    assert "No overdue tasks." in str(page)
    assert "Overdue " not in text + str(page)


def test_columns_that_do_not_fit_are_left_out_and_counted_and_empty_ones_are_not_missed():
    columns = [column(f"c{n}") for n in range(9)]
    text, page = read(SHOWN, shown(table(columns, [(*["w" * 30] * 8, None)])))

    assert "Channels\n5 of 9 columns.\n" in text
    assert "Channels 5 of 9 columns. C0" in str(page)


def test_a_table_of_many_numbers_fits_a_phone():
    columns = [column("day"), *(column(f"number{n}", "integer") for n in range(8))]
    text, _ = read(SHOWN, shown(table(columns, [("Monday", *range(1_000_000, 8_000_001, 1_000_000))])))

    assert (
        "Day       Number0    Number1\n"
        "Monday  1,000,000  2,000,000\n"
        "  Number2 3,000,000 · Number3 4,000,000 · Number4 5,000,000 · Number5 6,000,000\n"
    ) in text
    assert "7 of 9 columns." in text


def test_a_long_text_is_shortened_in_an_excerpt():
    text, _ = read(SHOWN, shown(table([column("a")], [("x" * 100,)])))

    assert f"\n{'x' * 79}…\n" in text


def test_a_long_word_may_break_and_a_number_may_not():
    columns = [column("a"), column("n", "integer")]
    page = body(shown(table(columns, [("short", 5), ("x" * 21, 6)])), SHOWN).html
    styles = {
        text: style for style, text in re.findall(r'<td dir="auto"[^>]* style="([^"]*)">(short|x{21}|5)</td>', page)
    }

    assert "word-break: break-all" in styles["x" * 21]
    assert "word-break: break-word" in styles["short"]
    assert "white-space: nowrap" in styles["5"]
    assert "white-space: nowrap" not in styles["short"]


# Safety and size


def test_without_a_preview_no_row_is_in_the_message():
    days = column("day", "date"), [column("messages", "integer")]
    drawn = chart("line", *days, [(date(2026, 5, 4), 5), (date(2026, 5, 5), 7)])
    written = body(document(charts=[drawn]), NOTE)

    assert "general" not in written.text + written.html
    assert written.pictures == ()


def test_hostile_values_are_only_text_and_break_no_line():
    hostile = "<script>alert(1)</script>\n\n-- \nOwner: nobody\x00"
    rows = table([column("a"), column("b")], [(hostile, f"{hostile}{hostile}")])
    excerpts = (Excerpt(title=hostile, table=rows, total=1, note=hostile),)
    told = replace(
        document(rows, title=hostile, workspace=hostile),
        excerpts=excerpts, notes=(hostile,), lead=(Sentence(text=hostile),),
    )  # fmt: skip
    text, page = read(replace(SHOWN, set_up_by="<b>x</b>"), told)

    assert "script" not in page.tags
    assert text.count("\n-- \n") == 1
    assert text.startswith("<script>alert(1)</script> -- Owner: nobody\n")
    assert "\x00" not in text


def test_the_html_body_stands_without_style_sheets_scripts_or_anything_from_outside():
    page = body(document(), NOTE).html

    assert not re.search(r"<(style|script|img|link|svg|iframe)\b|class=|url\(|https?:", page)
    assert "max-width: 600px" in page


def test_columns_of_text_stand_below_each_other():
    assert aligned([("a", "1"), ("日本", "1,000"), ("e\N{COMBINING ACUTE ACCENT}", "")], (False, True)) == [
        "a         1", "日本  1,000", "e\N{COMBINING ACUTE ACCENT}",
    ]  # fmt: skip


# Pictures

DAY, MESSAGES = column("day", "date"), column("messages", "integer")
BUSY = chart("bar", DAY, [MESSAGES], [(date(2026, 5, 4), 5), (date(2026, 5, 5), 7)], title="Messages <per> day")


def size_of(content):
    """Return width and height from a PNG's first chunk."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return tuple(int.from_bytes(content[at : at + 4]) for at in (16, 20))


def test_charts_are_inline_images():
    written = body(document(charts=[BUSY]), SHOWN)
    (picture,) = written.pictures

    assert re.findall(r'src="cid:([^"]+)"', written.html) == [picture.cid]
    assert 'alt="Chart: Messages &lt;per&gt; day"' in written.html
    wide, high = size_of(picture.content)
    assert wide > picture.width
    assert picture.height == pytest.approx(high * picture.width / wide, abs=1)
    assert len(picture.content) < 60_000


@pytest.mark.parametrize(("count", "places"), [(1, [340]), (2, [279, 279]), (3, [279, 279, 340])])
def test_two_charts_stand_side_by_side_and_a_single_one_is_larger(count, places):
    written = body(document(charts=[BUSY] * count), SHOWN)
    drawn = [size_of(picture.content)[0] / 2 for picture in written.pictures]

    assert [picture.room for picture in written.pictures] == places
    assert re.findall(r"display: inline-block; width: 100%; max-width: (\d+)px", written.html) == [*map(str, places)]
    # 262 pixels are left on a phone of 320: the text of a chart is shown almost as large as it is drawn
    assert all(262 <= width <= 290 for width in drawn)


def test_a_chart_of_nothing_is_left_out():
    nothing = chart("bar", DAY, [MESSAGES], [(date(2026, 5, 4), 0)])
    unknown = chart("bar", DAY, [MESSAGES], [(date(2026, 5, 4), None)])

    assert body(document(charts=[nothing, unknown]), SHOWN).pictures == ()


def test_a_message_without_data_shows_no_chart():
    assert body(document(charts=[BUSY]), replace(SHOWN, no_data=True)).pictures == ()


def test_the_same_chart_has_the_same_id_and_another_one_another():
    other = replace(BUSY, rows=({"day": date(2026, 5, 4), "messages": 9},))
    ids = [body(document(charts=[one]), SHOWN).pictures[0].cid for one in (BUSY, BUSY, other)]

    assert ids[0] == ids[1] != ids[2]


def test_charts_beyond_what_a_message_holds_are_left_out(monkeypatch):
    monkeypatch.setattr(body_images, "_MOST_BYTES", 20_000)
    written = body(document(charts=[BUSY] * 20), SHOWN)

    assert 0 < len(written.pictures) < 20
    assert sum(len(picture.content) for picture in written.pictures) <= 20_000
    assert written.html.count("cid:") == len(written.pictures)


# Brand


@pytest.mark.parametrize(("logo", "shape"), [(LOGO, (40, 20)), (SVG, (240, 80))])
def test_the_logo_stands_at_the_head(logo, shape):
    written = body(document(branding=replace(BRAND, logo=logo)), NOTE)
    (picture,) = written.pictures

    assert size_of(picture.content) == shape
    assert (picture.width, picture.height) == (shape[0] / 2, shape[1] / 2)
    assert f'<img src="cid:{picture.cid}" width="{picture.width}" height="{picture.height}" alt="Acme &amp; Sons"' in (
        written.html
    )


def test_the_brand_is_named_in_both_bodies_and_its_colour_is_in_the_page():
    written = body(document(branding=replace(BRAND, logo="")), replace(NOTE, files=(LINKED,)))

    assert written.text.startswith("Acme & Sons\n\nWeekly channels\n")
    assert written.text.endswith("\nAcme Ltd, 1 High Street\n")
    assert "<b>Acme &amp; Sons</b>" in written.html
    assert "Acme Ltd, 1 High Street" in written.html
    assert written.html.count("#7a1f5c") >= 3


def test_a_pale_colour_is_darkened_where_it_is_text():
    page = body(document(branding=replace(BRAND, colour="#ffee00")), NOTE).html

    assert "background: #ffee00" in page
    assert "color: #ffee00" not in page.replace("background: #ffee00", "")


def test_the_button_is_readable_in_a_pale_colour():
    page = body(document(branding=replace(BRAND, colour="#ffee00")), replace(NOTE, files=(LINKED,))).html
    (ground,) = re.findall(r'bgcolor="(#\w+)" [^>]*border-radius', page)

    assert contrast(ground, "#ffffff") >= 4.5


# Other content


def test_an_inbox_shows_the_lead_beside_the_subject_or_else_the_first_figures():
    figures = [figure("Messages", 1_234, 987), figure("People", 5, 5), figure("New", 3, None), figure("Late", 1, 1)]
    plain = document(figures=figures)
    told = replace(plain, lead=(Sentence(text="Messages rose."), Sentence(text="One is late.", tone="bad")))

    assert ">Messages rose. One is late.&#8199;" in body(told, NOTE).html
    assert (
        ">Messages: 1,234 (▲ 25.0%) · People: 5 (no change) · New: 3 (no earlier data)&#8199;" in body(plain, NOTE).html
    )
    assert ">No activity in this period.&#8199;" in body(document(), replace(NOTE, no_data=True)).html


def test_the_first_sentence_of_the_lead_is_bold_and_coloured_by_its_tone():
    told = replace(document(), lead=(Sentence(text="5 failed.", tone="bad"), Sentence(text="2 more than before.")))
    page = body(told, NOTE).html

    assert "font-size: 17px" in page
    assert '<b style="color: #b42318;">5 failed.</b> 2 more than before.</p>' in page


@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        ([969, 25], ["34", "22"]),
        ([1_234_567, 105_132_720], ["18", "17"]),
        ([105_132_720, 25, 10**18], ["34", "22", "13"]),
    ],
)
def test_the_first_value_is_the_largest_and_no_number_breaks(values, sizes):
    figures = [figure(f"F{n}", value, 1) for n, value in enumerate(values)]
    page = body(document(figures=figures), NOTE).html

    assert re.findall(r'<b style="font-size: (\d+)px', page) == sizes


@pytest.mark.parametrize("count", [*range(1, 9), 119, 120])
def test_any_number_of_tiles_ends_in_a_full_line_and_fits_what_gmail_shows(count):
    figures = [figure(f"Messages of the department {n}", 1_234_567 + n, 987_654) for n in range(count)]
    links = tuple(
        replace(CSV, format=one, link=f"https://files.example/{'x' * 1_500}") for one in Format
    )  # with a session token
    columns = [column("task"), *(column(f"number{n}", "integer") for n in range(6))]
    told = shown(table(columns, [("Order the encoders of arm 3", *range(1_000, 7_000, 1_000))] * 10))
    written = body(
        replace(told, figures=tuple(figures), excerpts=told.excerpts * 2),
        replace(SHOWN, files=links, link_expires=datetime(2026, 5, 18, tzinfo=UTC)),
    )
    tiles = r'<td(?: width="(49)%")? align="left"(?: valign="top")? bgcolor="#f6f8fa" style="[^"]*">Mess'
    widths = re.findall(tiles, written.html)

    assert widths == [""] * (count % 2) + ["49"] * (count - count % 2)
    assert written.html.count("font-size: 34px") == count % 2
    assert len(written.html.encode()) < 102_000


def test_a_mail_says_why_files_are_not_attached_and_how_to_unsubscribe():
    note = replace(NOTE, why="The files are too large to attach.", unsubscribe="https://acme.example/u")
    text, page = read(note)

    assert "\nThe files are too large to attach.\n" in text
    assert "\nUnsubscribe: https://acme.example/u\n" in text
    assert "The files are too large to attach." in str(page)
    assert page.links == ["https://acme.example/u"]
    assert "Sent by Zoë O'Brien · Mondays at 09:00 (Berlin) · Unsubscribe To stop these emails" in str(page)


def test_a_chart_that_is_too_large_for_a_message_is_named():
    large = replace(BUSY, title="Messages per hour", rows=(), total=10_000)
    made = body(document(charts=[large]), SHOWN)

    assert made.pictures == ()
    assert "Too large for an email: Messages per hour." in made.html
    assert "Too large for an email: Messages per hour." in made.text


def test_a_message_without_rows_beside_figures_speaks_of_no_lack_of_activity():
    empty = document(table([column("channel")], []), figures=[figure(value=461)])
    text, page = read(replace(NOTE, no_data=True), empty)

    assert "No activity" not in text + str(page)
    assert "No rows in this period." in text
    assert "No rows in this period." in str(page)
