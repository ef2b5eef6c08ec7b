"""`export`, `plan` and `apply` through the command line on a real PostgreSQL."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import psycopg
import pytest

from include.scheduled_reports.__main__ import main
from include.scheduled_reports.sample_data.seed import seed
from tests.contract.tables import add_people, add_report, execute
from tests.integration.roles import Roles
from tests.unit.as_code import put, texts
from tests.unit.test_as_code import SVG

FILE = "acme/reports/r1.yaml"
#: Everything that an UPDATE would change, whatever its values: the transaction that wrote each row.
WRITERS = """
SELECT 'scheduled_reports', id, xmin::text FROM scheduled_reports
UNION ALL SELECT 'report_options', report_id, xmin::text FROM reporting.report_options
UNION ALL SELECT 'calendars', workspace_id || ' ' || code, xmin::text FROM reporting.calendars
UNION ALL SELECT 'brands', id::text, xmin::text FROM reporting.brands
UNION ALL SELECT 'audit', id::text, xmin::text FROM reporting.audit
ORDER BY 1, 2
"""


@pytest.fixture
def dsn(migrated_dsn):
    """Two reports of Acme, one of Zeta, a calendar, and a brand with a logo."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1")
    add_report(migrated_dsn, id="r2", name="Second", email_recipients=["ada@acme.example", "on@acme.example"])
    add_report(
        migrated_dsn, id="r9", name="Of others", workspace_id="ws2", created_by_id="u3",
        email_recipients=["eve@zeta.example"],
    )  # fmt: skip
    execute(
        migrated_dsn,
        "INSERT INTO reporting.calendars (workspace_id, code, name, dates) VALUES ('ws1', 'office', 'Office', %s)",
        ["2026-12-25"],
    )
    execute(
        migrated_dsn,
        """UPDATE reporting.report_options SET options = '{"calendar": "office", "startsOn": "2026-05-04"}',
           missed_runs = 'skip' WHERE report_id = 'r2'""",
    )
    execute(migrated_dsn, "UPDATE reporting.report_options SET effective_from = '2026-05-01'")
    return migrated_dsn


@pytest.fixture
def root(tmp_path):
    return tmp_path / "reports"


@pytest.fixture
def run(dsn, root, capsys, monkeypatch):
    """Run a command on the folder; return its exit status, output and errors."""

    def command(name, *options, dsn=dsn, folder=root):
        monkeypatch.setenv("SCHEDULED_REPORTS_DSN", dsn)  # a password among the arguments would be warned about
        status = main([name, str(folder), *options])
        printed = capsys.readouterr()
        return status, printed.out.splitlines(), printed.err.splitlines()

    return command


def rows(dsn, statement, *values):
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement, values).fetchall()


def effective(dsn):
    return dict(rows(dsn, "SELECT report_id, effective_from::text FROM reporting.report_options"))


def edit(root, path, old, new):
    text = (root / path).read_text()
    assert old in text
    put(root, path, text.replace(old, new))


def add_brand(root):
    put(root, "acme/logo.svg", SVG)
    put(root, "acme/brand.yaml", 'name: Acme\nlogo: logo.svg\ncolour: "#112233"\n')


def test_export_writes_a_file_for_each_report_calendar_and_brand(run, root):
    status, told, _ = run("export")

    assert (status, told[-1]) == (0, "4 written, 0 removed, 0 unchanged")
    assert set(texts(root)) == {
        FILE, "acme/reports/r2.yaml", "acme/calendars/office.yaml", "zeta/reports/r9.yaml",
        ".schema/report.json", ".schema/calendar.json", ".schema/brand.json",
    }  # fmt: skip


def test_export_apply_and_export_are_equal_byte_for_byte_and_no_row_is_written(run, root, dsn, tmp_path):
    run("export")
    add_brand(root)
    run("apply")
    run("export", folder=tmp_path / "first")
    before, moments = rows(dsn, WRITERS), effective(dsn)

    status, told, _ = run("apply", folder=tmp_path / "first")
    run("export", folder=tmp_path / "second")

    assert (status, told) == (0, ["0 created, 0 changed, 0 deleted, 5 unchanged"])
    assert texts(tmp_path / "first") == texts(tmp_path / "second")
    assert "acme/logo.svg" in texts(tmp_path / "first")
    assert rows(dsn, WRITERS) == before
    assert effective(dsn) == moments


def test_the_sample_with_its_invalid_rows_goes_there_and_back(run, migrated_dsn, tmp_path):
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute("TRUNCATE scheduled_reports, workspaces, users, organizations, reporting.calendars CASCADE")
    seed(migrated_dsn, until=date(2026, 5, 11), reports=13, messages=100)
    run("export", folder=tmp_path / "first")
    before = rows(migrated_dsn, WRITERS)

    status, told, errors = run("apply", "--prune", folder=tmp_path / "first")
    run("export", folder=tmp_path / "second")

    assert (status, errors) == (0, [])
    assert re.fullmatch(r"0 created, 0 changed, 0 deleted, \d+ unchanged", told[-1])
    assert [line for line in told[:-1] if not line.startswith("! ")] == []
    assert texts(tmp_path / "first") == texts(tmp_path / "second")
    assert rows(migrated_dsn, WRITERS) == before


def test_a_plan_changes_nothing_and_says_what_apply_then_does(run, root, dsn):
    run("export")
    edit(root, FILE, "Weekly activity", "Mondays")
    before = rows(dsn, WRITERS)

    status, told, _ = run("plan")

    assert status == 0
    assert told[:-1] == [
        '~ report acme/reports/r1.yaml "Mondays"',
        '    name: "Weekly activity" → "Mondays"',
        "0 to create, 1 to change, 0 to delete, 3 unchanged",
    ]
    assert rows(dsn, WRITERS) == before
    plan_id = told[-1].removeprefix("plan ")
    assert run("apply", "--plan", plan_id)[1][-1] == "0 created, 1 changed, 0 deleted, 3 unchanged"
    assert rows(dsn, "SELECT name FROM scheduled_reports WHERE id = 'r1'") == [("Mondays",)]


def test_the_exit_status_of_a_plan_says_on_request_whether_there_is_something_to_do(run, root):
    run("export")
    assert run("plan", "--detailed-exitcode")[0] == 0

    edit(root, FILE, "Weekly activity", "Mondays")
    assert run("plan", "--detailed-exitcode")[0] == 2

    edit(root, FILE, "Europe/Berlin", "Mars/Base")
    assert run("plan", "--detailed-exitcode")[0] == 1


def test_an_edit_between_plan_and_apply_is_not_overwritten(run, root, dsn):
    run("export")
    edit(root, FILE, "Weekly activity", "Mondays")
    plan_id = run("plan")[1][-1].removeprefix("plan ")
    execute(dsn, "UPDATE scheduled_reports SET name = 'Edited by Ada' WHERE id = 'r1'")

    status, told, errors = run("apply", "--plan", plan_id)

    assert (status, told) == (1, [])
    assert re.fullmatch(rf"error: the plan is \w{{12}} now, not {plan_id}; run plan again and look at it", errors[0])
    assert rows(dsn, "SELECT name FROM scheduled_reports WHERE id = 'r1'") == [("Edited by Ada",)]


def test_only_a_change_of_the_schedule_moves_the_effective_moment(run, root, dsn):
    run("export")
    before = effective(dsn)
    edit(root, FILE, "ada@acme.example", "ada@acme.example\n    - bob@acme.example")
    edit(root, "acme/reports/r2.yaml", "missedRuns: skip", "missedRuns: all")
    assert run("apply")[0] == 0
    assert effective(dsn) == before

    edit(root, FILE, "0 9 * * 1", "0 10 * * 1")
    edit(root, "acme/reports/r2.yaml", '"2026-05-04"', '"2026-06-01"')
    assert run("apply")[0] == 0
    after = effective(dsn)
    assert after["r9"] == before["r9"]
    assert after["r1"] > before["r1"]
    assert after["r2"] > before["r2"]


def test_a_new_report_is_created_as_the_application_would(run, root, dsn):
    put(root, "acme/reports/new.yaml",
        "id: acme-monthly\nname: Monthly\nreportType: export-summary\ncronExpression: 0 9 1 * *\n"
        "exportFormats: [csv]\ncreatedBy: u1\nstatus: PAUSED\noptions: {onClosed: after, calendar: US}\n")  # fmt: skip

    assert run("apply")[1][-1] == "1 created, 0 changed, 0 deleted, 0 unchanged"

    (found,) = rows(
        dsn,
        """SELECT r.workspace_id, r.name, r.status::text, r.timezone, r.tags, r.next_run, r.run_count,
                  o.options, o.missed_runs, o.effective_from > now() - interval '1 minute'
           FROM scheduled_reports r JOIN reporting.report_options o ON o.report_id = r.id
           WHERE r.id = 'acme-monthly'""",
    )
    options = {"calendar": "US", "onClosed": "after"}
    assert found == ("ws1", "Monthly", "PAUSED", "UTC", [], None, 0, options, "latest", True)
    assert run("apply")[1][-1] == "0 created, 0 changed, 0 deleted, 1 unchanged"


def test_what_has_no_file_any_more_is_deleted_only_with_prune(run, root, dsn):
    run("export")
    add_brand(root)
    run("apply")
    for path in (FILE, "acme/reports/r2.yaml", "acme/calendars/office.yaml", "acme/brand.yaml"):
        (root / path).unlink()

    assert run("apply")[1][-1] == "0 created, 0 changed, 0 deleted, 1 unchanged"
    status, told, _ = run("apply", "--prune")

    assert (status, told) == (
        0,
        [
            '- brand acme/brand.yaml "Acme"',
            '- calendar acme/calendars/office.yaml "Office"',
            '- report acme/reports/r1.yaml "Weekly activity"',
            '- report acme/reports/r2.yaml "Second"',
            "0 created, 0 changed, 4 deleted, 1 unchanged",
        ],
    )
    assert rows(dsn, "SELECT id FROM scheduled_reports") == [("r9",)]
    assert rows(dsn, "SELECT report_id FROM reporting.tombstones ORDER BY 1") == [("r1",), ("r2",)]
    assert rows(dsn, "SELECT code FROM reporting.calendars") == []
    assert rows(dsn, "SELECT count(*) FROM reporting.brands WHERE until IS NULL") == [(0,)]


@pytest.mark.parametrize(("options", "actor"), [((), "os:ada"), (("--actor", "GitHub run 7"), "apply:GitHub run 7")])
def test_the_audit_trail_names_who_applied(run, root, dsn, monkeypatch, options, actor):
    monkeypatch.setenv("LOGNAME", "ada")
    run("export")
    execute(dsn, "DELETE FROM reporting.audit")
    edit(root, FILE, "Weekly activity", "Mondays")
    edit(root, "acme/calendars/office.yaml", "Office", "Bureau")
    add_brand(root)

    assert run("apply", *options)[0] == 0

    assert rows(dsn, "SELECT actor, action, report_id, workspace_id FROM reporting.audit ORDER BY id") == [
        (actor, "changed", None, "ws1"),
        (actor, "changed", "r1", "ws1"),
        (actor, "branded", None, "ws1"),
    ]


def test_one_wrong_file_among_many_keeps_all_of_them_from_being_applied(run, root, dsn):
    run("export")
    before = rows(dsn, WRITERS)
    edit(root, FILE, "Weekly activity", "Mondays")
    edit(root, "zeta/reports/r9.yaml", "timezone", "timezon")
    for number in range(20):
        put(root, f"acme/reports/new{number}.yaml", (root / FILE).read_text().replace("id: r1", f"id: new{number}"))
    edit(root, "acme/reports/new7.yaml", "- csv", "- cvs")

    status, told, errors = run("apply", "--prune")

    assert (status, told) == (1, [])
    assert [line.partition(": ")[0] for line in errors[:-1]] == ["acme/reports/new7.yaml:9", "zeta/reports/r9.yaml:7"]
    assert "did you mean csv?" in errors[0]
    assert "did you mean timezone?" in errors[1]
    assert errors[-1] == "error: 2 problems; nothing was changed"
    assert rows(dsn, WRITERS) == before


def test_the_role_of_the_api_server_may_apply_and_that_of_the_tasks_may_plan(run, root, dsn):
    roles = Roles(dsn)
    roles.make()
    try:
        run("export")
        edit(root, FILE, "Weekly activity", "Mondays")
        edit(root, "acme/calendars/office.yaml", "Office", "Bureau")
        add_brand(root)

        assert run("plan", dsn=roles.writing)[0] == 0
        assert run("apply", dsn=roles.editing)[1][-1] == "1 created, 2 changed, 0 deleted, 2 unchanged"
        assert run("plan", "--detailed-exitcode")[0] == 0
    finally:
        roles.drop()


@pytest.mark.parametrize("actor", ["", " ", "a\nb", "x" * 201])
def test_an_actor_that_is_no_name_is_refused_before_anything_is_read(root, capsys, actor):
    with pytest.raises(SystemExit):
        main(["apply", str(root), "--actor", actor])

    assert "is not a name of 1 to 200 printable characters." in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_an_error_in_one_line(run, root):
    assert run("plan") == (1, [], [f"error: there is no folder {root}; export creates it"])
    assert not Path(root).exists()
