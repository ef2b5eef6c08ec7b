"""Convert columns of timestamps to local time, by Python's zone database.

Arrow's zone database knows no rules beyond the last transition in its files: in Berlin, summer time ends after 2037,
or after 1996 if the system has the "slim" files.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1) // _TICK
#: One day inside the years that Python supports, so that the offset of every zone can be computed.
_FIRST: Final = (datetime(1, 1, 2, tzinfo=UTC) - _EPOCH) // _TICK
_LAST: Final = (datetime(9999, 12, 30, tzinfo=UTC) - _EPOCH) // _TICK


def wall_clock(values: pa.Array) -> pa.Array:
    """Convert to timestamps without a zone, in local time."""
    return _shifted(values, _offsets(values))


def iso_text(values: pa.Array) -> pa.Array:
    """Format timestamps as `2026-05-10T09:00:00+02:00`, like datetime.isoformat."""
    offsets = _offsets(values)
    clock = pc.utf8_replace_slice(_shifted(values, offsets).cast(pa.string()), start=10, stop=11, replacement="T")
    clock = pc.replace_substring(clock, pattern=".000000", replacement="")
    distinct, places = np.unique(offsets, return_inverse=True)
    ends = pa.array([_offset_text(int(offset)) for offset in distinct], pa.string()).take(pa.array(places))
    return pc.binary_join_element_wise(clock, ends, "")


def _shifted(values: pa.Array, offsets: NDArray[Any]) -> pa.Array:
    return pc.add(values.cast(pa.int64()), pa.array(offsets)).cast(pa.timestamp("us"))


def _offsets(values: pa.Array) -> NDArray[Any]:
    """Compute the offsets from UTC in microseconds: once per day, and one by one on days when the clocks change."""
    zone = ZoneInfo(values.type.tz)
    moments = values.cast(pa.int64()).fill_null(0).to_numpy()
    days, places = np.unique(moments // _DAY, return_inverse=True)
    starts = np.array([_offset(int(day) * _DAY, zone) for day in days], np.int64)
    ends = np.array([_offset(int(day + 1) * _DAY, zone) for day in days], np.int64)
    offsets: NDArray[Any] = starts[places]
    for number in np.flatnonzero((starts != ends)[places]):
        offsets[number] = _offset(int(moments[number]), zone)
    return offsets


def _offset(moment: int, zone: ZoneInfo) -> int:
    ahead = (_EPOCH + min(max(moment, _FIRST), _LAST) * _TICK).astimezone(zone).utcoffset() or timedelta()
    return ahead // _TICK


def _offset_text(offset: int) -> str:
    """Format an offset: `+02:00`; with seconds for historic local mean times."""
    sign, seconds = "-" if offset < 0 else "+", abs(offset) // 1_000_000
    text = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
    return f"{text}:{seconds % 60:02d}" if seconds % 60 else text
