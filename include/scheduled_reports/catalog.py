"""The report types: folders of report_types/, each a report.yaml and its SQL files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import yaml

from .errors import ReportTypeError
from .model import ChartSpec, Column, Dataset, FigureSpec, ReportType

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "report_types"
#: What the application offers; those without a folder are known, and rejected with that reason.
KNOWN_TYPES = (
    "workspace-activity",
    "channel-analytics",
    "user-engagement",
    "task-completion",
    "workflow-execution",
    "security-audit",
    "export-summary",
    "custom",
)


@cache
def report_types() -> Mapping[str, ReportType]:
    """Every report type that is built, by id."""
    folders = sorted(path.parent for path in FOLDER.glob("*/report.yaml"))
    return MappingProxyType({folder.name: load(folder) for folder in folders})


def load(folder: Path) -> ReportType:
    """Read one folder; ReportTypeError names the file and what is wrong with it."""
    definition = folder / "report.yaml"
    try:
        content = yaml.safe_load(definition.read_text(encoding="utf-8"))
        return _report_type(folder, content)
    except yaml.YAMLError as error:
        raise ReportTypeError(f"{definition}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ReportTypeError(f"{definition}: {what}") from error


def _report_type(folder: Path, content: Mapping[str, Any]) -> ReportType:
    datasets = tuple(_dataset(folder, item) for item in content["datasets"])
    charts = tuple(_chart(item, datasets) for item in content.get("charts", ()))
    figures = content["figures"]
    if not datasets:
        raise ValueError("datasets: at least one is needed")
    return ReportType(
        id=folder.name,
        title=content["title"],
        description=content["description"],
        parameters=frozenset(content.get("parameters", ())),
        figures_sql=_sql(folder, figures["sql"]),
        figures=tuple(_figure(item) for item in figures["columns"]),
        datasets=datasets,
        charts=charts,
    )


def _dataset(folder: Path, item: Mapping[str, Any]) -> Dataset:
    return Dataset(
        name=item["name"],
        title=item["title"],
        sql=_sql(folder, item["sql"]),
        columns=tuple(_column(column) for column in item["columns"]),
        zero_filled=item.get("zero_filled", False),
    )


def _figure(item: Mapping[str, Any]) -> FigureSpec:
    column = _column({key: value for key, value in item.items() if key != "better"})
    figure = FigureSpec(column=column, better=item.get("better", "neutral"))
    _check(figure, "better", f"figure {column.name}")
    return figure


def _column(item: Mapping[str, Any]) -> Column:
    column = Column(**item)
    _check(column, "type", f"column {column.name}")
    return column


def _chart(item: Mapping[str, Any], datasets: tuple[Dataset, ...]) -> ChartSpec:
    chart = ChartSpec(**{**item, "y": tuple(item["y"])})
    _check(chart, "kind", f"chart {chart.title!r}")
    names = {dataset.name: {column.name for column in dataset.columns} for dataset in datasets}
    missing = {chart.x, *chart.y} - names.get(chart.dataset, set())
    if missing:
        raise ValueError(f"chart {chart.title!r}: {chart.dataset} has no column {', '.join(sorted(missing))}")
    return chart


def _check(made: Column | FigureSpec | ChartSpec, name: str, what: str) -> None:
    """Refuse a value that the field's type does not name."""
    value, allowed = getattr(made, name), get_args(get_type_hints(type(made))[name])
    if value not in allowed:
        raise ValueError(f"{what}: {name} {value!r}: one of {', '.join(allowed)}")


def _sql(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")
