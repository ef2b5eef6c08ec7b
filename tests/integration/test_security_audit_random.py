"""security-audit on random logs, compared with the rules of docs/report-types.md worked out in Python, row by row."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_types
from tests.contract.tables import add_people, add_report, execute
from tests.integration.test_security_audit import PLACES

KIND = report_types()["security-audit"]
END = datetime(2026, 5, 11, tzinfo=UTC)
#: The workspace of every object in PLACES, by type; c2 is also the id of a workflow of ws1.
WHERE = {
    "workspace": {"ws1": "ws1", "ws2": "ws2"},
    "channel": {"c1": "ws1", "p1": "ws1", "d1": "ws1", "c2": "ws2"},
    "message": {"x1": "ws1", "x2": "ws2"},
    "reaction": {"r1": "ws1", "r2": "ws2"},
    "file": {"f1": "ws1", "f2": "ws2"},
    "task": {"t1": "ws1", "t2": "ws2"},
    "workflow": {"w1": "ws1", "w2": "ws2", "c2": "ws1"},
    "workflow_execution": {"e1": "ws1", "e2": "ws2"},
    "export_job": {"j1": "ws1", "j2": "ws2"},
    "workspace_member": {"m1": "ws1", "m2": "ws1", "m3": "ws2", "m4": "ws1", "b1": "ws1", "b2": "ws2", "l1": "ws1",
                         "h1": "ws1"},
    "channel_member": {"cm1": "ws1", "cm2": "ws2", "cm3": "ws1"},
    "vp": {"v1": "ws1", "v2": "ws2"},
    "scheduled_report": {"rep1": "ws1", "rep2": "ws2"},
    "report_execution": {"ex1": "ws1", "ex2": "ws2"},
}  # fmt: skip
#: Every spelling that the log uses: the type it means, None for a type that nobody knows.
SPELT = {
    "workspace": "workspace", "Channel": "channel", "channels": "channel", "message": "message",
    "reaction": "reaction", "File": "file", "task": "task", "Workflow": "workflow",
    "workflow-execution": "workflow_execution", "execution": "workflow_execution", "export": "export_job",
    "WorkspaceMember": "workspace_member", "member": "workspace_member", "channel member": "channel_member",
    "vp": "vp", "report": "scheduled_report", "ReportExecution": "report_execution", "user": "user",
    "session": "session", "organization": "organization", "conversation": None, "billing": None,
}  # fmt: skip
NAMES = {
    "u1": "Ada Byron", "u2": None, "u3": "Eve", "u4": "Mallory", "both": "Bo Both", "late": "Lee", "left": "Lefty",
    "helper": "Helper",
}  # fmt: skip
MEMBERSHIPS = {"m1": "u1", "m2": "u2", "m4": "u4", "b1": "both", "l1": "late", "h1": "helper", "m3": "u3", "b2": "both"}
JANUARY = datetime.fromisoformat("2026-01-01")
NEVER = datetime.fromisoformat("9999-12-31")
JOINED = {
    "ws1": {"u1": JANUARY, "u2": JANUARY, "u4": JANUARY, "both": JANUARY, "helper": JANUARY,
            "late": datetime.fromisoformat("2026-05-05 10:00:00.001")},
    "ws2": {"u3": JANUARY, "both": JANUARY},
}  # fmt: skip
#: Who has left a channel of ws1.
STAYED = {"ws1": {"left": (datetime.fromisoformat("2026-02-01"), datetime.fromisoformat("2026-05-06"))}, "ws2": {}}
AGENTS = {"v1": "helper", "v2": "u3", "v0": "u2"}
ACTIONS = ("session.login", "session.LOGIN_failed", "member.added", "permission.denied", "role.changed", "task.blocked")
FAILED = {"session.LOGIN_failed", "permission.denied"}
CHANGES = {"member.added", "role.changed"}
SEVERITIES = ("info", "Notice", "warning", "ERROR", "critical", "FATAL")
SERIOUS = {"warning", "ERROR", "critical", "FATAL"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of audit_logs."""

    id: str
    actor_id: str
    actor_type: str
    action: str
    resource_type: str
    resource_id: str | None
    ip: str | None
    severity: str
    created_at: datetime

    @property
    def actor(self) -> str:
        """An agent is logged by its own id or by its user's."""
        return AGENTS.get(self.actor_id, self.actor_id) if self.actor_type != "user" else self.actor_id

    def belongs(self, workspace: str) -> bool:
        """Whether it is an event of *workspace*."""
        kind = SPELT[self.resource_type]
        tables = WHERE.values() if kind is None else [WHERE.get(kind, {})]
        if places := {table[self.resource_id] for table in tables if self.resource_id in table}:
            return places == {workspace}
        if JOINED[workspace].get(self.actor, NEVER) <= self.created_at:
            return True
        begun, ended = STAYED[workspace].get(self.actor, (NEVER, NEVER))
        return begun <= self.created_at < ended


@pytest.fixture(scope="module", params=[1, 2])
def log(request, postgres, migrated_template):
    """Return a database with a random log, and the log."""
    name = f"audit_{request.param}"
    dsn = postgres.create_database(name, template=migrated_template)
    add_people(dsn)
    execute(dsn, PLACES)
    execute(
        dsn,
        "INSERT INTO workflows (id, name, trigger, actions, workspace_id, created_by, updated_at)"
        " VALUES ('c2', 'Namesake', '{}', '[]', 'ws1', 'u1', now())",
    )
    add_report(dsn, id="rep1", name="First")
    add_report(dsn, id="rep2", workspace_id="ws2")
    execute(
        dsn,
        "INSERT INTO report_executions (id, scheduled_report_id, triggered_by, format, scheduled_for)"
        " VALUES ('ex1', 'rep1', 'system', 'CSV', now()), ('ex2', 'rep2', 'system', 'CSV', now())",
    )
    entries = list(_entries(random.Random(request.param)))  # noqa: S311 - the same log each time
    columns = ", ".join(asdict(entries[0]))
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO audit_logs ({columns}) VALUES ({', '.join(['%s'] * 9)})".encode(),
            [tuple(asdict(entry).values()) for entry in entries],
        )
    yield dsn, entries
    postgres.drop_database(name)


def _entries(chance: random.Random):
    ids = [None, "deleted", *NAMES, *(thing for table in WHERE.values() for thing in table)]
    for number in range(1_500):
        kind = chance.choice(list(SPELT))
        likely = list(WHERE.get(SPELT[kind] or "", {})) or ids
        yield Entry(
            id=f"a{number:04}",
            actor_id=chance.choice([*NAMES, *AGENTS, "nobody", "cron"]),
            actor_type=chance.choice(["user", "user", "vp", "system"]),
            action=chance.choice(ACTIONS),
            resource_type=kind,
            resource_id=chance.choice(likely if chance.random() < 0.7 else ids),
            ip=chance.choice(["192.0.2.1", "192.0.2.2", "192.0.2.3", None]),
            severity=chance.choice(SEVERITIES),
            created_at=datetime.fromisoformat("2026-03-30") + timedelta(hours=chance.randrange(24 * 45)),
        )


@pytest.fixture(params=["ws1", "ws2"])
def workspace(request):
    return request.param


@pytest.fixture(params=[{}, {"userIds": ["both", "u2", "cron"]}], ids=["everybody", "some"])
def parameters(request):
    return request.param


@pytest.fixture
def ask(log, workspace, parameters):
    """Return the rows of a query for the last week."""
    scope = Scope(workspace_id=workspace, start=END - timedelta(days=7), end=END, timezone="UTC", parameters=parameters)
    queries = {dataset.name: dataset.sql for dataset in KIND.datasets} | {"figures": KIND.figures_sql}

    def ask(name):
        with PostgresSource(log[0]).stream(queries[name], scope) as batches:
            return [tuple(row.values()) for row in batches.read_all().to_pylist()]

    return ask


@pytest.fixture
def seen(log, workspace, parameters):
    """Return the events of the week, the newest first, and the addresses of each actor in the 30 days before it."""
    end, start = END.replace(tzinfo=None), END.replace(tzinfo=None) - timedelta(days=7)
    mine = [
        entry
        for entry in sorted(log[1], key=lambda one: (one.created_at, one.id), reverse=True)
        if entry.belongs(workspace) and entry.actor in parameters.get("userIds", [entry.actor])
    ]
    known = defaultdict(set)
    for entry in mine:
        if start - timedelta(days=30) <= entry.created_at < start:
            known[entry.actor].add(entry.ip)
    return [entry for entry in mine if start <= entry.created_at < end], known


def _actor_names(events):
    """Who is not a user is named by the first of its types."""
    types = defaultdict(set)
    for entry in events:
        types[entry.actor].add(entry.actor_type)
    return {actor: NAMES.get(actor, min(found)) or "Unnamed" for actor, found in types.items()}


def _resource_name(entry, workspace):
    kind, thing = SPELT[entry.resource_type], entry.resource_id
    if kind == "user":
        return NAMES.get(thing) if thing in JOINED[workspace] or thing == entry.actor else None
    if WHERE.get(kind, {}).get(thing) != workspace:
        return None
    if kind == "workspace_member":
        return NAMES[MEMBERSHIPS[thing]]
    names = {
        "workspace": {"ws1": "Acme", "ws2": "Zeta"},
        "channel": {"c1": "general", "c2": "elsewhere"},
        "workflow": {"w1": "Backup", "w2": "Other", "c2": "Namesake"},
        "task": {"t1": "Rotate keys", "t2": "Other"},
        "scheduled_report": {"rep1": "First"},
    }
    return names.get(kind, {}).get(thing)


def test_the_events_are_those_that_belong_to_the_workspace(ask, seen, workspace):
    events, _ = seen
    names = _actor_names(events)
    expected = [
        (entry.created_at, names[entry.actor], entry.action, entry.severity, entry.resource_type,
         _resource_name(entry, workspace), entry.resource_id, entry.ip, None)
        for entry in events
    ]  # fmt: skip
    found = ask("events")

    # The name of rep2 is the one that every report of the tests has.
    assert [row[:5] + row[6:] for row in found] == [row[:5] + row[6:] for row in expected]
    assert [row[5] for row in found if row[6] != "rep2"] == [row[5] for row in expected if row[6] != "rep2"]
    assert found


def test_the_key_figures_count_them(ask, seen):
    events, known = seen
    pairs = {(entry.actor, entry.ip) for entry in events if entry.ip}

    assert ask("figures") == [
        (
            len(events),
            sum(entry.action in FAILED for entry in events),
            sum(entry.severity in SERIOUS for entry in events),
            sum(entry.action in CHANGES for entry in events),
            len({entry.actor for entry in events}),
            sum(actor in known and ip not in known[actor] for actor, ip in pairs),
            sum(entry.severity in {"critical", "FATAL"} for entry in events),
            sum(entry.ip is None for entry in events),
        )
    ]


def _grouped(events, key):
    groups = defaultdict(list)
    for entry in events:
        groups[key(entry)].append(entry)
    return groups


def _failed(events):
    return sum(entry.action in FAILED for entry in events)


def test_the_other_tables_count_them_too(ask, seen):
    events, known = seen
    names = _actor_names(events)

    assert sorted(ask("actors")) == sorted(
        (
            names[actor], len(group), _failed(group), sum(one.severity in SERIOUS for one in group),
            sum(one.action in CHANGES for one in group), len({one.ip for one in group if one.ip}),
            max(one.created_at for one in group),
        )
        for actor, group in _grouped(events, lambda one: one.actor).items()
    )  # fmt: skip
    assert sorted(ask("actions")) == sorted(
        (action, len(group), _failed(group), len({one.actor for one in group}), max(one.created_at for one in group))
        for action, group in _grouped(events, lambda one: one.action).items()
    )
    assert sorted(ask("addresses")) == sorted(
        (
            ip, len(group), _failed(group), len({one.actor for one in group}),
            sum(actor in known and ip not in known[actor] for actor in {one.actor for one in group}),
            min(one.created_at for one in group),
        )
        for ip, group in _grouped([one for one in events if one.ip], lambda one: one.ip).items()
    )  # fmt: skip
    by_day = _grouped(events, lambda one: one.created_at.date())
    days = [(END - timedelta(days=number)).date() for number in range(7, 0, -1)]
    assert ask("days") == [(day, len(by_day[day]), _failed(by_day[day])) for day in days]
