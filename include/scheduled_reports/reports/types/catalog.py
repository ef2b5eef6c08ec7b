"""The report types: folders of builtin/ and of the setting REPORT_TYPES, each a report.yaml and its SQL files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...domain.errors import ReportTypeError
from ...settings import Settings
from ...settings.environment import environ
from .custom_sql import with_datasets
from .yaml_loader import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...domain.report import Report
    from ...domain.report_type import ReportType

FOLDER = Path(__file__).parent / "builtin"
#: The types that the application offers; those without a folder are rejected as not built yet.
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


@dataclass(frozen=True, slots=True)
class Catalog:
    """The valid report types by id, and the problems of the broken ones by id, one a line."""

    types: Mapping[str, ReportType]
    broken: Mapping[str, str]


@cache
def catalog() -> Catalog:
    """Every report type of this process, read on first use: the built-in ones, then those of REPORT_TYPES."""
    return read(Settings.usable(environ()).report_folders, builtin())


@cache
def builtin() -> Catalog:
    """The built-in types, which a process may read before it forks others."""
    return read((FOLDER,))


def report_types() -> Mapping[str, ReportType]:
    """Every valid report type, by id."""
    return catalog().types


def report_type(report: Report) -> ReportType:
    """The type of a report with its datasets; for a type with sources they come from the report's parameters."""
    kind = catalog().types.get(report.type)
    if kind is None:  # this worker has other folders than the process that accepted the report
        raise ReportTypeError(
            f"this process does not have the report type {report.type}; set the same REPORT_TYPES everywhere"
        )
    return with_datasets(kind, report.parameters) if kind.sources else kind


def read(places: Iterable[Path], known: Catalog | None = None) -> Catalog:
    """The types in the folders of *places* and those *known*; one that is broken or known affects no other."""
    types = dict(known.types) if known else {}
    broken = dict(known.broken) if known else {}
    for place in places:
        try:
            folders = _folders(place)
        except OSError as error:
            broken[str(place)] = f"{place}: {error.strerror}"
            continue
        for folder in folders:
            if folder.name in types:
                broken[str(folder)] = f"{folder}: a report type {folder.name} exists already; rename the folder"
                continue
            try:
                types[folder.name] = load(folder)
            except ReportTypeError as error:
                broken[folder.name] = str(error)
            except Exception as error:  # the last resort: one folder affects no other
                broken[folder.name] = f"{folder}/report.yaml:1: the file cannot be read ({type(error).__name__})"
    return Catalog(MappingProxyType(types), MappingProxyType(broken))


def _folders(place: Path) -> list[Path]:
    """Every folder in *place*, except those whose name begins with `.` or `_`."""
    return sorted(entry for entry in place.iterdir() if entry.is_dir() and entry.name[0] not in "._")
