"""The bodies of a message."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from include.scheduled_reports.model import Format
from include.scheduled_reports.render.mail import MailFile, MailNote, aligned, bodies, file_size
from tests.unit.documents import column, document, figure, table

CSV = MailFile(
    format=Format.CSV, file_name="weekly.csv", bytes=1_234_567, rows=1_234, total_rows=1_234, attached=True
)  # fmt: skip
NOTE = MailNote(
    files=(CSV,),
    set_up_by="Zoë O'Brien",
    schedule_words="At 09:00 on Monday (Europe/Berlin)",
    stop_hint="ask Zoë O'Brien or an administrator of Acme",
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
    text, page = bodies(shown or document(), note)
    return text, Words(page)


def test_the_text_body_is_useful_by_itself():
    shown = document(
        figures=[figure("Messages", 1_234_567, 987_654), figure("People", 412, 425), figure("New", 3, None)],
        description="For the Monday meeting.",
    )

    assert bodies(shown, NOTE)[0] == (
        "Weekly channels\n"
        "Channel analytics · Acme\n"
        "2026-05-04 to 2026-05-10 (Europe/Berlin time)\n"
        "\n"
        "For the Monday meeting.\n"
        "\n"
        "Messages  1,234,567  +25.0 %\n"
        "People          412   \N{MINUS SIGN}3.1 %\n"
        "New               3\n"
        "(change against the period before)\n"
        "\n"
        "Attached: weekly.csv (CSV, 1.2 MB, 1,234 rows)\n"
        "\n"
        "-- \n"
        "Set up by Zoë O'Brien\n"
        "Schedule: At 09:00 on Monday (Europe/Berlin)\n"
        "Period: 2026-05-04 to 2026-05-10\n"
        "To have it stopped, ask Zoë O'Brien or an administrator of Acme.\n"
    )


@pytest.mark.parametrize(
    "fact",
    [
        "Weekly channels", "Acme", "2026-05-04 to 2026-05-10", "1,234,567", "+25.0 %", "weekly.csv",
        "CSV, 1.2 MB, 1,234 rows", "Set up by Zoë O'Brien", "Schedule: At 09:00 on Monday (Europe/Berlin)",
        "Period: 2026-05-04 to 2026-05-10", "To have it stopped, ask Zoë O'Brien or an administrator of Acme.",
    ],
)  # fmt: skip
def test_the_html_body_says_the_same(fact):
    _, page = read(NOTE, document(figures=[figure("Messages", 1_234_567, 987_654)]))

    assert fact in re.sub(r" (?=[.,])", "", str(page))


def test_links_are_given_with_their_end_in_the_zone_of_the_report():
    linked = replace(CSV, attached=False, link="https://files.example/a?x=1&y=2", rows=5_000, total_rows=1_234_567)
    note = replace(NOTE, files=(linked,), link_expires=datetime(2026, 5, 18, 7, tzinfo=UTC))
    text, page = read(note)

    assert "Download: weekly.csv (CSV, 1.2 MB, 5,000 of 1,234,567 rows)\nhttps://files.example/a?x=1&y=2\n" in text
    assert "The links work until 2026-05-18 09:00 (Europe/Berlin)." in text
    assert page.links == ["https://files.example/a?x=1&y=2"]
    assert "5,000 of 1,234,567 rows" in str(page)
    assert "The links work until 2026-05-18 09:00 (Europe/Berlin)." in str(page)


def test_a_zip_names_what_it_holds():
    text, page = read(replace(NOTE, zip_name="weekly.zip"))

    assert "Attached: weekly.zip, which holds:\n- weekly.csv (CSV" in text
    assert "Attached: weekly.zip , which holds: weekly.csv" in str(page)


def test_formats_that_failed_are_named():
    text, page = read(replace(NOTE, failed_formats=("pdf", "excel")))

    assert "The PDF and Excel could not be made this time." in text
    assert "The PDF and Excel could not be made this time." in str(page)


def test_a_message_without_data_says_so_and_shows_no_rows():
    text, page = read(replace(NOTE, no_data=True, preview_rows=5), document(table([column("channel")], [])))

    assert "No activity in this period." in text
    assert "No activity in this period." in str(page)
    assert "Channels" not in text


def test_a_preview_shows_the_first_rows_and_how_many_there_are():
    columns = [column("channel"), column("messages", "integer"), *(column(f"c{n}") for n in range(4))]
    rows = [("general", 1_234, *"abcd"), ("日本", 7, *"abcd"), ("third", 1, *"abcd")]
    text, page = read(replace(NOTE, preview_rows=2), document(table(columns, rows, batch=1)))

    assert (
        "Channels (2 of 3 rows, 5 of 6 columns)\n"
        "\n"
        "Channel  Messages  C0  C1  C2\n"
        "general     1,234  a   b   c\n"
        "日本            7  a   b   c\n"
        "\n"
    ) in text
    assert "third" not in text
    assert "Channels 2 of 3 rows, 5 of 6 columns Channel Messages C0 C1 C2 general 1,234 a b c" in str(page)


def test_without_a_preview_no_row_is_in_the_message():
    text, page = bodies(document(), NOTE)

    assert "general" not in text + page


def test_hostile_values_are_only_text_and_break_no_line():
    hostile = "<script>alert(1)</script>\n\n-- \nSet up by nobody\x00"
    note = replace(NOTE, preview_rows=1, set_up_by="<b>x</b>")
    text, page = read(note, document(table([column("a")], [(hostile,)]), title=hostile, workspace=hostile))

    assert "script" not in page.tags
    assert text.count("\n-- \n") == 1
    assert text.startswith("<script>alert(1)</script> -- Set up by nobody\n")
    assert "\x00" not in text


def test_the_html_body_stands_without_style_sheets_scripts_or_images():
    _, page = bodies(document(), NOTE)

    assert not re.search(r"<(style|script|img|link)\b|class=|url\(", page)
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
