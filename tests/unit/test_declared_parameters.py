"""A report type that declares parameters of its own, as docs/extend.md shows it: its folder, its rows, its forms."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.scheduled_reports.domain.errors import ReportTypeError
from include.scheduled_reports.domain.parameter import Parameter
from include.scheduled_reports.reports.parameter_values import parameters_schema
from include.scheduled_reports.reports.parameters import PARAMETERS, usable_own_parameters
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.reports.types.yaml_loader import load
from tests.unit.documented_types import installed, write_documented
from tests.unit.rows import problems, report, row

GIVEN = {
    "minimumSize": 1_000, "kinds": ["image/png"], "since": "2026-05-05", "namePart": "plan", "showPeople": False,
}  # fmt: skip


@pytest.fixture
def _installed(tmp_path):
    with installed(tmp_path, "file-list"):
        yield


@pytest.fixture
def broken(tmp_path):
    """Return a function that changes the declarations of the type and returns the problems, without their places."""
    folder = write_documented("file-list", tmp_path)
    definition = folder / "report.yaml"
    text = definition.read_text()

    def broken(*changes):
        changed = text
        for old, new in changes:
            assert old in changed
            changed = changed.replace(old, new, 1)
        definition.write_text(changed)
        with pytest.raises(ReportTypeError) as refused:
            load(folder)
        return [re.sub(r"^\S+:(\d+): ", r"\1: ", line) for line in str(refused.value).split("\n")]

    return broken


# The folder


def test_declarations_are_read_with_their_types(tmp_path):
    kind = load(write_documented("file-list", tmp_path))
    query = (tmp_path / "file-list/kinds.sql").read_text().rstrip()

    assert [*kind.parameters.values()] == [
        Parameter(name="minimumSize", title="Minimum size in bytes", type="integer", required=True, minimum=0),
        Parameter(
            name="kinds", title="Kinds of file", type="choice", many=True, query=query,
            help="Only files of these kinds.",
        ),
        Parameter(name="since", title="Uploaded since", type="date", minimum="2020-01-01", help="A day in UTC."),
        Parameter(name="namePart", title="Name contains", type="text"),
        Parameter(name="showPeople", title="Show who uploaded them", type="boolean", default=True),
    ]  # fmt: skip


def test_a_type_may_read_parameters_of_the_application_as_well(tmp_path):
    folder = write_documented("file-list", tmp_path)
    definition = folder / "report.yaml"
    definition.write_text(definition.read_text().replace("parameters:\n", "parameters:\n  - userIds\n"))

    kind = load(folder)

    assert kind.parameters["userIds"] is PARAMETERS["userIds"]
    assert [one.name for one in kind.own_parameters] == [*GIVEN]


NAME_PART = "{name: namePart, title: Name contains, type: text}"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("type: integer,", "type: money,",
         'type "money" is unknown; choose from text, integer, number, date, boolean, choice'),
        ("type: integer,", "type: object,", 'type "object" is unknown'),
        ("name: namePart, ", "", '"name" is missing; add it'),
        ("name: namePart,", "name: 'name part',", 'name "name part" is not a name of up to 40 letters, digits and _'),
        ("name: namePart,", "name: userIds,", 'name "userIds" is a parameter of the application; list it as userIds'),
        ("name: namePart,", "name: dateRange,", 'name "dateRange" is a parameter of the application'),
        ("name: namePart,", "name: kinds,", 'name "kinds" is used twice; rename one of them'),
        (NAME_PART, "namePart", 'Unknown name "namePart" in parameters; choose from includeArchived, channelIds'),
        ("type: text}", "type: text, colour: red}", 'Unknown key "colour"; choose from name, title, type, many, req'),
        ("type: text}", "type: text, minimum: 1}", "minimum does not apply to the type text; remove it, or use int"),
        ("type: text}", "type: text, values: [a]}", "values does not apply to the type text; remove it, or use the"),
        ("type: text}", "type: choice}", 'the choice "namePart" needs either values or a query; give one of them'),
        ("type: text}", "type: choice, values: []}", "values has 0 items; use 1 to 250, or a query"),
        ("type: text}", "type: choice, values: [1, 2]}", "values [1, 2] is not a list of texts"),
        ("type: text}", "type: choice, values: [a, a]}", 'the value "a" is listed twice; list each once'),
        ("type: text}", f"type: choice, values: [{'a' * 101}]}}", "is not a printable text of 1 to 100 characters"),
        ("type: text}", "type: choice, values: [a], titles: {b: B}}", 'titles names "b", which is none of values'),
        ("type: text}", "type: choice, values: [a], query: kinds.sql}", "needs either values or a query"),
        ("type: text}", "type: choice, values: [yes_, no_], default: no}", "default Unknown value false; choose from"),
        ("type: text}", "type: text, help: ''}", 'help "" is not a text of 1 to 500 characters; use one'),
        ("type: text}", "type: text, default: 5}", "default 5 is not a text of 1 to 1,000 characters; use one"),
        ("type: text}", 'type: text, default: "a\\0b"}', "has a character or a number that PostgreSQL cannot store"),
        ("type: text}", "type: text, required: true, default: a}", "default and required cannot be combined"),
        ("minimum: 0", "minimum: 5, maximum: 4", "minimum 5 is above maximum 4; exchange them"),
        ("minimum: 0", "minimum: none", 'minimum "none" is not a whole number; use one'),
        ("minimum: 2020-01-01", "minimum: 2020-01-01, default: 2019-12-31",
         'default "2019-12-31" is not a day that is 2020-01-01 or later; use one'),
        ("query: kinds.sql", "query: none.sql", 'sql "none.sql" cannot be read: No such file or directory'),
        ("query: kinds.sql", "query: kinds.sql, default: [image/png]", "a choice with a query has no default"),
        ("query: kinds.sql", "query: figures.sql", "does not read current_setting('report.workspace_id')"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_named_with_its_line(broken, old, new, reason):
    found = broken((old, new))

    assert [one for one in found if reason in one], found
    assert all(4 <= int(one.partition(":")[0]) <= 8 for one in found), found


def test_all_wrong_declarations_are_named_at_once(broken):
    found = broken(
        ("minimum: 0", "minimum: none"), ("type: date", "type: day"), ("title: Name contains", "titel: Name contains")
    )

    assert [one.partition(":")[0] for one in found] == ["4", "6", "7", "7"]


def test_more_parameters_than_a_form_can_show_are_refused(broken):
    many = "".join(f"  - {{name: p{number}, title: P, type: text}}\n" for number in range(36))

    assert "4: parameters has 41 items; use at most 40" in [
        re.sub(r"^\d+", "4", one) for one in broken(("parameters:\n", f"parameters:\n{many}"))
    ]


# The row


@pytest.mark.usefixtures("_installed")
def test_values_are_handed_on_with_defaults_and_without_what_is_not_set():
    options = {"parameters": {"minimumSize": 5, "kinds": [], "since": None}}

    assert report(reportType="file-list", options=options).parameters == {"minimumSize": 5, "showPeople": True}
    assert report(reportType="file-list", options={"parameters": GIVEN}).parameters == GIVEN


@pytest.mark.usefixtures("_installed")
def test_every_wrong_value_is_named_with_what_is_allowed():
    wrong = {"minimumSize": -1, "kinds": ["a", 5], "since": "soon", "namePart": "", "showPeople": "no", "kind": "a"}

    assert problems(reportType="file-list", options={"parameters": wrong}) == [
        ("options.parameters.minimumSize", "is not a whole number that is 0 or more; use one"),
        ("options.parameters.kinds[1]", "is not one of those in the workspace's list; use one"),
        ("options.parameters.since", "is not a day that is 2020-01-01 or later; use one"),
        ("options.parameters.namePart", "is not a text of 1 to 1,000 characters; use one"),
        ("options.parameters.showPeople", "is not a boolean; use true or false"),
        (
            "options.parameters.kind",
            "unknown parameter; choose from minimumSize, kinds, since, namePart, showPeople (did you mean kinds?)",
        ),
    ]


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    "options", [{}, {"parameters": None}, {"parameters": {}}, {"parameters": {"minimumSize": None}}]
)
def test_a_required_value_that_is_missing_is_named(options):
    assert problems(reportType="file-list", options=options) == [
        (
            "options.parameters.minimumSize",
            "is no value, and file-list needs one; use a whole number that is 0 or more",
        )
    ]


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("wrong", [[], "text", 3, [{"name": "minimumSize"}]])
def test_the_option_is_an_object(wrong):
    assert problems(reportType="file-list", options={"parameters": wrong}) == [
        ("options.parameters", "is not a JSON object; use one such as {}")
    ]


@pytest.mark.usefixtures("_installed")
def test_a_value_at_the_wrong_place_is_sent_to_the_right_one():
    assert problems(reportType="file-list", parameters=GIVEN | {"kinds": None}, options={"parameters": GIVEN}) == [
        (f"parameters.{name}", f"is at the wrong place; send it as options.parameters.{name}")
        for name in ("minimumSize", "since", "namePart")
    ] + [("parameters.showPeople", "is at the wrong place; send it as options.parameters.showPeople")]
    assert problems(options={"parameters": {"userIds": ["u1"], "dateRange": {}}}) == [
        ("options.parameters.userIds", "is at the wrong place; send it as parameters.userIds")
    ]


def test_a_type_without_declarations_takes_none():
    assert problems(options={"parameters": {"kinds": ["a"]}}) == [
        (
            "options.parameters.kinds",
            "is not used by workspace-activity, which declares no parameters; remove it",
        )
    ]


@pytest.mark.usefixtures("_installed")
def test_parameters_of_the_application_that_the_type_does_not_read_are_refused():
    assert problems(reportType="file-list", parameters={"userIds": ["u1"]}, options={"parameters": GIVEN}) == [
        ("parameters.userIds", "is not used by file-list; remove it, this type uses only dateRange")
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.usefixtures("_installed")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json_values | st.dictionaries(st.sampled_from([*GIVEN]) | st.text(max_size=9), json_values, max_size=5))
def test_whatever_the_option_holds_is_a_report_or_problems_that_name_it(value):
    reports, rejections = parse([row(reportType="file-list", options={"parameters": value})])

    for found in reports:
        assert found.parameters.keys() <= GIVEN.keys()
        assert type(found.parameters["minimumSize"]) is int
    for rejection in rejections:
        assert {problem.column[:18] for problem in rejection.problems} == {"options.parameters"}


@pytest.mark.usefixtures("_installed")
def test_a_form_shows_only_values_that_are_allowed():
    kind = report_types()["file-list"]

    assert usable_own_parameters(kind, {"parameters": {**GIVEN, "since": "soon", "other": 1}}) == {
        name: value for name, value in GIVEN.items() if name != "since"
    }
    assert [usable_own_parameters(kind, options) for options in (None, [], {"parameters": "x"}, {})] == [{}] * 4


@pytest.mark.usefixtures("_installed")
def test_the_schema_of_the_api_is_that_of_the_declarations():
    schema = parameters_schema(report_types()["file-list"])

    assert schema["required"] == ["minimumSize"]
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "minimumSize": {
            "title": "Minimum size in bytes", "type": "integer", "minimum": 0, "maximum": 9223372036854775807,
        },
        "kinds": {
            "title": "Kinds of file", "description": "Only files of these kinds.", "type": "array", "maxItems": 100,
            "items": {"type": "string"},
        },
        "since": {
            "title": "Uploaded since", "description": "A day in UTC. Must be a day that is 2020-01-01 or later.",
            "type": "string", "format": "date",
        },
        "namePart": {"title": "Name contains", "type": "string", "minLength": 1, "maxLength": 1000},
        "showPeople": {"title": "Show who uploaded them", "type": "boolean", "default": True},
    }  # fmt: skip
