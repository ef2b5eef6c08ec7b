"""The formats: one module each, imported when first used, since WeasyPrint and openpyxl are slow to load."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from ..domain.report import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .document import Renderer


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatInfo:
    """What a format is called in a file name, over HTTP and in report_executions.format."""

    extension: str
    content_type: str
    execution: str
    module: str
    limited: bool = False  # whether settings.row_limit bounds its tables


FORMATS: Mapping[Format, FormatInfo] = MappingProxyType(
    {
        Format.PDF: FormatInfo(
            extension="pdf", content_type="application/pdf", execution="PDF", module="as_pdf", limited=True
        ),
        Format.CSV: FormatInfo(
            extension="csv", content_type="text/csv; charset=utf-8", execution="CSV", module="as_csv"
        ),
        Format.JSON: FormatInfo(extension="json", content_type="application/json", execution="JSON", module="as_json"),
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


def renderer(chosen: Format, *, csv_bom: bool = False) -> Renderer:
    """The function that writes *chosen*; with *csv_bom* a CSV begins with a byte order mark."""
    module = import_module(f".{FORMATS[chosen].module}", __package__)
    render = partial(module.render, bom=True) if csv_bom and chosen is Format.CSV else module.render
    return cast("Renderer", render)
