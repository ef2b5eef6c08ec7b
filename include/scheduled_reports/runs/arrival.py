"""What arrives: which PostgreSQL types each declared column type takes, and how their values are converted.

The decision depends on the types alone, never on values: a query that works this week works next week.  Every other
type is refused by its name, with the cast to write.  docs/extend.md has the table.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from ..domain.errors import ReportTypeError
from ..render.local_time import wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..domain.report_type import Column, ColumnType, SourceSpec

    Convert = Callable[[pa.Array, Column, str], pa.Array]

#: The digits of a decimal column.
DIGITS: Final = 38
#: Enough for the sum of any number of doubles; a longer numeric does not fit a column anyway.
_ROUNDING: Final = Context(prec=700, rounding=ROUND_HALF_UP)
#: How ADBC, PostgreSQL and Arrow write numbers that are none.
_SPECIAL: Final = pa.array(["nan", "inf", "-inf", "NaN", "Infinity", "-Infinity"])
_EPOCH: Final = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date.min - _EPOCH).days, (date.max - _EPOCH).days
_DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
_FIRST_MOMENT, _LAST_MOMENT = _FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1


class _TooLargeError(Exception):
    """A number has more digits than its column can hold."""


def check_columns(columns: Sequence[Column], schema: pa.Schema) -> list[str]:
    """Every reason why a query's columns are not the declared ones; empty if they are."""
    declared, found = [column.name for column in columns], schema.names
    if declared != found:
        return [f"the query's columns are {', '.join(found)}, but report.yaml declares {', '.join(declared)}"]
    return check_types(columns, schema)


def check_source(source: SourceSpec, schema: pa.Schema) -> list[str]:
    """Why reports cannot build tables from a source; its query may have further columns."""
    problems = [] if source.key in schema.names else [f"the query has no column {source.key}, which is the key"]
    # Filters and groups of a report read the column itself, which is not a local day.
    moments = [one.name for one in source.columns if one.type == "date" and one.name in schema.names]
    problems += [
        f"column {name} arrives as {_shown_type(schema.field(name))}, but is declared date; declare it timestamp"
        for name in moments
        if pa.types.is_timestamp(schema.field(name).type)
    ]
    return problems + check_types(source.columns, schema)


def check_types(columns: Sequence[Column], schema: pa.Schema) -> list[str]:
    """Why columns cannot be of the declared type, one sentence each; *schema* may have further columns."""
    missing = [column.name for column in columns if column.name not in schema.names]
    problems = [f"the query has no column {', '.join(missing)}, which report.yaml declares"] if missing else []
    found = [(column, schema.field(column.name)) for column in columns if column.name not in missing]
    return problems + [_refusal(column, field) for column, field in found if _family(field) not in TAKES[column.type]]


def convert(values: pa.Array, found: pa.Field, column: Column, timezone: str) -> pa.Array:
    """The values of one column in the Arrow type of its declaration; the types were checked before."""
    family = _family(found)
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    try:
        return TAKES[column.type][family](values, column, timezone)
    except _TooLargeError as error:
        raise ReportTypeError(f"column {column.name}: {error}") from None
    except (pa.ArrowException, ArithmeticError) as error:  # its text may contain a value
        raise ReportTypeError(f"column {column.name}: a value cannot be read as {column.type}") from error


def arrow_type(column: Column, timezone: str) -> pa.DataType:
    """The Arrow type of a declared column."""
    return {
        "text": pa.string(),
        "integer": pa.int64(),
        "decimal": pa.decimal128(DIGITS, column.scale),
        "number": pa.float64(),
        "percent": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz=timezone),
    }[column.type]


# Types


def _family(field: pa.Field) -> str:
    """The family of a column's type in the table below; another text if it has none.

    Arrow's type is not enough: ADBC hands over money, in the smallest unit, as int64.  So the name that PostgreSQL
    gives the type must fit as well; a source in memory has no such name.
    """
    family, names = _arrow_family(field.type)
    name = _postgres_name(field)
    if name and names and name not in names:
        return name
    return "other" if name == "char" else family  # "char" is one byte, which need not be a character


def _arrow_family(kind: pa.DataType) -> tuple[str, tuple[str, ...]]:
    """The family of an Arrow type, and the PostgreSQL types that may arrive as it; none if any may."""
    if pa.types.is_timestamp(kind):
        name = "timestamp" if kind.tz is None else "timestamptz"
        return name, (name,)
    if pa.types.is_decimal(kind) or (isinstance(kind, pa.OpaqueType) and kind.type_name == "numeric"):
        return "numeric", ("numeric",)
    if isinstance(kind, pa.BaseExtensionType):
        return {"arrow.json": ("json", ("json", "jsonb")), "arrow.uuid": ("uuid", ("uuid",))}.get(
            kind.extension_name, ("other", ())
        )
    return _ARROW.get(kind, ("other", ()))


_ARROW: Final[Mapping[pa.DataType, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        pa.string(): ("text", ()),  # and enums, which have names of their own
        pa.int16(): ("integer", ("int2",)),
        pa.int32(): ("integer", ("int4",)),
        pa.int64(): ("integer", ("int8",)),
        pa.float32(): ("float4", ("float4",)),
        pa.float64(): ("float8", ("float8",)),
        pa.bool_(): ("boolean", ("bool",)),
        pa.date32(): ("date", ("date",)),
        pa.null(): ("null", ()),
    }
)


def _postgres_name(field: pa.Field) -> str:
    return str((field.metadata or {}).get(b"POSTGRESQL:type", b"").decode())


# Refusals


def _refusal(column: Column, field: pa.Field) -> str:
    name = _shown_type(field)
    return f"column {column.name} arrives as {name}, but is declared {column.type}; {_remedy(column, name)}"


def _shown_type(field: pa.Field) -> str:
    """The name of a type for people: `money`, `text[]`, `the type with OID 3904`."""
    name = _postgres_name(field)
    kind = field.type
    if name.startswith("unnamed<oid:"):
        number = name.removeprefix("unnamed<oid:").removesuffix(">")
        return _RANGES.get(number, f"the type with OID {number}")
    if name.startswith("_") and pa.types.is_list(field.type):
        return f"{name[1:]}[]"
    family, names = _arrow_family(kind)
    return name or (names[0] if names else str(kind) if family == "other" else family)


#: Types whose name the driver does not know, by their OID in PostgreSQL's catalog.
_RANGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "3904": "int4range", "3906": "numrange", "3908": "tsrange", "3910": "tstzrange", "3912": "daterange",
        "3926": "int8range",
    }
)  # fmt: skip
_CASTS: Final[Mapping[ColumnType, str]] = MappingProxyType(
    {
        "text": "text", "integer": "bigint", "decimal": "numeric", "number": "float8", "percent": "float8",
        "boolean": "boolean", "date": "date", "timestamp": "timestamp",
    }
)  # fmt: skip
#: The types that PostgreSQL casts to those of a declared type.
_CASTABLE: Final[Mapping[ColumnType, frozenset[str]]] = MappingProxyType(
    {
        "integer": frozenset({"text", "varchar", "bpchar", "bool", "float4", "float8", "oid", "xid", "jsonb", "bit"}),
        "decimal": frozenset({"text", "varchar", "bpchar", "money", "jsonb"}),
        "number": frozenset({"text", "varchar", "bpchar", "jsonb"}),
        "percent": frozenset({"text", "varchar", "bpchar", "jsonb"}),
        "boolean": frozenset({"text", "varchar", "bpchar", "int4", "jsonb"}),
        "date": frozenset({"text", "varchar", "bpchar"}),
        "timestamp": frozenset({"text", "varchar", "bpchar", "date"}),
    }
)
#: Expressions for types without such a cast, by the declared type and the type that arrives.
_EXPRESSIONS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("integer", "bool"): "{0}::int",
        ("integer", "money"): "{0}::numeric",
        ("integer", "xid"): "{0}::text::bigint",
        ("number", "money"): "{0}::numeric",
        ("percent", "money"): "{0}::numeric",
        ("decimal", "bool"): "{0}::int",
        ("number", "bool"): "{0}::int",
        ("percent", "bool"): "{0}::int",
        ("integer", "interval"): "extract(epoch FROM {0})::bigint",
        ("decimal", "interval"): "extract(epoch FROM {0})::numeric",
        ("number", "interval"): "extract(epoch FROM {0})::float8",
        ("boolean", "int2"): "{0} <> 0",
        ("boolean", "int8"): "{0} <> 0",
        ("boolean", "numeric"): "{0} <> 0",
        ("boolean", "float4"): "{0} <> 0",
        ("boolean", "float8"): "{0} <> 0",
        ("text", "bytea"): "encode({0}, 'hex')",
    }
)


def _remedy(column: Column, name: str) -> str:
    """What to write instead, as an expression that works."""
    shown = column.name if column.name.isidentifier() and column.name.islower() else f'"{column.name}"'
    if expression := _EXPRESSIONS.get((column.type, name)):
        return f"write {expression.format(shown)}"
    if column.type == "text" or name in _CASTABLE[column.type]:
        return f"write {shown}::{_CASTS[column.type]}"
    if name in _OWN_DECLARATION:
        return f"declare it {_OWN_DECLARATION[name]}"
    return f"declare it text and write {shown}::text"


#: The declared types of the types that have no cast to what is declared.
_OWN_DECLARATION: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("int2", "int4", "int8"), "integer"), "numeric": "decimal", "bool": "boolean", "date": "date",
        **dict.fromkeys(("float4", "float8"), "number"), **dict.fromkeys(("timestamp", "timestamptz"), "timestamp"),
        **dict.fromkeys(("uuid", "json", "jsonb", "name"), "text"),
    }
)  # fmt: skip


# Conversions


def _null(values: pa.Array, column: Column, timezone: str) -> pa.Array:
    return values.cast(arrow_type(column, timezone))


def _same(values: pa.Array, _: Column, __: str) -> pa.Array:
    return values


def _as_text(values: pa.Array, _: Column, __: str) -> pa.Array:
    return values.cast(pa.string())


def _digits(values: pa.Array, _: Column, __: str) -> pa.Array:
    """Numbers as their shortest exact text; null instead of NaN and infinities."""
    texts = values.cast(pa.string())
    return pc.if_else(pc.is_in(texts, value_set=_SPECIAL), None, texts)


def _uuid_text(values: pa.Array, _: Column, __: str) -> pa.Array:
    digits = [None if value is None else value.hex() for value in values.to_pylist()]
    texts = [
        None if one is None else "-".join((one[:8], one[8:12], one[12:16], one[16:20], one[20:])) for one in digits
    ]
    return pa.array(texts, pa.string())


def _whole(values: pa.Array, _: Column, __: str) -> pa.Array:
    return values.cast(pa.int64())


def _rounded_whole(values: pa.Array, _: Column, __: str) -> pa.Array:
    try:
        return _rounded(values.cast(pa.string()), 0).cast(pa.int64())
    except (pa.ArrowInvalid, _TooLargeError) as error:
        raise _TooLargeError("a value does not fit 64 bits; declare the column decimal") from error


def _decimal(values: pa.Array, column: Column, _: str) -> pa.Array:
    return _rounded(values.cast(pa.string()), column.scale)


def _rounded(texts: pa.Array, scale: int) -> pa.Array:
    """Decimals with *scale* digits after the point, null instead of NaN; halves are rounded away from zero."""
    kind = pa.decimal128(DIGITS, scale)
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= DIGITS:  # Arrow misreads longer ones
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            pass  # there is something to round, or no number
    unit = Decimal(1).scaleb(-scale)
    try:
        exact = [None if text is None else Decimal(text) for text in texts.to_pylist()]
        rounded = [_ROUNDING.quantize(one, unit) if one is not None and one.is_finite() else None for one in exact]
        return pa.array(rounded, kind)
    except (pa.ArrowInvalid, InvalidOperation) as error:
        room = DIGITS - scale
        raise _TooLargeError(
            f"a value has more than {room} digits before the decimal point; declare a smaller scale or the type number"
        ) from error


def _number(values: pa.Array, _: Column, __: str) -> pa.Array:
    return _finite(values.cast(pa.float64(), safe=False))  # beyond 2^53 to the nearest double


def _short_number(values: pa.Array, column: Column, timezone: str) -> pa.Array:
    """Doubles that read as PostgreSQL prints a float4: 0.1, not 0.10000000149011612."""
    return _finite(_digits(values, column, timezone).cast(pa.float64()))


def _numeric_number(values: pa.Array, column: Column, timezone: str) -> pa.Array:
    numbers = _digits(values, column, timezone).cast(pa.float64())
    if pc.any(pc.is_inf(numbers)).as_py():
        raise _TooLargeError("a value does not fit a double; declare the column text and cast it")
    return _finite(numbers)


def _finite(numbers: pa.Array) -> pa.Array:
    """Null instead of NaN and infinities, zero instead of -0."""
    return pc.add(pc.if_else(pc.is_finite(numbers), numbers, None), 0.0)


def _date(values: pa.Array, _: Column, __: str) -> pa.Array:
    days = values.cast(pa.int32())
    return _within(days, _FIRST_DAY, _LAST_DAY).cast(pa.date32())


def _local_day(values: pa.Array, column: Column, timezone: str) -> pa.Array:
    return wall_clock(_moment(values, column, timezone)).cast(pa.date32(), safe=False)


def _moment(values: pa.Array, _: Column, timezone: str) -> pa.Array:
    """Moments of the years 1 to 9999, both in UTC and in local time; a timestamp without zone holds UTC."""
    kind = pa.timestamp("us", tz=timezone)
    ticks = values.cast(pa.int64())
    if _are_within(ticks, _FIRST_MOMENT + _DAY, _LAST_MOMENT - _DAY):  # in every zone
        return ticks.cast(kind)
    moments = _within(ticks, _FIRST_MOMENT, _LAST_MOMENT).cast(kind)
    local = _within(wall_clock(moments).cast(pa.int64()), _FIRST_MOMENT, _LAST_MOMENT)
    return pc.if_else(pc.is_valid(local), moments, pa.scalar(None, kind))


def _within(values: pa.Array, first: int, last: int) -> pa.Array:
    if _are_within(values, first, last):
        return values
    inside = pc.and_(pc.greater_equal(values, first), pc.less_equal(values, last))
    return pc.if_else(inside, values, pa.scalar(None, values.type))


def _are_within(values: pa.Array, first: int, last: int) -> bool:
    bounds = pc.min_max(values).as_py()
    return bounds["min"] is None or (bounds["min"] >= first and bounds["max"] <= last)


_NUMBERS: Final[Mapping[str, Convert]] = MappingProxyType(
    {"integer": _number, "float8": _number, "float4": _short_number, "numeric": _numeric_number, "null": _null}
)
#: The one table: for each declared type the families of types that it takes, and how they are converted.
TAKES: Final[Mapping[ColumnType, Mapping[str, Convert]]] = MappingProxyType(
    {
        "text": {
            "text": _as_text, "json": _as_text, "uuid": _uuid_text, "boolean": _as_text, "integer": _digits,
            "numeric": _digits, "null": _null,
        },
        "integer": {"integer": _whole, "numeric": _rounded_whole, "null": _null},
        "decimal": {"integer": _decimal, "numeric": _decimal, "float4": _decimal, "float8": _decimal, "null": _null},
        "number": _NUMBERS,
        "percent": _NUMBERS,
        "boolean": {"boolean": _same, "null": _null},
        "date": {"date": _date, "timestamp": _local_day, "timestamptz": _local_day, "null": _null},
        "timestamp": {"timestamp": _moment, "timestamptz": _moment, "null": _null},
    }
)  # fmt: skip
