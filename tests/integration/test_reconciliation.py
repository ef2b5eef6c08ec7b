"""Every key figure is the sum of what the tables list and of what the notes say they leave out."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest

from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.sample_data.seed import seed
from tests.integration.handmade_workspace import ask

UNTIL = date(2026, 5, 11)
AT = "2026-05-11T07:00"
WORKSPACES = ["demo-workspace-acme", "demo-workspace-nordlicht"]
MONTH, WEEK = {"dateRange": {"type": "last-30-days"}}, {"dateRange": {"type": "last-7-days"}}


def total(column):
    """The sum of a column."""
    return lambda row: row[column] or 0


def some(column):
    """How many rows have a value other than zero in a column."""
    return lambda row: bool(row[column])


def none(column):
    """How many rows have zero in a column."""
    return lambda row: row[column] == 0


def value(column, *values):
    """How many rows have one of *values* in a column."""
    return lambda row: row[column] in values


def every(_):
    """How many rows there are."""
    return 1


#: A key figure, a table, what is added up of its rows, and the figures that notes say are left out (or listed besides).
SUMS = [
    ("workspace-activity", "messages", "days", total("messages"), {}),
    ("workspace-activity", "messages", "people", total("messages"), {}),
    ("workspace-activity", "messages", "channels", total("messages"), {"other_messages": 1}),
    ("workspace-activity", "replies", "days", total("replies"), {}),
    ("workspace-activity", "files_shared", "days", total("files_shared"), {}),
    ("workspace-activity", "active_people", "people", every, {}),
    ("channel-analytics", "messages", "channels", total("messages"), {"other_messages": 1}),
    ("channel-analytics", "active_channels", "channels", some("messages"), {"other_channels": 1}),
    ("channel-analytics", "quiet_channels", "channels", none("messages"), {}),
    ("channel-analytics", "public_channels", "channels", every, {}),
    ("channel-analytics", "messages", "days", total("public_messages"), {"other_messages": 1}),
    ("channel-analytics", "messages", "kinds", total("messages"), {}),
    ("channel-analytics", "active_channels", "kinds", total("active_channels"), {}),
    ("user-engagement", "members", "people", every, {"former_members": -1}),
    ("user-engagement", "engaged_people", "people", some("activities"), {}),
    ("user-engagement", "silent_members", "people", none("activities"), {}),
    ("user-engagement", "members", "levels", total("people"), {"former_members": -1}),
    ("task-completion", "open_tasks", "tasks", value("ended_at", None), {"unlisted_open": 1}),
    ("task-completion", "overdue", "tasks", some("overdue"), {"unlisted_overdue": 1}),
    ("task-completion", "overdue", "tasks", some("days_overdue"), {"unlisted_overdue": 1}),
    *(
        ("task-completion", figure, table, total(figure), {})
        for figure in ("completed", "created", "open_tasks", "overdue")
        for table in ("people", "priorities")
    ),
    ("task-completion", "completed", "days", total("completed"), {}),
    ("task-completion", "created", "days", total("created"), {}),
    ("workflow-execution", "executions", "workflows", total("executions"), {}),
    ("workflow-execution", "failed", "workflows", lambda row: row["failed"] + row["timed_out"], {}),
    ("workflow-execution", "unfinished", "workflows", total("unfinished"), {}),
    ("workflow-execution", "active_workflows", "workflows", some("executions"), {}),
    ("workflow-execution", "failed", "days", total("failed"), {}),
    ("workflow-execution", "failed", "errors", total("executions"), {}),
    ("workflow-execution", "failed", "triggers", total("failed"), {}),
    ("workflow-execution", "executions", "triggers", total("executions"), {}),
    ("security-audit", "events", "events", every, {}),
    ("security-audit", "serious", "events", value("severity", "warning", "critical"), {}),
    ("security-audit", "critical", "events", value("severity", "critical"), {}),
    ("security-audit", "people", "actors", every, {}),
    *(("security-audit", figure, "actors", total(figure), {}) for figure in ("events", "failed", "serious", "changes")),
    *(("security-audit", figure, "actions", total(figure), {}) for figure in ("events", "failed")),
    *(("security-audit", figure, "days", total(figure), {}) for figure in ("events", "failed")),
    ("security-audit", "events", "addresses", total("events"), {"without_address": 1}),
    ("security-audit", "new_addresses", "addresses", total("new_for"), {}),
    ("export-summary", "exports", "exports", every, {}),
    ("export-summary", "failed", "exports", value("status", "Failed"), {}),
    ("export-summary", "unfinished", "exports", value("status", "Pending", "Processing"), {}),
    *(
        ("export-summary", figure, table, total(figure), {})
        for figure in ("exports", "failed", "records")
        for table in ("days", "kinds", "people")
    ),
    *(("export-summary", "bytes", table, total("bytes"), {}) for table in ("exports", "kinds", "people")),
]


@pytest.fixture(scope="module")
def shown(postgres):
    """What a report of a type shows of the sample."""
    dsn = postgres.create_database("reconciled")
    seed(dsn, until=UNTIL)

    @cache
    def show(kind, workspace, level=""):
        # Only a week has quiet channels.
        period = WEEK if kind == "channel-analytics" else MONTH
        parameters = {**period, **({"minActivityLevel": level} if level else {})}
        return ask(dsn, kind, parameters, workspace=workspace, at=AT)

    yield show
    postgres.drop_database("reconciled")


def rows_of(answer, kind, table):
    (dataset,) = (one for one in report_types()[kind].datasets if one.name == table)
    names = [column.name for column in dataset.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.tables[table]]


@pytest.mark.parametrize("workspace", WORKSPACES)
@pytest.mark.parametrize("rule", SUMS, ids=lambda rule: " ".join(rule[:3]))
def test_a_figure_is_what_is_listed_and_what_is_noted(shown, workspace, rule):
    kind, figure, table, count, noted = rule
    answer = shown(kind, workspace)

    listed = sum(count(row) for row in rows_of(answer, kind, table))
    left_out = sum(answer.now[name] * sign for name, sign in noted.items())
    assert answer.now[figure] == listed + left_out
    if table == report_types()[kind].main.name or table == "channels":
        assert set(noted) <= {note.figure for note in report_types()[kind].notes if note.dataset == table}


@pytest.mark.parametrize("level", ["low", "medium", "high"])
@pytest.mark.parametrize(
    ("kind", "figures", "table", "unlisted"),
    [
        ("channel-analytics", ["public_channels"], "channels", "unlisted_channels"),
        ("user-engagement", ["members", "former_members"], "people", "unlisted_people"),
    ],
)
def test_what_a_level_of_activity_leaves_out_is_noted(shown, kind, figures, table, unlisted, level):
    answer = shown(kind, "demo-workspace-acme", level)

    assert answer.now[unlisted] > 0
    assert sum(answer.now[name] for name in figures) == len(answer.tables[table]) + answer.now[unlisted]


def test_the_sample_has_something_to_note(shown):
    """Else the sums above would prove little."""
    for kind, names in {
        "channel-analytics": ["other_messages", "other_channels", "quiet_channels"],
        "task-completion": ["unlisted_tasks", "unlisted_open", "unlisted_overdue", "overdue"],
        "workflow-execution": ["failed", "finished"],
        "security-audit": ["critical", "serious", "failed"],
    }.items():
        answer = shown(kind, "demo-workspace-acme")
        assert [name for name in names if not answer.now[name]] == [], kind
