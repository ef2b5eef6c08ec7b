"""File formats: their names, extensions and content types."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Format(StrEnum):
    """A file format, spelt as in scheduled_reports.export_formats."""

    PDF = "pdf"
    CSV = "csv"
    JSON = "json"
    EXCEL = "excel"
    HTML = "html"


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatInfo:
    """The names of a format in file names, over HTTP and in report_executions.format, and its module in render."""

    extension: str
    content_type: str
    execution: str
    module: str
    limited: bool = False  # whether settings.row_limit limits its tables
    main_only: bool = False  # whether it contains nothing but the main table
    charts: bool = True  # whether it shows the charts


FORMATS: Mapping[Format, FormatInfo] = MappingProxyType(
    {
        Format.PDF: FormatInfo(
            extension="pdf", content_type="application/pdf", execution="PDF", module="as_pdf", limited=True
        ),
        Format.CSV: FormatInfo(
            extension="csv",
            content_type="text/csv; charset=utf-8",
            execution="CSV",
            module="as_csv",
            main_only=True,
            charts=False,
        ),
        Format.JSON: FormatInfo(
            extension="json", content_type="application/json", execution="JSON", module="as_json", charts=False
        ),
        Format.EXCEL: FormatInfo(
            extension="xlsx",
            content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            execution="EXCEL",
            module="as_excel",
        ),
        Format.HTML: FormatInfo(
            extension="html", content_type="text/html; charset=utf-8", execution="HTML", module="as_html", limited=True
        ),
    }
)
