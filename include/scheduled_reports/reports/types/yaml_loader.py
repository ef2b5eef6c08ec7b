"""Read the folder of one report type; an error names the file, the line and what to correct, of every problem."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, field, fields
from functools import cache, partial
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

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
#: The name of a dataset becomes part of a file name.
DATASET_NAME = re.compile(r"[\w.-]([\w .-]{0,58}[\w.-])?")
MOST_NAME_BYTES = 200  # a file name of 255, without what stands around it
NOT_PLAIN = "is not a plain name; use only lower case letters, digits and _"
LONGEST_NAME, LONGEST_TITLE, LONGEST_DESCRIPTION = 63, 200, 2_000
MOST_SCALE = 38
#: Far more than a type needs; libyaml overflows the stack, and ends the process, at 30,000 nested ones.
MOST_LEVELS = 10_000
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
C = TypeVar("C", Column, SourceColumn)


class _InvalidError(Exception):
    """What is wrong, and the path of keys and indexes to it."""

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(reason)


class _NotedError(Exception):
    """A part cannot be made; its problems have been noted."""


class _Loader(LOADER):  # type: ignore[misc, valid-type]  # which of the two is known at run time only
    """A safe loader that refuses a key given twice, of which YAML keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
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
    problems: list[_InvalidError] = []
    try:
        root = _Node(yaml.load(text, Loader=_Loader), problems)  # noqa: S506 - a safe loader
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


def _all_broken(definition: Path, text: str, problems: list[_InvalidError]) -> ReportTypeError:
    lines = sorted({(_line(text, one.path), one.reason) for one in problems})
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


@dataclass(frozen=True, slots=True)
class _Node:
    """A value in a report.yaml, and the path to it."""

    value: Any
    problems: list[_InvalidError] = field(repr=False, compare=False)
    path: tuple[str | int, ...] = ()

    def error(self, reason: str) -> _InvalidError:
        return _InvalidError(self.path, reason)

    def note(self, reason: str) -> None:
        """Note a problem that keeps nothing else from being checked."""
        self.problems.append(self.error(reason))

    def attempt(self, make: Callable[[], T]) -> T | None:
        """What *make* returns; None if it fails, with the problem noted."""
        try:
            return make()
        except _NotedError:
            return None
        except _InvalidError as error:
            self.problems.append(error)
            return None

    def together(self, *makes: Callable[[], Any]) -> list[Any]:
        """What each of *makes* returns; all are tried before one that failed counts."""
        before = len(self.problems)
        made = [self.attempt(make) for make in makes]
        if len(self.problems) > before:
            raise _NotedError
        return made

    def check_keys(self, names: Collection[str]) -> None:
        """Refuse a value that is not a mapping, and note unknown keys."""
        if not isinstance(self.value, dict):
            raise self.error(f"{shown(self.value)} is not a mapping; write keys and values here, such as title: …")
        for key in self.value:
            if key not in names:
                self.at(key).note(f"Unknown key {shown(key)}; {_choice(key, names)}")

    def at(self, key: str) -> _Node:
        if key not in self.value:
            raise self.error(f"{shown(key)} is missing; add it")
        return _Node(self.value[key], self.problems, (*self.path, key))

    def text(self, key: str, longest: int = LONGEST_TITLE) -> str:
        """A text for readers, of at most *longest* characters."""
        node = self.at(key)
        text = str(node.as_type(str))
        if not 1 <= len(text.strip()) <= len(text) <= longest:
            raise node.error(f"{key} {shown(text)} is not a text of 1 to {longest} characters; use one")
        return text

    def items_of(self, key: str, *, needed: bool = True) -> tuple[_Node, ...]:
        """The items of a list; an empty list is refused if an item is *needed*."""
        if key not in self.value and not needed:
            return ()
        items = self.at(key)
        if not isinstance(items.value, list) or (needed and not items.value):
            size = " of at least one item" if needed else ""
            raise items.error(f"{key} {shown(items.value)} is not a list{size}; use one")
        return tuple(_Node(item, self.problems, (*items.path, number)) for number, item in enumerate(items.value))

    def names(self, key: str, known: Collection[str]) -> tuple[str, ...]:
        """A list of names, each one of *known*."""
        items = self.items_of(key, needed=False)
        for item in items:
            if not isinstance(item.value, str) or item.value not in known:
                item.note(f"Unknown name {shown(item.value)} in {key}; {_choice(item.value, known)}")
        return tuple(item.value for item in items if isinstance(item.value, str))

    def as_type(self, hint: Any) -> Any:
        """The value, which must have the type *hint*."""
        if get_origin(hint) is Literal:
            if not isinstance(self.value, str) or self.value not in get_args(hint):
                raise self.error(
                    f"{self._name} {shown(self.value)} is unknown; choose from {', '.join(get_args(hint))}"
                )
            return self.value
        if get_origin(hint) is tuple:
            if not isinstance(self.value, list) or not all(isinstance(item, str) for item in self.value):
                raise self.error(f"{self._name} {shown(self.value)} is not a list of texts; use one such as [a, b]")
            return tuple(self.value)
        if get_origin(hint) is UnionType:  # a key that may be left out
            (hint,) = (one for one in get_args(hint) if one is not type(None))
        if type(self.value) is not hint:
            raise self.error(f"{self._name} {shown(self.value)} {WRONG_TYPE[hint]}")
        return self.value

    @property
    def _name(self) -> str:
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")


def _report_type(folder: Path, node: _Node) -> ReportType:
    node.check_keys(("title", "description", "parameters", "roles", "figures", "datasets", "charts", "sources"))
    title, description, parameters, roles, parts, _ = node.together(
        partial(node.text, "title"),
        partial(node.text, "description", LONGEST_DESCRIPTION),
        partial(node.names, "parameters", PARAMETERS),
        partial(node.names, "roles", ROLES),
        partial(_sources if "sources" in node.value else _datasets, folder, node),
        partial(_check_id, folder, node),
    )
    return ReportType(
        id=folder.name,
        title=title,
        description=description,
        parameters=frozenset(parameters),
        roles=roles,
        **parts,
    )


def _check_id(folder: Path, node: _Node) -> None:
    if not ID.fullmatch(folder.name):
        reason = "is not a folder name of up to 60 lower case letters, digits and hyphens; rename the folder"
        raise node.error(f"{shown(folder.name)} {reason}")


def _datasets(folder: Path, node: _Node) -> dict[str, Any]:
    (figures_sql, figures), datasets = node.together(partial(_figures, folder, node), partial(_tables, folder, node))
    (charts,) = node.together(partial(_charts, node, datasets))
    return {"figures_sql": figures_sql, "figures": figures, "datasets": datasets, "charts": charts}


def _figures(folder: Path, node: _Node) -> tuple[str, tuple[FigureSpec, ...]]:
    figures = node.at("figures")
    figures.check_keys(("sql", "columns"))
    sql, specs = figures.together(
        partial(_sql, folder, figures),
        lambda: _unique(figures.items_of("columns"), _figure, lambda one: one.column.name),
    )
    return sql, specs


def _tables(folder: Path, node: _Node) -> tuple[Dataset, ...]:
    return _unique(node.items_of("datasets"), partial(_dataset, folder), _name)


def _charts(node: _Node, datasets: tuple[Dataset, ...]) -> tuple[ChartSpec, ...]:
    items = node.items_of("charts", needed=False)
    return tuple(node.together(*(partial(_chart, item, datasets) for item in items)))


def _sources(folder: Path, node: _Node) -> dict[str, Any]:
    for name in ("figures", "datasets", "charts"):
        if name in node.value:
            reason = f"{name} and sources cannot be combined; remove one: with sources, each report defines its table"
            raise node.at(name).error(reason)
    if "customFilters" not in node.names("parameters", PARAMETERS):
        raise node.error("sources need the parameter customFilters; add it, because a report defines its table in it")
    return {"sources": _unique(node.items_of("sources"), partial(_source, folder), _name)}


def _dataset(folder: Path, node: _Node) -> Dataset:
    dataset = _build(Dataset, node, sql=partial(_sql, folder, node), columns=partial(_columns, node, Column))
    _check_name(node, dataset.name)
    _check_limit(node, dataset.limit)
    return dataset


def _check_name(node: _Node, name: str) -> None:
    if not DATASET_NAME.fullmatch(name) or len(name.encode()) > MOST_NAME_BYTES:
        reason = "is not a name of up to 60 letters, digits, spaces, dots, hyphens and _; use a shorter or plainer one"
        node.at("name").note(f"name {shown(name)} {reason}")


def _source(folder: Path, node: _Node) -> SourceSpec:
    columns = partial(_columns, node, SourceColumn)
    source = _build(SourceSpec, node, sql=partial(_sql, folder, node), columns=columns)
    times = {column.name for column in source.columns if column.type == "timestamp"}
    if source.time and source.time not in times:
        node.at("time").note(f"time {shown(source.time)} is not a timestamp column; name one of the source")
    if not NAME.fullmatch(source.key):  # it becomes part of SQL statements
        node.at("key").note(f"{shown(source.key)} {NOT_PLAIN}")
    _check_name(node, source.name)
    return source


def _columns(node: _Node, kind: type[C]) -> tuple[C, ...]:
    return _unique(node.items_of("columns"), partial(_column, kind), _name)


def _column(kind: type[C], node: _Node) -> C:
    column = _build(kind, node)
    if reason := _wrong_name(column):
        node.at("name").note(f"{shown(column.name)} {reason}")
    if not 0 <= column.scale <= MOST_SCALE:
        node.at("scale").note(f"scale {shown(column.scale)} is not between 0 and {MOST_SCALE}; use one such as 2")
    return column


def _wrong_name(column: Column) -> str:
    if isinstance(column, SourceColumn):  # its name becomes part of SQL statements
        return "" if NAME.fullmatch(column.name) else NOT_PLAIN
    if column.name.isprintable() and 1 <= len(column.name.encode()) <= LONGEST_NAME:
        return ""
    return f"is not a printable name of 1 to {LONGEST_NAME} bytes; PostgreSQL has no others, so use one"


def _check_limit(node: _Node, limit: int | None) -> None:
    if limit is not None and limit < 1:
        node.at("limit").note(f"limit {shown(limit)} is not a number of at least 1; use one such as 10")


def _figure(node: _Node) -> FigureSpec:
    node.check_keys([field.name for field in (*fields(Column), *fields(FigureSpec)) if field.name != "column"])
    own = {key: value for key, value in node.value.items() if key in _hints(FigureSpec)}
    plain = {key: value for key, value in node.value.items() if key in _hints(Column)}
    column = _column(Column, _Node(plain, node.problems, node.path))
    if column.type not in NUMERIC:
        reason = f"type {shown(column.type)} is not a number, which a figure must be; choose from {', '.join(NUMERIC)}"
        raise node.at("type").error(reason)
    return _build(FigureSpec, _Node(own, node.problems, node.path), column=lambda: column)


def _chart(node: _Node, datasets: tuple[Dataset, ...]) -> ChartSpec:
    chart = _build(ChartSpec, node)
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
    return chart


def _build(kind: type[T], node: _Node, **others: Callable[[], Any]) -> T:
    """A *kind* from a mapping whose keys are its fields; *others* make the fields that need more than one value."""
    hints = _hints(kind)  # type: ignore[arg-type]  # a class is hashable
    node.check_keys(list(hints))
    needed = [field.name for field in fields(kind) if field.default is MISSING]  # type: ignore[arg-type]  # a dataclass
    own = [name for name in hints if name not in others and (name in needed or name in node.value)]
    made = node.together(*(partial(_value, node, name, hints[name]) for name in own), *others.values())
    return kind(**dict(zip((*own, *others), made, strict=True)))


def _value(node: _Node, name: str, hint: Any) -> Any:
    return node.text(name) if name == "title" else node.at(name).as_type(hint)


def _choice(name: Any, names: Collection[str]) -> str:
    return f"choose from {', '.join(names)}{did_you_mean(str(name), names)}"


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _unique(nodes: tuple[_Node, ...], make: Callable[[_Node], T], name_of: Callable[[T], str]) -> tuple[T, ...]:
    """The results of *make*; a name that is used twice is refused."""
    made = nodes[0].together(*(partial(make, node) for node in nodes)) if nodes else []
    names: set[str] = set()
    for node, one in zip(nodes, made, strict=True):
        if name_of(one) in names:
            node.at("name").note(f"name {shown(name_of(one))} is used twice; rename one of them")
        names.add(name_of(one))
    return tuple(made)


def _name(one: Column | Dataset | SourceSpec) -> str:
    return one.name


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
    except (OSError, ValueError) as error:  # a name may hold a zero byte
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
