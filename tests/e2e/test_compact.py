"""Compact runs as people see them: the page, the log of each stage, links, and a retry that goes on."""

from __future__ import annotations

import re

import psutil
import pytest
from playwright.sync_api import expect

from demo.airflow_home import COMPONENTS
from tests.e2e.fault_plays import refuse_json
from tests.e2e.fault_scene import opened
from tests.e2e.visitors import ROOT, Visitors, chromium

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FORMATS = ("csv", "json", "html", "excel", "pdf")
FILES = [f"{stage} {one}" for one in FORMATS for stage in ("render", "upload")]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("compact"), mode="compact", components=COMPONENTS) as found:
        found.add("five", FORMATS)
        found.add("one-refused", ("csv", "json"))
        yield found


@pytest.fixture
def visit(scene):
    with chromium() as browser:
        visitors = Visitors(browser, scene.running.stack.airflow, {})
        yield visitors
        visitors.close()
        assert visitors.wrong == []


@pytest.fixture(scope="module")
def five(scene):
    """Return the id of a finished run of five formats."""
    run_id = scene.trigger("five")
    assert scene.ended("five", run_id) == "success"
    return run_id


def stages_of(page):
    """Return the stages of the newest run on a report's page: names with formats, and states."""
    rows = page.locator(".run").first.locator(".stages tr")
    names = [" ".join(one.split()) for one in rows.locator("th").all_inner_texts()]
    return dict(zip(names, rows.locator(".badge").all_inner_texts(), strict=True))


def test_the_page_shows_every_stage_with_its_time_and_leads_to_its_section_of_the_log(scene, visit, five):
    page = visit.open("/reports/five")

    assert stages_of(page) == dict.fromkeys(["query", *FILES, "email", "record"], "success")
    pdf = page.locator(".stages tr", has_text="render pdf")
    expect(pdf).to_contain_text(re.compile(r"\d(\.\d)? s"))
    pdf.get_by_role("link", name="Log").click()

    page.wait_for_url(re.compile(r"/dags/scheduled_report_five/runs/[^/]+/tasks/report\?try_number=1$"))
    expect(page.get_by_text("render pdf", exact=False).first).to_be_visible()


def test_the_charts_of_all_tasks_are_drawn_by_one_process_which_the_scheduler_has_started(scene, five):
    scheduler = psutil.Process(scene.running.stack.airflow.children["scheduler"].process.pid)
    (drawing,) = [one for one in scheduler.children() if any(part.endswith("drawing.py") for part in one.cmdline())]
    used = drawing.cpu_times().user
    scene.ended("five", scene.trigger("five"))

    assert drawing.cpu_times().user > used


def test_the_task_leads_to_the_run_with_its_files(scene, five):
    path = scene.path("five", five, "/taskInstances/report/links")

    assert list(scene.api.get(path)["extra_links"]) == ["Report"]
    assert scene.api.get(path)["extra_links"]["Report"].endswith(
        f"{ROOT}/reports/five?run={five.replace(':', '%3A').replace('+', '%2B')}"
    )


def test_a_retry_of_the_failed_steps_makes_only_the_file_that_is_missing(scene, visit):
    refusal = scene.http.add("one-refused", "s3", refuse_json)
    run_id = scene.trigger("one-refused")
    assert scene.ended("one-refused", run_id) == "failed"
    scene.http.end(refusal)
    before = scene.rows("SELECT * FROM reporting.artifacts WHERE report_id = 'one-refused'")
    page = visit.open("/reports/one-refused")
    assert stages_of(page) == {
        "query": "success", "render csv": "success", "upload csv": "success", "render json": "success",
        "upload json": "failed", "email": "success", "record": "failed",
    }  # fmt: skip

    page.get_by_role("button", name="Retry failed steps").click()

    scene.settled("one-refused", run_id, "success")
    after = scene.rows("SELECT * FROM reporting.artifacts WHERE report_id = 'one-refused' ORDER BY format")
    assert [one["format"] for one in after] == ["csv", "json"]
    assert after[0] == before[0]  # it was not made again
    assert len(scene.mails("one-refused")) == 1
