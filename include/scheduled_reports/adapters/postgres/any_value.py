"""Read every value that a column may hold, so that one row never decides whether a list of rows can be read."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from psycopg.types.json import set_json_loads

from ...domain.json_text import read_json

if TYPE_CHECKING:
    from datetime import date, datetime

    from psycopg.abc import Buffer

# Moments that Python does not have (infinity, years before 1 and after 9999) are None, as if they were not set.


class _Date(DateLoader):
    def load(self, data: Buffer) -> date:
        try:
            return super().load(data)
        except (psycopg.DataError, ValueError, OverflowError):
            return None  # type: ignore[return-value]  # psycopg accepts any value


class _Timestamp(TimestampLoader):
    def load(self, data: Buffer) -> datetime:
        try:
            return super().load(data)
        except (psycopg.DataError, ValueError, OverflowError):
            return None  # type: ignore[return-value]


class _Timestamptz(TimestamptzLoader):
    def load(self, data: Buffer) -> datetime:
        try:
            return super().load(data)
        except (psycopg.DataError, ValueError, OverflowError):
            return None  # type: ignore[return-value]


@cache
def any_value() -> AdaptersMap:
    """Return the adapters of a connection that reads every value."""
    adapters = AdaptersMap(psycopg.adapters)
    for name, loader in (("date", _Date), ("timestamp", _Timestamp), ("timestamptz", _Timestamptz)):
        adapters.register_loader(name, loader)
    set_json_loads(_json, adapters)
    return adapters


def _json(text: str | bytes) -> object:
    return read_json(text if isinstance(text, str) else bytes(text).decode())
