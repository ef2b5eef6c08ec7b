"""Fingerprints of a table: equal for equal rows, however they are cut into batches, and different otherwise."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.errors import PermanentError
from include.scheduled_reports.runs import row_digest
from include.scheduled_reports.runs.row_digest import KeyHashes, TableDigest
from tests.unit.documents import column

ZONE = ZoneInfo("Europe/Berlin")
COLUMNS = (
    column("name"), column("number", "integer"), column("price", "decimal", 2), column("rate", "percent"),
    column("done", "boolean"), column("day", "date"), column("at", "timestamp"),
)  # fmt: skip
TYPES = (
    pa.string(), pa.int64(), pa.decimal128(38, 2), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("us", ZONE.key),
)  # fmt: skip
#: Few different values, so that equal tables are drawn often, and those that are easily mixed up.
VALUES = (
    st.sampled_from([None, "", "a", "ab", "b", "None", "é"]),
    st.sampled_from([None, 0, 1, -1, 2**62]),
    st.sampled_from([None, Decimal("0.00"), Decimal("-1.50"), Decimal("12345678901234567890.12")]),
    st.sampled_from([None, 0.0, 0.1, 1e300]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, date(1970, 1, 1), date(2026, 5, 4)]),
    st.sampled_from([None, datetime(1970, 1, 1, 1, tzinfo=ZONE), datetime(2026, 5, 4, 9, tzinfo=ZONE)]),
)
tables = st.lists(st.tuples(*VALUES), max_size=12)
cuts = st.lists(st.integers(0, 12), max_size=4)


def batches(rows, cuts=()):
    """Cut *rows* into batches; some are empty, and all but the first begin inside their buffers."""
    arrays = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(TYPES)]
    whole = pa.record_batch(arrays, names=[one.name for one in COLUMNS])
    ends = sorted({min(cut, len(rows)) for cut in cuts} | {len(rows)})
    return [whole.slice(start, end - start) for start, end in zip([0, *ends], ends, strict=False)]


def digest(rows, cuts=(), columns=COLUMNS):
    found = TableDigest(columns)
    for batch in batches(rows, cuts):
        found.update(batch)
    return found.hexdigest()


def keys(values, known=b"", cut=0, kind=None):
    found = KeyHashes("name", known)
    for part in (values[:cut], values[cut:]):
        found.update(pa.array(part, kind or pa.string()))
    return found


@given(tables, cuts)
def test_the_digest_does_not_depend_on_batches(rows, cuts):
    assert digest(rows, cuts) == digest(rows)


@given(tables, tables)
def test_two_tables_have_one_digest_only_if_they_are_equal(one, other):
    assert (digest(one) == digest(other)) == (one == other)


@given(tables.filter(lambda rows: len(set(rows)) > 1), st.randoms())
def test_the_order_of_rows_counts(rows, random):
    shuffled = random.sample(rows, len(rows))

    assert (digest(shuffled) == digest(rows)) == (shuffled == rows)


def test_a_text_does_not_run_into_the_next_one():
    rest = (None,) * 6

    assert digest([("ab", *rest), ("c", *rest)]) != digest([("a", *rest), ("bc", *rest)])


def test_changed_columns_are_a_change():
    named = (column("title"), *COLUMNS[1:])
    scaled = (*COLUMNS[:2], column("price", "decimal", 3), *COLUMNS[3:])

    assert (
        len({digest([]), digest([], columns=scaled), TableDigest(named).hexdigest(), digest([], columns=COLUMNS[:-1])})
        == 4
    )


def test_the_digest_is_the_one_of_earlier_versions():
    """A report that has not changed is not mailed because of an upgrade."""
    null_stream = hashlib.sha256(b"name\0text\x000\0" + bytes([0, 1]))
    lengths = hashlib.sha256((1).to_bytes(4, "little") + (0).to_bytes(4, "little"))
    expected = hashlib.sha256(null_stream.digest() + lengths.digest() + hashlib.sha256(b"a").digest()).hexdigest()

    assert digest([("a", *(None,) * 6), (None,) * 7], columns=COLUMNS[:1]) == expected


@given(st.lists(VALUES[0], max_size=20), st.lists(VALUES[0], max_size=20), st.integers(0, 20))
def test_new_rows_are_those_whose_value_was_not_there(before, now, cut):
    known = keys(before).packed()

    found = keys(now, known, cut)

    assert found.new_rows == sum(value not in before for value in now)
    assert found.packed() == keys(now).packed()
    assert len(found.packed()) == 8 * len(set(now))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], pa.int64()),
        ([date(2026, 5, 4), None], pa.date32()),
        ([datetime(2026, 5, 4, 9, tzinfo=ZONE)], pa.timestamp("us", ZONE.key)),
        ([Decimal("1.50")], pa.decimal128(38, 2)),
    ],
)
def test_values_of_any_key_type_are_known_again(values, kind):
    found = keys(values, keys(values, kind=kind).packed(), kind=kind)

    assert found.new_rows == 0


def test_a_hundred_thousand_values_are_kept_and_more_are_refused():
    assert row_digest.MOST_KEYS == 100_000
    found = keys([str(number) for number in range(100_000)])
    assert len(found.packed()) == 800_000

    with pytest.raises(PermanentError, match=r"the column name has more than 100,000 different values"):
        found.update(pa.array(["one more"]))
