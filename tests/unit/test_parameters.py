"""The column `parameters`: which keys and values it accepts."""

from __future__ import annotations

from datetime import date

import pytest

from include.scheduled_reports.domain.report import DateRange
from tests.unit.rows import problems, report

PERIOD = (
    "is not a period; use an object whose type is one of last-7-days, last-30-days, last-quarter, last-year, custom"
)
PARAMETERS = (
    "dateRange, includeArchived, channelIds, userIds, taskStatuses, workflowIds, minActivityLevel, customFilters"
)
BOOLEAN = "is not a boolean; use true or false"
LIST = 'is not a list; use one such as ["c1", "c2"]'
ID = "is not a non-empty text; use one"
LEVEL = "unknown value; choose from low, medium, high"


@pytest.mark.parametrize("kind", ["last-7-days", "last-30-days", "last-quarter", "last-year"])
def test_a_named_period_is_read(kind):
    assert report(parameters={"dateRange": {"type": kind}}).date_range == DateRange(type=kind)


@pytest.mark.parametrize("parameters", [{}, {"dateRange": None}])
def test_without_a_period_the_last_seven_days_are_meant(parameters):
    assert report(parameters=parameters).date_range == DateRange(type="last-7-days")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-05-01", "2026-05-31"),
        ("2026-05-01T00:00:00.000Z", "2026-05-31T23:59:59.999Z"),
    ],
)
def test_a_custom_period_is_given_by_days_or_by_moments_on_them(start, end):
    period = {"type": "custom", "startDate": start, "endDate": end}

    assert report(parameters={"dateRange": period}).date_range == DateRange(
        type="custom", start=date(2026, 5, 1), end=date(2026, 5, 31)
    )


@pytest.mark.parametrize("period", [{}, [], "last-7-days", 7, {"type": "yesterday"}, {"type": ["custom"]}, {"kind": 1}])
def test_a_period_that_is_none_is_refused(period):
    assert problems(parameters={"dateRange": period}) == [("parameters.dateRange", PERIOD)]


ORDER = "the first day must not be after the last, and at most 3660 days before it"


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2026-05-31", "2026-05-01", ORDER),
        ("2016-01-01", "2026-05-01", ORDER),
        ("0001-01-01", "0001-01-02", ORDER),
        ("9999-12-30", "9999-12-31", ORDER),
        (None, "2026-05-01", "Invalid isoformat string: 'None'"),
        ("2026-05-01", "tomorrow", "Invalid isoformat string: 'tomorrow'"),
        ("2026-02-29", "2026-03-01", "day is out of range for month"),
    ],
)
def test_a_custom_period_that_is_none_is_refused(start, end, reason):
    period = {"type": "custom", "startDate": start, "endDate": end}

    assert problems(parameters={"dateRange": period}) == [
        (
            "parameters.dateRange",
            f"is not a custom period ({reason}); set startDate and endDate to days such as 2026-05-01",
        )
    ]


def test_what_the_report_type_uses_is_handed_on_and_empty_values_are_not():
    parameters = {
        "includeArchived": True, "channelIds": ["c1", "c2"], "userIds": [], "customFilters": {}, "taskStatuses": None,
        "minActivityLevel": None,
    }  # fmt: skip

    assert report(parameters=parameters).parameters == {"channelIds": ["c1", "c2"], "includeArchived": True}


@pytest.mark.parametrize("parameters", [None, [], "text", 3, True])
def test_parameters_are_an_object(parameters):
    assert problems(parameters=parameters) == [("parameters", "is not a JSON object; use one such as {}")]


@pytest.mark.parametrize(
    ("name", "guess"), [("channelId", " (did you mean channelIds?)"), ("colour", ""), ("workspaceId", "")]
)
def test_an_unknown_parameter_is_refused_and_guessed(name, guess):
    assert problems(parameters={name: "x"}) == [
        (f"parameters.{name}", f"unknown parameter; choose from {PARAMETERS}{guess}")
    ]


def test_a_parameter_the_report_type_does_not_use_is_refused_rather_than_ignored():
    assert problems(parameters={"taskStatuses": ["DONE"], "workflowIds": ["w1"]}) == [
        (
            "parameters.taskStatuses",
            "is not used by workspace-activity; remove it, this type uses channelIds, includeArchived, "
            "minActivityLevel, userIds",
        ),
        (
            "parameters.workflowIds",
            "is not used by workspace-activity; remove it, this type uses channelIds, includeArchived, "
            "minActivityLevel, userIds",
        ),
    ]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("includeArchived", "yes", BOOLEAN),
        ("includeArchived", 1, BOOLEAN),
        ("channelIds", "c1", LIST),
        ("channelIds", {"c1": True}, LIST),
        ("minActivityLevel", "highest", f"{LEVEL} (did you mean high?)"),
        ("minActivityLevel", 5, LEVEL),
    ],
)
def test_a_parameter_of_the_wrong_shape_is_refused(name, value, reason):
    assert problems(parameters={name: value}) == [(f"parameters.{name}", reason)]


def test_every_wrong_item_of_a_list_is_named_by_its_number():
    assert problems(parameters={"channelIds": ["c1", ""], "userIds": [1, "u1", None]}) == [
        ("parameters.channelIds[1]", ID),
        ("parameters.userIds[0]", ID),
        ("parameters.userIds[2]", ID),
    ]


def test_an_unknown_task_status_is_named_and_guessed():
    assert problems(reportType="task-completion", parameters={"taskStatuses": ["DONE", "BLOCK"]}) == [
        (
            "parameters.taskStatuses[1]",
            "unknown value; choose from TODO, IN_PROGRESS, BLOCKED, DONE, CANCELLED (did you mean BLOCKED?)",
        )
    ]


def test_the_applications_lists_may_be_as_long_as_its_column():
    ids = [f"user-{number}" for number in range(5_000)]

    assert report(parameters={"userIds": ids}).parameters == {"userIds": ids}


@pytest.mark.parametrize("name", ["customFilters", "dateRange"])
@pytest.mark.parametrize("depth", [21, 900, 100_000])
def test_parameters_deeper_than_anybody_needs_are_refused_whatever_reads_them(name, depth):
    deep = {}
    for _ in range(depth - 1):
        deep = {name: deep}

    assert problems(parameters=deep) == [("parameters", "has more than 20 levels; nest it less deeply")]
