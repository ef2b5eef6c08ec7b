"""The staging files of a run: manifest, types, counted rows."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.errors import ReportTypeError, StagingMissingError, TransientError
from include.scheduled_reports.domain.report_type import Column
from include.scheduled_reports.domain.run import RunKey, StagedFile
from include.scheduled_reports.runs.parquet import write_parquet
from include.scheduled_reports.runs.staging import Draft, RunFiles
from include.scheduled_reports.testing.storage import MemoryStaging

KEY = RunKey(report_id="r1", run_id="run1")
NUMERIC = pa.opaque(pa.string(), "numeric", "PostgreSQL")  # ADBC's representation of PostgreSQL's numeric


@pytest.fixture
def staging():
    return MemoryStaging()


@pytest.fixture
def files(staging):
    return RunFiles.of(staging, KEY)


def write(files, name, content):
    with files.writing(name) as draft:
        draft.file.write(content)


def column(name, kind, scale=0):
    return Column(name=name, title=name.title(), type=kind, scale=scale)


def staged(columns, *batches, zone="UTC"):
    """Write batches with write_parquet; return the resulting table, and the draft with its counts."""
    draft = Draft(io.BytesIO())
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    write_parquet(reader, columns, zone, draft)
    draft.file.seek(0)
    return pq.read_table(draft.file), draft


def one_column(kind, array, *, scale=0, zone="UTC"):
    """Return one column of a query after write_parquet."""
    table, _ = staged((column("x", kind, scale),), pa.RecordBatch.from_arrays([array], names=["x"]), zone=zone)
    return table.column("x")


# The manifest


def test_a_published_file_has_a_manifest_with_its_size_and_digest(files):
    with files.writing("report.csv") as draft:
        draft.file.write(b"hello")
        draft.rows, draft.total_rows = 2, 3

    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # of `printf hello | sha256sum`
    assert files.manifest("report.csv") == StagedFile(name="report.csv", bytes=5, sha256=digest, rows=2, total_rows=3)
    assert files.open("report.csv").read() == b"hello"


def test_the_manifest_appears_only_after_the_content():
    order = []

    class Watched(MemoryStaging):
        def put(self, name, content):
            order.append(name)
            super().put(name, content)

    write(RunFiles.of(Watched(), KEY), "report.csv", b"hello")

    assert order == ["r1/run1/report.csv", "r1/run1/report.csv.manifest.json"]


def test_a_block_that_fails_publishes_nothing(files, staging):
    def fail():
        with files.writing("report.csv") as draft:
            draft.file.write(b"half")
            raise RuntimeError("out of paper")

    with pytest.raises(RuntimeError, match="out of paper"):
        fail()

    assert staging.files == {}


def test_content_that_staging_does_not_take_gets_no_manifest():
    class Full(MemoryStaging):
        def put(self, name, content):
            if not name.endswith("manifest.json"):
                raise TransientError("staging is full")
            super().put(name, content)

    full = Full()
    with pytest.raises(TransientError):
        write(RunFiles.of(full, KEY), "report.csv", b"hello")

    assert full.files == {}


def test_the_manifest_is_small_json(files, staging):
    write(files, "report.csv", b"hello")

    assert json.loads(staging.files["r1/run1/report.csv.manifest.json"]).keys() == {"bytes", "sha256", "rows", "total"}


def test_a_file_is_published_anew_by_a_retry(files):
    write(files, "report.csv", b"first")
    write(files, "report.csv", b"second try")

    assert files.open("report.csv").read() == b"second try"
    assert files.manifest("report.csv").bytes == 10
    assert files.manifest("report.csv").sha256 == hashlib.sha256(b"second try").hexdigest()


def test_what_was_never_published_says_to_clear_from_query(files):
    for read in (files.manifest, files.open, lambda name: list(files.batches(name))):
        with pytest.raises(StagingMissingError, match=r"^dataset-days\.parquet of this run .*: clear from query$"):
            read("dataset-days.parquet")


def test_content_without_its_manifest_does_not_exist(files, staging):
    write(files, "report.csv", b"hello")
    del staging.files["r1/run1/report.csv.manifest.json"]

    with pytest.raises(StagingMissingError):
        files.open("report.csv")


def test_a_manifest_whose_content_is_gone_says_to_clear_from_query(files, staging):
    write(files, "report.csv", b"hello")
    del staging.files["r1/run1/report.csv"]

    with pytest.raises(StagingMissingError, match="clear the run from query"):
        files.open("report.csv")


def test_clearing_a_run_leaves_other_runs_alone(staging):
    keys = [RunKey(report_id="r1", run_id=run_id) for run_id in ("run1", "run10", "run1/../run2")]
    for key in keys:
        write(RunFiles.of(staging, key), "a", b"a")

    RunFiles.of(staging, keys[0]).clear()

    assert {name.rpartition("/")[0] for name in staging.files} == {"r1/run10", "r1/run1.2f.2e.2e.2frun2"}


# Types


def test_numeric_stays_exact_and_gets_the_scale_declared():
    text = pa.array(["12345678901234567890.12", "0.1", "-7", None])
    array = pa.ExtensionArray.from_storage(NUMERIC, text)

    assert one_column("decimal", array, scale=2).to_pylist() == [
        Decimal("12345678901234567890.12"),
        Decimal("0.10"),
        Decimal("-7.00"),
        None,
    ]


def test_integers_and_floats_may_be_declared_as_another_kind_of_number():
    assert one_column("decimal", pa.array([1, None]), scale=1).to_pylist() == [Decimal("1.0"), None]
    assert one_column("number", pa.array([1, None])).to_pylist() == [1.0, None]
    assert one_column("percent", pa.array([0.25])).to_pylist() == [0.25]
    assert one_column("integer", pa.array([2**31])).to_pylist() == [2_147_483_648]
    assert one_column(
        "integer", pa.ExtensionArray.from_storage(NUMERIC, pa.array(["9007199254740993"]))
    ).to_pylist() == [9_007_199_254_740_993]


def test_a_timestamp_without_zone_holds_utc_and_is_shown_in_the_reports_zone():
    moment = datetime(2026, 5, 10, 22, 30)  # noqa: DTZ001 - as the application stores it
    found = one_column("timestamp", pa.array([moment, None], pa.timestamp("us")), zone="Europe/Berlin")

    assert found.type == pa.timestamp("us", tz="Europe/Berlin")
    assert found.to_pylist() == [datetime(2026, 5, 11, 0, 30, tzinfo=ZoneInfo("Europe/Berlin")), None]


def test_a_timestamp_with_zone_keeps_its_instant():
    moment = datetime(2026, 5, 10, 22, 30, tzinfo=UTC)
    found = one_column("timestamp", pa.array([moment], pa.timestamp("us", tz="UTC")), zone="Asia/Tokyo")

    assert found.to_pylist() == [moment]
    assert found.to_pylist()[0].utcoffset() == timedelta(hours=9)


def test_texts_dates_and_booleans_stay_what_they_are():
    assert one_column("text", pa.array(["007", "=1+1", "", None, "世界 🚀"])).to_pylist() == [
        "007", "=1+1", "", None, "世界 🚀",
    ]  # fmt: skip
    assert one_column("date", pa.array([date(2026, 5, 10)])).to_pylist() == [date(2026, 5, 10)]
    assert one_column("boolean", pa.array([True, False, None])).to_pylist() == [True, False, None]


@pytest.mark.parametrize(
    ("kind", "array", "reason"),
    [
        ("integer", pa.array(["seven"]), "column x arrives as text, but is declared integer; write x::bigint"),
        ("integer", pa.array(["7"]), "column x arrives as text, but is declared integer; write x::bigint"),
        ("integer", pa.array([1.5]), "column x arrives as float8, but is declared integer; write x::bigint"),
        ("integer", pa.array([1.0]), "column x arrives as float8, but is declared integer; write x::bigint"),
        ("decimal", pa.ExtensionArray.from_storage(NUMERIC, pa.array(["9" * 40])), "column x: a value has more than"),
        ("date", pa.array(["someday"]), "column x arrives as text, but is declared date; write x::date"),
        ("boolean", pa.array([date(2026, 5, 10)]), "column x arrives as date, but is declared boolean; declare it"),
    ],
)
def test_a_value_that_is_not_of_the_declared_type_is_refused_without_telling_it(kind, array, reason):
    with pytest.raises(ReportTypeError) as refused:
        one_column(kind, array, scale=2)

    assert str(refused.value).startswith(reason)
    assert not any(text in str(refused.value) for text in ("seven", "1.5", "999", "someday", "2026"))


def test_a_numeric_with_more_digits_than_declared_is_rounded_half_up_and_one_that_is_no_number_is_empty():
    array = pa.ExtensionArray.from_storage(NUMERIC, pa.array(["0.005", "-0.005", "nan", "inf"]))

    assert one_column("decimal", array, scale=2).to_pylist() == [Decimal("0.01"), Decimal("-0.01"), None, None]


@pytest.mark.parametrize("found", [["b", "a"], ["a"], ["a", "b", "c"], ["A", "b"]])
def test_a_query_gives_the_columns_declared_in_their_order(found):
    declared = (column("a", "integer"), column("b", "integer"))
    batch = pa.RecordBatch.from_arrays([pa.array([1])] * len(found), names=found)

    with pytest.raises(ReportTypeError) as refused:
        staged(declared, batch)

    assert str(refused.value) == f"the query's columns are {', '.join(found)}, but report.yaml declares a, b"


# Rows


def test_rows_are_counted_over_all_batches():
    batches = [pa.RecordBatch.from_pydict({"x": [*range(first, first + 10)]}) for first in range(0, 50, 10)]

    table, draft = staged((column("x", "integer"),), *batches)

    assert table.column("x").to_pylist() == [*range(50)]
    assert (draft.rows, draft.total_rows) == (50, 50)


def test_an_empty_result_is_a_table_without_rows_that_still_has_its_columns():
    table, draft = staged(
        (column("day", "date"), column("x", "decimal", 2)),
        pa.RecordBatch.from_arrays([pa.array([], pa.date32()), pa.array([], NUMERIC)], names=["day", "x"]),
    )

    assert table.schema.names == ["day", "x"]
    assert (draft.rows, draft.total_rows, draft.data_rows) == (0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "values", "data_rows"),
    [
        ("integer", [0, 0, 0], 0),
        ("integer", [0, 5, None], 1),
        ("integer", [None, None], 0),
        ("integer", [-1, 2, 0], 2),
        ("number", [0.0, 0.5, None], 1),
        ("percent", [0.0, 0.25], 1),
        ("decimal", [Decimal(0), Decimal("0.01"), None], 1),
    ],
)
def test_in_a_zero_filled_dataset_only_rows_with_a_figure_are_data(kind, values, data_rows):
    days = pa.array([date(2026, 5, day) for day in range(1, len(values) + 1)])
    batch = pa.RecordBatch.from_arrays([days, pa.array(values)], names=["day", "x"])

    _, draft = staged((column("day", "date"), column("x", kind, 2 if kind == "decimal" else 0)), batch)

    assert (draft.rows, draft.data_rows) == (len(values), data_rows)


@pytest.mark.parametrize("scale", [0, 19, 20, 37])
def test_rows_with_figures_are_counted_at_every_scale(scale):
    array = pa.ExtensionArray.from_storage(NUMERIC, pa.array(["0", "7", None]))
    batch = pa.RecordBatch.from_arrays([array], names=["x"])

    _, draft = staged((column("x", "decimal", scale),), batch)

    assert draft.data_rows == 1


def test_one_figure_of_several_is_enough_and_batches_add_up():
    first = pa.RecordBatch.from_pydict({"a": [0, 0, 1], "b": [0, 2, 0]})
    second = pa.RecordBatch.from_pydict({"a": [0, 3], "b": [0, 3]})

    _, draft = staged((column("a", "integer"), column("b", "integer")), first, second)

    assert draft.data_rows == 3


def test_without_a_column_of_figures_every_row_is_data():
    _, draft = staged((column("name", "text"),), pa.RecordBatch.from_pydict({"name": ["a", "", None]}))

    assert draft.data_rows == 3


def test_rows_are_read_back_in_batches_of_bounded_size(files):
    with files.writing("dataset-x.parquet") as draft:
        batch = pa.RecordBatch.from_pydict({"x": [*range(25_000)]})
        write_parquet(pa.RecordBatchReader.from_batches(batch.schema, [batch]), (column("x", "integer"),), "UTC", draft)

    found = list(files.batches("dataset-x.parquet"))

    assert max(batch.num_rows for batch in found) <= 10_000
    assert pa.Table.from_batches(found).column("x").to_pylist() == [*range(25_000)]
    assert files.manifest("dataset-x.parquet").rows == 25_000


@given(
    st.lists(
        st.tuples(
            st.none() | st.text(st.characters(exclude_categories=["Cs"])),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.decimals(min_value=-(10**30), max_value=10**30, places=4),
        ),
        max_size=30,
    )
)
def test_whatever_a_query_gives_is_read_back_exactly(rows):
    texts, integers, decimals = ([row[position] for row in rows] for position in range(3))
    numeric = pa.array([None if value is None else format(value, "f") for value in decimals], pa.string())
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(texts, pa.string()),
            pa.array(integers, pa.int64()),
            pa.ExtensionArray.from_storage(NUMERIC, numeric),
        ],
        names=["text", "integer", "decimal"],
    )

    table, draft = staged(
        (column("text", "text"), column("integer", "integer"), column("decimal", "decimal", 4)), batch
    )

    assert [tuple(row.values()) for row in table.to_pylist()] == rows
    assert draft.rows == len(rows)
