"""Renderers, document to file: one module or package per format.

Each is imported when first used, since WeasyPrint and openpyxl are slow to load.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ..domain.formats import FORMATS, Format

if TYPE_CHECKING:
    from .document import Renderer


def renderer(chosen: Format, *, csv_bom: bool = False) -> Renderer:
    """Return the function that writes *chosen*; with *csv_bom*, a CSV file begins with a byte order mark."""
    module = import_module(f".{FORMATS[chosen].module}", __package__)
    render = partial(module.render, bom=True) if csv_bom and chosen is Format.CSV else module.render
    return cast("Renderer", render)
