"""Port `Door` on PostgreSQL: who still sees a file, leaving and coming back, and what is counted."""

from __future__ import annotations

import random
from uuid import uuid4

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.door import PostgresDoor
from include.scheduled_reports.adapters.postgres.migrate import migrate
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.reader import LeftBy
from tests.contract.door import ADA, Scene
from tests.contract.runs_suite import CSV, PDF, artifact

#: What happens after the mail was sent, and who of Ada, the guest and the message to all still gets the file.  Ada was
#: mailed because the row names her, the guest because somebody named them for this run.
STILL = {
    "nothing": ("SELECT", "ada guest all"),
    "taken off": ("UPDATE scheduled_reports SET email_recipients = '{bob@acme.example}' WHERE id = 'r1'", "guest all"),
    "nobody left": ("UPDATE scheduled_reports SET email_recipients = '{}' WHERE id = 'r1'", "guest all"),
    "now a copy": (
        "UPDATE scheduled_reports SET email_recipients = '{}', email_cc_recipients = '{x@y.example,ADA@ACME.example}' "
        "WHERE id = 'r1'",
        "ada guest all",
    ),
    "now a blind copy": (
        "UPDATE scheduled_reports SET email_recipients = '{}', email_bcc_recipients = '{ada@ACME.EXAMPLE}' "
        "WHERE id = 'r1'",
        "ada guest all",
    ),
    "another address that contains it": (
        "UPDATE scheduled_reports SET email_recipients = '{xada@acme.example,ada@acme.example.org}' WHERE id = 'r1'",
        "guest all",
    ),
    "disabled": ("UPDATE scheduled_reports SET status = 'DISABLED' WHERE id = 'r1'", "ada guest all"),
    "paused, without email": (
        "UPDATE scheduled_reports SET is_active = false, email_enabled = false WHERE id = 'r1'", "ada guest all"
    ),
    "renamed": ("UPDATE scheduled_reports SET id = 'r7' WHERE id = 'r1'", "ada guest all"),
    "renamed twice": (
        "UPDATE scheduled_reports SET id = 'r7' WHERE id = 'r1'; "
        "UPDATE scheduled_reports SET id = 'r8' WHERE id = 'r7'",
        "ada guest all",
    ),
    "renamed, then deleted": (
        "UPDATE scheduled_reports SET id = 'r7' WHERE id = 'r1'; DELETE FROM scheduled_reports WHERE id = 'r7'", ""
    ),
    "moved to another workspace": ("UPDATE scheduled_reports SET workspace_id = 'ws2' WHERE id = 'r1'", ""),
    "deleted": ("DELETE FROM scheduled_reports WHERE id = 'r1'", ""),
    "all reports deleted at once": ("TRUNCATE scheduled_reports CASCADE", ""),
    "the workspace deleted": ("DELETE FROM workspaces WHERE id = 'ws1'", ""),
    "no table of workspaces": ("DROP TABLE workspaces CASCADE", "ada guest all"),
    "no table of reports": ("DROP TABLE scheduled_reports CASCADE", ""),
    "the file erased": ("UPDATE reporting.artifacts SET deleted_at = now()", ""),
    "another report's file in the record": ("UPDATE reporting.artifacts SET object_key = 'ws1/r10/x.csv'", ""),
    "revoked": ("UPDATE reporting.readers SET revoked_at = now()", ""),
    "the run erased": ("DELETE FROM reporting.runs", ""),
    "the tables in another schema": (
        "CREATE SCHEMA app; ALTER TABLE workspaces SET SCHEMA app; ALTER TABLE scheduled_reports SET SCHEMA app",
        "ada guest all",
    ),
    "no list of copies": (
        "ALTER TABLE scheduled_reports ALTER email_cc_recipients DROP NOT NULL; "
        "UPDATE scheduled_reports SET email_cc_recipients = NULL",
        "ada guest all",
    ),
}  # fmt: skip


@pytest.fixture
def scene(migrated_dsn):
    return Scene.make(migrated_dsn)


@pytest.fixture
def door(scene):
    return PostgresDoor(scene.dsn)


@pytest.mark.parametrize("what", STILL)
def test_who_still_gets_the_file_after(scene, door, what):
    statements, expected = STILL[what]
    for one in statements.split("; "):
        scene.execute(one)

    found = {name: door.file(getattr(scene, name), CSV, is_opening=True) for name in ("ada", "guest", "all")}

    assert [name for name, file in found.items() if file] == expected.split()
    for file in filter(None, found.values()):
        assert (file.bucket, file.object_key) == ("reports", artifact(CSV).object_key)


#: One mailbox each, as people write it.
SPELT = {
    "ada": ["ada@acme.example", "ADA@Acme.example", "Ada@ACME.EXAMPLE"],
    "jo": ["jo+news@bücher.example", "JO+NEWS@BÜCHER.EXAMPLE", "Jo+News@XN--BCHER-KVA.example"],
    "": ["jo@bücher.example", "jo+new@bücher.example", "jo+news@bucher.example", "ada@acme.example.org"],
}  # fmt: skip


def test_a_reader_is_found_in_any_list_however_it_is_spelt(scene, door):
    draw = random.Random(21)  # noqa: S311
    outcomes = set()
    for _ in range(60):
        lists, named = [], set()
        for _ in range(3):
            chosen = [draw.choice(list(SPELT)) for _ in range(draw.randint(0, 2))]
            named |= set(chosen)
            lists.append([draw.choice(SPELT[name]) for name in chosen])
        scene.execute(
            "UPDATE scheduled_reports SET email_recipients = %s, email_cc_recipients = %s, email_bcc_recipients = %s "
            "WHERE id = 'r1'",
            *lists,
        )
        seen = {name for name in ("ada", "jo") if door.file(getattr(scene, name), CSV, is_opening=False)}

        assert seen == named - {""}, lists
        outcomes.add(frozenset(seen))
    assert len(outcomes) == 4


def test_a_handle_or_a_format_that_does_not_exist_has_no_file(scene, door):
    assert door.file(uuid4(), CSV, is_opening=True) is None
    assert door.file(scene.ada, Format.HTML, is_opening=True) is None
    assert door.file(scene.ada, PDF, is_opening=True).object_key == artifact(PDF).object_key
    assert scene.openings(scene.ada) == (1, 0)


@pytest.mark.parametrize(
    ("settled", "state", "counted"),
    [
        ("now() - interval '9 seconds'", "sent", (0, 1)),
        ("now() - interval '11 seconds'", "sent", (1, 0)),
        ("NULL", "claimed", (0, 1)),
        ("now() - interval '1 minute'", "unknown", (1, 0)),
    ],
)
def test_what_opens_within_ten_seconds_of_sending_is_a_program(scene, door, settled, state, counted):
    scene.execute(
        "INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats, "
        f"settled_at) SELECT report_id, run_id, message, '{state}', 's', '{{}}', 'link', '{{}}', {settled} "
        "FROM reporting.readers WHERE handle = %s",
        scene.ada,
    )

    door.file(scene.ada, CSV, is_opening=False)
    assert scene.openings(scene.ada) == (0, 0)
    door.file(scene.ada, CSV, is_opening=True)

    assert scene.openings(scene.ada) == counted
    ((last,),) = scene.query("SELECT last_opened_at FROM reporting.readers WHERE handle = %s", scene.ada)
    assert (last is not None) == (counted == (1, 0))
    assert scene.openings(scene.guest) == (0, 0)


def test_a_reader_leaves_their_report_and_comes_back(scene, door):
    assert door.reader(scene.ada).left_at is None

    assert door.leave(scene.ada, LeftBy.ONE_CLICK)
    assert door.leave(scene.ada, LeftBy.PAGE)
    assert door.reader(scene.ada).left_at is not None
    assert scene.opt_outs() == [("r1", "ada@acme.example", "one-click", False)]

    assert door.come_back(scene.ada)
    assert door.come_back(scene.ada)
    assert door.reader(scene.ada).left_at is None
    assert scene.opt_outs() == [("r1", "ada@acme.example", "one-click", True)]
    ((by,),) = scene.query("SELECT returned_by FROM reporting.opt_outs")
    assert by is None


def test_leaving_and_coming_back_again_and_again_fills_no_table(scene, door):
    for _ in range(5):
        door.leave(scene.ada, LeftBy.PAGE)
        door.come_back(scene.ada)
    door.leave(scene.ada, LeftBy.PAGE)
    assert scene.opt_outs() == [("r1", "ada@acme.example", "page", False)]

    door.come_back(scene.ada)
    scene.execute("UPDATE reporting.opt_outs SET left_at = now() - interval '2 hours'")
    door.leave(scene.ada, LeftBy.MANAGE)
    assert [how for _, _, how, _ in scene.opt_outs()] == ["page", "manage"]

    # What an owner took back stays as the owner's.
    scene.execute("UPDATE reporting.opt_outs SET returned_at = now(), returned_by = 'u1' WHERE how = 'manage'")
    door.leave(scene.ada, LeftBy.PAGE)
    assert [back for *_, back in scene.opt_outs()] == [True, True, False]


def test_a_message_to_several_readers_has_nobody_who_could_leave(scene, door):
    assert door.reader(scene.all) is None
    assert not door.leave(scene.all, LeftBy.PAGE)
    assert not door.come_back(scene.all)
    assert door.reports(scene.all) == ()
    assert not door.switch(scene.all, "r1", receives=False)
    assert scene.opt_outs() == []


def test_a_reader_who_was_revoked_or_taken_off_can_still_leave(scene, door):
    scene.execute("UPDATE reporting.readers SET revoked_at = now()")
    scene.execute("UPDATE scheduled_reports SET email_recipients = '{bob@acme.example}' WHERE id = 'r1'")

    assert door.leave(scene.ada, LeftBy.PAGE)
    assert door.leave(scene.guest, LeftBy.PAGE)


@pytest.mark.parametrize("what", ["deleted", "moved to another workspace", "the run erased", "no table of reports"])
def test_nobody_leaves_a_report_that_is_gone(scene, door, what):
    scene.execute(STILL[what][0])

    assert door.reader(scene.ada) is None
    assert not door.leave(scene.ada, LeftBy.PAGE)
    assert door.reports(scene.ada) == ()


def test_an_opt_out_follows_a_report_that_gets_another_id(scene, door):
    door.leave(scene.ada, LeftBy.PAGE)
    scene.execute("UPDATE scheduled_reports SET id = 'r7' WHERE id = 'r1'")

    assert door.reader(scene.ada).left_at is not None
    assert door.come_back(scene.ada)
    assert scene.opt_outs() == [("r7", "ada@acme.example", "page", True)]


def test_a_reader_sees_what_else_the_workspace_mails_them_and_no_more(scene, door):
    scene.execute("UPDATE scheduled_reports SET email_recipients = '{ada@acme.example}' WHERE id = 'r9'")

    assert [(one.id, one.name, one.has_left) for one in door.reports(scene.ada)] == [
        ("r1", "Weekly activity", False), ("r2", "Ärger & <Co>", False),
    ]  # fmt: skip
    assert [one.id for one in door.reports(scene.jo)] == ["r1"]
    assert [one.id for one in door.reports(scene.guest)] == ["r1"]

    scene.execute("UPDATE scheduled_reports SET email_enabled = false WHERE id = 'r2'")
    assert [one.id for one in door.reports(scene.ada)] == ["r1"]


def test_a_reader_switches_only_reports_that_are_shown_to_them(scene, door):
    for hidden in ("r3", "r9", "r0", "", "r1'--"):
        assert not door.switch(scene.ada, hidden, receives=False)
    assert scene.opt_outs() == []

    assert door.switch(scene.ada, "r2", receives=False)
    assert scene.opt_outs() == [("r2", "ada@acme.example", "manage", False)]
    # What somebody has left is shown as long as the report exists, so that they can come back.
    scene.execute("UPDATE scheduled_reports SET email_bcc_recipients = '{}' WHERE id = 'r2'")
    assert [(one.id, one.has_left) for one in door.reports(scene.ada)] == [("r1", False), ("r2", True)]
    assert door.switch(scene.ada, "r2", receives=True)
    assert [one.id for one in door.reports(scene.ada)] == ["r1"]


def test_the_link_s_own_report_is_shown_however_many_there_are(scene, door):
    scene.execute(
        'INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, export_formats, email_recipients, '
        "email_enabled, workspace_id, created_by_id, updated_at) "
        "SELECT 'many' || n, 'A report', 'workspace-activity', '0 9 * * 1', '{csv}', '{ada@acme.example}', true, "
        "'ws1', 'u1', now() FROM generate_series(1, 250) n"
    )

    found = door.reports(scene.ada)
    assert (len(found), found[0].id) == (200, "r1")
    assert door.switch(scene.ada, "r1", receives=False)


def test_the_door_waits_for_no_lock_of_the_application(scene, door):
    with psycopg.connect(scene.dsn) as application:
        application.execute("SELECT FROM scheduled_reports FOR UPDATE")
        application.execute("LOCK TABLE workspaces IN EXCLUSIVE MODE")
        application.execute("UPDATE scheduled_reports SET name = 'Changed'")

        assert door.file(scene.ada, CSV, is_opening=True)
        assert door.reader(scene.ada).address == ADA
        assert door.leave(scene.ada, LeftBy.PAGE)
        assert door.switch(scene.ada, "r2", receives=False)
        assert len(door.reports(scene.ada)) == 2


def test_migrating_again_keeps_the_right_to_call_the_functions(scene, door):
    scene.execute("CREATE ROLE door_again")
    try:
        scene.execute("GRANT EXECUTE ON FUNCTION reporting.door_reader(uuid) TO door_again")
        migrate(scene.dsn)
        rights = "SELECT has_function_privilege(%s, 'reporting.door_reader(uuid)', 'EXECUTE')"
        assert scene.query(rights, "door_again") == [(True,)]
    finally:
        scene.execute("DROP OWNED BY door_again")
        scene.execute("DROP ROLE door_again")
