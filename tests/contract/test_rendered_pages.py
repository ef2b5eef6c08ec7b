"""The pages as the server renders them, on a real PostgreSQL; the tests with a browser are in tests/e2e."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import psycopg
import pytest

from include.scheduled_reports.ports.web import Right
from include.scheduled_reports.runs import pipeline
from tests.contract.api import ACME, SCHEDULED, Api, FakeCaller, open_api
from tests.contract.tables import add_people, add_report, execute

NOW = datetime(2026, 5, 11, 7, 30, tzinfo=UTC)
RUN = "manual__2026-05-11T07:30:00+00:00"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}"


class Page(HTMLParser):
    """The elements, links and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data

    def links(self, fragment: str) -> list[str]:
        return [value for name, value in self.attributes if name == "href" and value and fragment in value]


@pytest.fixture
def dsn(migrated_dsn: str) -> str:
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", export_formats=["pdf", "html"])
    add_report(migrated_dsn, id="r9", name="Of others", workspace_id="ws2", created_by_id="u3", tags=[])
    return migrated_dsn


@pytest.fixture
def api(dsn: str) -> Api:
    return open_api(dsn, NOW)


def page(api: Api, path: str, **options) -> Page:
    answer = api.get(path, **options)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def run_all(api: Api) -> None:
    trigger = api.ports.airflow.started[-1]
    for chosen in pipeline.query(api.ports.core, trigger):
        pipeline.render(api.ports.core, trigger.key, chosen)
        pipeline.upload(api.ports.core, trigger.key, chosen)
    pipeline.email(api.ports.core, trigger.key)
    pipeline.record(api.ports.core, trigger)


def add_run(dsn: str, report_id: str, number: int, counted: str) -> None:
    execute(
        dsn,
        """INSERT INTO reporting.runs (report_id, run_id, run_key, kind, state, scheduled_for, triggered_by,
               clear_number, counted, started_at, settled_at)
           VALUES (%s, 'run' || %s, 'x', 'scheduled', %s, '2026-05-01', 'system', 0, %s,
               '2026-05-01'::timestamptz + %s * interval '1 hour', now())""",
        report_id, number, counted, counted, number,
    )  # fmt: skip


# --- the list


def test_the_list_shows_every_workspaces_reports_to_whoever_may_read_every_dag(api):
    found = page(api, "/", user="viewer")

    assert found.links("/reports/") == ["/reports/r9", "/reports/r1"]  # ordered by name: Of others, Weekly activity
    assert "Of others" in found.text
    assert found.links("/new") == []


def test_who_may_read_one_dag_sees_one_report_and_one_workspace(api):
    api.callers["guest"] = FakeCaller("guest", frozenset(), {"r1": frozenset({Right.READ})})

    found = page(api, "/", user="guest")

    assert found.links("/reports/") == ["/reports/r1"]
    assert "Zeta" not in found.text
    assert api.get("/reports/r9", user="guest").status_code == 404


@pytest.mark.parametrize(
    ("query", "shown"),
    [("q=weekly", ["r1"]), ("q=r9", ["r9"]), ("q=%25", []), ("q=_", []), ("workspace=ws2", ["r9"]),
     ("tag=weekly", ["r1"]),
     ("type=custom", []), ("state=paused", []), ("state=active", ["r9", "r1"]), ("sort=name&order=desc", ["r1", "r9"]),
     ("q=WEEKLY&workspace=ws1&tag=weekly&type=workspace-activity", ["r1"]), ("page=2", [])],
)  # fmt: skip
def test_the_list_is_searched_filtered_and_sorted(api, query, shown):
    assert page(api, f"/?{query}").links("/reports/") == [f"/reports/{one}" for one in shown]


def test_states_are_counted_beside_each_other_whatever_state_is_shown(api, dsn):
    execute(dsn, "UPDATE scheduled_reports SET is_active = false WHERE id = 'r9'")

    assert "Paused (1)" in page(api, "/?state=active").text
    assert "Active (1)" in page(api, "/?state=paused").text


@pytest.mark.parametrize(
    ("changes", "cause", "words"),
    [("tags = '{}'", None, "Active"), ("is_active = false", None, "Paused"), ("status = 'PAUSED'", None, "Paused"),
     ("status = 'DISABLED'", None, "Disabled"), ("status = 'ERROR'", "failing", "Stopped after failures"),
     ("status = 'ERROR'", "rejected", "Invalid"), ("status = 'ERROR'", None, "Invalid"),
     ("last_run_status = 'failed'", None, "Failing"),
     ("last_run_status = 'failed', is_active = false", None, "Paused")],
)  # fmt: skip
def test_a_report_is_in_the_same_state_on_every_page(api, dsn, changes, cause, words):
    execute(dsn, f"UPDATE scheduled_reports SET {changes} WHERE id = 'r1'")
    execute(dsn, "UPDATE reporting.report_options SET error_cause = %s WHERE report_id = 'r1'", cause)

    for path in ("/?q=r1", "/reports/r1"):
        assert f">{words}</span>" in api.get(path).text


def test_what_needs_attention_stands_on_top_with_its_reasons(api, dsn):
    for number, changes in enumerate(
        ["status = 'ERROR', last_error = 'timezone: Mars'", "status = 'ERROR'", "last_run_status = 'failed'",
         "tags = '{}'", "tags = '{}'"],
    ):  # fmt: skip
        add_report(dsn, id=f"a{number}", name=f"Number {number}")
        execute(dsn, f"UPDATE scheduled_reports SET {changes} WHERE id = 'a{number}'")
    execute(dsn, "UPDATE reporting.report_options SET error_cause = 'rejected' WHERE report_id = 'a0'")
    execute(dsn, "UPDATE reporting.report_options SET error_cause = 'failing' WHERE report_id = 'a1'")
    execute(
        dsn,
        """INSERT INTO reporting.deliveries
               (report_id, run_id, message, state, subject, recipients, mode, formats, claimed_at)
           VALUES ('a3', 'x', 'report', 'unknown', 's', '{}', 'attach', '{}', '2026-05-10')""",
    )
    api.ports.airflow.stopped.add("a4")

    text = " ".join(page(api, "/").text.split())

    for told in (
        "1 cannot be scheduled: Number 0 timezone: Mars", "1 stopped after failures: Number 1",
        "1 failed in the last run: Number 2", "1 delivery unconfirmed: Number 3",
        "1 active here, but paused in Airflow: Number 4",
    ):  # fmt: skip
        assert told in text


def test_the_last_thirty_runs_are_a_picture_with_words(api, dsn):
    for number in range(35):
        add_run(dsn, "r1", number, "failed" if number % 10 == 9 else "success")

    labels = [value for name, value in page(api, "/").attributes if name == "aria-label" and "runs" in (value or "")]

    # Of the runs 5 to 34, numbers 9, 19 and 29 failed.
    assert labels == ["27 of the last 30 runs succeeded"]


def test_a_list_without_reports_says_what_a_report_is(migrated_dsn):
    add_people(migrated_dsn)

    assert "No reports yet" in page(open_api(migrated_dsn), "/").text
    assert "No matching reports" in page(open_api(migrated_dsn), "/?q=x").text


# --- one report


def test_a_report_shows_its_runs_files_messages_and_who_changed_what(api):
    api.put(f"{SCHEDULED}/r1", json={"name": "Renamed"})
    api.post(f"{SCHEDULED}/r1/trigger")
    run_all(api)

    found = page(api, "/reports/r1")

    text = " ".join(found.text.split())
    assert "Renamed" in text
    assert "Succeeded" in text
    assert re.search(r"Covers \d+.* 2026\.", text)
    assert 'name: "Weekly activity" → "Renamed"' in text
    (file, _) = found.links("/artifacts/")
    assert api.get(file).status_code == 200
    assert len(found.links("/tasks/")) == 0  # the Airflow of this test has no stages


@pytest.mark.parametrize(
    ("ticks", "made", "said"),
    [
        (72, 1, "72 runs were missed, Mon 2026-05-11 09:00 to Thu 2026-05-14 08:00 (Europe/Berlin); "
                "by the policy latest, one was made afterwards."),
        (1, 0, "One run was missed, Mon 2026-05-11 09:00 (Europe/Berlin); by the policy latest, "
               "none was made afterwards."),
    ],
)  # fmt: skip
def test_a_report_tells_of_its_newest_outage_in_a_line(api, dsn, ticks, made, said):
    execute(
        dsn,
        """INSERT INTO reporting.missed_ticks (report_id, workspace_id, first_tick, last_tick, ticks, policy, made)
           VALUES ('r1', 'ws1', '2026-05-11 07:00Z', '2026-05-14 06:00Z', %s, 'latest', %s)""",
        ticks, made,
    )  # fmt: skip

    assert said in page(api, "/reports/r1").text


def test_a_run_that_airflow_links_to_comes_first(api, dsn):
    for number in range(25):
        add_run(dsn, "r1", number, "success")

    runs = [value for name, value in page(api, "/reports/r1?run=run3").attributes if name == "data-run"]

    assert runs[0] == "run3"
    assert len(runs) == 21


def test_of_older_runs_the_page_has_a_summary_and_the_rest_when_one_is_opened(api, dsn):
    for number in range(3):
        add_run(dsn, "r1", number, "success")

    found = page(api, "/reports/r1")

    assert len([name for name, _ in found.attributes if name == "data-part"]) == 2
    (*_, oldest) = [value for name, value in found.attributes if name == "data-fragment"]
    assert "data-part" not in [name for name, _ in page(api, oldest).attributes]


def test_the_tab_of_a_dag_is_the_page_of_its_report_and_of_another_dag_says_so(api):
    assert "Weekly activity" in page(api, "/dag/scheduled_report_r1").text
    assert "not a scheduled report" in page(api, "/dag/example").text
    assert api.get("/dag/scheduled_report_gone").status_code == 404


def test_a_viewer_sees_no_button_that_he_may_not_use(api):
    found = page(api, "/reports/r1", user="viewer")

    assert not [value for name, value in found.attributes if name in ("data-act", "data-dialog")]
    assert found.links("/edit") == found.links("/new") == []


def test_an_error_of_a_page_is_said_to_a_person(api):
    answer = api.get("/reports/%3Cscript%3E")

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "Scheduled report not found" in answer.text
    assert api.get("/", user=None).status_code == 401


def test_a_file_is_reached_without_naming_the_workspace(api):
    api.post(f"{SCHEDULED}/r1/trigger")
    run_all(api)

    answer = api.get(f"/reports/r1/runs/{RUN}/files/html")

    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert api.get(f"/reports/r1/runs/{RUN}/files/csv").status_code == 404


def test_the_pages_of_a_pdf_come_as_pictures(api):
    api.post(f"{SCHEDULED}/r1/trigger")
    run_all(api)
    pages = f"{SCHEDULED}/r1/runs/{RUN}/artifacts/pdf/pages"

    first = api.get(f"{pages}/1")

    assert first.content.startswith(b"\x89PNG")
    count = int(first.headers["x-pages"])
    assert api.get(f"{pages}/{count}").status_code == 200
    assert api.get(f"{pages}/{count + 1}").status_code == 404
    assert api.get(f"{pages}/0").status_code == 400
    assert api.get(f"{SCHEDULED}/r1/runs/{RUN}/artifacts/html/pages/1").status_code == 404


def test_a_run_by_hand_offers_every_period_and_names_the_one_of_the_report(api, dsn):
    assert "Default (last 7 days)" in api.get("/reports/r1").text

    execute(dsn, """UPDATE reporting.report_options SET options = '{"period": {"type": "month-to-date"}}'""")

    shown = api.get("/reports/r1").text
    assert "Default (month to date)" in shown
    assert all(f"<option>{name}</option>" in shown for name in ("yesterday", "week-to-date", "since-last-run"))


# --- the form


def test_the_form_has_every_field_of_the_row(api, dsn):
    execute(
        dsn,
        """UPDATE scheduled_reports SET description = 'Why', email_subject = 'S', tags = '{a,b}',
               parameters = '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-03"}}'
           WHERE id = 'r1'""",
    )

    values = {value for name, value in page(api, "/reports/r1/edit").attributes if name == "value"}

    assert {"Weekly activity", "0 9 * * 1", "Europe/Berlin", "S", "a, b", "2026-05-01", "2026-05-03"} <= values


def test_a_copy_is_not_on_its_schedule_and_has_a_name_of_its_own(api):
    found = page(api, "/new?from=r1")

    assert ("value", "Copy of Weekly activity") in found.attributes
    assert ("data-id", "") in found.attributes


def test_what_a_change_would_look_like_is_seen_before_it_is_saved(api):
    answer = api.post(f"{SCHEDULED}/r1/preview", json={"name": "As it would be", "format": "html"})

    assert answer.status_code == 200
    assert "As it would be" in answer.text
    assert "As it would be" not in api.get(f"{SCHEDULED}/r1").text
    wrong = api.post(f"{SCHEDULED}/r1/preview", json={"timezone": "Nowhere", "format": "html"})
    assert list(wrong.json()["details"]) == ["timezone"]


# --- retry


def test_what_failed_in_a_run_is_done_again(api):
    api.post(f"{SCHEDULED}/r1/trigger")

    assert api.post(f"{SCHEDULED}/r1/runs/{RUN}/retry").status_code == 202
    assert [key.run_id for key in api.ports.airflow.retried] == [RUN]
    api.ports.airflow.has_failed = False
    assert api.post(f"{SCHEDULED}/r1/runs/{RUN}/retry").status_code == 409


# --- hostile text


def test_whatever_stands_in_a_row_is_text_on_every_page(api, dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE workspaces SET name = %s WHERE id = 'ws1'", [HOSTILE])
        connection.execute("UPDATE users SET name = %s", [HOSTILE])
        connection.execute(
            """UPDATE scheduled_reports SET name = %(text)s, description = %(text)s, tags = ARRAY[left(%(text)s, 50)],
                   email_subject = %(text)s, email_recipients = ARRAY[%(text)s], last_error = %(text)s,
                   email_enabled = true,
                   parameters = jsonb_build_object('customFilters', jsonb_build_object(%(text)s, %(text)s))
               WHERE id = 'r1'""",
            {"text": HOSTILE},
        )
        connection.execute(
            """INSERT INTO reporting.runs (report_id, run_id, run_key, kind, state, reason, scheduled_for, triggered_by,
                   clear_number, settled_at)
               VALUES ('r1', %(text)s, 'x', 'manual', 'failed', %(text)s, now(), %(text)s, 0, now())""",
            {"text": HOSTILE},
        )
    harmless = {name: page(api, name) for name in ("/", "/reports/r9", "/reports/r9/edit")}

    for path in ("/", "/reports/r1", "/reports/r1/edit", "/new?from=r1", "/dag/scheduled_report_r1"):
        found = page(api, path)
        assert found.tags.count("script") == 1, path  # our own
        assert "img" not in found.tags, path
        assert not [name for name, _ in found.attributes if name.startswith("on")], path
        assert "49" not in found.text.replace(HOSTILE, ""), path
    assert HOSTILE in page(api, "/reports/r1").text
    assert harmless["/"].tags.count("script") == 1


def test_pages_let_nothing_in_from_outside(api):
    answer = api.get("/")

    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["frame-ancestors"] == "'self'"
    assert not [
        value for name, value in Page(answer.text).attributes if name in ("src", "href") and "//" in (value or "")
    ]
    assert api.get("/static/app.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert api.get("/static/app.css").status_code == 200
    assert api.get(f"{ACME}/audit").headers["content-security-policy"].startswith("default-src 'none'")
