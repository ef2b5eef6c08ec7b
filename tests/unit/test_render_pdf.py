"""PDF, read back with pdfium."""

from __future__ import annotations

import logging
import socket
from datetime import date
from io import BytesIO

import pypdfium2
import pytest

from include.scheduled_reports.render import as_pdf
from tests.unit.documents import chart, column, document, figure, table


def written(shown, row_limit=None):
    out = BytesIO()
    count = as_pdf.render(shown, out, row_limit=row_limit)
    return count, out.getvalue()


def texts(pdf):
    with pypdfium2.PdfDocument(pdf) as read:
        return [" ".join(page.get_textpage().get_text_bounded().split()) for page in read]


def sizes(pdf):
    with pypdfium2.PdfDocument(pdf) as read:
        return [tuple(map(round, page.get_size())) for page in read]


def test_a_report_is_paper_with_heads_and_page_numbers_on_every_page(caplog):
    rows = [(f"channel {n}", 1_000 + n) for n in range(120)]
    days = column("day", "date"), column("n", "integer")
    lines = chart("line", days[0], days[1:], [(date(2026, 5, 4), 1), (date(2026, 5, 5), 2)], title="By day")
    shown = document(
        table([column("channel"), column("messages", "integer")], rows, batch=50),
        figures=[figure("Messages", 1_234_567, 987_654)],
        charts=[lines],
    )
    with caplog.at_level(logging.WARNING):
        count, pdf = written(shown, row_limit=90)
    pages = texts(pdf)

    assert count == 90
    assert [record.getMessage() for record in caplog.records if "HarfBuzz" not in record.getMessage()] == []
    assert set(sizes(pdf)) == {(595, 842)}
    assert "Weekly channels" in pages[0]
    assert "1,234,567 +25.0 % from 987,654" in pages[0]
    assert "By day" in pages[0]
    assert "4 May" in pages[0]
    assert "Showing 90 of 120 rows" in pages[0]
    assert "channel 89 1,089" in pages[-1]
    for number, page in enumerate(pages, start=1):
        assert "Channel Messages" in page
        assert "Acme · 2026-05-04 to 2026-05-10" in page
        assert f"Page {number} of {len(pages)}" in page


def test_a_wide_table_lies_on_its_side_and_the_next_stands_again():
    wide = [column(f"c{n}", title=f"Column {n}") for n in range(9)]
    tables = [
        table([column("a")], [("x",)]),
        table(wide, [tuple("abcdefghi")], name="wide"),
        table([column("b")], [("y",)], name="last"),
    ]

    assert sizes(written(document(*tables))[1]) == [(595, 842), (842, 595), (595, 842)]


def test_the_file_tells_its_title_author_and_date_and_is_the_same_twice():
    shown = document(table([column("a")], []), title="Weekly <b>&</b>", workspace="Acme & Söhne")
    (count, one), (_, two) = written(shown), written(shown)
    with pypdfium2.PdfDocument(one) as read:
        facts = read.get_metadata_dict()

    assert count == 0
    assert one == two
    assert (facts["Title"], facts["Author"]) == ("Weekly <b>&</b> · 2026-05-04 to 2026-05-10", "Acme & Söhne")
    assert facts["CreationDate"] == "D:20260511090000+02'00"
    assert "No activity in this period." in texts(one)[0]


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/x.png", "file:///etc/hostname"])
def test_nothing_is_read_from_elsewhere(monkeypatch, caplog, address):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = address.format(port=server.getsockname()[1])
        monkeypatch.setattr(as_pdf.Page, "html", lambda _: iter([f"<img src='{url}'><p>text</p>"]))
        monkeypatch.setattr(as_pdf.Page, "main_rows", 0)
        _, pdf = written(document())

        assert texts(pdf) == ["text"]
        assert "disallowed protocol" in caplog.text
        with pytest.raises(TimeoutError):
            server.accept()
