"""The charts of a run's document: the rows they draw, and how many their dataset has."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.scheduled_reports.domain.report import DateRange
from include.scheduled_reports.domain.report_type import ChartSpec, Column, Dataset, ReportType
from include.scheduled_reports.domain.window import window
from include.scheduled_reports.render import charts
from include.scheduled_reports.runs import document
from tests.unit.documents import WINDOW

HOUR, COUNT = Column(name="hour", title="Hour", type="timestamp"), Column(name="n", title="N", type="integer")
NAME = Column(name="name", title="Name", type="text")


class Staged:
    """A dataset on staging."""

    def __init__(self, table):
        self.table, self.rows = table, table.num_rows

    def batches(self, _):
        out = BytesIO()
        pq.write_table(self.table, out)
        yield from pq.ParquetFile(out).iter_batches(batch_size=1_000)

    def manifest(self, _):
        return self


def hours(count):
    moments = pa.array([1_780_000_000_000_000 + n * 3_600_000_000 for n in range(count)], pa.timestamp("us", "UTC"))
    return pa.table({"hour": moments, "n": pa.array(range(1, count + 1), pa.int64())})


def names(count, length=8):
    return pa.table({"name": [f"{n:0{length}d}" for n in range(count)], "n": pa.array(range(count, 0, -1), pa.int64())})


def shown(kind, table, *, cut_at=None, **changes):
    """The chart that files draw, and the one that a mail draws, after its rows were recorded."""
    x = HOUR if "hour" in table.column_names else NAME
    dataset = Dataset(name="d", title="D", sql="", columns=(x, COUNT), limit=cut_at)
    spec = ChartSpec(title="C", kind=kind, dataset="d", x=x.name, y=("n",), **changes)
    of = ReportType(id="t", title="T", description="", parameters={}, datasets=(dataset,), charts=(spec,))
    head = document._head(Staged(table), spec)
    (kept,) = document._kept_charts(WINDOW, of, document._stream(document._kept(head)))
    return document._chart(WINDOW, spec, of, head), kept


@pytest.mark.parametrize("count", [720, 730, 8_784])
def test_a_line_of_hours_is_drawn_whole_in_files_and_mail(count):
    for chart in shown("line", hours(count)):
        assert len(charts.drawn(chart)) == count
        assert charts.note(chart) == ""


@pytest.mark.parametrize(
    ("changes", "note"),
    [({}, "First 25 of 5,000"), ({"limit": 10}, "First 10 of 5,000"), ({"limit": 400}, "First 25 of 5,000")],
)
def test_a_ranking_names_all_that_it_was_chosen_from_in_files_and_mail(changes, note):
    assert [charts.note(chart) for chart in shown("rank", names(5_000), **changes)] == [note, note]


def test_a_ranking_of_a_table_that_is_cut_itself_says_so():
    assert [charts.note(chart) for chart in shown("rank", names(500), cut_at=500)] == ["First 25 of 500 or more"] * 2


def test_a_chart_of_an_empty_dataset_has_no_rows():
    for chart in shown("line", hours(0)):
        assert (chart.rows, charts.note(chart)) == ((), "")


def test_a_name_that_is_cut_for_a_mail_ends_with_an_ellipsis():
    files, mail = shown("rank", names(2, length=81))

    assert files.rows[1]["name"] == "0" * 80 + "1"
    assert mail.rows[1]["name"] == "0" * 79 + "…"
    assert shown("rank", names(1, length=80))[1].rows[0]["name"] == "0" * 80


def test_a_chart_too_large_for_the_record_is_known_to_have_rows():
    noise = pa.array([n * 2_654_435_761 % 2**61 for n in range(10_000)], pa.int64())
    _, mail = shown("line", hours(10_000).set_column(1, "n", noise))

    assert mail.rows == ()
    assert mail.all_rows == 10_000


def chart_over(days, window):
    """The chart of a run over *window*, from as many rows of days and of the period before."""
    dataset = Dataset(name="d", title="D", sql="", columns=(HOUR, COUNT))
    spec = ChartSpec(title="C", kind="line", dataset="d", x="hour", y=("n",), before=True)
    of = ReportType(id="t", title="T", description="", parameters={}, datasets=(dataset,), charts=(spec,))
    return document._chart(window, spec, of, document._head(Staged(hours(days)), spec))


@pytest.mark.parametrize(
    ("kind", "at", "days", "is_shown"),
    [
        ("last-7-days", "2026-05-11T09:00", 7, True),
        ("week-to-date", "2026-05-13T09:00", 3, True),
        ("month-to-date", "2026-05-11T09:00", 11, False),  # 1 April is a Wednesday, 1 May a Friday
        ("month-to-date", "2026-03-11T09:00", 11, True),  # and both of these are Sundays
        ("last-30-days", "2026-05-11T09:00", 30, False),
        ("year-to-date", "2026-05-11T09:00", 131, True),  # drawn as weeks
    ],
)
def test_a_chart_shows_the_period_before_if_its_weekdays_are_below_the_same_ones(kind, at, days, is_shown):
    covered = window(DateRange(type=kind), datetime.fromisoformat(at).replace(tzinfo=UTC), ZoneInfo("UTC"))

    assert bool(chart_over(days, covered).before) == is_shown
