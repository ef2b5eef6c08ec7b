"""Every report type on a workspace that was counted by hand: tests/integration/handmade_workspace.py."""

from __future__ import annotations

from datetime import date, timedelta

import psycopg
import pytest

from include.scheduled_reports.reports.types.catalog import report_types
from tests.integration.handmade_workspace import ask, fill

#: Key figures of the week, and of the week before.
FIGURES = {
    "workspace-activity": {
        "messages": (9, 3),
        "active_people": (4, 2),
        "active_channels": (4, 2),
        "replies": (1, 0),
        "files_shared": (2, 1),
        "new_members": (1, 1),
        "other_messages": (2, 1),
    },
    "channel-analytics": {
        "messages": (9, 3),
        "public_share": (7 / 9, 2 / 3),
        "active_channels": (4, 2),
        "quiet_channels": (1, 2),
        "messages_per_channel": (2.25, 1.5),
        "reply_share": (1 / 9, 0.0),
        "public_channels": (3, 3),
        "other_messages": (2, 1),
        "other_channels": (2, 1),
        "unlisted_channels": (0, 0),
    },
    "user-engagement": {
        "members": (4, 3),
        "engaged_people": (4, 2),
        "engaged_share": (0.75, 2 / 3),
        "silent_members": (1, 1),
        "activities_per_person": (3.0, 2.0),
        "days_per_person": (2.5, 2.0),
        "former_members": (1, 0),
        "unlisted_people": (0, 0),
    },
    "task-completion": {
        "completed": (2, 1),
        "created": (3, 1),
        "open_tasks": (4, 4),
        "overdue": (2, 0),
        "on_time_share": (0.5, None),
        "days_to_complete": (9.5, 15.0),
        "unlisted_tasks": (1, 0),
        "unlisted_open": (1, 0),
        "unlisted_overdue": (1, 0),
    },
    "workflow-execution": {
        "executions": (6, 1),
        "success_share": (0.5, 1.0),
        "failed": (2, 0),
        "active_workflows": (1, 1),
        "median_seconds": (20.0, 2.0),
        "unfinished": (1, 0),
        "finished": (4, 1),
    },
    "export-summary": {
        "exports": (4, 1),
        "success_share": (2 / 3, 1.0),
        "failed": (1, 0),
        "records": (150, 7),
        "bytes": (2**53 + 5_001, 70),
        "median_seconds": (30.0, 10.0),
        "finished": (3, 1),
        "unfinished": (1, 0),
    },
}
#: Every table of the week, and the number of data rows in the main one.
TABLES = {
    "workspace-activity": {
        "days": [
            ("2026-03-23", 1, 1, 1, 0, 1, 0),
            ("2026-03-24", 2, 2, 1, 1, 1, 0),
            ("2026-03-25", 1, 1, 1, 0, 1, 1),
            ("2026-03-26", 2, 2, 2, 0, 1, 1),
            ("2026-03-27", 1, 1, 1, 0, 0, 0),
            ("2026-03-28", 0, 0, 0, 0, 0, 0),
            ("2026-03-29", 2, 2, 1, 0, 0, 0),
        ],
        "people": [
            ("Ann", 5, 5, "2026-03-29T21:59:59"),
            ("Ben", 2, 2, "2026-03-26T11:00:00"),
            ("Bot", 1, 1, "2026-03-27T10:00:00"),
            ("Unnamed", 1, 1, "2026-03-29T00:59:59"),
        ],
        "channels": [("general", 5, 3), ("dev", 2, 2)],
    },
    "channel-analytics": {
        "channels": [
            ("general", 5, 3, 1, 3, "2026-03-29T21:59:59"),
            ("dev", 2, 2, 0, 0, "2026-03-27T10:00:00"),
            ("quiet", 0, 0, 0, 0, None),
        ],
        "days": [
            ("2026-03-23", 1, 0),
            ("2026-03-24", 2, 0),
            ("2026-03-25", 1, 0),
            ("2026-03-26", 0, 2),
            ("2026-03-27", 1, 0),
            ("2026-03-28", 0, 0),
            ("2026-03-29", 2, 0),
        ],
        "kinds": [
            ("Public channels", 2, 4, 7),
            ("Private channels", 1, 1, 1),
            ("Direct messages", 1, 1, 1),
            ("Huddles", 0, 0, 0),
        ],
    },
    "user-engagement": {
        "people": [
            ("Ann", "Owner", "2026-01-01T00:00:00", 6, 5, 0, 1, 5, "2026-03-29T21:59:59"),
            ("Ben", "Member", "2026-03-24T09:00:00", 4, 2, 1, 2, 3, "2026-03-26T11:00:00"),
            ("Cleo", "Member", "2026-03-17T09:00:00", 1, 0, 0, 1, 1, "2026-03-25T09:00:00"),
            ("Unnamed", "Former member", None, 1, 1, 0, 0, 1, "2026-03-29T00:59:59"),
            ("Zed", "Guest", "2026-02-01T00:00:00", 0, 0, 0, 0, 0, None),
        ],
        "days": [
            ("2026-03-23", 2, 1, 1),
            ("2026-03-24", 2, 2, 1),
            ("2026-03-25", 2, 1, 1),
            ("2026-03-26", 2, 2, 1),
            ("2026-03-27", 0, 0, 0),
            ("2026-03-28", 0, 0, 0),
            ("2026-03-29", 2, 2, 0),
        ],
        "levels": [("High: 20 or more", 0, 0), ("Medium: 5 to 19", 1, 6), ("Low: 1 to 4", 3, 6), ("None", 1, 0)],
    },
    "task-completion": {
        "tasks": [
            # Overdue since 22 hours, then the others that are open, then the closed ones, the latest first.
            ("Seven", "Done", "High", "Ben", "Bot", "dev", True, 1,
             "2026-03-20T10:00:00", "2026-03-29T00:00:00", None),
            ("Four", "In progress", "Low", "Ann", "Bot", None, False, None,
             "2026-03-01T10:00:00", "2026-04-15T10:00:00", None),
            ("Five", "Blocked", "Low", None, "Bot", "general", False, None,
             "2026-03-29T21:59:59", None, None),
            ("Two", "Done", "Medium", "Ben", "Bot", "dev", False, None,
             "2026-03-24T10:00:00", "2026-03-28T00:00:00", "2026-03-29T10:00:00"),
            ("Six", "Cancelled", "Medium", "Ann", "Bot", "general", False, None,
             "2026-03-02T10:00:00", None, "2026-03-25T10:00:00"),
            ("One", "Done", "High", "Ann", "Bot", "general", False, None,
             "2026-03-10T10:00:00", "2026-03-25T10:00:00", "2026-03-24T10:00:00"),
        ],
        "days": [
            ("2026-03-23", 1, 0, 0),
            ("2026-03-24", 1, 1, 0),
            ("2026-03-25", 0, 0, 1),
            ("2026-03-26", 0, 0, 0),
            ("2026-03-27", 0, 0, 0),
            ("2026-03-28", 0, 0, 0),
            ("2026-03-29", 1, 1, 0),
        ],
        "people": [
            ("Ben", 1, 2, 2, 2, 0.0, 5.0),
            ("Ann", 1, 0, 1, 0, 1.0, 14.0),
            ("Unassigned", 0, 1, 1, 0, None, None),
        ],
        "priorities": [
            ("Critical", 1, 1, 1, 0),
            ("High", 1, 1, 0, 1),
            ("Medium", 0, 0, 1, 1),
            ("Low", 2, 0, 1, 0),
        ],
    },
    "workflow-execution": {
        "workflows": [
            ("Build", "Active", 6, 2, 1, 1, 1, 1, 0.5, 20.0, "2026-03-29T21:59:59"),
            ("Mail", "Active", 0, 0, 0, 0, 0, 0, None, None, None),
        ],
        "days": [
            ("2026-03-23", 1, 1, 0),
            ("2026-03-24", 2, 1, 1),
            ("2026-03-25", 1, 0, 0),
            ("2026-03-26", 0, 0, 0),
            ("2026-03-27", 0, 0, 0),
            ("2026-03-28", 0, 0, 0),
            ("2026-03-29", 2, 0, 1),
        ],
        "errors": [("Build", "boom", 2, "2026-03-29T21:59:59")],
        "triggers": [("schedule", 4, 1, 2), ("manual", 2, 1, 0)],
    },
    "export-summary": {
        "exports": [
            ("2026-03-29T20:00:00", "tasks", "JSON", "Completed", "Ben", 50, 2**53 + 1, 40.0, None),
            ("2026-03-25T10:00:00", "messages", "JSON", "Pending", "Zed", None, None, None, None),
            ("2026-03-24T10:00:00", "messages", "CSV", "Failed", "Ann", None, None, None, "quota"),
            ("2026-03-23T00:00:00", "messages", "CSV", "Completed", "Ann", 100, 5_000, 20.0, None),
        ],
        "days": [
            ("2026-03-23", 1, 1, 0, 100),
            ("2026-03-24", 1, 0, 1, 0),
            ("2026-03-25", 1, 0, 0, 0),
            ("2026-03-26", 0, 0, 0, 0),
            ("2026-03-27", 0, 0, 0, 0),
            ("2026-03-28", 0, 0, 0, 0),
            ("2026-03-29", 1, 1, 0, 50),
        ],
        "kinds": [("messages", 3, 1, 0.5, 100, 5_000), ("tasks", 1, 0, 1.0, 50, 2**53 + 1)],
        "people": [
            ("Ann", 2, 1, 100, 5_000, "2026-03-24T10:00:00"),
            ("Ben", 1, 0, 50, 2**53 + 1, "2026-03-29T20:00:00"),
            ("Zed", 1, 0, 0, 0, "2026-03-25T10:00:00"),
        ],
    },
}  # fmt: skip
#: The rows that an email shows, and what it says about them.
EXCERPTS = {
    "workspace-activity": {
        "Most active people": ([("Ann", 5, 5), ("Ben", 2, 2), ("Bot", 1, 1), ("Unnamed", 1, 1)], ""),
        "Busiest public channels": ([("general", 5, 3), ("dev", 2, 2)], ""),
    },
    "channel-analytics": {
        "Quiet channels": ([("quiet", None)], ""),
        "Busiest channels": (
            [("general", 5, 3, "2026-03-29T21:59:59"), ("dev", 2, 2, "2026-03-27T10:00:00")], "",
        ),
    },
    "user-engagement": {
        "Inactive members": ([("Zed", "Guest", None)], ""),
        "Least active people": (
            [
                ("Cleo", 1, 1, "2026-03-25T09:00:00"),
                ("Unnamed", 1, 1, "2026-03-29T00:59:59"),
                ("Ben", 4, 3, "2026-03-26T11:00:00"),
                ("Ann", 6, 5, "2026-03-29T21:59:59"),
            ],
            "",
        ),
    },
    "task-completion": {"Overdue tasks": ([("Seven", "Ben", "2026-03-29T00:00:00", 1)], "")},
    "workflow-execution": {
        "What failed": ([("Build", "boom", 2, "2026-03-29T21:59:59")], ""),
        "Busiest workflows": ([("Build", 6, 1, 1, 0.5)], ""),
    },
    "export-summary": {
        "Failed exports": ([("messages", "Ann", "2026-03-24T10:00:00", "quota")], ""),
        "Exports that have not finished": ([("messages", "Zed", "2026-03-25T10:00:00", "Pending")], ""),
    },
    "security-audit": {"Warnings and critical events": ([], "No warnings or critical events.")},
}  # fmt: skip
DATA_ROWS = {
    "workspace-activity": 6,
    "channel-analytics": 2,
    "user-engagement": 4,
    "task-completion": 6,
    "workflow-execution": 1,
    "export-summary": 4,
}
#: Key figures and tables that change with parameters; the others stay the same.
NARROWED = [
    ("workspace-activity", {"channelIds": ["gen"]},
     {"messages": 5, "active_people": 3, "active_channels": 1, "files_shared": 1, "other_messages": 0}),
    ("workspace-activity", {"channelIds": ["sec", "dm", "nowhere"]},  # none of these is a public channel
     {"messages": 0, "active_people": 0, "active_channels": 0, "replies": 0, "files_shared": 0, "other_messages": 0}),
    ("workspace-activity", {"includeArchived": True}, {"messages": 10, "active_channels": 5}),
    ("workspace-activity", {"includeArchived": False}, {}),
    ("workspace-activity", {"userIds": ["ben"]},
     {"messages": 2, "active_people": 1, "active_channels": 2, "files_shared": 0, "other_messages": 1}),
    ("workspace-activity", {"minActivityLevel": "medium"}, {}),
    ("channel-analytics", {"channelIds": ["gen", "quiet", "sec"]},
     {"messages": 5, "public_share": 1.0, "active_channels": 1, "messages_per_channel": 5.0, "reply_share": 0.2,
      "public_channels": 2, "other_messages": 0, "other_channels": 0}),
    ("channel-analytics", {"includeArchived": True},
     {"messages": 10, "public_share": 0.8, "active_channels": 5, "messages_per_channel": 2.0, "reply_share": 0.1,
      "public_channels": 4}),
    ("channel-analytics", {"userIds": ["dan"]},
     {"messages": 1, "public_share": 1.0, "active_channels": 1, "quiet_channels": 2, "messages_per_channel": 1.0,
      "reply_share": 0.0, "other_messages": 0, "other_channels": 0}),
    ("channel-analytics", {"minActivityLevel": "low"}, {"unlisted_channels": 1}),
    ("channel-analytics", {"minActivityLevel": "high"}, {"unlisted_channels": 3}),
    ("user-engagement", {"channelIds": ["dev"]},
     {"engaged_people": 1, "engaged_share": 0.25, "silent_members": 3, "activities_per_person": 1.0,
      "days_per_person": 1.0, "former_members": 0}),
    ("user-engagement", {"includeArchived": True},  # a message by Ann and a reaction by Cleo, both on the 25th
     {"activities_per_person": 3.5}),
    ("user-engagement", {"userIds": ["ben", "zed"]},
     {"members": 2, "engaged_people": 1, "engaged_share": 0.5, "activities_per_person": 4.0, "days_per_person": 3.0,
      "former_members": 0}),
    ("user-engagement", {"minActivityLevel": "low"}, {"unlisted_people": 1}),
    ("user-engagement", {"minActivityLevel": "medium"}, {"unlisted_people": 4}),
    ("task-completion", {"channelIds": ["dev"]},
     {"completed": 1, "created": 1, "open_tasks": 1, "overdue": 1, "on_time_share": 0.0, "days_to_complete": 5.0,
      "unlisted_tasks": 0, "unlisted_open": 0, "unlisted_overdue": 0}),
    ("task-completion", {"channelIds": ["sec"]},
     {"completed": 0, "created": 0, "open_tasks": 0, "overdue": 0, "on_time_share": None, "days_to_complete": None,
      "unlisted_tasks": 0, "unlisted_open": 0, "unlisted_overdue": 0}),
    ("task-completion", {"includeArchived": True}, {"created": 4, "open_tasks": 5}),
    ("task-completion", {"userIds": ["ann"]},
     {"completed": 1, "created": 0, "open_tasks": 1, "overdue": 0, "on_time_share": 1.0, "days_to_complete": 14.0,
      "unlisted_tasks": 0, "unlisted_open": 0, "unlisted_overdue": 0}),
    ("task-completion", {"taskStatuses": ["TODO", "BLOCKED"]},
     {"completed": 0, "created": 2, "open_tasks": 2, "overdue": 1, "on_time_share": None, "days_to_complete": None}),
    ("workflow-execution", {"workflowIds": ["mail"]},
     {"executions": 0, "success_share": None, "failed": 0, "active_workflows": 0, "median_seconds": None,
      "unfinished": 0, "finished": 0}),
    ("workflow-execution", {"includeArchived": True},
     {"executions": 7, "success_share": 0.6, "active_workflows": 2, "median_seconds": 10.0, "finished": 5}),
    ("workflow-execution", {"userIds": ["ann"]},
     {"executions": 2, "success_share": 1.0, "failed": 0, "median_seconds": 10.0, "finished": 1}),
    ("export-summary", {"userIds": ["ben"]},
     {"exports": 1, "success_share": 1.0, "failed": 0, "records": 50, "bytes": 2**53 + 1, "median_seconds": 40.0,
      "finished": 1, "unfinished": 0}),
    ("export-summary", {"minActivityLevel": "medium"}, {}),
]  # fmt: skip
#: The people or channels listed at each minimum activity.
LEVELS = [
    ("workspace-activity", "low", "people", ["Ann", "Ben", "Bot", "Unnamed"]),
    ("workspace-activity", "medium", "people", ["Ann"]),
    ("workspace-activity", "medium", "channels", ["general"]),
    ("workspace-activity", "high", "channels", []),
    ("channel-analytics", "low", "channels", ["general", "dev"]),
    ("channel-analytics", "medium", "channels", ["general"]),
    ("user-engagement", "low", "people", ["Ann", "Ben", "Cleo", "Unnamed"]),
    ("user-engagement", "medium", "people", ["Ann"]),
    ("task-completion", "low", "people", ["Ben", "Ann", "Unassigned"]),
    ("task-completion", "medium", "people", []),
    ("export-summary", "low", "people", ["Ann", "Ben", "Zed"]),
    ("export-summary", "high", "people", []),
]
#: One of everything in every hour of the weeks around a clock change, in a separate workspace.
EVERY_HOUR = """
INSERT INTO organizations (id, name, slug, updated_at) VALUES ('o', 'Org', 'org', now());
INSERT INTO workspaces (id, name, slug, organization_id, updated_at) VALUES ('w', 'Space', 'space', 'o', now());
INSERT INTO users (id, email, status, updated_at) VALUES ('u', 'u@acme.example', 'ACTIVE', now());
INSERT INTO vps (id, discipline, role, user_id, organization_id, updated_at) VALUES ('v', 'd', 'r', 'u', 'o', now());
INSERT INTO channels (id, name, slug, workspace_id, created_at, updated_at)
VALUES ('c', 'general', 'general', 'w', '2026-01-01', now());
INSERT INTO workflows (id, name, trigger, actions, workspace_id, created_by, updated_at)
VALUES ('f', 'Flow', '{}', '[]', 'w', 'u', now());
CREATE TEMP TABLE hours AS
SELECT at, row_number() OVER () AS n FROM (
    SELECT generate_series(timestamp '2026-03-10', '2026-04-02', '1 hour') AS at
    UNION ALL
    SELECT generate_series(timestamp '2026-10-06', '2026-10-29', '1 hour')
) _;
INSERT INTO messages (id, content, channel_id, author_id, created_at, updated_at)
SELECT 'm' || n, 'text', 'c', 'u', at, at FROM hours;
INSERT INTO reactions (id, emoji, message_id, user_id, created_at) SELECT 'r' || n, '+1', 'm' || n, 'u', at FROM hours;
INSERT INTO tasks (id, title, status, vp_id, workspace_id, created_by_id, created_at, updated_at, completed_at)
SELECT 't' || n, 'Task', 'DONE', 'v', 'w', 'u', at, at, at FROM hours;
INSERT INTO workflow_executions (id, status, triggered_by, trigger_type, started_at, workflow_id, workspace_id)
SELECT 'e' || n, 'COMPLETED', 'u', 'manual', at, 'f', 'w' FROM hours;
INSERT INTO export_jobs (id, workspace_id, type, status, requested_by, created_at)
SELECT 'x' || n, 'w', 'messages', 'COMPLETED', 'u', at FROM hours;
"""
#: A key figure, and the column of the table by day whose sum it is.
ADD_UP = [
    ("workspace-activity", "messages", 1),
    ("workspace-activity", "messages", 5),  # reactions: as many, by construction
    ("channel-analytics", "messages", 1),
    ("user-engagement", None, 2),
    ("user-engagement", None, 3),
    ("task-completion", "created", 1),
    ("task-completion", "completed", 2),
    ("workflow-execution", "executions", 1),
    ("export-summary", "exports", 1),
]


@pytest.fixture(scope="module")
def counted(postgres, migrated_template):
    """A database with the workspace that was counted by hand, for read-only tests."""
    dsn = postgres.create_database("hand", template=migrated_template)
    fill(dsn)
    yield dsn
    postgres.drop_database("hand")


@pytest.fixture(scope="module")
def hourly(postgres, migrated_template):
    """A database in which something happens every hour, for read-only tests."""
    dsn = postgres.create_database("hourly", template=migrated_template)
    with psycopg.connect(dsn) as connection:
        connection.execute(EVERY_HOUR.encode())
    yield dsn
    postgres.drop_database("hourly")


@pytest.mark.parametrize("kind", FIGURES)
def test_key_figures_are_those_counted_by_hand_in_the_week_and_the_one_before(counted, kind):
    found = ask(counted, kind).figures

    assert found.keys() == FIGURES[kind].keys()
    for name, expected in FIGURES[kind].items():
        assert found[name] == (pytest.approx(expected[0]), pytest.approx(expected[1])), name


@pytest.mark.parametrize("kind", TABLES)
def test_tables_are_those_counted_by_hand(counted, kind):
    found = ask(counted, kind)

    assert found.tables == TABLES[kind]
    assert found.data_rows == DATA_ROWS[kind]


@pytest.mark.parametrize("kind", EXCERPTS)
def test_an_email_shows_the_rows_that_make_the_point(counted, kind):
    assert ask(counted, kind).excerpts == EXCERPTS[kind]


@pytest.mark.parametrize("kind", EXCERPTS)
def test_an_email_says_what_it_has_no_rows_of(counted, kind):
    for rows, said in ask(counted, kind, at="2025-06-02T07:00").excerpts.values():
        assert rows == []
        assert said.endswith(".")


@pytest.mark.parametrize(("kind", "parameters", "changed"), NARROWED, ids=str)
def test_a_parameter_does_what_its_name_says_and_nothing_else(counted, kind, parameters, changed):
    untouched = {name: now for name, (now, _) in FIGURES[kind].items()}

    found = ask(counted, kind, parameters)

    assert {name: found.now[name] for name in untouched} == pytest.approx(untouched | changed)


@pytest.mark.parametrize(("kind", "level", "table", "expected"), LEVELS)
def test_a_level_of_activity_shortens_the_lists_of_people_and_channels(counted, kind, level, table, expected):
    found = ask(counted, kind, {"minActivityLevel": level})

    assert [one[0] for one in found.tables[table]] == expected
    assert {name for name, rows in found.tables.items() if rows != TABLES[kind][name]} <= {"people", "channels"}


def test_a_quiet_channel_shows_its_last_message_from_before_the_period(counted):
    """In the week after, nobody writes but Ann, at the first moment of its first day."""
    found = ask(counted, "channel-analytics", at="2026-04-06T07:00")

    assert [(one[0], one[1], one[5]) for one in found.tables["channels"]] == [
        ("general", 1, "2026-03-29T22:00:00"),
        ("dev", 0, "2026-03-27T10:00:00"),
        ("late", 0, None),
        ("quiet", 0, None),
    ]
    # Dev and late and quiet: none of them counts as data.
    assert (found.data_rows, found.now["quiet_channels"]) == (1, 3)


def test_a_quiet_channel_shows_the_last_message_of_the_people_selected(counted):
    found = ask(counted, "channel-analytics", {"userIds": ["cleo"]})

    assert [(one[0], one[5]) for one in found.tables["channels"] if one[5]] == [("general", "2026-03-22T22:59:59")]


def test_an_inactive_member_shows_the_last_activity_from_before_the_period(counted):
    found = ask(counted, "user-engagement", at="2026-04-06T07:00")

    assert [(one[0], one[3], one[8]) for one in found.tables["people"]] == [
        ("Ann", 1, "2026-03-29T22:00:00"),
        ("Ben", 0, "2026-03-26T11:00:00"),  # a message
        ("Cleo", 0, "2026-03-25T09:00:00"),  # a reaction
        ("Zed", 0, None),
    ]
    assert (found.data_rows, found.now["silent_members"]) == (1, 3)


@pytest.mark.parametrize("kind", sorted(report_types()))
def test_no_text_of_a_message_and_no_name_of_a_channel_that_is_not_public_is_shown(counted, kind):
    everything = {"includeArchived": True} if "includeArchived" in report_types()[kind].parameters else {}

    shown = ask(counted, kind, everything).texts

    assert shown
    assert [text for text in shown if "SECRET" in text] == []


@pytest.mark.parametrize("kind", sorted(report_types()))
def test_a_workspace_where_nothing_happened_has_days_of_zeros_and_no_data(counted, kind):
    found = ask(counted, kind, at="2025-06-02T07:00")

    assert found.data_rows == 0
    assert all(not value for pair in found.figures.values() for value in pair)
    if "days" in found.tables:
        monday = date(2025, 5, 26)
        assert [(one[0], set(one[1:])) for one in found.tables["days"]] == [
            ((monday + timedelta(days=number)).isoformat(), {0}) for number in range(7)
        ]


@pytest.mark.parametrize(("kind", "figure", "column"), ADD_UP)
@pytest.mark.parametrize(("changed", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_days_add_up_where_the_clocks_change(hourly, kind, figure, column, changed, hours):
    at = f"{date.fromisoformat(changed) + timedelta(days=2)}T07:00"

    found = ask(hourly, kind, at=at)

    by_day = {one[0]: one[column] for one in found.tables["days"]}
    assert by_day == {day: hours if day == changed else 24 for day in by_day}
    assert sum(by_day.values()) == 6 * 24 + hours
    if figure:
        assert found.figures[figure] == (6 * 24 + hours, 7 * 24)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "Pacific/Kiritimati"])
def test_days_are_those_of_the_reports_zone(hourly, zone):
    found = ask(hourly, "workspace-activity", at="2026-10-27T15:00", zone=zone)

    assert len(found.tables["days"]) == 7
    assert sum(one[1] for one in found.tables["days"]) == found.now["messages"]
