"""The mail in a browser, narrow and wide: the layout holds, and the pictures are shown."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from demo.gallery.browser import Browser, View
from demo.gallery.pictures import mail_page
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.lead import Sentence
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.mail import message
from include.scheduled_reports.mail.body import MailNote, body
from include.scheduled_reports.mail.files_line import MailFile
from include.scheduled_reports.render.document import Excerpt
from tests.unit.brand import BRAND, SVG
from tests.unit.documents import chart, column, document, figure, table

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is missing: install chromium")

DAY, N = column("day", "date"), column("n", "integer")
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung" * 2
FILE = MailFile(
    format=Format.CSV, file_name=f"{LONG}.csv", bytes=1_234_567, rows=5_000, total_rows=1_234_567, attached=False,
    link="https://files.example/" + "x" * 300,
)  # fmt: skip
NOTE = MailNote(
    files=(FILE,), set_up_by=LONG, schedule_words="Mondays at 09:00 (Berlin)", stop_hint=f"contact {LONG}",
    preview=True, link_expires=datetime(2026, 5, 18, 7, tzinfo=UTC), unsubscribe="https://acme.example/off",
)  # fmt: skip
ROWS = table(
    [column("name"), *(column(f"c{n}", "integer", title="Unaussprechlichkeiten") for n in range(6)), column("remark")],
    [
        (LONG, *[10**15] * 6, LONG),
        ("<script>document.title=1</script>", *[None] * 6, ""),
        ("مرحبا", *[0] * 6, "x"),
    ],
)
SHORT = table(
    [column("task"), column("n", "integer", title="Days late"), column("status"), column("assignee")],
    [("Order the encoders of arm 3", 1_011, "In progress", "Ada"), (LONG, 7, "Blocked", LONG)],
)
WORST = replace(
    document(
        ROWS,
        title=LONG,
        description=LONG,
        workspace=LONG,
        figures=[
            figure(LONG, 10**18, 1), figure("People", 5, None), figure("Share", 0.5, 0.4, kind="percent", scale=1),
            figure("New", 105_132_720, 4),
        ],
        charts=[chart("bar", DAY, [N], [(date(2026, 5, day), day) for day in range(4, 11)])] * 3,
        branding=replace(BRAND, logo=SVG, footer=LONG),
    ),
    lead=(Sentence(text=LONG, tone="bad"), Sentence(text="No more.")),
    notes=(LONG,),
    excerpts=(
        Excerpt(title=LONG, table=ROWS, total=9, note=LONG),
        Excerpt(title="Overdue", table=SHORT, total=2),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser.started(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Send the most difficult mail, and unpack it again as a page."""
    written = body(WORST, NOTE)
    raw = message.compose(
        sender="reports@acme.example",
        recipients=Recipients(to=("ada@acme.example",)),
        subject=LONG,
        bodies=(written.text, written.html),
        attachments=tuple(
            message.Attachment(picture.file_name, "image/png", picture.content, cid=picture.cid)
            for picture in written.pictures
        ),
    )
    path = tmp_path_factory.mktemp("mail") / "mail.html"
    path.write_text(mail_page(raw))
    return path


@pytest.mark.parametrize("width", [320, 375, 760])
def test_nothing_is_wider_than_the_window(browser, page, width):
    browser.open(page, View(width=width, phone=width < 600))

    assert browser.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "places"), [(320, [8] * 3), (375, [8] * 3), (760, [8, 287, 8])])
def test_charts_stand_side_by_side_and_on_a_phone_below_each_other(browser, page, width, places):
    browser.open(page, View(width=width, phone=width < 600))
    logo, *charts = browser.evaluate(
        "[...document.images].map(one => [one.naturalWidth, one.clientWidth, one.getBoundingClientRect().left])"
    )
    left = logo[2] - 8

    assert [round(at - left) for _, _, at in charts] == places
    # The text is drawn with 12 pixels.
    assert all(12 * shown / (natural / 2) >= 11.5 for natural, shown, _ in charts)


@pytest.mark.parametrize("width", [320, 375])
def test_a_number_is_on_one_line_on_a_phone(browser, page, width):
    browser.open(page, View(width=width, phone=True))
    lines = browser.evaluate(
        "[...document.querySelectorAll('b')].filter(one => one.textContent == '105,132,720')"
        ".map(one => one.getClientRects().length)"
    )

    assert lines == [1]


@pytest.mark.parametrize("width", [320, 375])
def test_a_name_in_a_table_has_room_on_a_phone(browser, page, width):
    browser.open(page, View(width=width, phone=True))
    heads = browser.evaluate(
        "[...document.querySelectorAll('th')].map(one => [one.textContent, one.getBoundingClientRect().width])"
    )
    names = [room for name, room in heads if name in {"Name", "Task"}]

    assert len(names) == 2
    assert all(room >= 90 for room in names)


def test_what_a_cell_holds_is_text_and_never_runs(browser, page):
    browser.open(page, View(width=760))

    assert LONG in browser.evaluate("document.title")
    assert browser.evaluate("document.scripts.length") == 0
    assert "<script>document.title=1</script>" in browser.evaluate("document.body.innerText")


def test_the_preheader_is_hidden(browser, page):
    browser.open(page, View(width=760))

    assert browser.evaluate("getComputedStyle(document.body.firstElementChild).display") == "none"
    assert LONG in browser.evaluate("document.body.firstElementChild.textContent")
