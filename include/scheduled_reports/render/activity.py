"""Whether a report has data, as docs/report-types.md defines it, and what is said where there is nothing to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from . import charts
from .values import NO_ACTIVITY, NO_ROWS, is_missing

if TYPE_CHECKING:
    from .document import Document, Figure, Table


def has_data(document: Document) -> bool:
    """Whether the main table has rows, and not only zeros.

    A chart with another value saves reading the table; a chart alone proves nothing, since it shows some columns of
    some table.
    """
    main = document.main
    if not main.rows or any(not charts.is_flat(chart) for chart in document.charts):
        return main.rows > 0
    if not main.zero_filled and not document.charts:
        return True
    return not is_idle(main)


def is_idle(table: Table) -> bool:
    """Whether a table has no rows, or only zeros."""
    return not any(_has_values(batch) for batch in table.batches())


def is_counted(document: Document) -> bool:
    """Whether a key figure is other than zero."""
    figures = (*document.figures, *document.hidden_figures)
    return any(map(is_nonzero, figures))


def is_nonzero(figure: Figure) -> bool:
    """Whether a figure has a value other than zero."""
    return bool(figure.value) and not is_missing(figure.value)


def is_or_was_nonzero(figure: Figure) -> bool:
    """Whether a figure is other than zero, now or in the period before."""
    return any(value and not is_missing(value) for value in (figure.value, figure.previous))


def is_quiet(document: Document) -> bool:
    """Whether nothing happened: the report says so first, and shows neither figures nor tables of zeros."""
    return nothing(document) == NO_ACTIVITY


def nothing(document: Document) -> str:
    """What a table or a chart says that has nothing to show.

    It speaks of activity only in a report without data, and not beside figures or charts that count something while a
    parameter keeps every row out of the main table.
    """
    others = is_counted(document) or not all(map(charts.is_flat, document.charts))
    return NO_ROWS if has_data(document) or (others and not document.main.rows) else NO_ACTIVITY


def _has_values(batch: pa.RecordBatch) -> bool:
    """Whether a row has a number other than zero; without a column of numbers, whether there is a row."""
    numbers = [values for values in batch.columns if _is_number(values.type)]
    if not numbers:
        return bool(batch.num_rows)
    return any(bool(pc.any(pc.not_equal(values, pa.scalar(0).cast(values.type))).as_py()) for values in numbers)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
