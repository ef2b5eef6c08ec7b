"""Which rows of a dataset a mail shows, chosen batch by batch."""

from __future__ import annotations

import random
from dataclasses import replace

import pyarrow as pa
import pytest

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report_type import Dataset, ExcerptSpec
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.runs import document
from include.scheduled_reports.runs.excerpts import excerpt, kept_excerpts
from tests.unit.documents import column, table

SPEC = ExcerptSpec(title="Overdue", dataset="tasks", columns=("task", "days"), limit=3)
TASKS = [
    ("Invoice", "Open", True, 75),
    ("Poster", "Done", False, None),
    ("Contract", "Blocked", True, 12),
    ("Budget", "Open", True, 75),
    ("Survey", "Open", False, 0),
    ("Offer", "Failed", True, None),
]


class Staged:
    """A dataset on staging, read in batches of a few rows."""

    def __init__(self, rows, size=2):
        names = ("task", "status", "overdue", "days")
        types = (pa.string(), pa.string(), pa.bool_(), pa.int64())
        columns = zip(*rows, strict=True) if rows else ((), (), (), ())
        self.table = pa.table({name: pa.array(one, of) for name, one, of in zip(names, columns, types, strict=True)})
        self.size = size

    def batches(self, _, columns):
        yield from self.table.select(columns).to_batches(max_chunksize=self.size)


def chosen(rows=TASKS, size=2, **changes):
    found = excerpt(Staged(rows, size), "tasks", replace(SPEC, **changes))
    return [tuple(row.values()) for row in found.to_pylist()], int(found.schema.metadata[b"total"])


@pytest.mark.parametrize("size", [1, 2, 100])
def test_the_worst_come_first_and_all_that_match_are_counted(size):
    shown, total = chosen(size=size, where={"overdue": ("true",)}, order=("-days",))

    assert shown == [("Invoice", 75), ("Budget", 75), ("Contract", 12)]  # equal ones in their order, missing ones last
    assert total == 4


def test_a_number_matches_if_it_is_not_zero():
    assert chosen(where={"days": ("some",)})[1] == 3


def test_a_missing_value_can_be_asked_for():
    assert chosen(where={"days": ("null",)})[0] == [("Poster", None), ("Offer", None)]


def test_a_text_can_be_ordered_as_listed():
    shown, _ = chosen(columns=("status",), ranks={"status": ("Failed", "Blocked")}, order=("status",))

    assert [status for (status,) in shown] == ["Failed", "Blocked", "Open"]


def test_several_conditions_must_all_hold():
    assert chosen(where={"overdue": ("true",), "status": ("Open", "Failed")})[1] == 3


@pytest.mark.parametrize("rows", [[], [("Invoice", "Open", False, 1)]])
def test_an_excerpt_can_be_empty(rows):
    assert chosen(rows, where={"overdue": ("true",)}) == ([], 0)


def test_the_batches_make_no_difference():
    made = random.Random(7)  # noqa: S311 - the same rows each time
    rows = [(f"t{n}", made.choice("abc"), made.random() < 0.5, made.choice([None, 1, 2, 3])) for n in range(200)]
    expected = sorted((row for row in rows if row[2]), key=lambda row: (row[3] is None, -(row[3] or 0)))[:3]

    for size in (1, 7, 200):
        assert chosen(rows, size, where={"overdue": ("true",)}, order=("-days",))[0] == [
            (row[0], row[3]) for row in expected
        ]


# What a mail says of them


@pytest.fixture
def kind():
    columns = (column("task"), column("status"), column("overdue", "boolean"), column("days", "integer"))
    dataset = Dataset(name="tasks", title="Tasks", sql="", columns=columns, cut="First {shown} of {total} tasks")
    return replace(report_types()["task-completion"], datasets=(dataset,), excerpts=(), charts=(), notes=())


class Making:
    """A run that makes files of these formats."""

    def __init__(self, *formats):
        self.formats = formats


def kept(kind, spec, *formats):
    (made,) = kept_excerpts(
        Making(*formats),
        replace(kind, excerpts=(spec,)),
        None,
        document._stream(excerpt(Staged(TASKS), "tasks", spec)),
    )
    return made


def test_a_cut_excerpt_says_which_rows_it_has_and_where_the_others_are(kind):
    made = kept(kind, replace(SPEC, where={"overdue": ("true",)}), Format.PDF, Format.CSV)

    assert made.note == "First 3 of 4 tasks. More are in the CSV file."
    assert (made.table.rows, made.total) == (3, 4)


def test_an_excerpt_that_is_whole_says_nothing(kind):
    assert kept(kind, replace(SPEC, limit=9, where={"overdue": ("true",)}), Format.PDF).note == ""


def test_an_excerpt_without_rows_says_that_there_are_none(kind):
    none = replace(SPEC, where={"status": ("Missing",)}, none="No overdue tasks.")

    assert kept(kind, none, Format.PDF).note == "No overdue tasks."
    assert kept(kind, replace(none, none=""), Format.PDF).note == "No rows in this period."


def test_without_rules_a_mail_shows_the_first_rows_of_the_main_table(kind):
    main = replace(table([column("task")], [("a",), ("b",)]), rows=57)
    (made,) = kept_excerpts(Making(Format.JSON), replace(kind, datasets=(replace(kind.main, cut=""),)), main, b"")

    assert (made.title, made.table.rows, made.total) == ("Channels", 2, 57)
    assert made.note == "First 2 of 57 rows. More are in the JSON file."
