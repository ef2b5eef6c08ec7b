"""Read the folder of one report type; an error names the file, the line and what to correct, of every problem."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import yaml

from ...domain.errors import ReportTypeError
from ...domain.problem import shown
from ...domain.report_type import ChartSpec, Column, Dataset, FigureSpec, ReportType, SourceColumn, SourceSpec
from ..validation import ROLES
from .yaml_lead import CUT, excerpts, lead, notes
from .yaml_node import InvalidError, Node, build, hints_of, unique
from .yaml_parameters import read_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: libyaml if PyYAML was built with it: every parse of the DAG file reads every type.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: The name of a dataset becomes part of a file name.
DATASET_NAME = re.compile(r"[\w.-]([\w .-]{0,58}[\w.-])?")
MOST_NAME_BYTES = 200  # a file name of 255, without what stands around it
NOT_PLAIN = "is not a plain name; use only lower case letters, digits and _"
LONGEST_NAME, LONGEST_DESCRIPTION = 63, 2_000
MOST_SCALE = 38
#: Far more than a type needs; libyaml overflows the stack, and ends the process, at 30,000 nested ones.
MOST_LEVELS = 10_000
ID = re.compile(r"[a-z][a-z0-9-]{0,59}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
NUMERIC = ("integer", "decimal", "number", "percent")
KEYS = (
    "title", "description", "parameters", "roles", "figures", "datasets", "charts", "lead", "excerpts", "notes",
    "sources",
)  # fmt: skip
#: Without `missing_ok` the query fails if the workspace is not set.
READS_WORKSPACE = re.compile(r"current_setting\(\s*'report\.workspace_id'\s*\)")
C = TypeVar("C", Column, SourceColumn)


class UniqueKeyLoader(LOADER):  # type: ignore[misc, valid-type]  # which of the two is known at run time only
    """A safe loader that refuses a key given twice, of which YAML keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """As the safe loader does, unless a key is given twice."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {shown(key.value)} is given twice; remove one", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return cast("dict[Any, Any]", super().construct_mapping(node, deep=deep))


def load(folder: Path) -> ReportType:
    """Read one folder; ReportTypeError has a line with file, line and reason for every problem."""
    definition = folder / "report.yaml"
    text = _text(definition)
    if sum(text.count(opening) for opening in ("[", "{", "- ", "? ")) > MOST_LEVELS:
        raise _broken(definition, 1, "the file has too many lists and mappings; split it into several types")
    problems: list[InvalidError] = []
    try:
        root = Node(yaml.load(text, Loader=UniqueKeyLoader), problems)  # noqa: S506 - a safe loader
        made = root.attempt(partial(_report_type, folder, root))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _broken(definition, mark.line + 1 if mark else 1, error.problem or error.context) from error
    except yaml.YAMLError as error:  # a character that YAML forbids
        raise _broken(definition, 1, str(error).partition("\n")[0]) from error
    except ValueError as error:
        reason = "a value looks like a date or a number and is none; put it in quotes"
        raise _broken(definition, 1, reason) from error
    except RecursionError as error:
        raise _broken(definition, 1, "the values are nested too deeply; remove levels") from error
    if made is None or problems:
        raise _all_broken(definition, text, problems)
    return made


def _all_broken(definition: Path, text: str, problems: list[InvalidError]) -> ReportTypeError:
    lines = sorted({(line_of(text, one.path), one.reason) for one in problems})
    return ReportTypeError("\n".join(f"{definition}:{line}: {reason}" for line, reason in lines))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise _broken(path, 1, "the file does not exist; create it") from error
    except OSError as error:
        raise _broken(path, 1, f"the file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _broken(path, 1, "the file is not UTF-8; save it as UTF-8") from error


def _broken(path: Path, line: int, reason: str | None) -> ReportTypeError:
    return ReportTypeError(f"{path}:{line}: {reason}")


def _report_type(folder: Path, node: Node) -> ReportType:
    node.check_keys(KEYS)
    title, description, parameters, roles, parts, _ = node.together(
        partial(node.text, "title"),
        partial(node.text, "description", LONGEST_DESCRIPTION),
        partial(read_parameters, node, partial(_sql, folder)),
        partial(node.names, "roles", ROLES),
        partial(_sources if "sources" in node.value else _datasets, folder, node),
        partial(_check_id, folder, node),
    )
    return ReportType(
        id=folder.name,
        title=title,
        description=description,
        parameters=parameters,
        roles=roles,
        **parts,
    )


def _check_id(folder: Path, node: Node) -> None:
    if not ID.fullmatch(folder.name):
        reason = "is not a folder name of up to 60 lower case letters, digits and hyphens; rename the folder"
        raise node.error(f"{shown(folder.name)} {reason}")


def _datasets(folder: Path, node: Node) -> dict[str, Any]:
    (figures_sql, figures), datasets = node.together(partial(_figures, folder, node), partial(_tables, folder, node))
    charts, said, excerpted, noted = node.together(
        partial(_charts, node, datasets),
        partial(lead, node, figures),
        partial(excerpts, node, datasets),
        partial(notes, node, figures, datasets),
    )
    return {
        "figures_sql": figures_sql,
        "figures": figures,
        "datasets": datasets,
        "charts": charts,
        "lead": said,
        "excerpts": excerpted,
        "notes": noted,
    }


def _figures(folder: Path, node: Node) -> tuple[str, tuple[FigureSpec, ...]]:
    figures = node.at("figures")
    figures.check_keys(("sql", "columns"))
    sql, specs = figures.together(
        partial(_sql, folder, figures),
        lambda: unique(figures.items_of("columns"), _figure, lambda one: one.column.name),
    )
    return sql, specs


def _tables(folder: Path, node: Node) -> tuple[Dataset, ...]:
    return unique(node.items_of("datasets"), partial(_dataset, folder), _name)


def _charts(node: Node, datasets: tuple[Dataset, ...]) -> tuple[ChartSpec, ...]:
    items = node.items_of("charts", needed=False)
    return tuple(node.together(*(partial(_chart, item, datasets) for item in items)))


def _sources(folder: Path, node: Node) -> dict[str, Any]:
    for name in ("figures", "datasets", "charts", "lead", "excerpts", "notes"):
        if name in node.value:
            reason = f"{name} and sources cannot be combined; remove one: with sources, each report defines its table"
            raise node.at(name).error(reason)
    named = node.value.get("parameters")
    if not isinstance(named, list) or "customFilters" not in named:
        raise node.error("sources need the parameter customFilters; add it, because a report defines its table in it")
    return {"sources": unique(node.items_of("sources"), partial(_source, folder), _name)}


def _dataset(folder: Path, node: Node) -> Dataset:
    dataset = build(Dataset, node, sql=partial(_sql, folder, node), columns=partial(_columns, node, Column))
    _check_name(node, dataset.name)
    _check_limit(node, dataset.limit)
    if dataset.cut:
        node.at("cut").placeholders(dataset.cut, CUT)
    return dataset


def _check_name(node: Node, name: str) -> None:
    if not DATASET_NAME.fullmatch(name) or len(name.encode()) > MOST_NAME_BYTES:
        reason = "is not a name of up to 60 letters, digits, spaces, dots, hyphens and _; use a shorter or plainer one"
        node.at("name").note(f"name {shown(name)} {reason}")


def _source(folder: Path, node: Node) -> SourceSpec:
    columns = partial(_columns, node, SourceColumn)
    source = build(SourceSpec, node, sql=partial(_sql, folder, node), columns=columns)
    times = {column.name for column in source.columns if column.type == "timestamp"}
    if source.time and source.time not in times:
        node.at("time").note(f"time {shown(source.time)} is not a timestamp column; name one of the source")
    if not NAME.fullmatch(source.key):  # it becomes part of SQL statements
        node.at("key").note(f"{shown(source.key)} {NOT_PLAIN}")
    _check_name(node, source.name)
    return source


def _columns(node: Node, kind: type[C]) -> tuple[C, ...]:
    return unique(node.items_of("columns"), partial(_column, kind), _name)


def _column(kind: type[C], node: Node) -> C:
    column = build(kind, node)
    if reason := _wrong_name(column):
        node.at("name").note(f"{shown(column.name)} {reason}")
    if not 0 <= column.scale <= MOST_SCALE:
        node.at("scale").note(f"scale {shown(column.scale)} is not between 0 and {MOST_SCALE}; use one such as 2")
    _check_look(node, column)
    return column


def _check_look(node: Node, column: Column) -> None:
    """Note what is declared of a column whose type cannot have it."""
    allowed = {
        "titles": ("text",),
        "tones": ("text",),
        "tone": ("boolean", *NUMERIC),
        "bar": NUMERIC,
        "total": ("integer", "decimal", "number"),
        "unit": ("integer", "decimal", "number"),
    }
    for name, types in allowed.items():
        if getattr(column, name) and column.type not in types:
            reason = f"{name} does not apply to the type {column.type}; remove it, or use {' or '.join(types)}"
            node.at(name).note(reason)


def _wrong_name(column: Column) -> str:
    if isinstance(column, SourceColumn):  # its name becomes part of SQL statements
        return "" if NAME.fullmatch(column.name) else NOT_PLAIN
    if column.name.isprintable() and 1 <= len(column.name.encode()) <= LONGEST_NAME:
        return ""
    return f"is not a printable name of 1 to {LONGEST_NAME} bytes; PostgreSQL has no others, so use one"


def _check_limit(node: Node, limit: int | None) -> None:
    if limit is not None and limit < 1:
        node.at("limit").note(f"limit {shown(limit)} is not a number of at least 1; use one such as 10")


def _figure(node: Node) -> FigureSpec:
    node.check_keys([field.name for field in (*fields(Column), *fields(FigureSpec)) if field.name != "column"])
    own = {key: value for key, value in node.value.items() if key in hints_of(FigureSpec)}
    plain = {key: value for key, value in node.value.items() if key in hints_of(Column)}
    column = _column(Column, Node(plain, node.problems, node.path))
    if column.type not in NUMERIC:
        reason = f"type {shown(column.type)} is not a number, which a figure must be; choose from {', '.join(NUMERIC)}"
        raise node.at("type").error(reason)
    return build(FigureSpec, Node(own, node.problems, node.path), column=lambda: column)


def _chart(node: Node, datasets: tuple[Dataset, ...]) -> ChartSpec:
    chart = build(ChartSpec, node)
    types = {dataset.name: {column.name: column.type for column in dataset.columns} for dataset in datasets}
    columns = types.get(chart.dataset, {})
    title = f"chart {shown(chart.title)}"
    missing = {chart.x, *chart.y} - columns.keys()
    if missing:
        reason = f"{chart.dataset} has no column {', '.join(sorted(missing))}; name columns that it has"
        raise node.error(f"{title}: {reason}")
    if not chart.y:
        node.at("y").note(f"{title}: y is empty; name at least one column")
    if chart.x in chart.y:
        node.at("y").note(f"{title}: {chart.x} is both x and y; use different columns")
    if len(set(chart.y)) < len(chart.y):
        node.at("y").note(f"{title}: y names a column twice; name each once")
    if texts := sorted({name for name in chart.y if columns[name] not in NUMERIC and name != chart.x}):
        node.at("y").note(f"{title}: {', '.join(texts)} is not a number; choose columns of type {', '.join(NUMERIC)}")
    _check_limit(node, chart.limit)
    if chart.before and (chart.kind == "rank" or columns[chart.x] != "date"):
        node.at("before").note(f"{title}: before needs days on the axis; remove it, or use a line or bars over a date")
    return chart


def _name(one: Column | Dataset | SourceSpec) -> str:
    return one.name


def _sql(folder: Path, node: Node, key: str = "sql") -> str:
    """Read the SQL file that *key* names, or join several in the order of the list."""
    given = node.at(key)
    files = node.items_of(key) if isinstance(given.value, list) else (given,)
    text = "\n".join(_sql_file(folder, file) for file in files)
    if not READS_WORKSPACE.search(text):
        reason = "does not read current_setting('report.workspace_id'); add it, or the query sees every workspace"
        raise given.error(f"{key} {shown(given.value)} {reason}")
    return text


def _sql_file(folder: Path, node: Node) -> str:
    name = str(node.as_type(str))
    try:
        return (folder / name).read_text(encoding="utf-8").rstrip()
    except (OSError, ValueError) as error:  # a name may hold a zero byte
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise node.error(f"sql {shown(name)} cannot be read: {cause}") from error


def line_of(text: str, path: Iterable[str | int]) -> int:
    """The line of the value at *path*, or of the last value on the path that exists."""
    node = yaml.compose(text, Loader=LOADER)
    line = 1
    for step in path:
        children: Any = {}
        if isinstance(node, yaml.MappingNode):
            children = {key.value: (key, value) for key, value in node.value}
        elif isinstance(node, yaml.SequenceNode):
            children = {number: (value, value) for number, value in enumerate(node.value)}
        if step not in children:
            break
        mark, node = children[step]
        line = mark.start_mark.line + 1
    return line
