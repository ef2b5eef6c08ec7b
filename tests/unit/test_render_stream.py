"""No renderer holds a whole table: rows are written while others are still to be read."""

from __future__ import annotations

import random
from io import BytesIO

import pyarrow as pa
import pytest

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.render import renderer
from include.scheduled_reports.render.document import Table
from tests.unit.documents import column, document

BATCHES, ROWS = 12, 1_500
NOISE = random.Random(1)  # noqa: S311 - text that does not compress
BATCH = pa.record_batch({"a": [f"{NOISE.getrandbits(256):x}" for _ in range(ROWS)]})


class Watched:
    """A table that records the size of the output each time its next batch is requested."""

    def __init__(self, out):
        self.out, self.sizes = out, []

    def batches(self):
        for _ in range(BATCHES):
            self.sizes.append(self.out.tell())
            yield BATCH

    def document(self):
        return document(Table(name="t", title="T", columns=(column("a"),), rows=BATCHES * ROWS, batches=self.batches))


@pytest.mark.parametrize("chosen", [Format.CSV, Format.JSON, Format.EXCEL, Format.HTML])
def test_rows_are_written_while_others_are_still_to_be_read(chosen):
    out = BytesIO()
    watched = Watched(out)

    assert renderer(chosen)(watched.document(), out, row_limit=None) == BATCHES * ROWS
    last_pass = watched.sizes[-BATCHES:]
    assert last_pass[-1] > 0.7 * out.tell()
    assert last_pass == sorted(last_pass)


@pytest.mark.parametrize("chosen", [Format.CSV, Format.JSON, Format.EXCEL, Format.HTML, Format.PDF])
def test_a_limit_ends_the_reading(chosen):
    out = BytesIO()
    watched = Watched(out)

    assert renderer(chosen)(watched.document(), out, row_limit=20) == 20
    # once for the widths of the columns, once for the rows
    assert len(watched.sizes) <= 2
