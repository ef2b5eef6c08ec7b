"""Values of declared parameters: what is allowed, compared with the JSON schema of the declaration, and in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from include.scheduled_reports.domain.parameter import Parameter
from include.scheduled_reports.render.parameter_words import words
from include.scheduled_reports.reports.parameter_values import check_value, fits, json_schema
from include.scheduled_reports.reports.parameters import PARAMETERS
from include.scheduled_reports.reports.validation import Check
from tests.unit.rows import reason

names = st.text("abc", min_size=1, max_size=3)
limits = st.none() | st.integers(-5, 5)


def declared(kind, **more):
    return Parameter(name="given", title="Given", type=kind, **more)


@st.composite
def declarations(draw):
    kind = draw(st.sampled_from(["text", "integer", "number", "date", "boolean", "choice"]))
    more = {"many": draw(st.booleans())}
    if kind == "choice":
        more["values"] = tuple(draw(st.lists(names, min_size=1, max_size=4, unique=True)))
    if kind in ("integer", "number"):
        more |= {"minimum": draw(limits), "maximum": draw(limits)}
    return declared(kind, **more)


def is_whole(value):
    """Whether a value is a float such as 5.0, which a JSON schema takes for an integer."""
    return isinstance(value, float) and value.is_integer()


scalars = (
    st.none() | st.booleans() | st.integers(-10, 10) | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda one: not is_whole(one))
    | names | st.text(max_size=5) | st.dates().map(str)
    | st.sampled_from(["2026-02-29", "20260101", "2026-W01-1", "x" * 1001])
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=2), max_leaves=6
) | st.lists(st.integers(0, 3), min_size=99, max_size=102)


def years(value):
    return [int(one[:4]) for one in (value if isinstance(value, list) else [value])]


@given(declarations(), values)
def test_a_value_is_allowed_exactly_if_the_schema_of_its_declaration_allows_it(parameter, value):
    # The format checker's dates are those of Python, also the first and the last years.
    allowed = Draft202012Validator(json_schema(parameter), format_checker=FormatChecker()).is_valid(value)
    if allowed and parameter.type == "date":
        allowed = all(1900 <= year <= 9000 for year in years(value))

    assert fits(parameter, value) is allowed


@given(declarations(), values)
def test_every_problem_names_the_parameter_and_says_what_to_do(parameter, value):
    check = Check()
    check_value(check, parameter, value)

    for problem in check.problems:
        assert problem.column.startswith("options.parameters.given")
        assert len(str(problem)) < 1_000


@given(declarations(), values)
def test_what_is_allowed_can_be_said_in_bounded_words(parameter, value):
    if fits(parameter, value):
        assert len(words(parameter, value)) <= 350


def wrong(parameter, value):
    check = Check()
    check_value(check, parameter, value)
    return [(problem.column.removeprefix("options.parameters."), reason(problem)) for problem in check.problems]


@pytest.mark.parametrize(
    ("parameter", "value", "said"),
    [
        (declared("integer"), "5", "is not a whole number; use one"),
        (declared("integer"), 5.0, "is not a whole number; use one"),
        (declared("integer"), True, "is not a whole number; use one"),
        (declared("integer"), 2**63, "is not a whole number; use one"),
        (declared("integer", minimum=1, maximum=1000), 0, "is not a whole number from 1 to 1,000; use one"),
        (declared("number", minimum=0.5), 0.4, "is not a number that is 0.5 or more; use one"),
        (declared("number", maximum=2), 2.1, "is not a number that is 2 or less; use one"),
        (declared("number"), 10**400, "is not a number; use one"),
        (declared("date"), "2026-02-29", "is not a day such as 2026-05-31; use one"),
        (declared("date"), "2026-W01-1", "is not a day such as 2026-05-31; use one"),
        (declared("date", minimum="2026-01-01"), "2025-12-31", "is not a day that is 2026-01-01 or later; use one"),
        (declared("boolean"), "true", "is not a boolean; use true or false"),
        (declared("text"), "", "is not a text of 1 to 1,000 characters; use one"),
        (declared("text"), "x" * 1001, "is not a text of 1 to 1,000 characters; use one"),
        (declared("text", many=True), "x", 'is not a list; use one such as ["c1", "c2"]'),
        (declared("text", many=True), ["x"] * 101, "has 101 values; use at most 100"),
        (declared("choice", values=("books", "games")), "bok",
         "unknown value; choose from books, games (did you mean books?)"),
        (declared("choice", query="SELECT"), 5, "is not one of those in the workspace's list; use one"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_is_allowed(parameter, value, said):
    assert wrong(parameter, value) == [("given", said)]


def test_each_wrong_item_of_a_list_is_named():
    assert [place for place, _ in wrong(declared("integer", many=True), [1, "2", 3, None])] == ["given[1]", "given[3]"]


@pytest.mark.parametrize(
    ("parameter", "value", "said"),
    [
        (declared("integer"), 1_500, "1,500"),
        (declared("number"), 1_500.5, "1,500.5"),
        (declared("boolean"), False, "No"),
        (declared("boolean"), True, "Yes"),
        (declared("date"), "2026-05-31", "Sun 31 May 2026"),
        (declared("choice", values=("eu", "us"), titles={"eu": "Europe"}, many=True), ["us", "eu"], "us, Europe"),
        (declared("text", many=True), list("abcdefghijklm"), "a, b, c, d, e, f, g, h, i, j and 3 more"),
        (declared("text"), "x" * 1000, "x" * 299 + "…"),
        (PARAMETERS["userIds"], ["cmaq0v1k2", "cmaq0v1k3"], "2 selected"),
        (PARAMETERS["includeArchived"], True, "Yes"),
        (PARAMETERS["taskStatuses"], ["IN_PROGRESS"], "in progress"),
    ],
)
def test_a_value_is_shown_as_people_read_it(parameter, value, said):
    assert words(parameter, value) == said
