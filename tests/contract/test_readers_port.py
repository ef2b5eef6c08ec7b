"""Port `Readers`, in memory and in PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.readers import PostgresReaders
from include.scheduled_reports.domain.reader import Addressee, reader_message
from include.scheduled_reports.domain.run import Actor, AuditAction
from include.scheduled_reports.testing.readers import MemoryReaders
from tests.contract.runs_suite import KEY, OTHER, Memory, new_run
from tests.contract.tables import execute

ADA, BOB = "Ada@acme.example", "bob@BÜCHER.example"
TO_ADA = Addressee(message=reader_message(ADA), address=ADA)
TO_BOB = Addressee(message=reader_message(BOB), address=BOB, of_report=False)
TO_ALL = Addressee(message="report", address=None)
ANN = Actor(user="ann")
REVOKED = AuditAction(action="revoked", actor=ANN, workspace_id="ws1")
RETURNED = AuditAction(action="returned", actor=Actor(user="service", acting_user="u1"), workspace_id="ws1")


@pytest.fixture
def readers(record):
    found = MemoryReaders() if isinstance(record, Memory) else PostgresReaders(record.dsn)
    record.port.open(new_run())
    return found


@pytest.fixture
def leave(record, readers):
    """Return a function that does what the public door does."""

    def by_link(report_id, address):
        if isinstance(record, Memory):
            readers.leave(report_id, address)
        else:
            execute(
                record.dsn,
                "INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how) "
                "VALUES (%s, 'ws1', lower(%s), %s, 'page')",
                report_id,
                address,
                address,
            )

    return by_link


def test_each_message_has_a_reader_of_its_own(readers):
    handles = readers.enlist(KEY, "ws1", [TO_ADA, TO_BOB, TO_ALL])

    assert set(handles) == {TO_ADA.message, TO_BOB.message, "report"}
    assert len(set(handles.values())) == 3
    assert {one.message: one.address for one in readers.of(KEY)} == {
        TO_ADA.message: ADA, TO_BOB.message: BOB, "report": None,
    }  # fmt: skip


def test_a_retry_finds_the_same_readers(readers):
    first = readers.enlist(KEY, "ws1", [TO_ADA])

    assert readers.enlist(KEY, "ws1", [TO_ADA, TO_BOB])[TO_ADA.message] == first[TO_ADA.message]


def test_a_reader_has_opened_nothing_at_first(readers):
    readers.enlist(KEY, "ws1", [TO_ADA])
    (ada,) = readers.of(KEY)

    assert (ada.openings, ada.automatic, ada.last_opened_at, ada.revoked_at) == (0, 0, None, None)


def test_links_are_revoked_for_one_run_and_once(readers):
    readers.enlist(KEY, "ws1", [TO_ADA, TO_BOB])

    assert readers.revoke(OTHER, REVOKED) == 0
    assert readers.revoke(KEY, REVOKED) == 2
    assert readers.revoke(KEY, REVOKED) == 0
    assert all(one.revoked_at for one in readers.of(KEY))
    readers.enlist(KEY, "ws1", [TO_ADA])
    assert all(one.revoked_at for one in readers.of(KEY))


def test_those_who_left_are_known_by_their_mailbox(readers, leave):
    leave("r1", ADA)

    assert readers.opted_out("r1") == {"ada@acme.example"}
    assert readers.opted_out("r2") == frozenset()
    assert [(one.address, one.how, one.returned_at) for one in readers.opt_outs("r1")] == [(ADA, "page", None)]


def test_an_opt_out_that_is_taken_back_stays_on_record(readers, leave):
    leave("r1", ADA)

    assert readers.take_back("r1", "ADA@ACME.example", RETURNED, "She asked for it again.")
    assert not readers.take_back("r1", ADA, RETURNED, "Twice.")
    assert not readers.take_back("r2", ADA, RETURNED, "Of another report.")

    assert readers.opted_out("r1") == frozenset()
    leave("r1", ADA)
    newest, first = readers.opt_outs("r1")
    assert newest.returned_at is None
    assert (first.returned_by, first.return_reason) == ("u1", "She asked for it again.")
    assert first.returned_at


def test_opt_outs_in_effect_come_before_those_that_were_taken_back(readers, leave):
    leave("r1", BOB)
    for _ in range(3):
        leave("r1", ADA)
        readers.take_back("r1", ADA, RETURNED, "She asked for it again.")

    assert [one.address for one in readers.opt_outs("r1")] == [BOB, ADA, ADA, ADA]


def test_what_was_done_is_noted_once(readers, leave, record):
    readers.enlist(KEY, "ws1", [TO_ADA, TO_BOB])
    leave("r1", ADA)

    for _ in range(2):
        readers.revoke(KEY, REVOKED)
        readers.take_back("r1", ADA, RETURNED, "She asked for it again.")

    if isinstance(record, Memory):
        assert readers.acts == [REVOKED, RETURNED]
    else:
        assert trail(record.dsn) == [
            ("revoked", "airflow:ann", None, KEY.run_id, None, {"readers": 2}),
            ("returned", "airflow:service", "u1", None, None, {"address": ADA, "reason": "She asked for it again."}),
        ]


def trail(dsn):
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT action, actor, acting_user, run_id, before, after FROM reporting.audit "
            "WHERE report_id = 'r1' AND workspace_id = 'ws1' AND action <> 'created' ORDER BY id"
        ).fetchall()


@pytest.fixture
def in_postgres(dsn):
    return PostgresReaders(dsn)


def leave_in(dsn, workspace_id):
    execute(
        dsn,
        "INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how) "
        "VALUES ('r1', %s, 'ada@acme.example', 'ada@acme.example', 'page')",
        workspace_id,
    )


def test_a_report_that_moves_leaves_its_opt_outs_behind_and_finds_them_when_it_comes_back(in_postgres, dsn):
    leave_in(dsn, "ws1")

    execute(dsn, "UPDATE scheduled_reports SET workspace_id = 'ws2' WHERE id = 'r1'")
    assert in_postgres.opted_out("r1") == frozenset()
    assert in_postgres.opt_outs("r1") == ()
    leave_in(dsn, "ws2")
    assert len(in_postgres.opt_outs("r1")) == 1

    execute(dsn, "UPDATE scheduled_reports SET workspace_id = 'ws1' WHERE id = 'r1'")
    assert in_postgres.opted_out("r1") == {"ada@acme.example"}
    assert in_postgres.take_back("r1", ADA, RETURNED, "She asked for it again.")
    execute(dsn, "UPDATE scheduled_reports SET workspace_id = 'ws2' WHERE id = 'r1'")
    assert in_postgres.opted_out("r1") == {"ada@acme.example"}


def test_opt_outs_follow_a_report_that_gets_another_id(in_postgres, dsn):
    leave_in(dsn, "ws1")
    execute(dsn, "UPDATE scheduled_reports SET id = 'r2' WHERE id = 'r1'")

    assert in_postgres.opted_out("r2") == {"ada@acme.example"}
    assert in_postgres.opted_out("r1") == frozenset()
