"""Lists, pages and the audit trail answer whatever one row holds, and nothing is saved that they cannot answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from include.scheduled_reports.settings import Settings
from tests.contract.api import ACME, NEW, SCHEDULED, open_api, stored
from tests.contract.tables import add_people, add_report, execute

NOW = datetime(2026, 5, 11, 7, 30, tzinfo=UTC)
DEEP = "(repeat('{\"a\":', 1000) || '1' || repeat('}', 1000))::jsonb"
HARM = {
    "parameters of 1,000 levels": f"parameters = {DEEP}",
    "parameters of 3,000 levels": "parameters = (repeat('[', 3000) || repeat(']', 3000))::jsonb",
    "parameters that are a list": "parameters = '[1, [2]]'",
    "parameters that are a text": "parameters = '\"x\"'",
    "an integer of 65 bits": 'parameters = \'{"customFilters": {"x": 18446744073709551616}}\'',
    "a number beyond every float": 'parameters = \'{"customFilters": {"x": 1e400}}\'',
    "a negative number beyond every float": 'parameters = \'{"customFilters": {"x": -1e400}}\'',
    "a number of 5,000 digits": "parameters = jsonb_build_object('x', repeat('9', 5000)::numeric)",
    "a number with 400 places": "parameters = '{\"x\": 1e-400}'",
    "updated_at infinity": "updated_at = 'infinity'",
    "updated_at -infinity": "updated_at = '-infinity'",
    "created_at BC": "created_at = '0044-03-15 BC'",
    "last_run in the year 10000": "last_run = '10000-01-01', last_run_status = 'success'",
    "next_run infinity": "next_run = 'infinity'",
    "tags in tags": "tags = '{{a,b},{c,d}}'",
    "NULL tags": "tags = '{NULL,a}'",
    "recipients in recipients": "email_recipients = '{{a,b},{c,d}}'",
    "formats in formats": "export_formats = '{{pdf},{csv}}'",
    "a status of the application's": "status = 'ARCHIVED'",
    "a long name": "name = repeat('x', 5000), last_error = repeat('y', 100000)",
    "a name of controls": "name = E'\\u0001\\u202e\\n\\u2028'",
    "a cron expression that is none": "cron_expression = '* * * * * * *', timezone = 'Mars/Olympus'",
}


def strict(answer):
    """Return the JSON of an answer, read by a parser that refuses NaN and Infinity."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    assert answer.status_code == 200, answer.text[:300]
    return json.loads(answer.content, parse_constant=refuse)


@pytest.fixture
def dsn(migrated_dsn):
    add_people(migrated_dsn)
    execute(migrated_dsn, "ALTER TYPE \"ScheduledReportStatus\" ADD VALUE 'ARCHIVED'")
    for report_id in ("r1", "r2"):
        add_report(migrated_dsn, id=report_id)
    return migrated_dsn


@pytest.fixture
def api(dsn):
    return open_api(dsn, NOW)


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_every_route_answers_and_the_other_report_is_as_it_was(api, dsn, harm):
    before = strict(api.get(f"{SCHEDULED}/r2"))
    execute(dsn, f"UPDATE scheduled_reports SET {harm} WHERE id = 'r1'")

    assert {one["id"] for one in strict(api.get(SCHEDULED))["reports"]} == {"r1", "r2"}
    assert strict(api.get(f"{SCHEDULED}/r1"))["id"] == "r1"
    assert strict(api.get(f"{SCHEDULED}/r2")) == before
    for path in (f"{ACME}/audit", f"{SCHEDULED}/r1/audit", f"{ACME}/rejections", f"{SCHEDULED}/r1/runs"):
        strict(api.get(path))
    for path in ("/", "/reports/r1", "/reports/r1/edit", "/dag/scheduled_report_r1", "/new?from=r1"):
        assert api.get(path).status_code == 200, path
    assert api.get("/health").status_code in (200, 503)
    assert "r2" not in [one["id"] for one in strict(api.get(f"{ACME}/rejections"))["rejections"]]


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"])
def test_an_edit_heals_a_moment_that_python_does_not_have(api, dsn, moment):
    execute(dsn, f"UPDATE scheduled_reports SET updated_at = '{moment}' WHERE id = 'r1'")

    assert api.put(f"{SCHEDULED}/r1", json={"name": "Renamed"}).status_code == 200

    assert stored(dsn, "r1")["name"] == "Renamed"
    assert stored(dsn, "r1")["updated_at"].year >= 2026


FILTER = {"source": "tasks", "columns": ["title"], "filters": [{"column": "hours_open", "operator": "lt", "value": 0}]}


def with_value(text):
    """Return a body whose filter has the number *text*, exactly as it is written."""
    body = json.dumps({"reportType": "custom", "parameters": {"customFilters": FILTER}})
    return body.replace('"value": 0', f'"value": {text}')


@pytest.mark.parametrize(
    "number", ["1e20", "18446744073709551616", "1.5e300", "-1e20", "9223372036854775808", "1e2", "0.1", "5e-324"]
)
def test_a_number_that_a_filter_can_hold_is_saved_and_answered_and_the_report_stays_valid(api, dsn, number):
    answer = api.put(f"{SCHEDULED}/r1", content=with_value(number), headers={"content-type": "application/json"})

    assert answer.status_code == 200, answer.text
    read = strict(api.get(f"{SCHEDULED}/r1"))
    assert float(read["parameters"]["customFilters"]["filters"][0]["value"]) == float(number)
    assert read["problems"] == {}
    strict(api.get(SCHEDULED))
    strict(api.get(f"{ACME}/audit"))
    assert api.get("/reports/r1/edit").status_code == 200
    preview = api.post(f"{SCHEDULED}/r1/preview", json={"format": "csv"})
    assert preview.status_code == 200, preview.text


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "9" * 5000, "NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_or_postgresql_cannot_carry_is_refused_and_not_saved(api, dsn, number):
    before = stored(dsn, "r1")

    answer = api.put(f"{SCHEDULED}/r1", content=with_value(number), headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["details"].keys() <= {"parameters", "body"}
    assert stored(dsn, "r1") == before


@pytest.mark.parametrize("levels", [21, 100, 1_000, 5_000])
def test_parameters_of_too_many_levels_are_refused_by_name(api, levels):
    body = f'{{"parameters": {{"customFilters": {"[" * levels}{"]" * levels}}}}}'

    answer = api.put(f"{SCHEDULED}/r1", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert "parameters" in answer.json()["details"]


def test_a_name_that_is_not_unicode_is_refused_by_name(api):
    answer = api.put(f"{SCHEDULED}/r1", content='{"\\ud800": 1}', headers={"content-type": "application/json"})

    assert answer.status_code == 400


# Ids


@pytest.mark.parametrize(
    "report_id",
    ["a/b", "/", "a//b", "/a/", "a/runs/b", "100% a/b", "[x](http://evil.example)", "a?b#c", "Ärger/../1"],
)
def test_the_routes_of_a_report_answer_whatever_its_id_is(api, dsn, report_id):
    add_report(dsn, id=report_id)
    base = f"{SCHEDULED}/{quote(report_id, safe='')}"

    assert strict(api.get(base))["id"] == report_id
    assert strict(api.put(base, json={"name": "Renamed"}))["name"] == "Renamed"
    strict(api.get(f"{base}/audit"))
    assert strict(api.get(f"{base}/runs"))["total"] == 0
    run = api.post(f"{base}/trigger")
    assert run.status_code == 202, run.text
    run_id = run.json()["runId"]
    assert api.ports.airflow.started[-1].key.report_id == report_id
    assert strict(api.get(f"{base}/runs/{quote(run_id, safe='')}"))["runId"] == run_id
    page = f"/reports/{quote(report_id, safe='')}"
    for path in (page, f"{page}/edit", f"{page}/runs/{quote(run_id, safe='')}"):
        assert api.get(path).status_code == 200, path
    assert f'href="{page}"' in api.get("/").text.replace("&#39;", "'")
    assert strict(api.post(f"{base}/pause"))["isActive"] is False
    assert strict(api.delete(base))["success"]


def test_a_slash_that_is_not_encoded_still_separates(api):
    assert api.get(f"{SCHEDULED}/r1/audit").status_code == 200
    assert api.get(f"{SCHEDULED}/r1%2Faudit").status_code == 404


# A status that only the application knows


def test_a_status_of_the_application_is_shown_as_it_is_and_named_as_a_reason(api, dsn):
    execute(dsn, "UPDATE scheduled_reports SET status = 'ARCHIVED' WHERE id = 'r1'")
    text = '"ARCHIVED" is not a known status; choose from ACTIVE, PAUSED, DISABLED, ERROR.'

    assert strict(api.get(f"{SCHEDULED}/r1"))["status"] == "ARCHIVED"
    assert strict(api.get(f"{ACME}/rejections"))["rejections"][0]["problems"] == {"status": [text]}
    assert '<span class="badge unknown">ARCHIVED</span>' in api.get("/reports/r1").text
    assert "is not a known status" in api.get("/reports/r1").text
    assert '<span class="badge unknown">ARCHIVED</span>' in api.get("/").text
    assert "have a status that only the application knows" in api.get("/").text
    assert '<span class="badge unknown">' not in api.get("/?state=active").text


# More reports than MAX_REPORTS


def test_health_and_the_pages_say_which_reports_have_no_dag(dsn):
    api = open_api(dsn, NOW)
    api.ports.core.settings = Settings(max_reports=1)
    api.ports.airflow.unknown.add("r2")
    add_report(dsn, id="a-newer-one")

    health = api.get("/health").json()

    assert (health["leftOut"], health["firstLeftOut"]) == (2, ["r2", "a-newer-one"])
    assert "leftOut" in health["attention"]
    page = " ".join(api.get("/").text.split())
    assert "<strong>2</strong> have no DAG: the setting MAX_REPORTS is reached" in page
    assert "This report has no DAG" in api.get("/reports/r2").text
    assert "This report has no DAG" not in api.get("/reports/r1").text


def test_a_report_that_is_created_beyond_the_limit_takes_nobodys_dag(dsn):
    api = open_api(dsn, NOW)
    api.ports.core.settings = Settings(max_reports=2)

    created = api.post(SCHEDULED, json=NEW)

    assert created.status_code == 201
    kept = [row["id"] for row in api.ports.core.definitions.rows(limit=2)]
    assert kept == ["r1", "r2"]


# A wrong setting


class Wrong:
    """The ports of a process with a wrong setting."""

    def __init__(self, core):
        self.core = core

    @property
    def settings(self):
        return Settings.from_env({"SCHEDULED_REPORTS__ROW_LIMIT": "many"})

    def __getattr__(self, name):
        return getattr(self.core, name)


def test_lists_and_pages_answer_while_a_setting_is_wrong(api, monkeypatch):
    monkeypatch.setattr(api.ports, "core", Wrong(api.ports.core))
    api.ports.airflow.unknown.add("r2")

    for path in (SCHEDULED, f"{SCHEDULED}/r1", f"{ACME}/audit", "/", "/reports/r1", "/reports/r2", "/reports/r1/edit"):
        assert api.get(path).status_code == 200, path


def test_the_health_route_names_a_wrong_setting(api, monkeypatch):
    monkeypatch.setattr(api.ports, "core", Wrong(api.ports.core))

    answer = api.get("/health")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failing",
        "attention": ["settings"],
        "settings": 'SCHEDULED_REPORTS__ROW_LIMIT: "many" is not a whole number; use one such as 5.',
    }
