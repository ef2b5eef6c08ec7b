"""Reads the folder of one report type; what is wrong with it is told with file and line."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from ...domain.errors import ReportTypeError
from ...domain.report_type import ChartSpec, Column, Dataset, FigureSpec, ReportType, SourceColumn, SourceSpec
from ..parameters import PARAMETERS
from ..validation import ROLES, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

#: libyaml where PyYAML was built with it: a parse of the DAG file reads every type.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ID = re.compile(r"[a-z][a-z0-9-]{0,59}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
NUMERIC = ("integer", "decimal", "number", "percent")
#: Without `missing_ok` it fails where nobody has said whose workspace it is.
BOUND = re.compile(r"current_setting\(\s*'report\.workspace_id'\s*\)")
T = TypeVar("T")
N = TypeVar("N", Column, SourceColumn, Dataset, SourceSpec)


class _WrongError(Exception):
    """What is wrong, and the way to the place of it."""

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(reason)


def load(folder: Path) -> ReportType:
    """Read one folder; ReportTypeError names the file, the line and what is wrong there."""
    definition = folder / "report.yaml"
    text = _text(definition)
    try:
        return _report_type(folder, _Place(yaml.load(text, Loader=LOADER)))  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _broken(definition, mark.line + 1 if mark else 1, error.problem or error.context) from error
    except yaml.YAMLError as error:  # a character that YAML forbids
        raise _broken(definition, 1, str(error).partition("\n")[0]) from error
    except _WrongError as error:
        raise _broken(definition, _line(text, error.path), error.reason) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise _broken(path, 1, "there is no such file") from error
    except OSError as error:
        raise _broken(path, 1, f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _broken(path, 1, "it is not UTF-8") from error


def _broken(path: Path, line: int, reason: str | None) -> ReportTypeError:
    return ReportTypeError(f"{path}:{line}: {reason}")


@dataclass(frozen=True, slots=True)
class _Place:
    """A value of a report.yaml, and the way to it."""

    value: Any
    path: tuple[str | int, ...] = ()

    def wrong(self, reason: str) -> _WrongError:
        return _WrongError(self.path, reason)

    def knows(self, names: Collection[str]) -> None:
        """Refuse what is no mapping, and keys that nobody reads."""
        if not isinstance(self.value, dict):
            raise self.wrong(f"{self.value!r}: names and values are needed here, such as title: …")
        for key in self.value:
            if key not in names:
                raise self.at(key).wrong(
                    f"{key!r} is unknown{did_you_mean(str(key), names)}; known are {', '.join(names)}"
                )

    def at(self, key: str) -> _Place:
        if key not in self.value:
            raise self.wrong(f"{key!r} is missing")
        return _Place(self.value[key], (*self.path, key))

    def text(self, key: str) -> str:
        return str(self.at(key).fitting(str))

    def each(self, key: str, *, needed: bool = True) -> tuple[_Place, ...]:
        """The items of a list; an empty one is refused where one item is *needed*."""
        if key not in self.value and not needed:
            return ()
        items = self.at(key)
        if not isinstance(items.value, list) or (needed and not items.value):
            raise items.wrong(f"{key}: a list {'of at least one' if needed else ''}".rstrip())
        return tuple(_Place(item, (*items.path, number)) for number, item in enumerate(items.value))

    def names(self, key: str, known: Collection[str]) -> tuple[str, ...]:
        """A list of names, each one of *known*."""
        items = self.each(key, needed=False)
        for item in items:
            if item.value not in known:
                raise item.wrong(
                    f"{key}: {item.value!r} is unknown{did_you_mean(str(item.value), known)};"
                    f" known are {', '.join(known)}"
                )
        return tuple(item.value for item in items)

    def fitting(self, hint: Any) -> Any:
        """The value as *hint* wants it."""
        if get_origin(hint) is Literal:
            if self.value not in get_args(hint):
                raise self.wrong(f"{self._name} {self.value!r}: one of {', '.join(get_args(hint))}")
            return self.value
        if get_origin(hint) is tuple:
            if not isinstance(self.value, list) or not all(isinstance(item, str) for item in self.value):
                raise self.wrong(f"{self._name} {self.value!r}: a list of texts")
            return tuple(self.value)
        if type(self.value) is not hint:
            wanted = {str: "a text", int: "a whole number", bool: "true or false"}[hint]
            raise self.wrong(f"{self._name} {self.value!r}: {wanted}")
        return self.value

    @property
    def _name(self) -> str:
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")


def _report_type(folder: Path, place: _Place) -> ReportType:
    place.knows(("title", "description", "parameters", "roles", "figures", "datasets", "charts", "sources"))
    if not ID.fullmatch(folder.name):
        raise place.wrong(f"the folder's name {folder.name!r}: up to 60 lower case letters, digits and hyphens")
    parts = _own_tables(folder, place) if "sources" in place.value else _datasets(folder, place)
    return ReportType(
        id=folder.name,
        title=place.text("title"),
        description=place.text("description"),
        parameters=frozenset(place.names("parameters", PARAMETERS)),
        roles=place.names("roles", ROLES),
        **parts,
    )


def _datasets(folder: Path, place: _Place) -> dict[str, Any]:
    figures = place.at("figures")
    figures.knows(("sql", "columns"))
    datasets = _once(place.each("datasets"), lambda item: _dataset(folder, item))
    return {
        "figures_sql": _sql(folder, figures),
        "figures": tuple(_figure(item) for item in figures.each("columns")),
        "datasets": datasets,
        "charts": tuple(_chart(item, datasets) for item in place.each("charts", needed=False)),
    }


def _own_tables(folder: Path, place: _Place) -> dict[str, Any]:
    for name in ("figures", "datasets", "charts"):
        if name in place.value:
            raise place.at(name).wrong(f"{name!r} and 'sources' exclude each other: a report asks of the sources")
    if "customFilters" not in place.names("parameters", PARAMETERS):
        raise place.wrong("'sources' need the parameter customFilters, in which a report says what it asks of them")
    return {"sources": _once(place.each("sources"), lambda item: _source(folder, item))}


def _dataset(folder: Path, place: _Place) -> Dataset:
    return _made(Dataset, place, sql=partial(_sql, folder, place), columns=partial(_columns, place, Column))


def _source(folder: Path, place: _Place) -> SourceSpec:
    columns = partial(_columns, place, SourceColumn)
    source = _made(SourceSpec, place, sql=partial(_sql, folder, place), columns=columns)
    times = {column.name for column in source.columns if column.type == "timestamp"}
    if source.time and source.time not in times:
        raise place.at("time").wrong(f"time {source.time!r}: a timestamp among the columns")
    # These become parts of statements.
    for name, item in [(source.key, place.at("key")), *((c.name, place.at("columns")) for c in source.columns)]:
        if not NAME.fullmatch(name):
            raise item.wrong(f"{name!r}: a name of lower case letters, digits and _")
    return source


def _columns(place: _Place, kind: type[N]) -> tuple[N, ...]:
    return _once(place.each("columns"), partial(_made, kind))


def _figure(place: _Place) -> FigureSpec:
    place.knows([field.name for field in (*fields(Column), *fields(FigureSpec)) if field.name != "column"])
    own = {key: value for key, value in place.value.items() if key == "better"}
    column = _made(Column, _Place({key: value for key, value in place.value.items() if key not in own}, place.path))
    if column.type not in NUMERIC:
        raise place.at("type").wrong(f"type {column.type!r}: one of {', '.join(NUMERIC)}, because a figure is a number")
    return _made(FigureSpec, _Place(own, place.path), column=lambda: column)


def _chart(place: _Place, datasets: tuple[Dataset, ...]) -> ChartSpec:
    chart = _made(ChartSpec, place)
    names = {dataset.name: {column.name for column in dataset.columns} for dataset in datasets}
    missing = {chart.x, *chart.y} - names.get(chart.dataset, set())
    if missing:
        raise place.wrong(f"chart {chart.title!r}: {chart.dataset} has no column {', '.join(sorted(missing))}")
    return chart


def _made(kind: type[T], place: _Place, **others: Callable[[], Any]) -> T:
    """One of *kind* from a mapping whose keys are its fields; *others* are made from more than one value."""
    hints = _hints(kind)  # type: ignore[arg-type]  # a class is hashable
    place.knows(list(hints))
    needed = [field.name for field in fields(kind) if field.default is MISSING]  # type: ignore[arg-type]  # a dataclass
    for name in needed:
        if name not in place.value and name not in others:
            place.at(name)
    own = {name: place.at(name).fitting(hints[name]) for name in place.value if name not in others}
    return kind(**own, **{name: make() for name, make in others.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _once(places: Iterable[_Place], make: Callable[[_Place], N]) -> tuple[N, ...]:
    """What *make* makes of each; a name that is there twice is refused."""
    made: dict[str, N] = {}
    for place in places:
        one = make(place)
        if one.name in made:
            raise place.at("name").wrong(f"name {one.name!r} is there twice")
        made[one.name] = one
    return tuple(made.values())


def _sql(folder: Path, place: _Place) -> str:
    """Read the SQL file that `sql` names, or join several in the order of the list."""
    given = place.at("sql")
    files = place.each("sql") if isinstance(given.value, list) else (given,)
    text = "\n".join(_sql_file(folder, file) for file in files)
    if not BOUND.search(text):
        raise given.wrong(
            f"sql {given.value!r}: it has to read current_setting('report.workspace_id'), or it sees every workspace"
        )
    return text


def _sql_file(folder: Path, place: _Place) -> str:
    name = str(place.fitting(str))
    try:
        return (folder / name).read_text(encoding="utf-8").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise place.wrong(f"sql {name!r}: {why}") from error


def _line(text: str, path: Iterable[str | int]) -> int:
    """The line of the value that *path* leads to, or of the last one on the way that is there."""
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
