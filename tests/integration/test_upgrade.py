"""Upgrade from a released version with open runs, and the way back, on the stored schema, statements and rows."""

from __future__ import annotations

import re

import psycopg
import pytest
from psycopg import pq
from psycopg.rows import dict_row

from include.scheduled_reports.adapters.postgres.migrate import migrate
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep
from tests.integration.database import dump
from tests.integration.release import DONE, RELEASES, Release, go_on, services, trigger

VERSIONS = [Release(folder) for folder in sorted(RELEASES.iterdir()) if folder.is_dir()]
STATEMENTS = [(one, name) for one in VERSIONS for name in one.statements]
MAILED = "email"
DIED = "claim"
PLACEHOLDER = re.compile(r"%\((\w+)\)s")

each_version = pytest.mark.parametrize("version", VERSIONS, ids=str)


@pytest.fixture
def upgraded(neolith_dsn, version):
    """Services on this version's schema, with the runs that the released version left open."""
    staging, store = version.load(neolith_dsn)
    migrate(neolith_dsn)
    return services(neolith_dsn, staging, store)


def rows(dsn, statement):
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(statement).fetchall()


@each_version
def test_the_released_version_has_left_a_run_after_every_stage(neolith_dsn, version):
    version.load(neolith_dsn)

    found = rows(neolith_dsn, "SELECT report_id FROM reporting.runs WHERE settled_at IS NULL ORDER BY 1")
    assert [one["report_id"] for one in found] == sorted(DONE)
    ledger = {one["report_id"]: one["state"] for one in rows(neolith_dsn, "SELECT * FROM reporting.deliveries")}
    assert ledger == {MAILED: "sent", DIED: "claimed"}


@each_version
@pytest.mark.parametrize("done", [one for one in DONE if one != DIED])
def test_a_run_that_the_released_version_began_is_ended_by_this_one(upgraded, neolith_dsn, done):
    go_on(upgraded, trigger(done), done)
    outcome = pipeline.record(upgraded, trigger(done))

    assert outcome.state is RunState.SUCCESS
    assert len(upgraded.mailer.sent) == (0 if done == MAILED else 1)
    found = rows(neolith_dsn, f"SELECT * FROM report_executions WHERE scheduled_report_id = '{done}'")
    assert {(one["format"], one["status"], one["email_sent"]) for one in found} == {
        ("CSV", "COMPLETED", True),
        ("JSON", "COMPLETED", True),
    }
    (report,) = rows(neolith_dsn, f"SELECT * FROM scheduled_reports WHERE id = '{done}'")
    assert (report["run_count"], report["success_count"], report["failure_count"]) == (1, 1, 0)


@each_version
def test_a_mail_whose_sender_died_in_the_released_version_is_unknown_and_not_sent_again(upgraded, neolith_dsn):
    outcome = pipeline.record(upgraded, trigger(DIED))

    assert outcome.state is RunState.FAILED
    (held,) = rows(neolith_dsn, f"SELECT * FROM reporting.deliveries WHERE report_id = '{DIED}' AND message = 'report'")
    assert held["state"] == "unknown"
    assert [to.to for _, to, _ in upgraded.mailer.sent] == [("ada@acme.example",)]  # the notice to its owner
    (notice,) = rows(
        neolith_dsn, f"SELECT * FROM reporting.deliveries WHERE report_id = '{DIED}' AND message <> 'report'"
    )
    assert (notice["message"], notice["state"]) == ("notice/failed", "sent")


@each_version
def test_runs_that_nobody_goes_on_with_after_the_upgrade_are_settled_by_upkeep(upgraded, neolith_dsn):
    def now():
        return rows(neolith_dsn, "SELECT max(touched_at) + interval '1 minute' AS now FROM reporting.runs")[0]["now"]

    upgraded.now = now

    assert upkeep(upgraded, MemoryOrchestrator()).settled == len(DONE)
    assert rows(neolith_dsn, "SELECT report_id FROM reporting.runs WHERE settled_at IS NULL") == []


@pytest.mark.parametrize(
    ("version", "name"), STATEMENTS, ids=lambda one: one if isinstance(one, str) else one.folder.name
)
def test_every_statement_of_the_released_version_is_taken_by_this_schema(migrated_dsn, version, name):
    """During a rolling upgrade, and after a downgrade, the old code uses the new tables."""
    names = []

    def number(found):
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    statement = PLACEHOLDER.sub(number, version.statements[name]).replace("%%", "%")
    with psycopg.connect(migrated_dsn) as connection:
        result = connection.pgconn.prepare(b"old", statement.encode())

        assert result.status == pq.ExecStatus.COMMAND_OK, result.error_message.decode()


@each_version
def test_the_released_version_s_migrate_run_by_mistake_is_mended_by_this_one_s(neolith_dsn, version):
    migrate(neolith_dsn)
    wanted = dump(neolith_dsn, "--schema-only")

    with psycopg.connect(neolith_dsn) as connection:
        connection.execute(version.schema.encode())
    migrate(neolith_dsn)

    assert dump(neolith_dsn, "--schema-only") == wanted


@each_version
def test_an_upgraded_schema_is_the_one_that_is_made_anew(neolith_dsn, migrated_dsn, version):
    version.load(neolith_dsn)
    migrate(neolith_dsn)

    assert dump(neolith_dsn, "--schema-only") == dump(migrated_dsn, "--schema-only")


def test_there_is_a_version_to_upgrade_from():
    assert VERSIONS
    assert STATEMENTS
