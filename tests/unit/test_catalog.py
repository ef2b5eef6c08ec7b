"""Report types: the built-in ones load, and an error in a folder names its place and affects no other folder."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from include.scheduled_reports.domain.errors import ReportTypeError
from include.scheduled_reports.reports.parameters import PARAMETERS
from include.scheduled_reports.reports.types import catalog
from include.scheduled_reports.reports.types.catalog import FOLDER, KNOWN_TYPES, read, report_type, report_types
from include.scheduled_reports.reports.types.yaml_loader import load
from tests.unit.rows import report

#: The types with their own tables; for the others, a report defines its tables from sources.
BUILT = sorted((kind for kind in report_types().values() if not kind.sources), key=lambda kind: kind.id)


@pytest.fixture
def folder(tmp_path):
    """A copy of a valid folder, to be changed."""
    return shutil.copytree(FOLDER / "channel-analytics", tmp_path / "channel-analytics")


@pytest.fixture
def broken(folder):
    """Return a function that changes the report.yaml of a valid folder and returns the resulting error."""

    def reason(change):
        definition = folder / "report.yaml"
        content = yaml.safe_load(definition.read_text())
        change(content)
        definition.write_text(yaml.safe_dump(content))
        with pytest.raises(ReportTypeError) as refused:
            load(folder)
        told, _, reason = str(refused.value).partition(": ")
        assert re.fullmatch(re.escape(str(definition)) + r":\d+", told)
        return reason

    return reason


def test_the_first_report_types_are_built():
    first = {"workspace-activity", "channel-analytics", "security-audit", "custom"}
    assert first <= report_types().keys() <= set(KNOWN_TYPES)
    assert catalog.catalog().broken == {}


@pytest.mark.parametrize("kind", BUILT, ids=lambda kind: kind.id)
def test_a_built_type_says_what_it_shows(kind):
    assert kind.title
    assert kind.description
    assert kind.figures
    assert kind.main is kind.datasets[0]
    assert all(dataset.title and dataset.columns for dataset in kind.datasets)
    assert kind.parameters.keys() <= PARAMETERS.keys()
    assert len({dataset.name for dataset in kind.datasets}) == len(kind.datasets)


@pytest.mark.parametrize("kind", BUILT, ids=lambda kind: kind.id)
def test_every_query_of_a_built_type_is_bound_to_its_workspace_and_closes_without_one(kind):
    for sql in (kind.figures_sql, *(dataset.sql for dataset in kind.datasets)):
        assert "current_setting('report.workspace_id')" in sql
        assert not re.search(r"current_setting\(\s*'[^']*'\s*,", sql), "missing_ok would answer for everybody"


def test_a_good_folder_loads_wherever_it_lies(folder):
    assert load(folder) == report_types()["channel-analytics"]


def test_what_is_missing_is_named(broken):
    assert broken(lambda content: content.pop("title")) == '"title" is missing; add it'


def test_a_dataset_without_a_title_is_named(broken):
    assert broken(lambda content: content["datasets"][1].pop("title")) == '"title" is missing; add it'


def test_figures_are_needed(broken):
    assert broken(lambda content: content.pop("figures")) == '"figures" is missing; add it'


def test_a_column_of_an_unknown_type_is_named(broken):
    assert broken(lambda content: content["datasets"][0]["columns"][1].update(type="money")) == (
        'type "money" is unknown; choose from text, integer, decimal, number, percent, boolean, date, timestamp'
    )


def test_a_column_with_an_unknown_key_is_named(broken):
    assert broken(lambda content: content["datasets"][0]["columns"][0].update(colour="red")) == (
        'Unknown key "colour"; choose from name, title, type, scale, unit, definition, titles, tones, tone, bar, total'
    )


def test_a_sql_file_that_is_not_there_is_named(broken):
    assert broken(lambda content: content["datasets"][0].update(sql="nothing.sql")) == (
        'sql "nothing.sql" cannot be read: No such file or directory'
    )


def test_a_chart_over_a_column_that_is_not_there_is_named(broken):
    assert broken(lambda content: content["charts"][0].update(y=["messages", "likes"])) == (
        'chart "Busiest public channels": channels has no column likes; name columns that it has'
    )


def test_a_chart_over_a_dataset_that_is_not_there_is_named(broken):
    assert broken(lambda content: content["charts"][0].update(dataset="rooms")) == (
        'chart "Busiest public channels": rooms has no column channel, messages; name columns that it has'
    )


def test_a_type_without_a_dataset_is_refused(broken):
    assert broken(lambda content: content.update(datasets=[], charts=[])) == (
        "datasets [] is not a list of at least one item; use one"
    )


def test_figures_that_are_no_columns_are_refused(broken):
    assert (
        broken(lambda content: content["figures"].update(columns=["messages"]))
        == '"messages" is not a mapping; write keys and values here, such as title: …'
    )


def test_a_chart_of_an_unknown_kind_is_named(broken):
    assert broken(lambda content: content["charts"][1].update(kind="pie")) == (
        'kind "pie" is unknown; choose from line, bar, rank'
    )


def test_a_figure_that_is_better_sideways_is_named(broken):
    assert broken(lambda content: content["figures"]["columns"][0].update(better="sideways")) == (
        'better "sideways" is unknown; choose from up, down, neutral'
    )


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text\n", "title: x\n"])
def test_a_file_that_holds_something_else_is_named(folder, text):
    (folder / "report.yaml").write_text(text)

    with pytest.raises(ReportTypeError, match=r"channel-analytics/report\.yaml:1: ."):
        load(folder)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("title: [unclosed\n", 2, "did not find expected"),
        ("title: x\ndescription: y\n\tz: 1\n", 3, "found .*tab|cannot start any token"),
        ("title: x\nbad: \x07\n", 1, "control characters are not allowed"),
        ("title: *nobody\n", 1, "undefined alias"),
    ],
)
def test_a_file_that_is_not_yaml_is_named_with_the_line(folder, text, line, reason):
    (folder / "report.yaml").write_text(text)

    with pytest.raises(ReportTypeError, match=rf"report\.yaml:{line}: .*(?:{reason})"):
        load(folder)


def test_a_file_that_is_not_utf_8_is_named(folder):
    (folder / "report.yaml").write_bytes("title: für".encode("latin-1"))

    with pytest.raises(ReportTypeError, match=r"report\.yaml:1: the file is not UTF-8; save it as UTF-8"):
        load(folder)


def test_a_folder_without_a_definition_is_named(tmp_path):
    with pytest.raises(ReportTypeError, match=r"report\.yaml:1: the file does not exist; create it"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("type: percent", "type: percentage", 'type "percentage" is unknown; choose from'),
        ("{name: quiet_channels,", "{nam: quiet_channels,",
         'Unknown key "nam"; choose from name, title, type, scale, unit, definition, titles, tones, tone, bar, total, '
         "better, hidden (did you mean name?)"),
        ("days.sql]", "weeks.sql]", 'sql "weeks.sql" cannot be read: No such file or directory'),
        ("x: day,", "x: hour,", 'chart "Messages per day": days has no column hour'),
        ("zero_filled: true", "zero_filled: perhaps", 'zero_filled "perhaps" is not a boolean; use true or false'),
        ("scale: 1, better: up", "scale: x, better: up", 'scale "x" is not a whole number'),
        ("Archived, channelIds", "Archived, chanelIds", "(did you mean channelIds?)"),
        ("name: days\n", "name: channels\n", 'name "channels" is used twice'),
        ("{name: reactions,", "{name: replies,", 'name "replies" is used twice'),
        ("figures:", "roles: [BOSS]\nfigures:",
         'Unknown name "BOSS" in roles; choose from OWNER, ADMIN, MEMBER, GUEST'),
        ("type: integer, better: up", "type: text, better: up",
         'type "text" is not a number, which a figure must be'),
    ],
)  # fmt: skip
def test_the_line_that_is_wrong_is_named_as_an_editor_counts(folder, old, new, reason):
    definition = folder / "report.yaml"
    text = definition.read_text()
    assert text.count(old) >= 1
    definition.write_text(text.replace(old, new, 1))
    lines = zip(text.split("\n"), definition.read_text().split("\n"), strict=False)
    expected = next(number for number, (before, after) in enumerate(lines, start=1) if before != after)

    with pytest.raises(ReportTypeError, match=re.escape(reason)) as refused:
        load(folder)

    assert str(refused.value).startswith(f"{definition}:{expected}: ")


@pytest.mark.parametrize(
    "sql", ["SELECT 1 AS channel", "SELECT current_setting('report.workspace_id', true) AS channel"]
)
def test_a_query_that_would_answer_for_everybody_is_refused(folder, sql):
    (folder / "channels.sql").write_text(sql)
    definition = folder / "report.yaml"
    definition.write_text(definition.read_text().replace("[selection.sql, channels.sql]", "channels.sql"))

    with pytest.raises(ReportTypeError, match=r"does not read current_setting\('report.workspace_id'\)"):
        load(folder)


def test_a_list_of_sql_files_is_one_query_in_their_order(folder):
    (folder / "first.sql").write_text("WITH a AS (SELECT current_setting('report.workspace_id') AS w)\n\n")
    (folder / "second.sql").write_text("-- The query.\n, b AS (SELECT w FROM a)\n")
    (folder / "third.sql").write_text("SELECT w AS channel FROM b -- no line end")
    definition = folder / "report.yaml"
    text = definition.read_text()
    for name in ("channels", "figures"):
        text = text.replace(f"sql: [selection.sql, {name}.sql]", "sql: [first.sql, second.sql, third.sql]")
    definition.write_text(text)

    loaded = load(folder)

    assert loaded.main.sql == loaded.figures_sql
    assert loaded.main.sql.split("\n") == [
        "WITH a AS (SELECT current_setting('report.workspace_id') AS w)",
        "-- The query.",
        ", b AS (SELECT w FROM a)",
        "SELECT w AS channel FROM b -- no line end",
    ]


def test_a_list_of_one_sql_file_is_that_file(folder):
    definition = folder / "report.yaml"
    text = definition.read_text()
    (folder / "whole.sql").write_text("SELECT current_setting('report.workspace_id') AS channel\n")
    loaded = []
    for sql in ("whole.sql", "[whole.sql]"):
        definition.write_text(text.replace("sql: [selection.sql, channels.sql]", f"sql: {sql}"))
        loaded.append(load(folder))

    assert loaded[0] == loaded[1]


@pytest.mark.parametrize(
    ("sql", "line", "reason"),
    [
        ("[]", 0, "sql [] is not a list of at least one item; use one"),
        ("5", 0, "sql 5 is not a text"),
        ("{file: days.sql}", 0, 'sql {"file": "days.sql"} is not a text'),
        ("[selection.sql, nothing.sql]", 0, 'sql "nothing.sql" cannot be read: No such file or directory'),
        ("[selection.sql, '']", 0, 'sql "" cannot be read: Is a directory'),
        (
            "\n      - selection.sql\n      - nothing.sql",
            2,
            'sql "nothing.sql" cannot be read: No such file or directory',
        ),
        ("\n      - selection.sql\n      - latin.sql", 2, 'sql "latin.sql" cannot be read: it is not UTF-8'),
        ("\n      - selection.sql\n      - 5", 2, "sql 5 is not a text"),
        ("\n      - selection.sql\n      - [days.sql]", 2, 'sql ["days.sql"] is not a text'),
        ("[unbound.sql, unbound.sql]", 0, 'sql ["unbound.sql", "unbound.sql"] does not read current_setting('),
    ],
)
def test_what_is_wrong_with_a_list_of_sql_files_is_named_with_its_line(folder, sql, line, reason):
    (folder / "latin.sql").write_bytes("SELECT 'ü'".encode("latin-1"))
    (folder / "unbound.sql").write_text("SELECT 1 AS channel")
    definition = folder / "report.yaml"
    before = "sql: [selection.sql, channels.sql]"
    first = definition.read_text().partition(before)[0].count("\n") + 1
    definition.write_text(definition.read_text().replace(before, f"sql: {sql}"))

    with pytest.raises(ReportTypeError, match=re.escape(reason)) as refused:
        load(folder)

    assert str(refused.value).startswith(f"{definition}:{first + line}: ")


def test_no_two_sql_files_of_a_built_type_share_eight_lines():
    for folder in filter(Path.is_dir, FOLDER.iterdir()):
        seen: dict[tuple[str, ...], str] = {}
        for path in sorted(folder.glob("*.sql")):
            lines = [line.strip() for line in path.read_text().splitlines()]
            for start in range(len(lines) - 7):
                assert seen.setdefault(tuple(lines[start : start + 8]), path.name) == path.name, path


# What would fail in a run, or make a file that cannot be written


def problems(folder, text):
    """Return the problems of a definition, without the path of its file."""
    (folder / "report.yaml").write_text(text)
    with pytest.raises(ReportTypeError) as refused:
        load(folder)
    return [line.removeprefix(f"{folder}/report.yaml:") for line in str(refused.value).split("\n")]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("x: channel, y: [messages]", "x: messages, y: [messages]",
         'chart "Busiest public channels": messages is both x and y; use different columns'),
        ("y: [public_messages, other_messages]", "y: [public_messages, public_messages]",
         'chart "Messages per day": y names a column twice; name each once'),
        ("y: [messages]", "y: []", 'chart "Busiest public channels": y is empty; name at least one column'),
        ("x: channel, y: [messages]", "x: messages, y: [channel]",
         'chart "Busiest public channels": channel is not a number; choose columns of type integer, decimal,'),
        ("limit: 10}", "limit: 0}", "limit 0 is not a number of at least 1"),
        ("limit: 10}", "limit: -5}", "limit -5 is not a number of at least 1"),
        ("limit: 10}", "limit: ten}", 'limit "ten" is not a whole number'),
        ("scale: 1, better: up", "scale: -1, better: up", "scale -1 is not between 0 and 38"),
        ("scale: 1, better: up", "scale: 39, better: up", "scale 39 is not between 0 and 38"),
        ("scale: 1, better: up", "scale: true, better: up", "scale true is not a whole number"),
        ("name: days\n", f"name: {'d' * 300}\n", f'name "{"d" * 116}... is not a name of up to 60 letters'),
        ("name: days\n", "name: a/../../b\n", 'name "a/../../b" is not a name of up to 60 letters'),
        ("name: days\n", 'name: "a\\0b"\n', 'name "a\\u0000b" is not a name of up to 60 letters'),
        ("name: days\n", "name: ''\n", 'name "" is not a name of up to 60 letters'),
        ("{name: channel,", f"{{name: {'c' * 64},", f'"{"c" * 64}" is not a printable name of 1 to 63 bytes'),
        ("{name: channel,", f"{{name: {'ü' * 32},", f'"{"ü" * 32}" is not a printable name of 1 to 63 bytes'),
        ("{name: channel,", "{name: '',", '"" is not a printable name of 1 to 63 bytes'),
        ("title: Channel,", f"title: {'t' * 201},", f'title "{"t" * 116}... is not a text of 1 to 200 characters'),
        ("title: Channel,", "title: ' ',", 'title " " is not a text of 1 to 200 characters'),
        ("type: percent", f"type: {'p' * 500}", f'type "{"p" * 116}... is unknown; choose from text, integer'),
        ("title: Channel analytics", f"title: {'t' * 5000}", f'title "{"t" * 116}... is not a text of 1 to 200'),
        ("{name: public_share,", "{name: messages,", 'name "messages" is used twice; rename one of them'),
        ("zero_filled: true", "limit: 0", "limit 0 is not a number of at least 1"),
        ("zero_filled: true", "limit: many", 'limit "many" is not a whole number'),
        ("parameters: [includeArchived,", "parameters: [[includeArchived],", 'Unknown name ["includeArchived"] in'),
        ("kind: rank", "kind: [rank]", 'kind ["rank"] is unknown; choose from line, bar, rank'),
        ("title: Channel analytics\n", "title: Channel analytics\ntitle: Again\n", 'the key "title" is given twice'),
        ("type: percent", "type: percent, type: number", 'the key "type" is given twice'),
    ],
)  # fmt: skip
def test_what_would_fail_in_every_run_is_named_with_its_line(folder, old, new, reason):
    text = (folder / "report.yaml").read_text()
    assert old in text
    wrong = text.replace(old, new, 1)
    pairs = zip(text.split("\n"), wrong.split("\n"), strict=False)
    expected = next(number for number, (before, after) in enumerate(pairs, start=1) if before != after)

    found = problems(folder, wrong)

    assert any(one.partition(": ")[2].startswith(reason) for one in found), found
    assert any(one.startswith((f"{expected}: ", f"{expected + 1}: ")) for one in found), found


def test_every_problem_of_a_file_is_told_at_once_in_the_order_of_its_lines(folder):
    text = (folder / "report.yaml").read_text()
    text = text.replace("title: Channel analytics", "titel: Channel analytics").replace("scale: 1", "scale: 39", 1)
    text = text.replace("y: [messages], limit: 10", "y: [messages, messages], limit: 0").replace("days.sql", "no.sql")
    text = text.replace("{name: kind,", "{name: kind, colour: red,")

    found = problems(folder, text)

    assert [one.partition(": ")[2].partition(";")[0] for one in found] == [
        '"title" is missing',
        'Unknown key "titel"',
        "scale 39 is not between 0 and 38",
        'sql "no.sql" cannot be read: No such file or directory',
        'Unknown key "colour"',
    ]
    lines = [int(one.partition(":")[0]) for one in found]
    assert lines == sorted(lines)
    # Charts are compared with the datasets once these are right.
    mended = text.replace("titel", "title").replace("scale: 39", "scale: 1").replace("no.sql", "days.sql")
    assert len(problems(folder, mended.replace(", colour: red", ""))) == 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2026-13-45", "1: a value looks like a date or a number and is none; put it in quotes"),
        ("9" * 5000, "1: "),
        ("[" * 5000, "2: "),
        ("[" * 5000 + "]" * 5000, "1: title … is not a text"),
        ("[" * 50_000 + "]" * 50_000, "1: the file has too many lists and mappings"),
        ("- " * 50_000, "1: the file has too many lists and mappings"),
        ("&a [*a]", "1: title"),
        ("!!python/object:os.system x", "1: could not determine a constructor"),
    ],
)
def test_a_value_that_cannot_be_read_costs_only_its_own_folder(folder, value, reason):
    assert any(one.startswith(reason) for one in problems(folder, f"title: {value}\n"))

    found = read((FOLDER, folder.parent))
    assert found.types.keys() == set(report_types())
    assert len(found.broken) == 1


def test_a_dataset_may_state_the_limit_of_its_query(folder):
    definition = folder / "report.yaml"
    definition.write_text(definition.read_text().replace("zero_filled: true", "limit: 50"))

    assert load(folder).main.limit == 50


@pytest.mark.parametrize("name", ["Größte", "a b", "a.b", "x" * 60, "1", "東京"])
def test_a_dataset_may_have_a_plain_name_of_any_script(folder, name):
    definition = folder / "report.yaml"
    text = definition.read_text()
    definition.write_text(
        text.replace("name: channels\n", f'name: "{name}"\n').replace("dataset: channels", f'dataset: "{name}"')
    )

    assert load(folder).main.name == name


# Sources


@pytest.fixture
def sources(tmp_path):
    """Return a function that changes a copy of the type with sources and returns the resulting error."""

    def reason(old, new):
        folder = shutil.copytree(FOLDER / "custom", tmp_path / "custom", dirs_exist_ok=True)
        definition = folder / "report.yaml"
        text = (FOLDER / "custom/report.yaml").read_text()
        assert old in text
        definition.write_text(text.replace(old, new, 1))
        with pytest.raises(ReportTypeError) as refused:
            load(folder)
        return str(refused.value).partition("report.yaml:")[2]

    return reason


def test_a_type_with_sources_brings_no_tables_of_its_own(sources):
    line = (FOLDER / "custom/report.yaml").read_text().split("\n").index("sources:") + 1

    assert sources("sources:", "charts: []\nsources:").startswith(
        f"{line}: charts and sources cannot be combined; remove one"
    )
    assert "sources need the parameter customFilters; add it" in sources(
        "parameters: [customFilters]", "parameters: []"
    )


def test_a_source_is_read_as_strictly(sources):
    assert 'time "author" is not a timestamp column; name one of the source' in sources(
        "time: created_at", "time: author"
    )
    assert '"key" is missing; add it' in sources("    key: id\n", "")
    assert 'values "PUBLIC" is not a list of texts' in sources(
        "values: [PUBLIC, PRIVATE, DM, HUDDLE]", "values: PUBLIC"
    )


@pytest.mark.parametrize("name", ['"; DROP TABLE users; --', "Channel", "a b", "1st", ""])
def test_a_name_that_is_to_stand_in_a_statement_is_a_plain_one(sources, name):
    assert "is not a plain name; use only lower case letters, digits and _" in sources(
        "{name: author,", f"{{name: {name!r},"
    )


# Many folders


@pytest.fixture
def place(tmp_path):
    """A folder outside the product, with one valid type."""
    shutil.copytree(FOLDER / "channel-analytics", tmp_path / "types/rooms")
    return tmp_path / "types"


def test_a_type_in_another_folder_is_one_like_the_others(place):
    found = read((FOLDER, place))

    assert found.broken == {}
    assert found.types.keys() == {*report_types(), "rooms"}
    assert found.types["rooms"].main.sql == report_types()["channel-analytics"].main.sql


def test_a_broken_folder_harms_only_itself(place):
    shutil.copytree(place / "rooms", place / "sales")
    (place / "sales/report.yaml").write_text("title: Sales\n")
    (place / "empty").mkdir()

    found = read((FOLDER, place))

    assert found.types.keys() == {*report_types(), "rooms"}
    assert found.broken == {
        "sales": "\n".join(
            f'{place}/sales/report.yaml:1: "{key}" is missing; add it' for key in ("datasets", "description", "figures")
        ),
        "empty": f"{place}/empty/report.yaml:1: the file does not exist; create it",
    }


def test_no_folder_replaces_another(place, tmp_path):
    shutil.copytree(place / "rooms", place / "custom")
    shutil.copytree(place / "rooms", tmp_path / "more/rooms")

    found = read((FOLDER, place, tmp_path / "more"))

    assert found.types["custom"] == report_types()["custom"]
    assert found.broken == {
        f"{place}/custom": f"{place}/custom: a report type custom exists already; rename the folder",
        f"{tmp_path}/more/rooms": f"{tmp_path}/more/rooms: a report type rooms exists already; rename the folder",
    }


def test_a_place_that_is_not_there_is_told_and_harms_nobody(tmp_path):
    found = read((FOLDER, tmp_path / "nowhere"))

    assert found.types.keys() == report_types().keys()
    assert found.broken == {f"{tmp_path}/nowhere": f"{tmp_path}/nowhere: No such file or directory"}


def test_what_a_volume_or_python_keeps_in_a_place_is_no_type(place):
    for name in ("..data", ".git", "__pycache__"):
        (place / name).mkdir()
    (place / "README.md").write_text("ours")

    assert read((place,)).broken == {}


@pytest.mark.parametrize("name", ["Rooms", "a b", "rooms.old", "x" * 61])
def test_a_types_name_fits_into_keys_and_file_names(place, name):
    (place / "rooms").rename(place / name)

    assert "up to 60 lower case letters, digits and hyphens" in read((place,)).broken[name]


@pytest.fixture
def set_to(monkeypatch):
    """Return a function that sets REPORT_TYPES for a process that has not read its types yet."""

    def set_to(*places):
        monkeypatch.setenv("SCHEDULED_REPORTS__REPORT_TYPES", os.pathsep.join(map(str, places)))
        catalog.catalog.cache_clear()

    yield set_to
    catalog.catalog.cache_clear()


def test_the_setting_names_the_places(set_to, place, tmp_path):
    shutil.copytree(place / "rooms", tmp_path / "more/halls")
    set_to(place, tmp_path / "more")

    assert {"rooms", "halls"} <= report_types().keys()
    assert report_type(report(reportType="halls")).id == "halls"


def test_a_report_of_a_type_that_broke_since_it_was_let_through_says_so(set_to, place):
    set_to(place)
    found = report(reportType="rooms")
    set_to()

    with pytest.raises(
        ReportTypeError, match="this process does not have the report type rooms; set the same REPORT_TYPES everywhere"
    ):
        report_type(found)


def test_types_are_read_once(set_to):
    set_to()

    assert report_types() is report_types()
