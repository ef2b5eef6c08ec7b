"""deploy/sql/forget-address.sql removes one person's address from every table of ours, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.scheduled_reports.domain.addresses import mailbox
from include.scheduled_reports.domain.reader import reader_message
from tests.contract.tables import add_people, add_report, execute
from tests.integration.test_roles import psql

FORGET = Path(__file__).parents[2] / "deploy/sql/forget-address.sql"
#: The second one would be found by a pattern in which a dot is any character or a plus a repetition.
ADA, OTHER, BOB = "ada.b+x@acme.example", "adaXbbx@acme.example", "bob@acme.example"
OPEN = "manual__open"


@pytest.fixture
def dsn(migrated_dsn):
    """Ada, in several spellings, and two others in every place that holds addresses; one run is open."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", email_recipients=[BOB])
    people = ["Ada.B+X@acme.example", OTHER, BOB]
    for run_id, settled_at in (("manual__1", "2026-05-11"), (OPEN, None)):
        execute(
            migrated_dsn,
            "INSERT INTO reporting.runs (report_id, run_id, run_key, workspace_id, kind, state, scheduled_for, "
            "triggered_by, clear_number, settled_at, frozen, mail) "
            "VALUES ('r1', %s, %s, 'ws1', 'manual', 'success', now(), 'airflow:ann', 0, %s, %s, %s)",
            run_id, run_id, settled_at, Jsonb({"row": {"email_recipients": people}}), Jsonb({"to": people}),
        )  # fmt: skip
        execute(
            migrated_dsn,
            "INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, refused, mode, "
            "formats) VALUES ('r1', %s, 'report', 'sent', 's', %s, %s, 'link', '{csv}')",
            run_id, Jsonb({"to": people[:1], "cc": people[1:], "bcc": []}), people,
        )  # fmt: skip
        execute(
            migrated_dsn,
            "INSERT INTO reporting.requests (id, report_id, run_id, recipients) VALUES (%s, 'r1', %s, %s)",
            run_id, run_id, people,
        )  # fmt: skip
        for one in people:
            execute(
                migrated_dsn,
                "INSERT INTO reporting.readers (report_id, run_id, message, workspace_id, address, mailbox, spellings, "
                "of_report) VALUES ('r1', %s, %s, 'ws1', %s, %s, ARRAY[%s], true)",
                run_id, reader_message(one), one, mailbox(one), mailbox(one),
            )  # fmt: skip
            execute(
                migrated_dsn,
                "INSERT INTO reporting.recipients (report_id, run_id, message, mailbox, address, state, at, reason, "
                "detail) VALUES ('r1', %s, 'report', %s, %s, 'bounced', now(), '', '')",
                run_id, mailbox(one), one,
            )  # fmt: skip
    for one in people:
        execute(
            migrated_dsn,
            "INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how) "
            "VALUES ('r1', 'ws1', %s, %s, 'page')",
            mailbox(one), one,
        )  # fmt: skip
        execute(
            migrated_dsn,
            "INSERT INTO reporting.suppressions (workspace_id, mailbox, address, cause, reason, report_id, run_id) "
            "VALUES ('ws1', %s, %s, 'bounce', '', 'r1', 'run')",
            mailbox(one), one,
        )  # fmt: skip
    execute(
        migrated_dsn,
        "UPDATE reporting.audit SET before = %s, after = %s",
        Jsonb({"email_recipients": people}), Jsonb({"address": people[0], "email_recipients": people[1:]}),
    )  # fmt: skip
    return migrated_dsn


def holding(dsn, address):
    """Return how many rows of each table of ours have an address, in any case."""
    found = {}
    with psycopg.connect(dsn) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'reporting'").fetchall()
        for (table,) in tables:
            statement = f"SELECT count(*) FROM reporting.{table} t WHERE strpos(lower(t::text), lower(%s)) > 0"
            found[table] = connection.execute(statement.encode(), [address]).fetchone()[0]
    return {table: count for table, count in found.items() if count}


def test_one_persons_address_goes_from_every_table_and_nobody_elses(dsn):
    before = {"runs": 2, "deliveries": 2, "requests": 2, "readers": 2, "recipients": 2, "opt_outs": 1, "audit": 1}
    before |= {"suppressions": 1}
    assert holding(dsn, ADA) == holding(dsn, OTHER) == holding(dsn, BOB) == before

    psql(dsn, FORGET, address=ADA)

    in_the_open_run = {"runs": 1, "deliveries": 1, "requests": 1, "readers": 1, "recipients": 1}
    assert holding(dsn, ADA) == in_the_open_run
    assert holding(dsn, OTHER) == holding(dsn, BOB) == before
    execute(dsn, "UPDATE reporting.runs SET settled_at = now()")
    psql(dsn, FORGET, address=ADA.upper())
    assert holding(dsn, ADA) == {}
    assert holding(dsn, OTHER) == holding(dsn, BOB) == before
