"""The pages inside Airflow's own, and for everybody: keyboard, screen reader, narrow window, both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from demo.processes import wait_until
from tests.e2e import page_scene as scene
from tests.e2e.page_scene import RUN, unfold
from tests.e2e.visitors import FOCUSED, REACHABLE, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


# --- inside Airflow


def test_the_navigation_of_airflow_leads_to_the_list_and_links_out_of_it_leave_the_frame(visit, here, mailed):
    page = visit.page()
    page.goto(f"{here.stack.airflow.url}/")
    page.get_by_role("link", name="Reports").click()
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Tasks of a week", exact=True).first.click()
    expect(frame.get_by_role("heading", name="Tasks of a week")).to_be_visible()
    # A page within the frame has an address that can be saved and shared.
    page.wait_for_url(re.compile(f"/plugin/scheduled-reports/.*reports/{RUN}"))
    page.reload()
    expect(frame.get_by_role("heading", name="Tasks of a week")).to_be_visible()
    ours = page.url

    (query,) = frame.locator(".run").first.locator(".stages tr", has_text="query").all()
    query.get_by_role("link", name="Log").click()
    page.wait_for_url(re.compile(f"/dags/scheduled_report_{RUN}/runs/[^/]+/tasks/query$"))
    expect(page.locator("iframe")).to_have_count(0)
    page.goto(ours)
    frame.get_by_role("link", name="Open run in Airflow").first.click()
    page.wait_for_url(re.compile(f"/dags/scheduled_report_{RUN}/runs/[^/]+$"))
    page.goto(ours)
    frame.get_by_role("link", name="Open DAG in Airflow").click()
    page.wait_for_url(re.compile(f"/dags/scheduled_report_{RUN}$"))
    expect(page.locator("iframe")).to_have_count(0)


def test_in_the_frame_files_come_down_dialogs_open_and_acts_act(visit, here, mailed):
    page = visit.page()
    page.goto(f"{here.stack.airflow.url}/plugin/scheduled-reports/scheduled-reports/reports/{RUN}")
    frame = page.frame_locator("iframe")
    with page.expect_download() as download:
        frame.locator("a[download]", has_text=".csv").first.click()
    assert Path(download.value.path()).read_bytes()
    unfold(frame.locator(".run").last)
    frame.locator(".run").last.locator("li", has_text=".pdf").get_by_role("button", name="Show").click()
    expect(frame.get_by_role("dialog").get_by_role("img").first).to_be_visible()
    frame.get_by_role("dialog").get_by_role("button", name="Close").click()
    frame.get_by_role("button", name="Pause").click()
    expect(frame.locator("h1 + p .badge").first).to_have_text("Paused")
    frame.get_by_role("button", name="Resume").click()
    expect(frame.locator("h1 + p .badge").first).to_have_text("Active")


def test_the_tab_of_a_dag_shows_its_report(visit, here):
    page = visit.page()
    page.goto(f"{here.stack.airflow.url}/dags/scheduled_report_{RUN}")
    page.get_by_role("link", name="Report", exact=True).click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Tasks of a week")).to_be_visible()
    expect(frame.get_by_role("button", name="Run now…")).to_be_visible()

    page.goto(f"{here.stack.airflow.url}/dags/scheduled_reports_upkeep")
    page.get_by_role("link", name="Report", exact=True).click()
    expect(frame.get_by_text("This DAG is not a scheduled report.")).to_be_visible()


def test_the_pages_are_light_and_dark_as_airflow_is(visit, here):
    page = visit.page()
    page.goto(f"{here.stack.airflow.url}/plugin/scheduled-reports")
    body = page.frame_locator("iframe").locator("body:has(h1)")

    def brightness():
        return sum(
            int(one) for one in re.findall(r"\d+", body.evaluate("one => getComputedStyle(one).backgroundColor"))[:3]
        )

    def switch(name):
        page.get_by_role("button", name="User").click()
        page.get_by_role("menuitem", name="Appearance").click()
        page.get_by_role("menuitemradio", name=name).click()

    wait_until(lambda: brightness() > 600, seconds=10, what="the page to have its colours")
    switch("Dark Mode")
    wait_until(lambda: 0 < brightness() < 200, seconds=10, what="the frame to become dark")
    page.reload()
    wait_until(lambda: 0 < brightness() < 200, seconds=10, what="the page to be dark from the start")
    switch("Light Mode")
    wait_until(lambda: brightness() > 600, seconds=10, what="the frame to become light")


def test_who_may_only_read_sees_everything_and_is_offered_nothing_else(visit, here, mailed):
    page = visit.page("viewer")
    page.goto(f"{here.stack.airflow.url}/plugin/scheduled-reports")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Scheduled reports")).to_be_visible()
    expect(frame.get_by_role("link", name="New report")).to_have_count(0)
    frame.get_by_role("link", name="Tasks of a week", exact=True).first.click()
    expect(frame.get_by_role("heading", name="Tasks of a week")).to_be_visible()
    unfold(frame.locator(".run").last)
    expect(frame.locator("a[download]", has_text=".csv").last).to_be_visible()
    expect(frame.get_by_role("button", name="Show").first).to_be_visible()
    buttons = frame.locator("main").get_by_role("button")
    assert {one.strip() for one in buttons.all_inner_texts()} == {"Show"}
    for name in ("Edit", "Duplicate"):
        expect(frame.get_by_role("link", name=name)).to_have_count(0)

    for path in ("/new", f"/reports/{RUN}/edit"):
        answer = page.goto(f"{here.stack.airflow.url}{ROOT}{path}")
        assert answer.status == 403
        # error pages have the same layout, and a link back
        assert page.locator("body").evaluate("one => getComputedStyle(one).marginTop") == "0px"
        page.get_by_role("link", name="All reports").click()
        expect(page.get_by_role("heading", name="Scheduled reports")).to_be_visible()


# --- accessibility


PAGES = {
    "list": "/",
    "report": f"/reports/{RUN}",
    "form": "/new",
    "edit": "/reports/pages-hostile/edit",
    "rejected": "/reports/pages-rejected",
    "brand": "/brand",
    "doctor": "/doctor",
}


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(visit, mailed, name, scheme, width):
    page = visit.open(PAGES[name], scheme=scheme, width=width)
    page.wait_for_load_state("networkidle")
    for dialog in (None, *page.locator("[data-dialog]").evaluate_all("all => all.map(one => one.dataset.dialog)")):
        if dialog:
            page.locator(f"[data-dialog={dialog}]").first.click()
        found = Axe().run(page).response["violations"]
        serious = [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        assert serious == []
        if dialog:
            page.keyboard.press("Escape")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/reports/{RUN}",
        "/new",
        "/brand",
        "/doctor",
        "/reports/pages-long",
        "/reports/pages-long/edit",
        "/reports/pages-arabic",
        "/reports/pages-hostile",
        "/reports/pages-rejected",
    ],
)
def test_a_narrow_window_needs_no_sideways_scrolling(visit, here, mailed, path):
    page = visit.open(path, width=390, height=844)
    page.wait_for_load_state("networkidle")

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.locator("main .button:visible").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_names_from_right_to_left_begin_at_the_right(visit, here):
    page = visit.open("/reports/pages-arabic")

    assert page.locator("h1").evaluate("one => getComputedStyle(one).direction") == "rtl"
    assert page.locator("h1").inner_text() == scene.ARABIC[:200].strip()


@pytest.mark.parametrize("path", ["/", f"/reports/{RUN}", "/new"])
def test_everything_is_reached_by_tab_and_seen_to_be(visit, here, mailed, path):
    page = visit.open(path)
    page.wait_for_load_state("networkidle")
    wanted = page.locator(
        "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
    ).evaluate_all(REACHABLE)
    seen, blind = set(), []
    for _ in range(wanted + 40):
        page.keyboard.press("Tab")
        number, shown, told = page.evaluate(FOCUSED)
        if number >= 0:
            seen.add(number)
        if not shown:
            blind.append(told)
    assert blind == []
    assert len(seen) == wanted


def test_a_report_is_run_tried_out_and_deleted_by_keyboard_and_dialogs_give_the_focus_back(visit, here):
    scene.add(here, "pages-keys", name="By keyboard")
    page = visit.open("/reports/pages-keys")

    def go(name):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText") == name:
                return
        pytest.fail(f"{name} is not reached by Tab")

    go("Delete…")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog')?.id") == "delete"
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("document.activeElement.innerText") == "Delete…"
    page.evaluate("document.activeElement.blur()")
    go("Pause")
    page.keyboard.press("Space")
    expect(page.locator("h1 + p .badge").first).to_have_text("Paused")
    go("Delete…")
    page.keyboard.press("Enter")
    go("Delete")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"{ROOT}/$"))
    assert here.rows("SELECT 1 FROM scheduled_reports WHERE id = 'pages-keys'") == []
