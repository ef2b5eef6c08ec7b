"""Values that a query lists for a workspace: which are known, and what is asked of the database."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.errors import ReportTypeError
from include.scheduled_reports.domain.parameter import Parameter
from include.scheduled_reports.domain.report_type import ReportType
from include.scheduled_reports.runs.listed_values import Listed, listed, unlisted
from include.scheduled_reports.testing.services import MemorySource

LIST = ["Books", "Games"]
ONE = Parameter(name="one", title="One", type="choice", query="SELECT one")
MANY = Parameter(name="many", title="Many", type="choice", many=True, query="SELECT many")
PLAIN = Parameter(name="plain", title="Plain", type="text")
KIND = ReportType(id="t", title="T", description="", parameters={one.name: one for one in (ONE, MANY, PLAIN)})


class Database:
    """Answers a query as PostgreSQL would, and records what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, sql, scope):
        self.asked.append((sql, scope))
        wanted = scope.parameters.get("values")
        return pa.table({"value": pa.array([one for one in LIST if wanted is None or one in wanted], pa.string())})


@pytest.fixture
def database():
    return Database()


def problems(database, values, **more):
    found = unlisted(MemorySource(database), KIND, values, "ws1", **more)
    return {one.column: one.sentence for one in found}


def test_a_value_that_is_not_listed_is_named_by_its_place(database):
    assert problems(database, {"one": "Boks", "many": ["Games", "Book"], "plain": "Boks"}) == {
        "options.parameters.one": '"Boks" is not in the workspace\'s list of values; choose one that is.',
        "options.parameters.many[1]": '"Book" is not in the workspace\'s list of values; choose one that is.',
    }


def test_a_person_is_told_the_closest_value(database):
    assert problems(database, {"one": "Boks"}, suggest=True)["options.parameters.one"].endswith(
        "choose one that is (did you mean Books?)."
    )


def test_without_a_value_nothing_is_asked(database):
    assert problems(database, {"plain": "x", "many": [], "one": None}) == {}
    assert database.asked == []


@given(st.lists(st.text(max_size=20), max_size=3))
def test_values_reach_the_database_only_through_the_setting(texts):
    database = Database()
    problems(database, {"many": texts})

    assert {sql for sql, _ in database.asked} <= {sql for sql, _ in asked_for("Books")}
    assert all(scope.parameters == {"values": texts} for _, scope in database.asked)
    assert all(json.loads(json.dumps(scope.parameters)) == scope.parameters for _, scope in database.asked)


def asked_for(text):
    database = Database()
    problems(database, {"many": [text]})
    return database.asked


def test_a_list_is_read_for_one_workspace(database):
    assert listed(MemorySource(database), ONE, "ws1") == (Listed("Books", "Books"), Listed("Games", "Games"))
    assert [scope.workspace_id for _, scope in database.asked] == ["ws1"]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"value": pa.array([1])}, "the column value is of the type int64; cast it to text"),
        ({"name": pa.array(["a"])}, "the column value is missing; add it"),
    ],
)
def test_a_query_without_a_text_value_is_refused(columns, reason):
    source = MemorySource(lambda _, __: pa.table(columns))

    with pytest.raises(ReportTypeError, match=f"a query that lists values is wrong: {reason}"):
        listed(source, ONE, "ws1")


def test_a_row_without_a_title_shows_its_value():
    rows = pa.table({"value": ["a", "b", None], "title": pa.array(["A", None, "C"], pa.string())})

    assert listed(MemorySource(lambda _, __: rows), ONE, "ws1") == (Listed("a", "A"), Listed("b", "b"))
