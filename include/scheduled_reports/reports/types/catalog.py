"""The report types: folders of report_types/ and of the setting REPORT_TYPES, each a report.yaml and its SQL files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...domain.errors import ReportTypeError
from ...settings import Settings
from .custom_sql import asked
from .yaml_loader import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...domain.report import Report
    from ...domain.report_type import ReportType

FOLDER = Path(__file__).parent / "builtin"
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


@dataclass(frozen=True, slots=True)
class Catalog:
    """The report types that work, by id, and why others do not, by id as well."""

    types: Mapping[str, ReportType]
    broken: Mapping[str, str]


@cache
def catalog() -> Catalog:
    """Every report type of this process, read when first asked for: the built-in ones, then those of REPORT_TYPES."""
    return read((FOLDER, *Settings.from_env(os.environ).report_folders))


def report_types() -> Mapping[str, ReportType]:
    """Every report type that works, by id."""
    return catalog().types


def report_type(report: Report) -> ReportType:
    """The type of a report with the datasets it shows; the ones of a type with sources are the report's own."""
    kind = catalog().types.get(report.type)
    if kind is None:  # a worker whose folders are not those of the process that let the report through
        raise ReportTypeError(f"report type {report.type}: this process does not have it")
    return asked(kind, report.parameters) if kind.sources else kind


def read(places: Iterable[Path]) -> Catalog:
    """The types in the folders of *places*; a broken one, or one that would replace another, harms only itself."""
    types: dict[str, ReportType] = {}
    broken: dict[str, str] = {}
    for place in places:
        try:
            folders = _folders(place)
        except OSError as error:
            broken[str(place)] = f"{place}: {error.strerror}"
            continue
        for folder in folders:
            if folder.name in types:
                broken[str(folder)] = f"{folder}: there is a report type {folder.name} already: rename the folder"
                continue
            try:
                types[folder.name] = load(folder)
            except ReportTypeError as error:
                broken[folder.name] = str(error)
    return Catalog(MappingProxyType(types), MappingProxyType(broken))


def _folders(place: Path) -> list[Path]:
    """Every folder in *place*; what begins with `.` or `_` is left to those who put it there."""
    return sorted(entry for entry in place.iterdir() if entry.is_dir() and entry.name[0] not in "._")
