"""The option `sendIf` is parsed with the report's type, and every problem is named by its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.send_if import (
    ChangeCondition,
    ChangedCondition,
    FigureCondition,
    NewRowsCondition,
    RowsCondition,
    SendIf,
)
from include.scheduled_reports.reports.parser import parse
from tests.unit.rows import problems, report, row

OVERDUE = {"kind": "figure", "figure": "overdue", "operator": ">", "value": 10}
PLACE = "options.sendIf.conditions[0]"


junk = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.just([])
    | st.just({})
)
#: Conditions that are nearly right: any mixture of their keys, with right values and junk.
mixtures = st.fixed_dictionaries(
    {"kind": st.sampled_from(["rows", "figure", "change", "changed", "newRows"]) | junk},
    optional={
        "dataset": st.sampled_from(["tasks", "days"]) | junk,
        "is": st.sampled_from(["any", "none", "at-least"]) | junk,
        "count": st.integers(-1, 5) | junk,
        "figure": st.sampled_from(["overdue", "on_time_share"]) | junk,
        "operator": st.sampled_from([">", ">=", "<", "<="]) | junk,
        "value": st.integers(-5, 5) | junk,
        "unit": st.sampled_from(["amount", "percent"]) | junk,
        "column": st.sampled_from(["task", "status", "overdue"]) | junk,
    },
)


def parsed(*conditions, kind="task-completion", **rest):
    return report(reportType=kind, options={"sendIf": {"conditions": list(conditions), **rest}}).send_if


def wrong(*conditions, kind="task-completion", **rest):
    found = problems(reportType=kind, options={"sendIf": {"conditions": list(conditions), **rest}})
    return {column: reason for column, reason in found if column.startswith("options")}


def test_a_report_without_the_option_has_no_conditions():
    assert report().send_if is None
    assert report(options={"sendIf": None}).send_if is None


def test_every_kind_of_condition_is_read():
    found = parsed(
        {"kind": "rows", "dataset": "people", "is": "at-least", "count": 5},
        {"kind": "rows", "dataset": "tasks", "is": "none"},
        OVERDUE,
        {"kind": "change", "figure": "unlisted_overdue", "operator": "<=", "value": -2.5, "unit": "percent"},
        {"kind": "changed"},
        {"kind": "newRows", "column": "task"},
        match="any",
        repeat="once",
    )

    assert found == SendIf(
        conditions=(
            RowsCondition(dataset="people", rows_are="at-least", count=5),
            RowsCondition(dataset="tasks", rows_are="none"),
            FigureCondition(figure="overdue", operator=">", value=10),
            ChangeCondition(figure="unlisted_overdue", operator="<=", value=-2.5, unit="percent"),
            ChangedCondition(),
            NewRowsCondition(column="task"),
        ),
        match="any",
        repeat="once",
    )


def test_all_conditions_and_every_run_are_the_default():
    found = parsed(OVERDUE)

    assert (found.match, found.repeat) == ("all", "every")


@pytest.mark.parametrize(
    ("condition", "place", "reason"),
    [
        ({"kind": "figures"}, "kind", "choose from rows, figure, change, changed, newRows (did you mean figure?)"),
        ({**OVERDUE, "figure": "overdu"}, "figure", "(did you mean overdue?)"),
        ({**OVERDUE, "operator": "="}, "operator", "is not one of >, >=, <, <=; choose one"),
        ({**OVERDUE, "value": "10"}, "value", "is not a number from -1e15 to 1e15"),
        ({**OVERDUE, "value": True}, "value", "is not a number"),
        ({**OVERDUE, "value": 10**400}, "value", "is not a number"),
        ({**OVERDUE, "unit": "percent"}, "unit", "choose from kind, figure, operator, value"),
        ({**OVERDUE, "kind": "change"}, "unit", "is not one of amount, percent; choose one"),
        ({"kind": "rows", "dataset": "task", "is": "any"}, "dataset", "(did you mean tasks?)"),
        ({"kind": "rows", "dataset": "tasks", "is": "some"}, "is", "is not one of any, none, at-least"),
        ({"kind": "rows", "dataset": "tasks", "is": "at-least"}, "count", "is not a whole number from 1 to"),
        ({"kind": "rows", "dataset": "tasks", "is": "at-least", "count": 1.0}, "count", "is not a whole number"),
        ({"kind": "rows", "dataset": "tasks", "is": "any", "count": 3}, "count", "is used with at-least only"),
        ({"kind": "newRows", "column": "tusk"}, "column", "(did you mean task?)"),
        ({"kind": "newRows"}, "column", "choose from"),
        ({"kind": "changed", "column": "task"}, "column", "choose from kind"),
    ],
)
def test_a_wrong_part_is_named_by_its_place(condition, place, reason):
    found = wrong(condition)

    assert list(found) == [f"{PLACE}.{place}"]
    assert reason in found[f"{PLACE}.{place}"]


@pytest.mark.parametrize("value", [[], "overdue > 10", 1, True])
def test_anything_but_an_object_is_refused(value):
    assert [column for column, _ in problems(options={"sendIf": value})] == ["options.sendIf"]


def test_one_to_ten_conditions_are_allowed():
    assert len(parsed(*[OVERDUE] * 10).conditions) == 10
    assert list(wrong(*[OVERDUE] * 11)) == ["options.sendIf.conditions"]
    assert list(wrong()) == ["options.sendIf.conditions"]


def test_all_problems_are_named_at_once():
    found = wrong(
        {**OVERDUE, "figure": "late"}, "overdue", {"kind": "changed"}, {"kind": "rows"}, match="some", often=1
    )

    assert found.keys() == {
        f"{PLACE}.figure", "options.sendIf.conditions[1]", "options.sendIf.conditions[3].dataset",
        "options.sendIf.conditions[3].is", "options.sendIf.match", "options.sendIf.often",
    }  # fmt: skip


def test_new_rows_are_found_by_one_column_only():
    found = wrong({"kind": "newRows", "column": "task"}, {"kind": "newRows", "column": "status"})

    assert found == {"options.sendIf.conditions[1].kind": "is there already; use it once"}


def test_a_column_of_fractions_is_no_key():
    found = wrong({"kind": "newRows", "column": "success_share"}, kind="workflow-execution")

    assert "has the type percent, by which no row can be known again" in found[f"{PLACE}.column"]


def test_the_names_of_a_custom_report_come_from_its_definition():
    parameters = {"customFilters": {"source": "tasks", "columns": ["title", "status"], "limit": 50}}
    conditions = [
        {"kind": "rows", "dataset": "result", "is": "at-least", "count": 51},
        {"kind": "newRows", "column": "titel"},
    ]

    found = dict(problems(reportType="custom", parameters=parameters, options={"sendIf": {"conditions": conditions}}))

    assert found.keys() == {f"{PLACE}.count", "options.sendIf.conditions[1].column"}
    assert found[f"{PLACE}.count"] == "is not a whole number from 1 to 50, which is how many rows result has at most"
    assert "(did you mean title?)" in found["options.sendIf.conditions[1].column"]


def test_a_wrong_definition_is_the_only_problem_of_a_custom_report():
    found = problems(
        reportType="custom", parameters={}, options={"sendIf": {"conditions": [{"kind": "newRows", "column": "id"}]}}
    )

    assert {column.partition(".")[0] for column, _ in found} == {"parameters"}


@given(st.lists(mixtures | junk, max_size=3), st.sampled_from(["all", "any"]) | junk)
def test_any_mixture_is_read_whole_or_refused_by_the_place_of_each_problem(conditions, match):
    options = {"sendIf": {"conditions": conditions, "match": match}}

    reports, rejections = parse([row(reportType="task-completion", options=options)])

    for found in reports:
        assert len(found.send_if.conditions) == len(conditions)
    for rejection in rejections:
        assert {problem.column.partition("[")[0] for problem in rejection.problems} <= {
            "options.sendIf.conditions", "options.sendIf.match",
        }  # fmt: skip
