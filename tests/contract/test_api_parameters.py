"""Parameters that a report type declares, through the API and the form, on real PostgreSQL."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser

import psycopg
import pytest
from jsonschema import Draft202012Validator
from psycopg.types.json import Jsonb

from include.scheduled_reports.domain.errors import PermanentError, TransientError
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.reports.types import catalog
from include.scheduled_reports.runs import pipeline
from tests.contract.api import ACME, NEW, SCHEDULED, stored
from tests.contract.tables import execute
from tests.contract.test_api_options import options
from tests.contract.test_api_runs import run_all
from tests.unit.documented_types import installed

FILE = """
INSERT INTO files (id, filename, original_name, mime_type, size, s3_key, s3_bucket, workspace_id, uploaded_by_id,
    created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, 'k', 'b', %s, %s, '2026-05-05', '2026-05-05')
"""
FILES = [
    ("plan.png", "image/png", 2_000, "ws1", "u1"),
    ("notes.txt", "text/plain", 10, "ws1", "u1"),
    ("of others.zip", "application/zip", 5_000, "ws2", "u3"),
]
WEEK = {"dateRange": {"type": "custom", "startDate": "2026-05-04", "endDate": "2026-05-10"}}
FILE_LIST = {**NEW, "reportType": "file-list", "exportFormats": ["csv"], "parameters": WEEK}
GIVEN = {
    "minimumSize": 1_000, "kinds": ["image/png"], "since": "2026-05-05", "namePart": "plan", "showPeople": False,
}  # fmt: skip
HOSTILE = "'); DROP TABLE users; --\"><script>alert(1)</script>{{ 7 * 7 }}"


@pytest.fixture(autouse=True)
def _installed(tmp_path):
    with installed(tmp_path, "file-list"):
        yield


@pytest.fixture
def dsn(dsn):
    for number, (name, kind, size, workspace, person) in enumerate(FILES):
        execute(dsn, FILE, f"f{number}", name, name, kind, size, workspace, person)
    return dsn


def body(**parameters):
    return {**FILE_LIST, "options": {"parameters": parameters}}


def created(api, **parameters):
    answer = api.post(SCHEDULED, json=body(**parameters))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


# --- saving


def test_a_report_is_created_with_the_parameters_of_its_type(api, dsn):
    report_id = created(api, **GIVEN)

    assert options(dsn, report_id)["options"] == {"parameters": GIVEN}
    assert stored(dsn, report_id)["parameters"] == WEEK
    assert api.get(f"{SCHEDULED}/{report_id}").json()["options"]["parameters"] == GIVEN


def test_each_wrong_value_of_a_new_report_is_named_beside_other_problems(api):
    answer = api.post(
        SCHEDULED,
        json=body(
            minimumSize="big", kinds=["image/png", "image/pn", 5], since="2026-13-01", namePart="x" * 1001, size=1
        )
        | {"timezone": "Nowhere"},
    )

    assert answer.status_code == 400
    details = answer.json()["details"]
    assert details.keys() == {
        "timezone", "options.parameters.minimumSize", "options.parameters.kinds[1]", "options.parameters.kinds[2]",
        "options.parameters.since", "options.parameters.namePart", "options.parameters.size",
    }  # fmt: skip
    assert details["options.parameters.minimumSize"] == ['"big" is not a whole number that is 0 or more; use one.']
    assert details["options.parameters.kinds[1]"] == [
        '"image/pn" is not in the workspace\'s list of values; choose one that is (did you mean image/png?).'
    ]


def test_each_wrong_value_of_an_edit_is_named_and_nothing_is_saved(api, dsn):
    report_id = created(api, **GIVEN)

    answer = api.put(f"{SCHEDULED}/{report_id}", json={"options": {"parameters": {"showPeople": "no", "since": 3}}})

    assert answer.status_code == 400
    assert answer.json()["details"].keys() == {
        f"options.parameters.{name}" for name in ("minimumSize", "showPeople", "since")
    }
    assert options(dsn, report_id)["options"] == {"parameters": GIVEN}


def test_the_option_is_replaced_as_a_whole_and_null_removes_it(api, dsn):
    report_id = created(api, **GIVEN)

    api.put(f"{SCHEDULED}/{report_id}", json={"options": {"parameters": {"minimumSize": 5}}})
    assert options(dsn, report_id)["options"] == {"parameters": {"minimumSize": 5}}
    # The required value is missing then, so another type is needed.
    answer = api.put(
        f"{SCHEDULED}/{report_id}", json={"reportType": "workspace-activity", "options": {"parameters": None}}
    )
    assert answer.status_code == 200
    assert options(dsn, report_id)["options"] == {}


def test_the_applications_replacing_of_its_column_keeps_them(api, dsn):
    report_id = created(api, **GIVEN)

    execute(dsn, "UPDATE scheduled_reports SET parameters = '{}' WHERE id = %s", report_id)

    assert parse_row(api.ports.core.definitions.row(report_id)).parameters == GIVEN


def test_a_value_that_only_another_workspace_has_is_not_in_the_list(api):
    answer = api.post(SCHEDULED, json=body(minimumSize=0, kinds=["application/zip"]))

    assert answer.status_code == 400
    assert answer.json()["details"] == {
        "options.parameters.kinds[0]": [
            '"application/zip" is not in the workspace\'s list of values; choose one that is.'
        ]
    }


def test_a_report_is_saved_if_the_list_cannot_be_read_in_time(api, monkeypatch):
    def fails(_):
        raise TransientError("the reports database did not answer")

    monkeypatch.setattr(api.ports, "source", fails, raising=True)

    assert api.post(SCHEDULED, json=body(minimumSize=0, kinds=["nowhere"])).status_code == 201


def test_hostile_values_are_values(api, dsn):
    report_id = created(api, minimumSize=0, namePart=HOSTILE)

    answer = api.get(f"{SCHEDULED}/{report_id}/preview?format=csv")

    assert (answer.status_code, answer.headers["x-rows"]) == (200, "0")
    assert api.post(SCHEDULED, json=body(minimumSize=0, kinds=[HOSTILE])).status_code == 400
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (4,)


# --- runs and previews


def rows(api, **parameters):
    """Return the rows of the CSV of a report with these parameters."""
    answer = api.get(f"{SCHEDULED}/{created(api, **parameters)}/preview?format=csv")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))[1:]


def test_the_sql_reads_typed_values_and_defaults(api):
    plan, notes = ["plan.png", "2000", "Ada Byron"], ["notes.txt", "10", "Ada Byron"]

    assert rows(api, minimumSize=0) == [plan, notes]
    assert rows(api, minimumSize=11) == [plan]
    assert rows(api, minimumSize=0, showPeople=False) == [[*plan[:2], ""], [*notes[:2], ""]]
    assert rows(api, minimumSize=0, since="2026-05-06") == []
    assert rows(api, minimumSize=0, kinds=["text/plain"], namePart="no") == [notes]


def test_a_value_that_has_left_the_list_fails_the_run_with_its_reason(api, dsn):
    report_id = created(api, minimumSize=0, kinds=["text/plain"])
    execute(dsn, "DELETE FROM files WHERE mime_type = 'text/plain'")
    api.post(f"{SCHEDULED}/{report_id}/trigger", json={"runAfter": "2026-05-10T06:00:00Z"})
    (trigger,) = api.ports.airflow.started

    with pytest.raises(PermanentError) as failed:
        pipeline.query(api.ports.core, trigger)
    pipeline.record(api.ports.core, trigger)

    reason = '"text/plain" is not in the workspace\'s list of values; choose one that is.'
    assert str(failed.value) == f"options.parameters.kinds[0]: {reason}"
    (run,) = api.get(f"{SCHEDULED}/{report_id}/runs").json()["runs"]
    assert run["executions"][0]["status"] == "FAILED"
    assert reason in run["executions"][0]["error"]
    preview = api.get(f"{SCHEDULED}/{report_id}/preview?format=csv")
    assert (preview.status_code, preview.json()["details"]) == (409, {"options.parameters.kinds[0]": [reason]})


def test_a_run_keeps_the_values_it_began_with(api):
    report_id = created(api, minimumSize=11)
    api.post(f"{SCHEDULED}/{report_id}/trigger", json={"runAfter": "2026-05-10T06:00:00Z"})
    (trigger,) = api.ports.airflow.started
    pipeline.query(api.ports.core, trigger)
    api.put(f"{SCHEDULED}/{report_id}", json={"options": {"parameters": {"minimumSize": 0}}})

    key = run_all(api)

    assert api.ports.core.runs.load(key).report.parameters == {"minimumSize": 11, "showPeople": True}
    (run,) = api.get(f"{SCHEDULED}/{report_id}/runs").json()["runs"]
    assert run["executions"][0]["recordCount"] == 1


# --- lists and descriptions


def test_the_values_of_a_list_are_those_of_the_workspace(api):
    answer = api.get(f"{ACME}/parameters/file-list")

    assert answer.status_code == 200
    assert answer.json() == {
        "parameters": {
            "kinds": {
                "values": [
                    {"value": "image/png", "title": "image/png"}, {"value": "text/plain", "title": "text/plain"},
                ],
                "hasMore": False,
            }
        }
    }  # fmt: skip
    assert api.get(f"{ACME}/parameters/workspace-activity").json() == {"parameters": {}}
    assert api.get(f"{ACME}/parameters/nothing").status_code == 404
    assert api.get(f"{ACME}/parameters/file-list", user="viewer").status_code == 403


def test_a_list_may_have_titles_and_ends_after_a_thousand_values(api, tmp_path):
    (tmp_path / "file-list/kinds.sql").write_text(
        "SELECT number::text AS value, 'No. ' || number AS title FROM generate_series(1, 1500) number"
        " WHERE current_setting('report.workspace_id') <> ''"
    )
    catalog.catalog.cache_clear()

    kinds = api.get(f"{ACME}/parameters/file-list").json()["parameters"]["kinds"]

    assert (len(kinds["values"]), kinds["hasMore"]) == (1_000, True)
    assert kinds["values"][0] == {"value": "1", "title": "No. 1"}
    assert api.post(SCHEDULED, json=body(minimumSize=0, kinds=["1400"])).status_code == 201
    assert api.post(SCHEDULED, json=body(minimumSize=0, kinds=["1501"])).status_code == 400


def test_a_type_says_what_it_declares(api):
    types = {one["id"]: one for one in api.get("/api/report-types").json()["reportTypes"]}
    declared = {one["name"]: one for one in types["file-list"]["declared"]}

    assert types["file-list"]["parameters"] == []
    assert [*declared] == [*GIVEN]
    assert declared["kinds"] == {
        "name": "kinds", "in": "options.parameters", "title": "Kinds of file", "type": "choice", "many": True,
        "required": False, "default": None, "values": [], "isListed": True, "minimum": None, "maximum": None,
        "help": "Only files of these kinds.",
    }  # fmt: skip
    levels = next(one for one in types["export-summary"]["declared"] if one["name"] == "minActivityLevel")
    assert levels["in"] == "parameters"
    assert [one["value"] for one in levels["values"]] == ["low", "medium", "high"]


def test_the_openapi_document_has_the_schema_of_each_type(api):
    document = api.get("/openapi.json").json()
    sent = document["paths"]["/api/workspaces/{workspaceSlug}/reports/scheduled"]["post"]["requestBody"]
    fields = sent["content"]["application/json"]["schema"]["properties"]
    (reference, nothing) = fields["options"]["properties"]["parameters"]["anyOf"]
    schema = document["components"]["schemas"][reference["$ref"].rpartition("/")[2]]

    assert nothing == {"type": "null"}
    Draft202012Validator.check_schema(schema)
    check = Draft202012Validator(schema)
    assert check.is_valid(GIVEN)
    assert not check.is_valid({**GIVEN, "minimumSize": -1})
    assert not check.is_valid({"kinds": []})
    assert not check.is_valid({**GIVEN, "other": 1})
    assert fields["parameters"]["properties"]["minActivityLevel"]["enum"] == ["low", "medium", "high"]


def test_without_declarations_the_document_has_no_schema_of_a_type(api, tmp_path):
    for file in (tmp_path / "file-list").iterdir():
        file.unlink()
    (tmp_path / "file-list").rmdir()
    catalog.catalog.cache_clear()

    assert "parameters-file-list" not in api.get("/openapi.json").json().get("components", {}).get("schemas", {})


# --- the form


class Inputs(HTMLParser):
    """The inputs of a page by name: their tag and attributes; options are inputs of their select."""

    def __init__(self, text):
        super().__init__()
        self.found, self.tags, self.select = {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        given = dict(attributes)
        if tag in ("input", "select", "textarea") and given.get("name"):
            self.found[given["name"]] = {"tag": tag, **given, "options": []}
            self.select = given["name"] if tag == "select" else None
        elif tag == "option" and self.select:
            self.found[self.select]["options"].append((given.get("value"), "selected" in given))

    def handle_endtag(self, tag):
        if tag == "select":
            self.select = None


def inputs(api, report_id):
    page = Inputs(api.get(f"/reports/{report_id}/edit").text)
    return {name.removeprefix("file-list."): one for name, one in page.found.items() if name.startswith("file-list.")}


def test_the_form_has_the_right_input_for_each_parameter(api):
    found = inputs(api, created(api, **GIVEN))

    size, since, part = found["minimumSize"], found["since"], found["namePart"]
    assert (size["type"], size["min"], size["value"]) == ("number", "0", "1000")
    assert (since["type"], since["min"], since["value"]) == ("date", "2020-01-01", "2026-05-05")
    assert (part["tag"], part["maxlength"], part["value"]) == ("input", "1000", "plan")
    assert (found["kinds"]["tag"], found["kinds"]["options"]) == ("select", [("image/png", True)])
    assert "multiple" in found["kinds"]
    assert (found["showPeople"]["type"], "checked" in found["showPeople"]) == ("checkbox", False)


def test_the_form_shows_the_defaults_of_a_type(api):
    assert "checked" in inputs(api, created(api, minimumSize=0))["showPeople"]
    assert inputs(api, created(api, minimumSize=0))["minimumSize"]["placeholder"] == "Required"


def test_the_form_escapes_what_a_row_holds(api, dsn):
    report_id = created(api, minimumSize=0)
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "UPDATE reporting.report_options SET options = %s WHERE report_id = %s",
            [Jsonb({"parameters": {"namePart": HOSTILE, "kinds": [HOSTILE], "minimumSize": HOSTILE}}), report_id],
        )

    page = Inputs(api.get(f"/reports/{report_id}/edit").text)

    assert page.tags.count("script") == 1  # our own
    assert page.found["file-list.namePart"]["value"] == HOSTILE
    assert page.found["file-list.kinds"]["options"] == [(HOSTILE, True)]
    assert page.found["file-list.minimumSize"]["value"] == ""
