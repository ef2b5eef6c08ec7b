"""Read the folder of one report type; an error names the file, the line and what to correct."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from ...domain.errors import ReportTypeError
from ...domain.problem import shown
from ...domain.report_type import ChartSpec, Column, Dataset, FigureSpec, ReportType, SourceColumn, SourceSpec
from ..parameters import PARAMETERS
from ..validation import ROLES, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

#: libyaml if PyYAML was built with it: every parse of the DAG file reads every type.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ID = re.compile(r"[a-z][a-z0-9-]{0,59}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
NUMERIC = ("integer", "decimal", "number", "percent")
#: Without `missing_ok` the query fails if the workspace is not set.
READS_WORKSPACE = re.compile(r"current_setting\(\s*'report\.workspace_id'\s*\)")
WRONG_TYPE = {
    str: "is not a text; use one, in quotes if it looks like something else",
    int: "is not a whole number; use one such as 2",
    bool: "is not a boolean; use true or false",
}
T = TypeVar("T")
N = TypeVar("N", Column, SourceColumn, Dataset, SourceSpec)


class _InvalidError(Exception):
    """What is wrong, and the path of keys and indexes to it."""

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(reason)


def load(folder: Path) -> ReportType:
    """Read one folder; ReportTypeError names the file, the line and the problem."""
    definition = folder / "report.yaml"
    text = _text(definition)
    try:
        return _report_type(folder, _Node(yaml.load(text, Loader=LOADER)))  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _broken(definition, mark.line + 1 if mark else 1, error.problem or error.context) from error
    except yaml.YAMLError as error:  # a character that YAML forbids
        raise _broken(definition, 1, str(error).partition("\n")[0]) from error
    except _InvalidError as error:
        raise _broken(definition, _line(text, error.path), error.reason) from error


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


@dataclass(frozen=True, slots=True)
class _Node:
    """A value in a report.yaml, and the path to it."""

    value: Any
    path: tuple[str | int, ...] = ()

    def error(self, reason: str) -> _InvalidError:
        return _InvalidError(self.path, reason)

    def check_keys(self, names: Collection[str]) -> None:
        """Refuse a value that is not a mapping, and unknown keys."""
        if not isinstance(self.value, dict):
            raise self.error(f"{shown(self.value)} is not a mapping; write keys and values here, such as title: …")
        for key in self.value:
            if key not in names:
                raise self.at(key).error(f"Unknown key {shown(key)}; {_choice(key, names)}")

    def at(self, key: str) -> _Node:
        if key not in self.value:
            raise self.error(f"{shown(key)} is missing; add it")
        return _Node(self.value[key], (*self.path, key))

    def text(self, key: str) -> str:
        return str(self.at(key).as_type(str))

    def items_of(self, key: str, *, needed: bool = True) -> tuple[_Node, ...]:
        """The items of a list; an empty list is refused if an item is *needed*."""
        if key not in self.value and not needed:
            return ()
        items = self.at(key)
        if not isinstance(items.value, list) or (needed and not items.value):
            size = " of at least one item" if needed else ""
            raise items.error(f"{key} {shown(items.value)} is not a list{size}; use one")
        return tuple(_Node(item, (*items.path, number)) for number, item in enumerate(items.value))

    def names(self, key: str, known: Collection[str]) -> tuple[str, ...]:
        """A list of names, each one of *known*."""
        items = self.items_of(key, needed=False)
        for item in items:
            if item.value not in known:
                raise item.error(f"Unknown name {shown(item.value)} in {key}; {_choice(item.value, known)}")
        return tuple(item.value for item in items)

    def as_type(self, hint: Any) -> Any:
        """The value, which must have the type *hint*."""
        if get_origin(hint) is Literal:
            if self.value not in get_args(hint):
                raise self.error(
                    f"{self._name} {shown(self.value)} is unknown; choose from {', '.join(get_args(hint))}"
                )
            return self.value
        if get_origin(hint) is tuple:
            if not isinstance(self.value, list) or not all(isinstance(item, str) for item in self.value):
                raise self.error(f"{self._name} {shown(self.value)} is not a list of texts; use one such as [a, b]")
            return tuple(self.value)
        if type(self.value) is not hint:
            raise self.error(f"{self._name} {shown(self.value)} {WRONG_TYPE[hint]}")
        return self.value

    @property
    def _name(self) -> str:
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")


def _report_type(folder: Path, node: _Node) -> ReportType:
    node.check_keys(("title", "description", "parameters", "roles", "figures", "datasets", "charts", "sources"))
    if not ID.fullmatch(folder.name):
        reason = "is not a folder name of up to 60 lower case letters, digits and hyphens; rename the folder"
        raise node.error(f"{shown(folder.name)} {reason}")
    parts = _sources(folder, node) if "sources" in node.value else _datasets(folder, node)
    return ReportType(
        id=folder.name,
        title=node.text("title"),
        description=node.text("description"),
        parameters=frozenset(node.names("parameters", PARAMETERS)),
        roles=node.names("roles", ROLES),
        **parts,
    )


def _datasets(folder: Path, node: _Node) -> dict[str, Any]:
    figures = node.at("figures")
    figures.check_keys(("sql", "columns"))
    datasets = _unique(node.items_of("datasets"), lambda item: _dataset(folder, item))
    return {
        "figures_sql": _sql(folder, figures),
        "figures": tuple(_figure(item) for item in figures.items_of("columns")),
        "datasets": datasets,
        "charts": tuple(_chart(item, datasets) for item in node.items_of("charts", needed=False)),
    }


def _sources(folder: Path, node: _Node) -> dict[str, Any]:
    for name in ("figures", "datasets", "charts"):
        if name in node.value:
            reason = f"{name} and sources cannot be combined; remove one: with sources, each report defines its table"
            raise node.at(name).error(reason)
    if "customFilters" not in node.names("parameters", PARAMETERS):
        raise node.error("sources need the parameter customFilters; add it, because a report defines its table in it")
    return {"sources": _unique(node.items_of("sources"), lambda item: _source(folder, item))}


def _dataset(folder: Path, node: _Node) -> Dataset:
    return _build(Dataset, node, sql=partial(_sql, folder, node), columns=partial(_columns, node, Column))


def _source(folder: Path, node: _Node) -> SourceSpec:
    columns = partial(_columns, node, SourceColumn)
    source = _build(SourceSpec, node, sql=partial(_sql, folder, node), columns=columns)
    times = {column.name for column in source.columns if column.type == "timestamp"}
    if source.time and source.time not in times:
        raise node.at("time").error(f"time {shown(source.time)} is not a timestamp column; name one of the source")
    # These names become parts of SQL statements.
    for name, item in [(source.key, node.at("key")), *((c.name, node.at("columns")) for c in source.columns)]:
        if not NAME.fullmatch(name):
            raise item.error(f"{shown(name)} is not a plain name; use only lower case letters, digits and _")
    return source


def _columns(node: _Node, kind: type[N]) -> tuple[N, ...]:
    return _unique(node.items_of("columns"), partial(_build, kind))


def _figure(node: _Node) -> FigureSpec:
    node.check_keys([field.name for field in (*fields(Column), *fields(FigureSpec)) if field.name != "column"])
    own = {key: value for key, value in node.value.items() if key == "better"}
    column = _build(Column, _Node({key: value for key, value in node.value.items() if key not in own}, node.path))
    if column.type not in NUMERIC:
        reason = f"type {shown(column.type)} is not a number, which a figure must be; choose from {', '.join(NUMERIC)}"
        raise node.at("type").error(reason)
    return _build(FigureSpec, _Node(own, node.path), column=lambda: column)


def _chart(node: _Node, datasets: tuple[Dataset, ...]) -> ChartSpec:
    chart = _build(ChartSpec, node)
    names = {dataset.name: {column.name for column in dataset.columns} for dataset in datasets}
    missing = {chart.x, *chart.y} - names.get(chart.dataset, set())
    if missing:
        reason = f"{chart.dataset} has no column {', '.join(sorted(missing))}; name columns that it has"
        raise node.error(f"chart {shown(chart.title)}: {reason}")
    return chart


def _build(kind: type[T], node: _Node, **others: Callable[[], Any]) -> T:
    """A *kind* from a mapping whose keys are its fields; *others* make the fields that need more than one value."""
    hints = _hints(kind)  # type: ignore[arg-type]  # a class is hashable
    node.check_keys(list(hints))
    needed = [field.name for field in fields(kind) if field.default is MISSING]  # type: ignore[arg-type]  # a dataclass
    for name in needed:
        if name not in node.value and name not in others:
            node.at(name)
    own = {name: node.at(name).as_type(hints[name]) for name in node.value if name not in others}
    return kind(**own, **{name: make() for name, make in others.items()})


def _choice(name: Any, names: Collection[str]) -> str:
    return f"choose from {', '.join(names)}{did_you_mean(str(name), names)}"


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _unique(nodes: Iterable[_Node], make: Callable[[_Node], N]) -> tuple[N, ...]:
    """The results of *make*; a name that is used twice is refused."""
    made: dict[str, N] = {}
    for node in nodes:
        one = make(node)
        if one.name in made:
            raise node.at("name").error(f"name {shown(one.name)} is used twice; rename one of them")
        made[one.name] = one
    return tuple(made.values())


def _sql(folder: Path, node: _Node) -> str:
    """Read the SQL file that `sql` names, or join several in the order of the list."""
    given = node.at("sql")
    files = node.items_of("sql") if isinstance(given.value, list) else (given,)
    text = "\n".join(_sql_file(folder, file) for file in files)
    if not READS_WORKSPACE.search(text):
        reason = "does not read current_setting('report.workspace_id'); add it, or the query sees every workspace"
        raise given.error(f"sql {shown(given.value)} {reason}")
    return text


def _sql_file(folder: Path, node: _Node) -> str:
    name = str(node.as_type(str))
    try:
        return (folder / name).read_text(encoding="utf-8").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise node.error(f"sql {shown(name)} cannot be read: {cause}") from error


def _line(text: str, path: Iterable[str | int]) -> int:
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
