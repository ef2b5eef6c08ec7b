"""Report types: the built ones load, and a broken folder says what is wrong with it."""

from __future__ import annotations

import re
import shutil

import pytest
import yaml

from include.scheduled_reports.catalog import FOLDER, KNOWN_TYPES, load, report_types
from include.scheduled_reports.definitions import PARAMETERS
from include.scheduled_reports.errors import ReportTypeError

BUILT = sorted(report_types().values(), key=lambda kind: kind.id)


@pytest.fixture
def folder(tmp_path):
    """A copy of a good folder, to be broken."""
    return shutil.copytree(FOLDER / "channel-analytics", tmp_path / "channel-analytics")


@pytest.fixture
def broken(folder):
    """Changes the report.yaml of a good folder, and returns what is then said of it."""

    def reason(change):
        definition = folder / "report.yaml"
        content = yaml.safe_load(definition.read_text())
        change(content)
        definition.write_text(yaml.safe_dump(content))
        with pytest.raises(ReportTypeError) as refused:
            load(folder)
        told, _, reason = str(refused.value).partition(": ")
        assert told == str(definition)
        return reason

    return reason


def test_the_first_report_types_are_built():
    assert {"workspace-activity", "channel-analytics"} <= report_types().keys() <= set(KNOWN_TYPES)


@pytest.mark.parametrize("kind", BUILT, ids=lambda kind: kind.id)
def test_a_built_type_says_what_it_shows(kind):
    assert kind.title
    assert kind.description
    assert kind.figures
    assert kind.main is kind.datasets[0]
    assert all(dataset.title and dataset.columns for dataset in kind.datasets)
    assert kind.parameters <= PARAMETERS.keys()
    assert len({dataset.name for dataset in kind.datasets}) == len(kind.datasets)


@pytest.mark.parametrize("kind", BUILT, ids=lambda kind: kind.id)
def test_every_query_of_a_built_type_is_bound_to_its_workspace_and_closes_without_one(kind):
    for sql in (kind.figures_sql, *(dataset.sql for dataset in kind.datasets)):
        assert "current_setting('report.workspace_id')" in sql
        assert not re.search(r"current_setting\(\s*'[^']*'\s*,", sql), "missing_ok would answer for everybody"


def test_a_good_folder_loads_wherever_it_lies(folder):
    assert load(folder) == report_types()["channel-analytics"]


def test_what_is_missing_is_named(broken):
    assert broken(lambda content: content.pop("title")) == "'title' is missing"


def test_a_dataset_without_a_title_is_named(broken):
    assert broken(lambda content: content["datasets"][1].pop("title")) == "'title' is missing"


def test_figures_are_needed(broken):
    assert broken(lambda content: content.pop("figures")) == "'figures' is missing"


def test_a_column_of_an_unknown_type_is_named(broken):
    assert broken(lambda content: content["datasets"][0]["columns"][1].update(type="money")) == (
        "column messages: type 'money': one of text, integer, decimal, number, percent, boolean, date, timestamp"
    )


def test_a_column_with_an_unknown_key_is_named(broken):
    assert "'colour'" in broken(lambda content: content["datasets"][0]["columns"][0].update(colour="red"))


def test_a_sql_file_that_is_not_there_is_named(broken):
    assert "nothing.sql" in broken(lambda content: content["datasets"][0].update(sql="nothing.sql"))


def test_a_chart_over_a_column_that_is_not_there_is_named(broken):
    assert broken(lambda content: content["charts"][0].update(y=["messages", "likes"])) == (
        "chart 'Busiest public channels': channels has no column likes"
    )


def test_a_chart_over_a_dataset_that_is_not_there_is_named(broken):
    assert broken(lambda content: content["charts"][0].update(dataset="rooms")) == (
        "chart 'Busiest public channels': rooms has no column channel, messages"
    )


def test_a_type_without_a_dataset_is_refused(broken):
    assert broken(lambda content: content.update(datasets=[], charts=[])) == "datasets: at least one is needed"


def test_figures_that_are_no_columns_are_refused(broken):
    assert (
        broken(lambda content: content["figures"].update(columns=["messages"]))
        == "'str' object has no attribute 'items'"
    )


def test_a_chart_of_an_unknown_kind_is_named(broken):
    assert broken(lambda content: content["charts"][1].update(kind="pie")) == (
        "chart 'Messages per day': kind 'pie': one of line, bar, rank"
    )


def test_a_figure_that_is_better_sideways_is_named(broken):
    assert broken(lambda content: content["figures"]["columns"][0].update(better="sideways")) == (
        "figure messages: better 'sideways': one of up, down, neutral"
    )


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text\n", "title: x\n"])
def test_a_file_that_holds_something_else_is_named(folder, text):
    (folder / "report.yaml").write_text(text)

    with pytest.raises(ReportTypeError, match=r"channel-analytics/report\.yaml: ."):
        load(folder)


def test_a_file_that_is_not_yaml_is_named_with_the_line(folder):
    (folder / "report.yaml").write_text("title: [unclosed\n")

    with pytest.raises(ReportTypeError, match=r"report\.yaml: [\s\S]*line 2"):
        load(folder)


def test_a_folder_without_a_definition_is_named(tmp_path):
    with pytest.raises(ReportTypeError, match=r"report\.yaml: .*No such file"):
        load(tmp_path)
