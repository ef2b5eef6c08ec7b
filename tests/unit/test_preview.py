"""A preview on the fakes: the queries it runs, and the file it writes."""

from __future__ import annotations

import csv

import pytest

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.runs.preview import preview
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemorySource
from include.scheduled_reports.testing.storage import MemoryStaging
from tests.unit.rows import row
from tests.unit.run_helpers import MONDAY, Answers


@pytest.fixture
def asked(tmp_path):
    """Return a function that makes a preview and returns the names of its queries; the file is tmp_path/out."""

    def make(chosen):
        answers = Answers()
        preview(
            row(), chosen, MONDAY, tmp_path / "out",
            source=MemorySource(answers), staging=MemoryStaging(), settings=Settings(),
        )  # fmt: skip
        return [name for name, _ in answers.asked]

    return make


def test_a_csv_preview_runs_the_query_of_its_table_and_no_other(asked, tmp_path):
    assert asked(Format.CSV) == ["days"]

    with (tmp_path / "out").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert (header[:2], len(rows)) == (["Day", "Messages"], 7)


@pytest.mark.parametrize("chosen", [Format.JSON, Format.EXCEL])
def test_a_preview_of_all_tables_runs_every_query(asked, chosen):
    assert sorted(asked(chosen)) == ["channels", "days", "days", "figures", "figures", "people"]
