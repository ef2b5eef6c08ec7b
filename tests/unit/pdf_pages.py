"""Render a document as PDF and read its pages back with PDFium."""

from __future__ import annotations

import ctypes
from datetime import date
from io import BytesIO

import pypdfium2
from pypdfium2 import raw

from include.scheduled_reports.render import as_pdf
from tests.unit.documents import chart, column, table

COMMENT = "which needs a line of some length"
DAYS = column("day", "date"), [column("n", "integer")]
LINES = chart("line", *DAYS, [(date(2026, 5, 4), 1), (date(2026, 5, 5), 2)], title="By day")


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


def many(count, name="channels", title="Channels"):
    """Make a table of *count* rows with unique cells, too wide for two columns."""
    rows = [(f"{name} {n}", 1_000 + n, COMMENT) for n in range(count)]
    columns = [column("channel"), column("messages", "integer"), column("comment")]
    return table(columns, rows, name=name, title=title, batch=50)


def tags(page):
    """Return the type and the alternative text of each structure element, in reading order."""
    tree = raw.FPDF_StructTree_GetForPage(page)
    found = []
    waiting = [raw.FPDF_StructTree_GetChildAtIndex(tree, n) for n in range(raw.FPDF_StructTree_CountChildren(tree))]
    while waiting:
        element = waiting.pop(0)
        if not element:
            continue
        found.append(
            (
                utf16_text(raw.FPDF_StructElement_GetType, element),
                utf16_text(raw.FPDF_StructElement_GetAltText, element),
            )
        )
        count = raw.FPDF_StructElement_CountChildren(element)
        waiting[:0] = [raw.FPDF_StructElement_GetChildAtIndex(element, n) for n in range(count)]
    raw.FPDF_StructTree_Close(tree)
    return found


def utf16_text(ask, element):
    """Return a UTF-16 text from PDFium, which writes it into a buffer of the size it reports."""
    room = (ctypes.c_ushort * (ask(element, None, 0) // 2))()
    ask(element, room, ctypes.sizeof(room))
    return bytes(room).decode("utf-16-le").rstrip("\0")


NAMES = {
    "Latin": "Zażółć Ørsted Ñuñoa Đặng", "Cyrillic": "Владимир Ґонта", "Greek": "Ελένη Παπαδοπούλου",
    "Arabic": "ليلى الأحمد", "Hebrew": "שרה כהן", "Chinese": "王小明",
    "Japanese": "田中さくらテスト", "Korean": "김민지",
    "Thai": "สมชาย", "Devanagari": "सीता शर्मा", "Armenian": "Հայերեն", "Georgian": "ქართული",
}  # fmt: skip
EMOJI = ["👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "👍🏽", "☎️", "1️⃣"]
