"""security-audit: the workspace that an audit log entry belongs to, on rows computed by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_types
from tests.conftest import copied
from tests.contract.tables import add_people, add_report, execute

KIND = report_types()["security-audit"]
#: 4 to 10 May in Berlin.
WINDOW = (datetime(2026, 5, 3, 22, tzinfo=UTC), datetime(2026, 5, 10, 22, tzinfo=UTC))
THEN = "2026-05-05 10:00"
# ada (u1) and bob (u2) are members of ws1 since January, eve (u3) of ws2.  Ids that end in 2 are in the other one.
PLACES = """
INSERT INTO users (id, email, name, status, updated_at) VALUES
    ('both', 'both@acme.example', 'Bo Both', 'ACTIVE', now()), ('late', 'late@acme.example', 'Lee', 'ACTIVE', now()),
    ('left', 'left@acme.example', 'Lefty', 'INACTIVE', now()), ('helper', 'h@acme.example', 'Helper', 'ACTIVE', now());
INSERT INTO workspace_members (id, workspace_id, user_id, joined_at) VALUES
    ('b1', 'ws1', 'both', '2026-01-01'), ('b2', 'ws2', 'both', '2026-01-01'),
    ('l1', 'ws1', 'late', '2026-05-05 10:00:00.001'), ('h1', 'ws1', 'helper', '2026-01-01');
INSERT INTO channels (id, name, slug, type, workspace_id, updated_at) VALUES
    ('c1', 'general', 'general', 'PUBLIC', 'ws1', now()), ('p1', 'takeover', 'takeover', 'PRIVATE', 'ws1', now()),
    ('d1', 'ada-bob', 'ada-bob', 'DM', 'ws1', now()), ('c2', 'elsewhere', 'general', 'PUBLIC', 'ws2', now());
INSERT INTO channel_members (id, channel_id, user_id, joined_at, left_at) VALUES
    ('cm1', 'c1', 'left', '2026-02-01', '2026-05-06'), ('cm2', 'c2', 'u3', '2026-02-01', NULL),
    ('cm3', 'c1', 'u3', '2026-02-01', NULL);
INSERT INTO messages (id, content, channel_id, author_id, updated_at)
VALUES ('x1', 'the secret', 'c1', 'u1', now()), ('x2', 'another', 'c2', 'u3', now());
INSERT INTO reactions (id, emoji, message_id, user_id) VALUES ('r1', '+', 'x1', 'u1'), ('r2', '+', 'x2', 'u3');
INSERT INTO files (id, filename, original_name, mime_type, size, s3_key, s3_bucket, workspace_id, uploaded_by_id,
                   updated_at)
VALUES ('f1', 'f', 'f', 'text/plain', 1, 'f', 'b', 'ws1', 'u1', now()),
       ('f2', 'f', 'f', 'text/plain', 1, 'f', 'b', 'ws2', 'u3', now());
INSERT INTO vps (id, discipline, role, user_id, organization_id, workspace_id, updated_at)
VALUES ('v1', 'd', 'r', 'helper', 'o1', 'ws1', now()), ('v2', 'd', 'r', 'u3', 'o2', 'ws2', now()),
       ('v0', 'd', 'r', 'u2', 'o1', NULL, now());
INSERT INTO tasks (id, title, vp_id, workspace_id, created_by_id, updated_at)
VALUES ('t1', 'Rotate keys', 'v1', 'ws1', 'u1', now()), ('t2', 'Other', 'v2', 'ws2', 'u3', now());
INSERT INTO workflows (id, name, trigger, actions, workspace_id, created_by, updated_at)
VALUES ('w1', 'Backup', '{}', '[]', 'ws1', 'u1', now()), ('w2', 'Other', '{}', '[]', 'ws2', 'u3', now());
INSERT INTO workflow_executions (id, triggered_by, trigger_type, workflow_id, workspace_id)
VALUES ('e1', 'u1', 'manual', 'w1', 'ws1'), ('e2', 'u3', 'manual', 'w2', 'ws2');
INSERT INTO export_jobs (id, workspace_id, type, requested_by)
VALUES ('j1', 'ws1', 'messages', 'u1'), ('j2', 'ws2', 'messages', 'u3');
"""


@pytest.fixture(scope="module")
def places_template(postgres, migrated_template):
    """Return the name of a database with the objects and no log entry, to be copied."""
    made = postgres.create_database("places", template=migrated_template)
    add_people(made)
    execute(made, PLACES)
    add_report(made, id="rep1")
    add_report(made, id="rep2", workspace_id="ws2")
    execute(
        made,
        "INSERT INTO report_executions (id, scheduled_report_id, triggered_by, format, scheduled_for)"
        " VALUES ('ex1', 'rep1', 'system', 'CSV', now()), ('ex2', 'rep2', 'system', 'CSV', now())",
    )
    yield "places"
    postgres.drop_database("places")


@pytest.fixture
def dsn(postgres, places_template):
    with copied(postgres, places_template) as made:
        yield made


@pytest.fixture
def log(dsn):
    """Add an entry to the audit log: resource type, resource, actor, and other values that differ from the usual."""

    def log(kind, resource, actor="u1", **changes):
        entry = {
            "actor_type": "user", "action": "thing.changed", "ip": "192.0.2.1", "severity": "info", "created_at": THEN,
        } | changes  # fmt: skip
        with psycopg.connect(dsn) as connection:
            number = connection.execute("SELECT count(*) FROM audit_logs").fetchone()[0]
            connection.execute(
                "INSERT INTO audit_logs (id, actor_id, resource_type, resource_id, actor_type, action, ip, severity,"
                " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [f"a{number:03}", actor, kind, resource, *entry.values()],
            )

    return log


@pytest.fixture
def ask(dsn):
    """Return the rows of one of the type's queries, for a workspace."""

    def ask(name="events", workspace="ws1", window=WINDOW, **parameters):
        scope = Scope(
            workspace_id=workspace, start=window[0], end=window[1], timezone="Europe/Berlin", parameters=parameters
        )
        queries = {dataset.name: dataset.sql for dataset in KIND.datasets} | {"figures": KIND.figures_sql}
        with PostgresSource(dsn).stream(queries[name], scope) as batches:
            return batches.read_all().to_pylist()

    return ask


def belongs(ask):
    """Return the workspaces in which the only entry appears."""
    return [workspace for workspace in ("ws1", "ws2") if ask(workspace=workspace)]


KINDS = {
    "workspace": "ws", "channel": "c", "message": "x", "reaction": "r", "file": "f", "task": "t", "workflow": "w",
    "workflow_execution": "e", "execution": "e", "export_job": "j", "export": "j", "channel_member": "cm", "vp": "v",
    "scheduled_report": "rep", "report_execution": "ex",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "prefix"), KINDS.items())
@pytest.mark.parametrize("actor", ["u1", "u3", "both", "nobody"])
def test_an_entry_belongs_to_where_its_resource_lies_whoever_the_actor_is(log, ask, kind, prefix, actor):
    log(kind, f"{prefix}2", actor)

    assert belongs(ask) == ["ws2"]


@pytest.mark.parametrize(("kind", "resource"), [("member", "m3"), ("workspace_member", "b2"), ("workspace", "ws2")])
def test_a_membership_lies_in_its_workspace(log, ask, kind, resource):
    log(kind, resource, "both")

    assert belongs(ask) == ["ws2"]


@pytest.mark.parametrize(
    "kind", ["Channel", "CHANNELS", "channels", "workflowExecution", "workflow-execution", "Workflow Executions"]
)
def test_a_kind_is_known_however_it_is_spelt(log, ask, kind):
    log(kind, "c2" if "hannel" in kind.lower() else "e2", "both")

    assert belongs(ask) == ["ws2"]


def test_a_kind_nobody_knows_is_looked_for_everywhere_before_it_is_called_nobodys(log, ask):
    log("conversation", "c2", "u1")

    assert belongs(ask) == ["ws2"]


def test_a_kind_is_not_taken_for_another_of_the_same_id(log, ask, dsn):
    execute(dsn, "UPDATE workflows SET id = 'c2' WHERE id = 'w1'")
    log("workflow", "c2", "u3")

    assert belongs(ask) == ["ws1"]


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("user", "u3"), ("organization", "o2"), ("session", None), ("billing", None), ("channel", None),
        ("channel", "deleted"), ("vp", "v0"), ("user", "c2"), ("whatever", "no id of anything"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("actor", "workspaces"), [("u1", ["ws1"]), ("u3", ["ws2"]), ("both", ["ws1", "ws2"]), ("nobody", [])]
)
def test_what_lies_nowhere_belongs_to_each_workspace_of_its_actor(log, ask, kind, resource, actor, workspaces):
    log(kind, resource, actor)

    assert belongs(ask) == workspaces


@pytest.mark.parametrize(
    ("moment", "workspaces"), [("2026-05-05 10:00", []), ("2026-05-05 10:00:00.001", ["ws1"]), ("2026-05-06", ["ws1"])]
)
def test_before_joining_nobody_is_a_member(log, ask, moment, workspaces):
    log("user", "late", "late", created_at=moment)

    assert belongs(ask) == workspaces


@pytest.mark.parametrize(
    ("moment", "workspaces"), [("2026-05-05 23:59:59.999", ["ws1"]), ("2026-05-06", []), ("2026-05-07", [])]
)
def test_who_has_left_was_a_member_as_long_as_of_a_channel_they_left(log, ask, moment, workspaces):
    log("user", "left", "left", created_at=moment)

    assert belongs(ask) == workspaces


def test_a_place_in_a_channel_alone_makes_no_member(log, ask):
    log("session", None, "u3")  # cm3: still in c1 of ws1, but only a member of ws2

    assert belongs(ask) == ["ws2"]


def test_a_virtual_person_is_known_by_either_id(log, ask):
    log("session", None, "v1", actor_type="vp")
    log("session", None, "helper", actor_type="vp")

    assert [row["actor"] for row in ask()] == ["Helper", "Helper"]
    assert ask(workspace="ws2") == []


def test_the_window_is_half_open(log, ask):
    for moment in ("2026-05-03 21:59:59.999", "2026-05-03 22:00", "2026-05-10 21:59:59.999", "2026-05-10 22:00"):
        log("workspace", "ws1", created_at=moment, action=moment)

    assert [row["action"] for row in ask()] == ["2026-05-10 21:59:59.999", "2026-05-03 22:00"]


def test_one_row_per_event_the_newest_first_and_no_private_names(log, ask):
    log("channel", "c1", created_at="2026-05-05 10:00")
    log("channel", "p1", created_at="2026-05-05 11:00")
    log("channel", "d1", created_at="2026-05-05 12:00")
    log("message", "x1", created_at="2026-05-05 13:00")
    log("task", "t1", created_at="2026-05-05 14:00")
    log("user", "u3", "both", created_at="2026-05-05 15:00")
    log("user", "u2", created_at="2026-05-05 16:00", ip=None)
    log("workflow", "w1", "cron", actor_type="system", created_at="2026-05-05 17:00", severity="critical")

    rows = [(row["actor"], row["resource_type"], row["resource"], row["resource_id"], row["address"]) for row in ask()]

    assert rows == [
        ("system", "workflow", "Backup", "w1", "192.0.2.1"),
        ("Ada Byron", "user", None, "u2", None),  # u2 has no name
        ("Bo Both", "user", None, "u3", "192.0.2.1"),  # u3 belongs to another workspace
        ("Ada Byron", "task", "Rotate keys", "t1", "192.0.2.1"),
        ("Ada Byron", "message", None, "x1", "192.0.2.1"),
        ("Ada Byron", "channel", None, "d1", "192.0.2.1"),
        ("Ada Byron", "channel", None, "p1", "192.0.2.1"),
        ("Ada Byron", "channel", "general", "c1", "192.0.2.1"),
    ]
    everything = str([ask(dataset.name) for dataset in KIND.datasets])
    assert not any(secret in everything for secret in ("takeover", "ada-bob", "the secret", "Eve"))


@pytest.fixture
def week(log):
    """A week computed by hand: 6 events of ws1, 1 of ws2."""
    log("user", "u1", "u1", action="session.login", created_at="2026-04-20", ip="192.0.2.1")  # known from before
    log("user", "u2", "u2", action="session.login", created_at="2026-04-02", ip="192.0.2.2")  # too long ago
    log("user", "both", "both", action="session.login", created_at="2026-04-20", ip="192.0.2.9")
    log("channel", "c2", "both", action="channel.updated", created_at="2026-04-20", ip="192.0.2.8")  # of ws2
    log("user", "u1", "u1", action="session.login", ip="192.0.2.1")
    log("user", "u1", "u1", action="session.login_failed", ip="192.0.2.7", severity="warning")
    log("user", "u2", "u2", action="session.login", ip="192.0.2.3")
    log("workspace", "ws1", "u1", action="member.role_changed", ip="192.0.2.1", severity="warning")
    log("channel", "c1", "both", action="channel.updated", ip="192.0.2.8", created_at="2026-05-05 22:00")
    log("task", "t1", "u1", action="permission.denied", ip=None, severity="ERROR", created_at="2026-05-10 21:00")
    log("task", "t2", "u3", action="permission.denied")


@pytest.mark.usefixtures("week")
def test_the_key_figures_are_those_of_a_week_worked_out_by_hand(ask):
    # New: ada from .7, and both from .8, which only ws2 has seen before; bob has no earlier sign-in to compare.
    # One event, of severity ERROR, has no address; none is critical.
    assert ask("figures") == [
        {"events": 6, "failed": 2, "serious": 3, "changes": 1, "people": 3, "new_addresses": 2, "critical": 0,
         "without_address": 1}
    ]  # fmt: skip
    assert ask("figures", userIds=["u2"]) == [
        {"events": 1, "failed": 0, "serious": 0, "changes": 0, "people": 1, "new_addresses": 0, "critical": 0,
         "without_address": 0}
    ]  # fmt: skip
    assert ask("figures", workspace="nowhere") == [
        {"events": 0, "failed": 0, "serious": 0, "changes": 0, "people": 0, "new_addresses": 0, "critical": 0,
         "without_address": 0}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("severity", "serious", "critical"),
    [("info", 0, 0), ("Notice", 0, 0), ("warning", 1, 0), ("ERROR", 1, 0), ("critical", 1, 1), ("FATAL", 1, 1)],
)
def test_critical_events_are_the_worst_of_the_warnings(log, ask, severity, serious, critical):
    log("workspace", "ws1", severity=severity)

    (figures,) = ask("figures")
    assert (figures["serious"], figures["critical"]) == (serious, critical)


@pytest.mark.usefixtures("week")
def test_the_supporting_tables_are_those_of_a_week_worked_out_by_hand(ask):
    def short(name, *columns):
        return [tuple(row[column] for column in columns) for row in ask(name)]

    assert short("actors", "actor", "events", "failed", "serious", "changes", "addresses") == [
        ("Ada Byron", 4, 2, 3, 1, 2), ("Bo Both", 1, 0, 0, 0, 1), ("Unnamed", 1, 0, 0, 0, 1),
    ]  # fmt: skip
    assert short("actions", "action", "events", "failed", "people") == [
        ("session.login", 2, 0, 2), ("channel.updated", 1, 0, 1), ("member.role_changed", 1, 0, 1),
        ("permission.denied", 1, 1, 1), ("session.login_failed", 1, 1, 1),
    ]  # fmt: skip
    assert short("addresses", "address", "events", "failed", "people", "new_for") == [
        ("192.0.2.7", 1, 1, 1, 1), ("192.0.2.8", 1, 0, 1, 1), ("192.0.2.1", 2, 0, 1, 0), ("192.0.2.3", 1, 0, 1, 0),
    ]  # fmt: skip
    assert [(row["day"].day, row["events"], row["failed"]) for row in ask("days")] == [
        (4, 0, 0), (5, 4, 1), (6, 1, 0), (7, 0, 0), (8, 0, 0), (9, 0, 0), (10, 1, 1),
    ]  # fmt: skip


def test_an_action_that_only_sounds_so_is_no_failure_and_no_change(log, ask):
    for action in ("task.blocked", "workflow.rolled_back", "integration.updated", "invoice.viewed"):
        log("workspace", "ws1", action=action)

    (figures,) = ask("figures")
    assert (figures["events"], figures["failed"], figures["changes"]) == (4, 0, 0)
