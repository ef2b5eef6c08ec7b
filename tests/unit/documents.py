"""Small documents for the tests of the formats; their tables are in memory."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import pyarrow as pa

from include.scheduled_reports.domain.report_type import Column, FigureSpec
from include.scheduled_reports.domain.run import Window
from include.scheduled_reports.render.document import Chart, Document, Figure, Table
from include.scheduled_reports.settings.branding import Branding

ZONE = ZoneInfo("Europe/Berlin")
WINDOW = Window(
    start=datetime(2026, 5, 4, tzinfo=ZONE),
    end=datetime(2026, 5, 11, tzinfo=ZONE),
    previous_start=datetime(2026, 4, 27, tzinfo=ZONE),
    previous_end=datetime(2026, 5, 4, tzinfo=ZONE),
    zone=ZONE,
)
_ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "percent": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz=ZONE.key),
}


def column(name, kind="text", scale=0, title=None, **more):
    return Column(name=name, title=name.capitalize() if title is None else title, type=kind, scale=scale, **more)


def table(columns, rows, *, name="channels", title="Channels", batch=2, **more):
    """Make a table of *rows* that is read in batches of *batch* rows."""
    read = partial(_batches, columns, rows, batch)
    return Table(name=name, title=title, columns=tuple(columns), rows=len(rows), batches=read, **more)


def figure(title="Messages", value=5, previous=4, *, kind="integer", scale=0, better="up", **more):
    spec = FigureSpec(column=column(title.lower(), kind, scale, title, **more), better=better)
    return Figure(spec=spec, value=value, previous=previous)


def chart(kind, x, y, rows, *, title="Messages by day", table="channels"):
    """Make a chart from tuples: *x*, then each of *y*."""
    names = [x.name, *(one.name for one in y)]
    named = tuple(dict(zip(names, row, strict=True)) for row in rows)
    return Chart(title=title, kind=kind, table=table, x=x, y=tuple(y), rows=named)


def document(
    *tables, title="Weekly channels", figures=(), charts=(), description="", workspace="Acme", branding=None, **more
):
    return Document(
        title=title,
        type_title="Channel analytics",
        description=description,
        workspace=workspace,
        window=WINDOW,
        timezone=ZONE.key,
        scheduled_for=datetime(2026, 5, 11, 9, tzinfo=ZONE),
        figures=tuple(figures),
        charts=tuple(charts),
        tables=tables or (_CHANNELS,),
        branding=branding or Branding(),
        **more,
    )


def _batches(columns, rows, size):
    schema = pa.schema([(one.name, _type(one)) for one in columns])
    for start in range(0, len(rows), size):
        cells = zip(*rows[start : start + size], strict=True)
        yield pa.record_batch(
            [pa.array(values, field.type) for values, field in zip(cells, schema, strict=True)], schema=schema
        )


def _type(one):
    return pa.decimal128(38, one.scale) if one.type == "decimal" else _ARROW[one.type]


_CHANNELS = table([column("channel"), column("messages", "integer")], [("general", 1234), ("random", 7)])
