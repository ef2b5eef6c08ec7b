"""The form with the parameters of a report type, in a browser whose requests the API answers without a server."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.contract.api import SCHEDULED, open_api
from tests.contract.tables import add_people, add_report, execute
from tests.contract.test_api_parameters import FILE, FILES, GIVEN, options
from tests.e2e.visitors import chromium
from tests.unit.documented_types import installed

pytestmark = pytest.mark.slow
ROOT = "http://reports.example"


@pytest.fixture
def api(migrated_dsn, tmp_path):
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1")
    for number, (name, kind, size, workspace, person) in enumerate(FILES):
        execute(migrated_dsn, FILE, f"f{number}", name, name, kind, size, workspace, person)
    with installed(tmp_path, "file-list"):
        yield open_api(migrated_dsn)


@pytest.fixture
def page(api):
    """A page of a signed-in user; *said* lists what the console says."""

    def answer(route):
        request = route.request
        path = request.url.removeprefix(ROOT)
        content = {"content": request.post_data_buffer} if request.post_data_buffer else {}
        headers = {"content-type": request.headers.get("content-type", "application/json")}
        found = api.send(request.method, path, headers=headers, **content)
        route.fulfill(status=found.status_code, headers=dict(found.headers), body=found.content)

    with chromium() as browser:
        page = browser.new_page()
        page.route(f"{ROOT}/**", answer)
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        yield page
        assert [one for one in page.said if "400 (Bad Request)" not in one and "404" not in one] == []


def test_a_report_gets_the_parameters_of_its_type_in_the_form(api, page):
    page.goto(f"{ROOT}/reports/r1/edit")
    expect(page.get_by_label("Minimum size in bytes")).to_be_hidden()
    expect(page.get_by_label("Include archived channels")).to_be_visible()
    page.get_by_role("combobox", name="Type").select_option("file-list")
    expect(page.get_by_label("Include archived channels")).to_be_hidden()
    kinds = page.get_by_label("Kinds of file")
    expect(kinds.locator("option")).to_have_text(["image/png", "text/plain"])
    kinds.select_option(["image/png"])
    page.get_by_label("Uploaded since").fill("2019-12-31")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_contain_text(
        "Minimum size in bytes: null is no value, and file-list needs one"
    )
    expect(page.locator('[data-field="options.parameters.since"] .wrong')).to_contain_text("2020-01-01 or later")

    page.get_by_label("Minimum size in bytes").fill("1000")
    page.get_by_label("Uploaded since").fill("2026-05-05")
    page.get_by_label("Name contains").fill("plan")
    page.get_by_label("Show who uploaded them").uncheck()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"{ROOT}/reports/r1")

    assert options(api.ports.dsn)["options"] == {"parameters": GIVEN}

    page.goto(f"{ROOT}/reports/r1/edit")
    expect(page.get_by_label("Minimum size in bytes")).to_have_value("1000")
    expect(kinds).to_have_values(["image/png"])
    expect(page.get_by_label("Show who uploaded them")).not_to_be_checked()
    page.get_by_role("combobox", name="Type").select_option("workspace-activity")
    page.get_by_label("People").fill("u1\nu2")
    page.get_by_label("Minimum activity").select_option("low")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"{ROOT}/reports/r1")

    saved = api.get(f"{SCHEDULED}/r1").json()
    assert (saved["options"], saved["parameters"]) == (
        {"missedRuns": "latest"},
        {"dateRange": {"type": "last-7-days"}, "userIds": ["u1", "u2"], "minActivityLevel": "low"},
    )


def test_a_value_that_has_left_the_list_stays_chosen_and_says_so(api, page):
    given = {"minimumSize": 0, "kinds": ["text/plain"]}
    api.put(f"{SCHEDULED}/r1", content=json.dumps({"reportType": "file-list", "options": {"parameters": given}}),
            headers={"content-type": "application/json"})  # fmt: skip
    execute(api.ports.dsn, "DELETE FROM files WHERE mime_type = 'text/plain'")
    page.goto(f"{ROOT}/reports/r1/edit")

    kinds = page.get_by_label("Kinds of file")
    expect(kinds.locator("option")).to_have_text(["image/png", "text/plain (not listed)"])
    expect(kinds).to_have_values(["text/plain"])
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("is not in the workspace's list of values")
