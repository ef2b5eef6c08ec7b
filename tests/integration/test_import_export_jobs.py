"""`import-export-jobs` on a real PostgreSQL: what is imported, what is left as it was, and what is said."""

from __future__ import annotations

import json
import threading
from datetime import datetime

import psycopg
import pytest
from psycopg.rows import dict_row

from include.scheduled_reports.__main__ import main
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.reports.export_jobs.old_schedule import read
from include.scheduled_reports.reports.parser import parse
from tests.contract.tables import add_people, execute
from tests.integration.database import dump
from tests.unit.test_export_jobs_schedule import metadata


@pytest.fixture(params=["jsonb", "json"])
def dsn(request, migrated_dsn):
    """A migrated database whose export_jobs has the column `metadata`, of either type."""
    execute(migrated_dsn, f"ALTER TABLE export_jobs ADD COLUMN metadata {request.param}")
    add_people(migrated_dsn)
    return migrated_dsn


def add_job(dsn, job_id, held, **columns):
    """Add a row of export_jobs, as the application does for a schedule; *held* is JSON text or a value for it."""
    values = {"id": job_id, "workspace_id": "ws1", "type": "report", "requested_by": "u1", "created_at": "2026-04-01"}
    values |= columns
    text = held if isinstance(held, str) or held is None else json.dumps(held)
    names, places = ", ".join(values), ", ".join(["%s"] * len(values))
    execute(dsn, f"INSERT INTO export_jobs ({names}, metadata) VALUES ({places}, %s)", *values.values(), text)


def run(capsys, dsn, *options):
    """Run the command; return its exit code and output lines."""
    code = main(["import-export-jobs", "--dsn", dsn, *options])
    return code, capsys.readouterr().out.splitlines()


def rows(dsn, statement, *values):
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(statement, values).fetchall()


def report(dsn, report_id="j1"):
    (found,) = rows(dsn, "SELECT * FROM scheduled_reports WHERE id = %s", report_id)
    return found


def schedule(dsn, job_id="j1"):
    (found,) = rows(dsn, "SELECT metadata -> 'schedule' AS schedule FROM export_jobs WHERE id = %s", job_id)
    return found["schedule"]


def edit_old(dsn, **changes):
    """Edit as the application does: read the JSON, change it and write it back whole."""
    (found,) = rows(dsn, "SELECT metadata FROM export_jobs WHERE id = 'j1'")
    found["metadata"]["schedule"] |= changes
    execute(dsn, "UPDATE export_jobs SET metadata = %s WHERE id = 'j1'", json.dumps(found["metadata"]))


# The first import


def test_a_schedule_becomes_an_inactive_report_with_its_counters_and_the_old_one_stays_as_it_was(dsn, capsys):
    add_job(dsn, "j1", metadata())
    before = dump(dsn, "--data-only", "--table=export_jobs")

    code, printed = run(capsys, dsn)

    assert (code, printed) == (
        0,
        ["'j1' 'Weekly': imported, inactive", "1 imported, 0 not imported; 0 export jobs are not schedules"],
    )
    assert dump(dsn, "--data-only", "--table=export_jobs") == before
    found = report(dsn)
    assert found.pop("updated_at") > datetime(2026, 4, 1)  # noqa: DTZ001 - the column has no zone; it holds UTC
    assert found == {
        "id": "j1",
        "name": "Weekly",
        "description": "All of it",
        "reportType": "workspace-activity",
        "cron_expression": "0 9 * * 1",
        "timezone": "Europe/Berlin",
        "is_active": False,
        "status": "ACTIVE",
        "export_formats": ["pdf", "excel"],
        "parameters": {"dateRange": {"type": "last-30-days"}, "channelIds": ["c1"]},
        "tags": ["ops"],
        "email_enabled": True,
        "email_recipients": ["ada@acme.example"],
        "email_cc_recipients": ["bob@acme.example"],
        "email_bcc_recipients": [],
        "email_subject": "Numbers",
        "email_include_attachment": False,
        "email_include_preview": True,
        "email_send_only_if_data": True,
        "last_run": datetime(2026, 5, 11, 7, 0, 3, 512_000),  # noqa: DTZ001
        "last_run_status": "failed",
        "next_run": None,
        "run_count": 12,
        "success_count": 10,
        "failure_count": 2,
        "last_error": None,
        "workspace_id": "ws1",
        "created_by_id": "u1",
        "created_at": datetime(2026, 4, 1),  # noqa: DTZ001
    }


def test_what_was_imported_passes_the_gate(dsn, capsys):
    add_job(dsn, "j1", metadata())
    add_job(dsn, "j2", {"name": "Bare", "reportType": "export-summary",
                        "schedule": {"cronExpression": "30 * * * *", "exportFormats": ["csv"]}})  # fmt: skip
    run(capsys, dsn)

    reports, rejections = parse(PostgresDefinitions(dsn).rows(limit=10))

    assert ([found.id for found in reports], rejections) == (["j1", "j2"], [])


def test_numbers_in_parameters_arrive_exactly(dsn, capsys):
    asked = {"source": "tasks", "filters": [{"column": "hours_open", "operator": "gt", "value": "#"}]}
    text = json.dumps(metadata(reportType="custom", schedule={"parameters": {"customFilters": asked}}))
    add_job(dsn, "j1", text.replace('"#"', "1.000000000000000000010"))  # a float has only seventeen digits

    assert run(capsys, dsn)[0] == 0
    ((found),) = rows(dsn, "SELECT parameters #>> '{customFilters,filters,0,value}' AS value FROM scheduled_reports")
    assert found["value"] == "1.000000000000000000010"


def test_jobs_that_are_no_schedules_are_counted_and_never_imported(dsn, capsys):
    add_job(dsn, "plain", None)
    add_job(dsn, "other", {"source": "settings page"})
    add_job(dsn, "list", [1, 2])
    add_job(dsn, "no-cron", metadata(schedule={"cronExpression": None}))
    add_job(dsn, "null", {"schedule": None})

    code, printed = run(capsys, dsn)

    assert code == 0
    assert sorted(printed) == [
        "'no-cron' 'Weekly': without a cron",
        "0 imported, 0 not imported, 1 without a cron; 4 export jobs are not schedules",
    ]
    assert rows(dsn, "SELECT id FROM scheduled_reports") == []


def test_a_job_that_breaks_a_rule_costs_only_itself_and_says_everything(dsn, capsys):
    add_job(dsn, "j1", metadata(name="Every five minutes", schedule={"cronExpression": "*/5 * * * *"}, tags="ops"))
    add_job(dsn, "j2", metadata())
    add_job(dsn, "j3", metadata(), requested_by="nobody")
    add_job(dsn, "j4", metadata(), workspace_id="nowhere")

    code, printed = run(capsys, dsn)

    assert code == 1
    assert printed[:2] == [
        "'j1' 'Every five minutes': not imported",
        '  metadata.tags: "ops" is not a list of texts that PostgreSQL can store; use one.',
    ]
    assert printed[2].startswith('  metadata.schedule.cronExpression: "*/5 * * * *" runs more than once an hour; ')
    assert printed[-1] == "1 imported, 3 not imported; 0 export jobs are not schedules"
    assert [found["id"] for found in rows(dsn, "SELECT id FROM scheduled_reports")] == ["j2"]


@pytest.mark.parametrize(
    "held",
    [
        '{"name": "half \\ud83d", "schedule": {"cronExpression": "0 9 * * *"}}',
        '{"name": "nul \\u0000", "schedule": {"cronExpression": "0 9 * * *"}}',
        json.dumps(metadata()).replace('"metadata"', "").replace('"tags"', '"elsewhere": "\\u0000", "tags"'),
        '{"schedule": {"cronExpression": "0 9 * * *", "runCount": 1' + "0" * 5_000 + "}}",
        '{"schedule": {"cronExpression": "0 9 * * *", "parameters": ' + '{"a":' * 3_000 + "1" + "}" * 3_002,
    ],
    ids=["surrogate", "nul", "nul elsewhere", "digits", "depth"],
)
@pytest.mark.parametrize("options", [[], ["--retire"]])
def test_json_that_no_report_can_hold_costs_only_its_own_job(migrated_dsn, capsys, held, options):
    # The type json accepts this, jsonb rejects it.
    execute(migrated_dsn, "ALTER TABLE export_jobs ADD COLUMN metadata json")
    add_people(migrated_dsn)
    add_job(migrated_dsn, "j1", held)
    add_job(migrated_dsn, "j2", metadata())

    code, printed = run(capsys, migrated_dsn, *options)

    assert code == 1
    assert [found["id"] for found in rows(migrated_dsn, "SELECT id FROM scheduled_reports")] == ["j2"]
    assert printed[-1] == "1 imported, 1 not imported; 0 export jobs are not schedules"
    (kept,) = rows(migrated_dsn, "SELECT metadata::text AS text FROM export_jobs WHERE id = 'j1'")
    assert kept["text"] == held


def test_a_report_that_has_the_jobs_id_already_is_not_overwritten(dsn, capsys):
    add_job(dsn, "j1", metadata())
    execute(
        dsn,
        """INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, workspace_id, created_by_id,
        updated_at) VALUES ('j1', 'Mine', 'workspace-activity', '0 9 * * 1', 'ws1', 'u1', now())""",
    )

    code, printed = run(capsys, dsn, "--retire")

    assert (code, report(dsn)["name"], schedule(dsn)["isActive"]) == (1, "Mine", True)
    assert "is the id of a report that was not imported; " in printed[1]


# Switching over


@pytest.mark.parametrize("was_active", [True, False])
def test_retire_switches_the_old_one_off_and_the_new_one_to_what_it_was(dsn, capsys, was_active):
    add_job(dsn, "j1", metadata(schedule={"isActive": was_active}))

    code, printed = run(capsys, dsn, "--retire")

    word = "active" if was_active else "inactive"
    assert (code, printed[0]) == (0, f"'j1' 'Weekly': imported, {word}, the old schedule is switched off")
    assert report(dsn)["is_active"] is was_active
    old = schedule(dsn)
    note = old.pop("takenOverBy")
    assert old == metadata(schedule={"isActive": False})["schedule"]
    assert note["scheduledReportId"] == "j1"
    assert datetime.fromisoformat(note["at"]).tzinfo is not None


def test_what_landed_inactive_is_switched_over_later_with_what_was_counted_meanwhile(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn)
    execute(dsn, "UPDATE scheduled_reports SET run_count = 13, success_count = 11")  # one manual run of ours
    edit_old(dsn, runCount=15, failureCount=3, lastRun="2026-06-01T07:00:00.000Z", lastRunStatus="success")

    code, printed = run(capsys, dsn, "--retire")

    assert (code, printed[0]) == (0, "'j1' 'Weekly': already there, active, the old schedule is switched off")
    found = report(dsn)
    # 13 and three more, one of which failed
    assert (found["run_count"], found["success_count"], found["failure_count"]) == (16, 13, 3)
    assert (found["last_run"], found["last_run_status"]) == (datetime(2026, 6, 1, 7), "success")  # noqa: DTZ001
    assert (found["is_active"], schedule(dsn)["isActive"]) == (True, False)


def test_a_newer_run_of_ours_stays_the_last_one(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn)
    execute(dsn, "UPDATE scheduled_reports SET last_run = '2026-07-01', last_run_status = 'success'")

    run(capsys, dsn, "--retire")

    assert (report(dsn)["last_run"], report(dsn)["last_run_status"]) == (datetime(2026, 7, 1), "success")  # noqa: DTZ001


def test_a_report_that_was_switched_over_is_effective_from_then_on(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn)
    ((before),) = rows(dsn, "SELECT clock_timestamp() AS now")

    run(capsys, dsn, "--retire")

    ((options),) = rows(dsn, "SELECT effective_from FROM reporting.report_options WHERE report_id = 'j1'")
    assert options["effective_from"] >= before["now"]


def test_where_the_old_one_cannot_be_switched_off_the_new_one_is_not_switched_on(dsn, capsys):
    add_job(dsn, "j1", metadata())
    execute(
        dsn,
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION USING ERRCODE = ''check_violation''; END'""",
    )
    execute(dsn, "CREATE TRIGGER refuse BEFORE UPDATE ON export_jobs FOR EACH ROW EXECUTE FUNCTION refuse()")

    code, printed = run(capsys, dsn, "--retire")

    assert (code, printed[0]) == (1, "'j1' 'Weekly': not imported")
    assert rows(dsn, "SELECT id FROM scheduled_reports") == []
    assert rows(dsn, "SELECT job_id FROM reporting.imports") == []
    assert schedule(dsn)["isActive"] is True


# Repeated imports


@pytest.mark.parametrize("options", [[], ["--retire"]])
def test_twice_is_the_same_as_once(dsn, capsys, options):
    add_job(dsn, "j1", metadata())
    add_job(dsn, "j2", metadata(name=7))
    run(capsys, dsn, *options)
    before = dump(dsn, "--data-only")

    code, printed = run(capsys, dsn, *options)

    assert (code, printed[-1].partition(";")[0]) == (1, "0 imported, 1 already there, 1 not imported")
    assert dump(dsn, "--data-only") == before


def test_a_report_that_was_edited_since_stays_as_it_was_edited(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn)
    execute(dsn, "UPDATE scheduled_reports SET name = 'Mine', email_recipients = '{bob@acme.example}'")
    before = report(dsn)

    assert run(capsys, dsn)[0] == 0
    assert report(dsn) == before


def test_a_report_that_was_deleted_since_does_not_come_back_and_its_old_schedule_goes_on(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn)
    execute(dsn, "DELETE FROM scheduled_reports")
    execute(dsn, "DELETE FROM reporting.departed")  # and the time for which a deleted report is remembered has passed

    code, printed = run(capsys, dsn, "--retire")

    assert (code, printed[0]) == (0, "'j1' 'Weekly': deleted since it was imported, stays deleted")
    assert rows(dsn, "SELECT id FROM scheduled_reports") == []
    assert schedule(dsn)["isActive"] is True


def test_an_old_schedule_that_was_edited_since_brings_an_unedited_report_up_to_date(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn)
    edit_old(dsn, cronExpression="0 8 * * 5", parameters={"dateRange": {"type": "last-7-days"}}, runCount=14)

    code, printed = run(capsys, dsn)

    assert (code, printed[0]) == (0, "'j1' 'Weekly': brought up to date, inactive")
    found = report(dsn)
    assert (found["cron_expression"], found["parameters"]) == ("0 8 * * 5", {"dateRange": {"type": "last-7-days"}})
    assert (found["run_count"], found["success_count"]) == (14, 12)
    assert run(capsys, dsn)[1][0] == "'j1' 'Weekly': already there, inactive"


def test_where_both_were_edited_neither_is_overwritten_nor_switched_over(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn)
    execute(dsn, "UPDATE scheduled_reports SET name = 'Mine'")
    edit_old(dsn, cronExpression="0 8 * * 5")

    quiet, _ = run(capsys, dsn)
    code, printed = run(capsys, dsn, "--retire")

    assert (quiet, code) == (0, 1)
    assert "both edited since" in printed[0]
    found = report(dsn)
    assert (found["name"], found["cron_expression"], found["is_active"]) == ("Mine", "0 9 * * 1", False)
    assert schedule(dsn)["isActive"] is True


def test_after_switching_over_a_report_that_a_person_paused_stays_paused(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn, "--retire")
    execute(dsn, "UPDATE scheduled_reports SET is_active = false")

    run(capsys, dsn, "--retire")

    assert report(dsn)["is_active"] is False


def test_after_switching_over_an_edit_in_the_old_place_changes_nothing(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn, "--retire")
    edit_old(dsn, cronExpression="*/5 * * * *")
    before = report(dsn)

    code, printed = run(capsys, dsn, "--retire")

    assert (code, printed[0], report(dsn)) == (0, "'j1' 'Weekly': already there, active", before)


def test_who_goes_back_to_the_old_schedule_can_switch_over_again(dsn, capsys):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn, "--retire")
    edit_old(dsn, isActive=True, runCount=14)
    execute(dsn, "UPDATE scheduled_reports SET is_active = false")

    code, _ = run(capsys, dsn, "--retire")

    found = report(dsn)
    assert (code, found["is_active"], found["run_count"], schedule(dsn)["isActive"]) == (0, True, 14, False)


@pytest.mark.parametrize("step", ["imported", "brought up to date"])
def test_a_job_that_is_edited_while_it_is_read_waits_for_the_next_time(dsn, capsys, monkeypatch, step):
    add_job(dsn, "j1", metadata())
    if step == "brought up to date":
        run(capsys, dsn)
        edit_old(dsn, cronExpression="0 8 * * 1")
    before = rows(dsn, "SELECT * FROM scheduled_reports")

    def read_slowly(*given):
        found = read(*given)
        edit_old(dsn, cronExpression="0 7 * * 1")
        return found

    with monkeypatch.context() as patch:
        patch.setattr("include.scheduled_reports.adapters.postgres.export_jobs.read", read_slowly)
        code, printed = run(capsys, dsn)

    assert (code, printed[1]) == (1, '  metadata: "metadata" was changed while it was read; run this again.')
    assert rows(dsn, "SELECT * FROM scheduled_reports") == before
    assert run(capsys, dsn)[1][0] == f"'j1' 'Weekly': {step}, inactive"
    assert report(dsn)["cron_expression"] == "0 7 * * 1"


@pytest.mark.parametrize("deleted", [True, False])
def test_where_our_memory_is_lost_the_old_schedule_says_itself_that_it_was_taken_over(dsn, capsys, deleted):
    add_job(dsn, "j1", metadata())
    run(capsys, dsn, "--retire")
    execute(dsn, "DELETE FROM reporting.imports")
    if deleted:
        execute(dsn, "DELETE FROM scheduled_reports")
    before = rows(dsn, "SELECT * FROM scheduled_reports")

    code, printed = run(capsys, dsn, "--retire")

    word = "deleted since it was imported, stays deleted" if deleted else "already there"
    assert (code, printed[0]) == (0, f"'j1' 'Weekly': {word}")
    assert rows(dsn, "SELECT * FROM scheduled_reports") == before


def test_four_imports_at_once_make_every_report_once(dsn):
    for number in range(10):
        add_job(dsn, f"j{number}", metadata())
    codes = []
    threads = [
        threading.Thread(target=lambda: codes.append(main(["import-export-jobs", "--dsn", dsn, "--retire"])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert codes == [0, 0, 0, 0]
    assert rows(dsn, "SELECT count(*) AS n, sum(run_count) AS runs FROM scheduled_reports") == [{"n": 10, "runs": 120}]


def test_an_edit_of_the_application_waits_for_the_switch_and_finds_it_done(dsn, capsys):
    add_job(dsn, "j1", metadata())
    with psycopg.connect(dsn) as application:
        application.execute("UPDATE export_jobs SET progress = 7 WHERE id = 'j1'")
        importing = threading.Thread(target=lambda: main(["import-export-jobs", "--dsn", dsn, "--retire"]))
        importing.start()
        importing.join(timeout=1)
        assert importing.is_alive()
        application.commit()
    importing.join(timeout=30)

    ((job),) = rows(dsn, "SELECT progress FROM export_jobs")
    assert (job["progress"], schedule(dsn)["isActive"], report(dsn)["is_active"]) == (7, False, True)


# Where there is nothing to import


def test_a_database_without_the_column_has_nothing_to_import(migrated_dsn, capsys):
    code, printed = run(capsys, migrated_dsn)

    assert (code, printed) == (0, ["export_jobs has no JSON column metadata: there is no schedule to import"])


def test_a_database_that_is_not_the_applications_is_an_error(bare_dsn, capsys):
    assert main(["import-export-jobs", "--dsn", bare_dsn]) == 1
    assert "there is no table export_jobs" in capsys.readouterr().err


def test_a_database_that_was_not_migrated_says_what_to_do(neolith_dsn, capsys):
    execute(neolith_dsn, "ALTER TABLE export_jobs ADD COLUMN metadata jsonb")
    add_people(neolith_dsn)
    add_job(neolith_dsn, "j1", metadata())

    assert main(["import-export-jobs", "--dsn", neolith_dsn]) == 1
    assert "has `migrate` been run" in capsys.readouterr().err
