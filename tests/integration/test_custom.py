"""Report type custom: the rows that a definition selects, with data computed by hand; the document's examples."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_type
from include.scheduled_reports.sample_data.seed import seed
from include.scheduled_reports.settings import Settings
from tests.contract.tables import add_people, execute
from tests.integration.previews import preview_stored
from tests.unit.rows import report

DOC = (Path(__file__).parents[2] / "docs/report-types.md").read_text()
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOC, flags=re.DOTALL)]
#: 4 to 10 May in Berlin.
WINDOW = (datetime(2026, 5, 3, 22, tzinfo=UTC), datetime(2026, 5, 10, 22, tzinfo=UTC))
ROWS = """
INSERT INTO vps (id, discipline, role, user_id, organization_id, workspace_id, updated_at)
VALUES ('v1', 'd', 'r', 'u2', 'o1', 'ws1', now());
INSERT INTO channels (id, name, slug, type, workspace_id, created_at, updated_at) VALUES
    ('c1', 'general', 'general', 'PUBLIC', 'ws1', '2026-01-01', now()),
    ('p1', 'takeover', 'takeover', 'PRIVATE', 'ws1', '2026-01-01', now()),
    ('c2', 'elsewhere', 'general', 'PUBLIC', 'ws2', '2026-01-01', now());
INSERT INTO tasks (id, title, status, priority, estimated_hours, vp_id, workspace_id, channel_id, created_by_id,
                   assigned_to_id, created_at, due_date, updated_at) VALUES
    ('t1', 'Rotate 100 %% of keys', 'TODO', 'HIGH', 8, 'v1', 'ws1', 'c1', 'u1', 'u1', '2026-05-03 22:00', NULL, now()),
    ('t2', 'rotate logs', 'DONE', 'LOW', 2, 'v1', 'ws1', 'c1', 'u1', NULL, '2026-05-06 10:00',
     '2026-05-31 21:59', now()),
    ('t3', 'Ümlaut', 'TODO', 'HIGH', NULL, 'v1', 'ws1', NULL, 'u2', 'u2', '2026-05-10 21:59:59.999',
     '2026-05-31 22:00', now()),
    ('t4', 'too early', 'TODO', 'HIGH', 1, 'v1', 'ws1', NULL, 'u1', 'u1', '2026-05-03 21:59:59.999', NULL, now()),
    ('t5', 'of others', 'TODO', 'HIGH', 64, 'v1', 'ws2', 'c2', 'u3', 'u3', '2026-05-06 10:00', NULL, now());
INSERT INTO messages (id, content, channel_id, author_id, created_at, updated_at) VALUES
    ('x1', 'hello', 'c1', 'u1', '2026-05-05 10:00', now()), ('x2', 'the secret', 'p1', 'u1', '2026-05-05 11:00', now()),
    ('x3', 'hi', 'c1', 'u2', '2026-05-06 10:00', now()), ('x4', 'else', 'c2', 'u3', '2026-05-06 10:00', now());
"""


@pytest.fixture(scope="module")
def source(postgres, migrated_template):
    dsn = postgres.create_database("custom", template=migrated_template)
    add_people(dsn)
    execute(dsn, ROWS)
    yield PostgresSource(dsn)
    postgres.drop_database("custom")


@pytest.fixture
def ask(source):
    """Run a definition as its report would; return the rows."""

    def ask(name="result", workspace="ws1", **definition):
        found = report(reportType="custom", parameters={"customFilters": definition})
        scope = Scope(
            workspace_id=workspace,
            start=WINDOW[0],
            end=WINDOW[1],
            timezone="Europe/Berlin",
            parameters=found.parameters,
        )
        kind = report_type(found)
        queries = {dataset.name: dataset.sql for dataset in kind.datasets} | {"figures": kind.figures_sql}
        with source.stream(queries[name], scope) as batches:
            return batches.read_all().to_pylist()

    return ask


@pytest.fixture
def tasks(ask):
    """Return the tasks that match one filter, out of three in the window."""

    def tasks(column, operator, value=None, **more):
        condition = {"column": column, "operator": operator, "value": value, **more}
        return [row["title"][0] for row in ask(source="tasks", columns=["title", "created_at"], filters=[condition])]

    return tasks


def test_a_source_is_its_rows_in_the_window_of_the_workspace(ask):
    assert [row["title"] for row in ask(source="tasks")] == ["Ümlaut", "rotate logs", "Rotate 100 % of keys"]
    assert [row["title"] for row in ask(source="tasks", workspace="ws2")] == ["of others"]
    assert ask(source="tasks", workspace="nowhere") == []


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (("status", "eq", "TODO"), "ÜR"),
        (("status", "ne", "TODO"), "r"),
        (("status", "in", ["DONE", "BLOCKED"]), "r"),
        (("title", "contains", "ROTATE"), "rR"),
        (("title", "contains", "%"), "R"),
        (("title", "contains", "_"), ""),
        (("title", "contains", "ümL"), "Ü"),
        (("title", "eq", "'; DROP TABLE tasks; --"), ""),
        (("estimated_hours", "eq", 8), "R"),
        (("estimated_hours", "ne", 8), "Ür"),  # NULL counts as different from eight
        (("estimated_hours", "lt", 8), "r"),
        (("estimated_hours", "le", 8), "rR"),
        (("estimated_hours", "gt", 2), "R"),
        (("estimated_hours", "ge", 2), "rR"),
        (("estimated_hours", "in", [2, 64]), "r"),
        (("estimated_hours", "is_null"), "Ü"),
        (("assignee", "is_null"), "r"),
        (("due_date", "lt", "2026-06-01"), "r"),  # midnight in Berlin is 22:00 in UTC
        (("due_date", "ge", "2026-06-01"), "Ü"),
        (("due_date", "ge", "2026-06-01T00:00:00+02:00"), "Ü"),
        (("due_date", "ge", "2026-05-31T22:00:00Z"), "Ü"),
        (("due_date", "gt", "2026-05-31T22:00:00Z"), ""),
        (("due_date", "lt", "2026-05-31 23:59:30"), "r"),
    ],
)
def test_a_filter_keeps_what_it_says(tasks, condition, found):
    assert "".join(tasks(*condition)) == found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (("status", "eq", "TODO"), "r"),
        (("estimated_hours", "lt", 8), "ÜR"),
        (("estimated_hours", "in", [2]), "ÜR"),
        (("estimated_hours", "is_null"), "rR"),
    ],
)
def test_not_keeps_all_the_others(tasks, condition, found):
    assert "".join(tasks(*condition, **{"not": True})) == found


def test_filters_have_to_hold_all_together(ask):
    both = [
        {"column": "status", "operator": "eq", "value": "TODO"},
        {"column": "estimated_hours", "operator": "ge", "value": 1},
    ]

    assert [row["title"] for row in ask(source="tasks", filters=both)] == ["Rotate 100 % of keys"]


def test_groups_and_aggregates_are_those_worked_out_by_hand(ask):
    asked = {
        "source": "tasks",
        "groupBy": ["status"],
        "aggregates": [
            "count", {"function": "count_distinct", "column": "assignee"},
            {"function": "sum", "column": "estimated_hours"}, {"function": "avg", "column": "estimated_hours"},
            {"function": "min", "column": "estimated_hours"}, {"function": "max", "column": "created_at"},
        ],
    }  # fmt: skip

    assert ask(**asked) == [
        {
            "status": "TODO", "count": 2, "count_distinct_assignee": 2, "sum_estimated_hours": 8,
            "avg_estimated_hours": 8.0, "min_estimated_hours": 8,
            "max_created_at": datetime(2026, 5, 10, 21, 59, 59, 999_000),  # noqa: DTZ001 - as the column holds it
        },
        {
            "status": "DONE", "count": 1, "count_distinct_assignee": 0, "sum_estimated_hours": 2,
            "avg_estimated_hours": 2.0, "min_estimated_hours": 2,
            "max_created_at": datetime(2026, 5, 6, 10),  # noqa: DTZ001 - as the column holds it
        },
    ]  # fmt: skip
    assert ask("figures", **asked) == [
        {
            "rows_found": 3, "groups_found": 2, "count_distinct_assignee": 2, "sum_estimated_hours": 10,
            "avg_estimated_hours": 5.0, "min_estimated_hours": 2,
        }
    ]  # fmt: skip


def test_buckets_of_time_are_those_of_the_reports_zone(ask):
    def by(bucket):
        found = ask(source="tasks", groupBy=[{"column": "created_at", "bucket": bucket}])
        return [(row[f"created_at_{bucket}"], row["count"]) for row in found]

    assert by("day") == [(date(2026, 5, 4), 1), (date(2026, 5, 6), 1), (date(2026, 5, 10), 1)]
    assert by("week") == [(date(2026, 5, 4), 3)]
    assert by("month") == [(date(2026, 5, 1), 3)]
    assert [(row["day"].day, row["count"]) for row in ask("days", source="tasks")] == [
        (4, 1), (5, 0), (6, 1), (7, 0), (8, 0), (9, 0), (10, 1),
    ]  # fmt: skip


def test_the_limit_cuts_the_table_and_not_what_was_found(ask):
    asked = {"source": "tasks", "columns": ["title"], "orderBy": [{"column": "title", "direction": "desc"}], "limit": 1}

    assert len(ask(**asked)) == 1
    assert ask("figures", **asked) == [{"rows_found": 3}]


def test_another_time_decides_about_the_window(ask):
    assert ask(source="tasks", time="completed_at") == []
    assert len(ask(source="members", columns=["person", "role"])) == 3
    assert ask(source="members", time="joined_at") == []


def test_what_is_private_counts_in_totals_and_has_no_name(ask):
    found = ask(source="messages", columns=["created_at", "author", "channel", "channel_type"])

    assert [(row["author"], row["channel"], row["channel_type"]) for row in found] == [
        ("Unnamed", "general", "PUBLIC"), (None, None, "PRIVATE"), ("Ada Byron", "general", "PUBLIC"),
    ]  # fmt: skip
    assert ask("figures", source="messages")[0]["rows_found"] == 3
    everything = str([ask(source=name) for name in ("messages", "tasks", "channels", "members", "files")])
    assert "takeover" not in everything
    assert "secret" not in everything


# The document


@pytest.fixture(scope="module")
def sample_dsn(postgres):
    dsn = postgres.create_database("custom_sample")
    seed(dsn, until=date(2026, 3, 2), messages=2_000)
    yield dsn
    postgres.drop_database("custom_sample")


def test_the_document_has_three_examples():
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["source"])
def test_an_example_of_the_document_finds_something(sample_dsn, tmp_path, example):
    parameters = {"dateRange": {"type": "last-30-days"}, "customFilters": example}
    with psycopg.connect(sample_dsn) as connection:
        connection.execute(
            "UPDATE scheduled_reports SET parameters = %s WHERE id = 'demo-report-late-tasks'", [json.dumps(parameters)]
        )

    for chosen in (Format.JSON, Format.HTML):
        at = datetime(2026, 3, 2, 8, tzinfo=UTC)
        assert preview_stored(sample_dsn, "demo-report-late-tasks", chosen, at, tmp_path / chosen, Settings()) > 0
