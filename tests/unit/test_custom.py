"""Custom reports: which definitions are refused, and the statements that the others result in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.errors import RejectedError
from include.scheduled_reports.domain.report_type import ChartSpec
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.reports.types.catalog import report_type, report_types
from include.scheduled_reports.reports.types.custom_filters import BUCKETS, KEYS, MOST_ROWS, OPERATORS, parse
from include.scheduled_reports.reports.types.custom_sql import with_datasets
from include.scheduled_reports.reports.validation import Check
from tests.unit.rows import reason, report, row

KIND = report_types()["custom"]
SOURCES = "messages, tasks, executions, files, exports, members, channels"
DATES = "created_at, due_date, completed_at"
TASKS = f"title, status, priority, assignee, author, channel, estimated_hours, hours_open, {DATES}"


def problems(**definition):
    """Return the errors of a definition: the path below customFilters, and what is allowed."""
    with pytest.raises(RejectedError) as rejected:
        parse_row(row(reportType="custom", parameters={"customFilters": definition}))
    return [
        (problem.column.removeprefix("parameters.customFilters").lstrip("."), reason(problem))
        for problem in rejected.value.problems
    ]


def made(**definition):
    """Return the report type that a definition results in."""
    return report_type(report(reportType="custom", parameters={"customFilters": definition}))


def columns(kind):
    return [(column.name, column.type) for column in kind.main.columns]


# Accepted definitions


def test_a_source_alone_is_the_list_of_its_columns():
    assert [name for name, _ in columns(made(source="tasks"))] == TASKS.split(", ")


def test_columns_come_in_the_order_asked_for():
    assert columns(made(source="tasks", columns=["due_date", "title"])) == [
        ("due_date", "timestamp"),
        ("title", "text"),
    ]


def test_groups_and_aggregates_make_columns_with_names_of_their_own():
    kind = made(
        source="tasks",
        groupBy=["status", {"column": "created_at", "bucket": "week"}],
        aggregates=[
            "count",
            {"function": "count_distinct", "column": "assignee"},
            {"function": "sum", "column": "estimated_hours"},
            {"function": "avg", "column": "estimated_hours"},
            {"function": "max", "column": "completed_at"},
        ],
    )

    assert columns(kind) == [
        ("status", "text"), ("created_at_week", "date"), ("count", "integer"), ("count_distinct_assignee", "integer"),
        ("sum_estimated_hours", "integer"), ("avg_estimated_hours", "number"), ("max_completed_at", "timestamp"),
    ]  # fmt: skip
    assert [column.title for column in kind.main.columns] == [
        "Status", "Date created (week)", "Rows", "Assignee (distinct)", "Estimated hours (sum)",
        "Estimated hours (average)", "Date completed (maximum)",
    ]  # fmt: skip


def test_groups_alone_are_counted_and_aggregates_alone_are_one_row():
    assert columns(made(source="tasks", groupBy=["status"])) == [("status", "text"), ("count", "integer")]
    assert columns(made(source="tasks", aggregates=["count"])) == [("count", "integer")]


@pytest.mark.parametrize(
    ("definition", "figures"),
    [
        ({"source": "members"}, ["rows_found"]),
        ({"source": "files"}, ["rows_found", "sum_bytes", "avg_bytes"]),
        (
            {"source": "tasks", "groupBy": ["status"], "aggregates": [{"function": "max", "column": "due_date"}]},
            ["rows_found", "groups_found"],
        ),
        (
            {"source": "tasks", "groupBy": ["status"], "aggregates": [{"function": "avg", "column": "hours_open"}]},
            ["rows_found", "groups_found", "avg_hours_open"],
        ),
        (
            {"source": "exports"},
            ["rows_found", "sum_records", "avg_records", "sum_bytes", "avg_bytes", "sum_seconds"],
        ),
    ],
)
def test_the_key_figures_are_what_was_found_and_the_numbers_among_it(definition, figures):
    assert [spec.column.name for spec in made(**definition).figures] == figures


def test_groups_over_time_are_a_line_and_others_a_ranking():
    week = [{"column": "created_at", "bucket": "week"}]

    assert made(source="messages", groupBy=week).charts == (
        ChartSpec(title="Rows by date sent (week)", kind="line", dataset="result", x="created_at_week", y=("count",)),
    )
    rank, days = made(source="messages", groupBy=["channel"]).charts
    assert (rank.kind, rank.x, rank.y, rank.limit) == ("rank", "channel", ("count",), 10)
    assert (days.kind, days.dataset, days.x) == ("bar", "days", "day")


def test_what_is_not_sorted_by_rank_is_no_ranking():
    kinds = [chart.kind for chart in made(source="messages", groupBy=["channel"], orderBy=["channel"]).charts]

    assert kinds == ["bar"]


def test_a_source_without_a_time_shows_what_there_is_and_no_days():
    kind = made(source="members", groupBy=["role"])

    assert [dataset.name for dataset in kind.datasets] == ["result"]
    assert "report.start" not in kind.main.sql


def test_another_time_of_the_source_may_decide_about_the_window():
    assert (
        "\"due_date\" >= current_setting('report.start')::timestamp" in made(source="tasks", time="due_date").main.sql
    )
    assert (
        "\"joined_at\" < current_setting('report.end')::timestamp" in made(source="members", time="joined_at").main.sql
    )


@pytest.mark.parametrize(
    ("definition", "order"),
    [
        ({"source": "tasks", "columns": ["title", "created_at"]}, '2 DESC NULLS LAST, "id"'),
        ({"source": "tasks", "columns": ["title"]}, '"id"'),
        ({"source": "tasks", "groupBy": ["status", "priority"]}, "3 DESC NULLS LAST, 1, 2"),
        ({"source": "tasks", "groupBy": [{"column": "due_date", "bucket": "day"}, "status"]},
         "1 NULLS LAST, 2 NULLS LAST"),
        ({"source": "tasks", "groupBy": ["status"], "orderBy": ["status"]}, "1 NULLS LAST"),
        ({"source": "tasks", "columns": ["title", "status"], "orderBy": [{"column": "status", "direction": "desc"}]},
         '2 DESC NULLS LAST, "id"'),
    ],
)  # fmt: skip
def test_rows_have_one_order_whatever_is_with_datasets(definition, order):
    assert f"ORDER BY {order}\nLIMIT" in made(**definition).main.sql


def test_titles_name_the_source_and_the_columns_it_is_grouped_by():
    assert made(source="tasks", limit=20).main.title == "Tasks"
    assert made(source="tasks", groupBy=["status"]).main.title == "Tasks by status"
    assert made(source="tasks", groupBy=["status", "priority"]).main.title == "Tasks by status and priority"


def test_the_day_table_is_named_after_the_time_of_the_window():
    kind = made(source="tasks", time="due_date")
    _, days = kind.datasets

    assert days.title == "Tasks by due date"
    assert [column.title for column in days.columns] == ["Due date", "Tasks"]
    assert [chart.title for chart in kind.charts] == ["Tasks by due date"]


def test_the_limit_cuts_the_table_and_not_the_key_figures():
    kind = made(source="tasks", limit=20)

    assert kind.main.sql.endswith("LIMIT 20\n")
    assert made(source="tasks").main.sql.endswith("LIMIT 10000\n")
    assert "LIMIT" not in kind.figures_sql


def test_the_limit_goes_with_the_table_because_a_cut_has_to_be_seen():
    assert made(source="tasks", limit=20).main.limit == 20
    assert made(source="tasks", groupBy=["status"]).main.limit == 10_000
    assert [dataset.limit for dataset in made(source="tasks").datasets[1:]] == [None]


# Refused definitions


def test_a_custom_report_needs_a_definition():
    with pytest.raises(
        RejectedError,
        match=f"parameters.customFilters: null is not a definition; use an object whose source is one of {SOURCES}.",
    ):
        parse_row(row(reportType="custom", parameters={}))


@pytest.mark.parametrize("value", ["tasks", 7, ["tasks"], True])
def test_a_definition_is_an_object(value):
    with pytest.raises(RejectedError) as rejected:
        parse_row(row(reportType="custom", parameters={"customFilters": value}))

    assert {problem.column for problem in rejected.value.problems} == {"parameters.customFilters"}


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({"source": "task"}, [("source", f"unknown source; choose from {SOURCES} (did you mean tasks?)")]),
        ({"source": None}, [("source", f"unknown source; choose from {SOURCES}")]),
        ({"team": "edit"}, [("team", f"unknown key; choose from {', '.join(KEYS)}"), ("source",
          f"unknown source; choose from {SOURCES}")]),
        ({"source": "tasks", "filter": []},
         [("filter", f"unknown key; choose from {', '.join(KEYS)} (did you mean filters?)")]),
        ({"source": "tasks", "columns": ["title", "staus"]},
         [("columns[1]", f"unknown column; choose from {TASKS} (did you mean status?)")]),
        ({"source": "tasks", "columns": ["title", "title"]}, [("",
          "is listed twice; list each column of the table once")]),
        ({"source": "tasks", "columns": "title"}, [("columns", "is not a list of at most 30 items; use one")]),
        ({"source": "tasks", "columns": [{"name": "title"}]}, [("columns[0]", f"unknown column; choose from {TASKS}")]),
        ({"source": "tasks", "columns": ["title"], "groupBy": ["status"]},
         [("columns", "cannot be combined with groupBy or aggregates, which make the columns; remove one of them")]),
        ({"source": "tasks", "groupBy": ["created_at"]}, [("groupBy[0].bucket",
          "unknown bucket; choose from day, week, month")]),
        ({"source": "tasks", "groupBy": [{"column": "created_at", "bucket": "weak"}]},
         [("groupBy[0].bucket", "unknown bucket; choose from day, week, month (did you mean week?)")]),
        ({"source": "tasks", "groupBy": [{"column": "status", "bucket": "week"}]},
         [("groupBy[0].bucket", "does not apply to status, which is not a time; remove it")]),
        ({"source": "tasks", "groupBy": [{"colum": "status"}]},
         [("groupBy[0].colum", "unknown key; choose from column, bucket (did you mean column?)"),
          ("groupBy[0].column", "unknown column; choose from title, status, priority, assignee, author, channel, "
           "estimated_hours, created_at, due_date, completed_at")]),
        ({"source": "tasks", "groupBy": ["hours_open"]},
         [("groupBy[0].column", "has the type number, which does not fit here; choose from title, status, priority, "
                                "assignee, "
           "author, channel, estimated_hours, created_at, due_date, completed_at")]),
        ({"source": "tasks", "groupBy": [7]},
         [("groupBy[0]", "is not an object; use one with the keys column, bucket")]),
        ({"source": "tasks", "aggregates": ["average"]},
         [("aggregates[0].function", "unknown function; choose from count, count_distinct, sum, avg, min, max (did "
                                     "you mean avg?)")]),
        ({"source": "tasks", "aggregates": ["counts"]},
         [("aggregates[0].function", "unknown function; choose from count, count_distinct, sum, avg, min, max (did "
                                     "you mean count?)")]),
        ({"source": "tasks", "aggregates": [{"function": "sum", "column": "status"}]},
         [("aggregates[0].column", "has the type text, which does not fit here; choose from estimated_hours, "
                                   "hours_open")]),
        ({"source": "members", "aggregates": [{"function": "sum", "column": "person"}]},
         [("aggregates[0].column", "has the type text, which does not fit here; this source has no column that fits")]),
        ({"source": "tasks", "aggregates": [{"function": "count", "column": "status"}]},
         [("aggregates[0].column", "is not used by count, which counts rows; remove it, or use count_distinct")]),
        ({"source": "tasks", "time": "status"},
         [("time", "has the type text, which does not fit here; choose from created_at, due_date, completed_at")]),
        ({"source": "tasks", "orderBy": ["staus"]}, [("orderBy[0].column",
          f"unknown column; choose from {TASKS} (did you mean status?)")]),
        ({"source": "tasks", "groupBy": ["status"], "orderBy": ["title"]},
         [("orderBy[0].column", "unknown column; choose from status, count")]),
        ({"source": "tasks", "orderBy": [{"column": "title", "direction": "down"}]},
         [("orderBy[0].direction", "unknown direction; choose from asc, desc")]),
        ({"source": "tasks", "limit": 0}, [("limit", f"is not a limit; use a whole number from 1 to {MOST_ROWS}")]),
        ({"source": "tasks", "limit": True}, [("limit", f"is not a limit; use a whole number from 1 to {MOST_ROWS}")]),
        ({"source": "tasks", "limit": MOST_ROWS + 1}, [("limit",
          f"is not a limit; use a whole number from 1 to {MOST_ROWS}")]),
        ({"source": "tasks", "filters": [{"column": "status", "operator": "eq", "value": "DONE"}] * 21},
         [("filters", "is not a list of at most 20 items; use one")]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_its_path(definition, said):
    assert problems(**definition) == said


MOMENT = "is not a time; use a day such as 2026-05-31, or a moment such as 2026-05-31T09:00:00Z"


@pytest.mark.parametrize(
    ("column", "operator", "value", "said"),
    [
        ("estimated_hours", "eq", "8", ("value", "is not a whole number of at most 64 bits; use one")),
        ("estimated_hours", "eq", 8.0, ("value", "is not a whole number of at most 64 bits; use one")),
        ("estimated_hours", "eq", True, ("value", "is not a whole number of at most 64 bits; use one")),
        ("estimated_hours", "eq", 2**63, ("value", "is not a whole number of at most 64 bits; use one")),
        ("estimated_hours", "in", [1, "2"], ("value[1]", "is not a whole number of at most 64 bits; use one")),
        ("estimated_hours", "in", [], ("value", "is not a list of 1 to 100 values; use one")),
        ("estimated_hours", "in", 3, ("value", "is not a list of 1 to 100 values; use one")),
        ("hours_open", "gt", "long", ("value", "is not a number; use one such as 1.5")),
        ("hours_open", "gt", float("inf"), ("value", "is not a number; use one such as 1.5")),
        ("title", "eq", 7, ("value", "is not a text of at most 1000 characters; use one")),
        ("title", "eq", None, ("value", "is not a text of at most 1000 characters; use one")),
        ("title", "contains", "x" * 1001, ("value", "is not a text of at most 1000 characters; use one")),
        ("title", "lt", "a",
         ("operator", "unknown text operator; choose from eq, ne, in, contains, is_null")),
        ("title", "contain", "a",
         ("operator",
          "unknown text operator; choose from eq, ne, in, contains, is_null (did you mean contains?)")),
        ("status", "eq", "DON",
         ("value", "unknown value; choose from TODO, IN_PROGRESS, BLOCKED, DONE, CANCELLED (did you mean DONE?)")),
        ("status", "in", ["DONE", "OPEN"], ("value[1]", "unknown value; choose from TODO, IN_PROGRESS, BLOCKED, "
                                                        "DONE, CANCELLED")),
        ("status", "is_null", True, ("value", "is not used by is_null; remove it, or set not to true to invert the "
                                              "filter")),
        ("due_date", "lt", "tomorrow", ("value", MOMENT)),
        ("due_date", "lt", "2026-02-29", ("value", MOMENT)),
        ("due_date", "lt", "2026-05-31T09", ("value", MOMENT)),
        ("due_date", "lt", "0001-01-01", ("value", MOMENT)),
        ("due_date", "lt", "\u0662026-05-31", ("value", MOMENT)),
        ("due_date", "eq", "2026-05-31",
         ("operator", "unknown timestamp operator; choose from lt, le, gt, ge, is_null")),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_at_the_gate(column, operator, value, said):
    place, allowed = said

    assert problems(source="tasks", filters=[{"column": column, "operator": operator, "value": value}]) == [
        (f"filters[0].{place}", allowed)
    ]


def test_a_flag_is_compared_with_true_or_false():
    assert problems(source="messages", filters=[{"column": "is_reply", "operator": "eq", "value": "true"}]) == [
        ("filters[0].value", "is not a boolean; use true or false")
    ]


def test_not_is_true_or_false():
    assert problems(source="tasks", filters=[{"column": "title", "operator": "is_null", "not": "yes"}]) == [
        ("filters[0].not", "is not a boolean; use true or false")
    ]


def test_everything_that_is_wrong_is_told_at_once():
    found = problems(
        source="tasks",
        colour="red",
        filters=[
            {"column": "titel", "operator": "eq", "value": "x"},
            {"column": "title", "operator": "is", "value": 1},
        ],
        groupBy=["stats"],
        aggregates=[{"function": "median", "column": "estimated_hours"}],
        orderBy=["nothing"],
        limit=-1,
        time="yesterday",
    )

    assert [path for path, _ in found] == [
        "colour", "filters[0].column", "filters[1].operator", "groupBy[0].column", "aggregates[0].function", "time",
        "limit", "orderBy[0].column",
    ]  # fmt: skip


# Statements

HOSTILE = "'; DROP TABLE users; -- \" $1 %s {0} \\"


def test_no_value_of_the_row_is_in_a_statement():
    kind = made(
        source="tasks",
        filters=[
            {"column": "title", "operator": "eq", "value": HOSTILE},
            {"column": "assignee", "operator": "in", "value": [HOSTILE, "Zoë"]},
            {"column": "title", "operator": "contains", "value": HOSTILE},
            {"column": "estimated_hours", "operator": "ge", "value": 424242},
            {"column": "due_date", "operator": "lt", "value": "2031-07-08"},
        ],
    )

    for sql in (kind.figures_sql, *(dataset.sql for dataset in kind.datasets)):
        assert "DROP" not in sql
        assert "424242" not in sql
        assert "2031" not in sql
        for number in range(5):
            assert f"{{customFilters,filters,{number},value}}" in sql
        assert "current_setting('report.workspace_id')" in sql


#: Everything that a statement may contain besides the source's query.
NAMES = {"count", "rows_found", "groups_found"} | {
    f"{before}{column.name}{after}"
    for source in KIND.sources
    for column in source.columns
    for before in ("", "count_distinct_", "sum_", "avg_", "min_", "max_")
    for after in ("", "_day", "_week", "_month")
}
LITERALS = {
    "UTC",
    "day",
    "week",
    "month",
    "report.parameters",
    "report.start",
    "report.end",
    "report.days",
    "report.day_starts",
    "report.clock_changes",
    "report.clock_readings",
    "report.clock_offsets",
}
LITERALS |= {f"{{customFilters,filters,{number},value}}" for number in range(20)}
WORDS = """
    WITH source AS chosen SELECT FROM WHERE AND GROUP ORDER BY DESC NULLS LAST LIMIT IN IS NOT TRUE NULL DISTINCT ROW
    days counted unnest ORDINALITY width_bucket day number wall interval LEFT JOIN USING coalesce count sum avg min max
    date_trunc strpos lower current_setting AT TIME ZONE jsonb jsonb_array_elements_text given text bigint numeric
    float8 boolean date timestamp timestamptz
    """

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["title", 'x" y']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from([column.name for source in KIND.sources for column in source.columns])
operators = st.sampled_from([*{operator for kind in OPERATORS.values() for operator in kind}, "is_null"])
filters = st.fixed_dictionaries(
    {"column": names | junk, "operator": operators | junk}, optional={"value": junk, "not": st.booleans() | junk}
)
groups = names | st.fixed_dictionaries({"column": names, "bucket": st.sampled_from(BUCKETS) | junk}) | junk
functions = st.sampled_from(["count", "count_distinct", "sum", "avg", "min", "max"])
aggregates = st.fixed_dictionaries({"function": functions | junk}, optional={"column": names | junk}) | functions | junk
definitions = st.fixed_dictionaries(
    {"source": st.sampled_from([source.name for source in KIND.sources])},
    optional={
        "columns": st.lists(names | junk, max_size=3) | junk,
        "filters": st.lists(filters | junk, max_size=3) | junk,
        "groupBy": st.lists(groups, max_size=2) | junk,
        "aggregates": st.lists(aggregates, max_size=2) | junk,
        "orderBy": st.lists(names | junk, max_size=2) | junk,
        "limit": st.integers(-1, 200_000) | junk,
        "time": names | junk,
    },
)


@given(definitions | junk)
def test_whatever_is_asked_is_refused_with_reasons_or_made_of_the_types_own_words(definition):
    check = Check()

    found = parse(check, KIND.sources, definition)

    assert (found is None) == bool(check.problems)
    assert all(str(problem).startswith("parameters.customFilters") for problem in check.problems)
    if found is not None:
        kind = with_datasets(KIND, {"customFilters": definition})
        for sql in (kind.figures_sql, *(dataset.sql for dataset in kind.datasets)):
            rest = sql.replace(found.source.sql, "")
            assert set(re.findall(r'"([^"]*)"', rest)) <= NAMES | {found.source.key}
            assert set(re.findall(r"'([^']*)'", rest)) <= LITERALS
            assert set(re.sub(r"""'[^']*'|"[^"]*"|[\s()\[\],*<>=.:#+-]|\b\d+\b""", " ", rest).split()) <= set(
                WORDS.split()
            )
