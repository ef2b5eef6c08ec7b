"""Take screenshots of the pages in a running Airflow."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import psycopg
from PIL import Image
from playwright.sync_api import sync_playwright

from include.scheduled_reports.sample_data.seed import seed

from ..__main__ import REPORT, plan, run_one
from ..processes import free_port
from ..stack import Stack
from .pictures import save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
HEAD = """# The pages

The pages under "Reports" in Airflow's navigation and on the tab "Report" of each DAG.
Made by `make gallery` (or `python -m demo.gallery pages`) from a running Airflow with sample data and an invented
history.
"""
SQL = Path(__file__).with_name("pages.sql")
#: A screenshot of a longer page is cut at this height.
TALLEST = 1_700
WIDE, PHONE = 1280, 390


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One screenshot: address, width, light or dark, and the actions before it."""

    name: str
    title: str
    path: str
    width: int = WIDE
    height: int = 860
    dark: bool = False
    whole: bool = True
    done: Callable[[Page], object] = lambda _: None


def _open(name: str) -> Callable[[Page], object]:
    return lambda page: page.get_by_role("button", name=name).first.click()


def _html(page: Page) -> None:
    page.locator("li", has_text=".html").get_by_role("button", name="Show").first.click()
    page.frame_locator("dialog iframe").locator("h1").wait_for()


def _pdf(page: Page) -> None:
    page.locator("li", has_text=".pdf").get_by_role("button", name="Show").first.click()
    page.locator(".sheets img").first.evaluate("one => one.decode()")


def _all_wrong(page: Page) -> None:
    page.get_by_label("Send by email").check()
    page.get_by_label("Cron").fill("*/5 * * * *")
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_label("To", exact=True).fill("somebody")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("alert").wait_for()


ROOT = "/scheduled-reports"
ONE, DAG = f"{ROOT}/reports/{REPORT}", f"scheduled_report_{REPORT}"
FAILED = f"{ROOT}/reports/demo-report-daily-channels"
SHOTS: Final = (
    Shot(name="airflow", title="In Airflow", path="/plugin/scheduled-reports", whole=False),
    Shot(name="airflow-tab", title="On a DAG", path=f"/dags/{DAG}/plugin/scheduled-report", whole=False),
    Shot(name="list", title="All reports, what needs attention first", path=f"{ROOT}/"),
    Shot(name="list-dark", title="Dark mode", path=f"{ROOT}/", dark=True),
    Shot(name="brand", title="The brand of a workspace", path=f"{ROOT}/brand"),
    Shot(name="list-phone", title="On a phone", path=f"{ROOT}/", width=PHONE),
    Shot(name="report", title="One report and its runs", path=ONE),
    Shot(name="report-dark", title="Dark mode", path=ONE, dark=True),
    Shot(name="report-phone", title="On a phone", path=ONE, width=PHONE),
    Shot(name="failed", title="A failed run, and an email whose delivery is unconfirmed", path=FAILED),
    Shot(name="rejected", title="A row that cannot be scheduled", path=f"{ROOT}/reports/demo-report-broken-zone"),
    Shot(name="file-html", title="A file, shown on the page", path=ONE, whole=False, done=_html),
    Shot(name="file-pdf", title="A PDF, page by page", path=ONE, whole=False, done=_pdf),
    Shot(name="run-now", title="Run now", path=ONE, whole=False, done=_open("Run now…")),
    Shot(name="form", title="Create a report", path=f"{ROOT}/new"),
    Shot(name="form-dark", title="Dark mode", path=f"{ROOT}/new", dark=True),
    Shot(name="form-phone", title="On a phone", path=f"{ROOT}/new", width=PHONE),
    Shot(name="form-problems", title="Every problem at its field", path=f"{ROOT}/new", done=_all_wrong),
)  # fmt: skip
EMPTY: Final = Shot(name="empty", title="With no report at all", path=f"{ROOT}/", whole=False, height=420)


def paint(folder: Path) -> None:
    """Take every screenshot and write the page that shows them."""
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with TemporaryDirectory() as scratch, _running(Path(scratch)) as stack, _chromium() as browser:
        run_one(stack)
        _execute(stack, SQL.read_text())
        for shot in SHOTS:
            _take(browser, stack, shot, folder)
        _execute(stack, "DELETE FROM scheduled_reports")
        _take(browser, stack, EMPTY, folder)
    (folder / "README.md").write_text("\n".join([HEAD, *(_line(shot) for shot in (*SHOTS, EMPTY)), ""]))
    print("pages", *sorted(path.name for path in folder.iterdir()))


@contextmanager
def _running(scratch: Path) -> Iterator[Stack]:
    with Stack.start(
        plan(scratch, free_port()), before_airflow=lambda dsn: seed(dsn, until=datetime.now(UTC).date())
    ) as stack:
        yield stack


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def _take(browser: Browser, stack: Stack, shot: Shot, folder: Path) -> None:
    url = stack.airflow.url
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.dark else "light",
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    token = str(stack.airflow.api().session.headers["Authorization"]).removeprefix("Bearer ")
    context.add_cookies([{"name": "_token", "value": token, "url": url}])
    page = context.new_page()
    page.goto(f"{url}{shot.path}")
    page.wait_for_load_state("networkidle")
    if "/plugin/" in shot.path:
        page.frame_locator("iframe").locator("h1").wait_for()
    shot.done(page)
    page.wait_for_timeout(400)  # animations end
    if shot.whole:  # a window as tall as the page, so that sticky elements are at its foot
        high = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": shot.width, "height": min(high, TALLEST)})
    taken = page.screenshot()
    picture = Image.open(BytesIO(taken))
    save(picture.crop((0, 0, picture.width, min(picture.height, TALLEST))), folder / f"{shot.name}.png")
    context.close()


def _execute(stack: Stack, statement: str) -> None:
    with psycopg.connect(stack.reports_dsn) as connection:
        connection.execute(statement.encode())


def _line(shot: Shot) -> str:
    width = 240 if shot.width == PHONE else 480
    return f'<img src="{shot.name}.png" width="{width}" alt="{shot.title}" title="{shot.title}">'
