"""The HTML and text bodies of a message."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.mail import body_images
from include.scheduled_reports.mail.body import MailFile, MailNote, aligned, body, file_size
from tests.unit.brand import BRAND, LOGO, SVG
from tests.unit.documents import chart, column, document, figure, table

CSV = MailFile(
    format=Format.CSV, file_name="weekly.csv", bytes=1_234_567, rows=1_234, total_rows=1_234, attached=True
)  # fmt: skip
NOTE = MailNote(
    files=(CSV,),
    set_up_by="Zoë O'Brien",
    schedule_words="At 09:00 on Monday (Europe/Berlin)",
    stop_hint="contact Zoë O'Brien or an administrator of Acme",
)


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
        return " ".join(" ".join(self.data).split())


def read(note, shown=None):
    written = body(shown or document(), note)
    return written.text, Words(written.html)


def test_the_text_body_is_useful_by_itself():
    shown = document(
        figures=[figure("Messages", 1_234_567, 987_654), figure("People", 412, 425), figure("New", 3, None)],
        description="For the Monday meeting.",
    )

    assert body(shown, NOTE).text == (
        "Weekly channels\n"
        "Channel analytics · Acme\n"
        "4\N{EN DASH}10 May 2026 (Berlin time)\n"
        "\n"
        "For the Monday meeting.\n"
        "\n"
        "Messages  1,234,567          +25.0 %\n"
        "People          412           \N{MINUS SIGN}3.1 %\n"
        "New               3  no earlier data\n"
        "(compared with 27 Apr \N{EN DASH} 3 May)\n"
        "\n"
        "Files (attached):\n"
        "- weekly.csv (CSV, 1.2 MB, 1,234 rows)\n"
        "\n"
        "-- \n"
        "Owner: Zoë O'Brien\n"
        "Schedule: At 09:00 on Monday (Europe/Berlin)\n"
        "Period: 4\N{EN DASH}10 May 2026\n"
        "To stop these emails, contact Zoë O'Brien or an administrator of Acme.\n"
        "Scheduled for Mon 11 May 2026, 09:00 (Berlin). Times in Berlin time.\n"
    )


@pytest.mark.parametrize(
    "fact",
    [
        "Weekly channels", "Acme", "4\N{EN DASH}10 May 2026", "1,234,567", "+25.0 % from 987,654",
        "Compared with 27 Apr \N{EN DASH} 3 May.", "Files attached weekly.csv CSV, 1.2 MB, 1,234 rows",
        "Owner: Zoë O'Brien", "Schedule: At 09:00 on Monday (Europe/Berlin)",
        "Scheduled for Mon 11 May 2026, 09:00 (Berlin). Times in Berlin time.",
        "To stop these emails, contact Zoë O'Brien or an administrator of Acme.",
    ],
)  # fmt: skip
def test_the_html_body_says_the_same(fact):
    _, page = read(NOTE, document(figures=[figure("Messages", 1_234_567, 987_654)]))

    assert fact in re.sub(r" (?=[.,])", "", str(page))


def test_links_have_their_expiry_in_the_zone_of_the_report():
    linked = replace(CSV, attached=False, link="https://files.example/a?x=1&y=2", rows=5_000, total_rows=1_234_567)
    note = replace(NOTE, files=(linked,), link_expires=datetime(2026, 5, 18, 7, tzinfo=UTC))
    text, page = read(note)

    assert "Files:\n- weekly.csv (CSV, 1.2 MB, 5,000 of 1,234,567 rows)\n  https://files.example/a?x=1&y=2\n" in text
    assert "The links work until Mon 18 May 2026, 09:00 (Berlin)." in text
    assert page.links == ["https://files.example/a?x=1&y=2"]
    assert "5,000 of 1,234,567 rows" in str(page)
    assert "The links work until Mon 18 May 2026, 09:00 (Berlin)." in str(page)


def test_a_zip_names_what_it_holds():
    text, page = read(replace(NOTE, zip_name="weekly.zip"))

    assert "Files (attached as weekly.zip):\n- weekly.csv (CSV" in text
    assert "Files attached as weekly.zip weekly.csv" in str(page)


def test_formats_that_failed_are_named():
    text, page = read(replace(NOTE, failed_formats=("pdf", "excel")))

    assert "Missing because of an error: PDF and Excel." in text
    assert "Missing because of an error: PDF and Excel." in str(page)


def test_a_message_without_data_says_so_and_shows_no_rows():
    text, page = read(replace(NOTE, no_data=True, preview_rows=5), document(table([column("channel")], [])))

    assert "No activity in this period." in text
    assert "No activity in this period." in str(page)
    assert "Channels" not in text


def test_a_preview_shows_the_first_rows_and_how_many_there_are():
    columns = [column("channel"), column("messages", "integer"), *(column(f"c{n}") for n in range(5))]
    rows = [("general", 1_234, *"abcde"), ("日本", 7, *"abcde"), ("third", 1, *"abcde")]
    text, page = read(replace(NOTE, preview_rows=2), document(table(columns, rows, batch=1)))

    assert (
        "Channels (first 2 of 3 rows, 6 of 7 columns)\n"
        "\n"
        "Channel  Messages  C0  C1  C2  C3\n"
        "general     1,234  a   b   c   d\n"
        "日本            7  a   b   c   d\n"
        "\n"
    ) in text
    assert "third" not in text
    assert "Channels first 2 of 3 rows, 6 of 7 columns Channel Messages C0 C1 C2 C3 general 1,234 a b c d" in str(page)


def test_a_preview_says_that_the_query_stopped_at_its_limit():
    shown = document(replace(table([column("a")], [("x",), ("y",)], title="Tasks"), limit=2))
    text, page = read(replace(NOTE, preview_rows=1), shown)

    assert "Tasks (first 2) (first 1 of 2 rows)" in text
    assert "Tasks (first 2) first 1 of 2 rows" in str(page)


def test_without_a_preview_no_row_is_in_the_message():
    days = column("day", "date"), [column("messages", "integer")]
    drawn = chart("line", *days, [(date(2026, 5, 4), 5), (date(2026, 5, 5), 7)])
    written = body(document(charts=[drawn]), NOTE)

    assert "general" not in written.text + written.html
    assert written.pictures == ()


def test_hostile_values_are_only_text_and_break_no_line():
    hostile = "<script>alert(1)</script>\n\n-- \nOwner: nobody\x00"
    note = replace(NOTE, preview_rows=1, set_up_by="<b>x</b>")
    text, page = read(note, document(table([column("a")], [(hostile,)]), title=hostile, workspace=hostile))

    assert "script" not in page.tags
    assert text.count("\n-- \n") == 1
    assert text.startswith("<script>alert(1)</script> -- Owner: nobody\n")
    assert "\x00" not in text


def test_the_html_body_stands_without_style_sheets_scripts_or_anything_from_outside():
    page = body(document(), NOTE).html

    assert not re.search(r"<(style|script|img|link|svg|iframe)\b|class=|url\(|https?:", page)
    assert "max-width: 600px" in page


def test_a_long_text_is_shortened_in_the_preview():
    text, _ = read(replace(NOTE, preview_rows=1), document(table([column("a")], [("x" * 100,)])))

    assert f"\n{'x' * 59}…\n" in text


@pytest.mark.parametrize(
    ("size", "text"), [(980, "980 bytes"), (34_567, "35 KB"), (1_250_000, "1.2 MB"), (2_000_000_000, "2,000.0 MB")]
)
def test_a_size_is_short(size, text):
    assert file_size(size) == text


def test_columns_of_text_stand_below_each_other():
    assert aligned([("a", "1"), ("日本", "1,000"), ("e\N{COMBINING ACUTE ACCENT}", "")], (False, True)) == [
        "a         1", "日本  1,000", "e\N{COMBINING ACUTE ACCENT}",
    ]  # fmt: skip


# Pictures

DAY, MESSAGES = column("day", "date"), column("messages", "integer")
BUSY = chart("bar", DAY, [MESSAGES], [(date(2026, 5, 4), 5), (date(2026, 5, 5), 7)], title="Messages <per> day")
SHOWN = replace(NOTE, preview_rows=2)


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
    assert wide > picture.width == 544
    assert picture.height == round(high * 544 / wide)
    assert len(picture.content) < 60_000


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
    written = body(document(branding=replace(BRAND, logo="")), NOTE)

    assert written.text.startswith("Acme & Sons\n\nWeekly channels\n")
    assert written.text.endswith("\n\nAcme Ltd, 1 High Street\n")
    assert "<b>Acme &amp; Sons</b>" in written.html
    assert "Acme Ltd, 1 High Street" in written.html
    assert written.html.count("#7a1f5c") >= 3


def test_a_pale_colour_is_darkened_where_it_is_text():
    page = body(document(branding=replace(BRAND, colour="#ffee00")), NOTE).html

    assert "background: #ffee00" in page
    assert "color: #ffee00" not in page.replace("background: #ffee00", "")


# Other content


def test_an_inbox_shows_the_first_figures_beside_the_subject():
    figures = [figure("Messages", 1_234, 987), figure("People", 5, 5), figure("New", 3, None), figure("Late", 1, 1)]
    page = body(document(figures=figures), NOTE).html

    assert ">Messages: 1,234 (+25.0 %) · People: 5 (no change) · New: 3&#8199;" in page
    assert ">No activity in this period.&#8199;" in body(document(), replace(NOTE, no_data=True)).html


def test_a_mail_says_why_files_are_not_attached_and_how_to_unsubscribe():
    note = replace(NOTE, why="The files are too large to attach.", unsubscribe="https://acme.example/u")
    text, page = read(note)

    assert "\nThe files are too large to attach.\n" in text
    assert "\nUnsubscribe: https://acme.example/u\n" in text
    assert "The files are too large to attach." in str(page)
    assert page.links == ["https://acme.example/u"]


def test_a_long_word_may_break_and_a_number_may_not():
    rows = [("short", "x" * 21, 5)]
    page = body(
        document(table([column("a"), column("b"), column("n", "integer")], rows)), replace(NOTE, preview_rows=1)
    )
    cells = dict(re.findall(r'<td dir="auto"[^>]* style="([^"]*)">(short|x{21}|5)</td>', page.html))
    styles = {text: style for style, text in cells.items()}

    assert "word-break: break-all" in styles["x" * 21]
    assert "word-break: break-all" not in styles["short"]
    assert "white-space: nowrap" in styles["5"]
    assert "white-space: nowrap" not in styles["short"]


def test_columns_that_do_not_fit_are_left_out_and_counted():
    columns = [column(f"c{n}") for n in range(5)]
    text, _ = read(replace(NOTE, preview_rows=1), document(table(columns, [("w" * 30,) * 5])))

    assert "Channels (1 row, 2 of 5 columns)" in text


def test_a_chart_that_is_too_large_for_a_message_is_named():
    large = replace(BUSY, title="Messages per hour", rows=(), total=10_000)
    made = body(document(charts=[large]), SHOWN)

    assert made.pictures == ()
    assert "Too large for an email: Messages per hour." in made.html


def test_a_message_without_rows_beside_figures_speaks_of_no_lack_of_activity():
    empty = document(table([column("channel")], []), figures=[figure(value=461)])
    text, page = read(replace(NOTE, no_data=True), empty)

    assert "No activity" not in text + str(page)
    assert "No rows in this period." in text
    assert "No rows in this period." in str(page)
