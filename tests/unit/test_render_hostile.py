"""The same hostile values in every format, read by readers that did not write them."""

from __future__ import annotations

import csv
import json
import math
import re
import unicodedata
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path

import openpyxl
import pypdfium2
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.render import renderer
from include.scheduled_reports.render.document import GivenParameter
from tests.unit.documents import ZONE, column, document, table

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[2] / "docs/report.schema.json").read_text()))
COLUMNS = (
    column("text", title="=Te<xt>"), column("whole", "integer"), column("exact", "decimal", 4),
    column("float", "number", 2), column("flag", "boolean"), column("day", "date"), column("at", "timestamp"),
    column("last"),
)  # fmt: skip
FORMULAS = "=+-@\uff1d\uff0b\uff0d\uff20"
SPACES = ' "\xa0\u202f\u3000' + "".join(map(chr, range(0x2000, 0x200B)))
INVISIBLE = "".join(
    chr(code) for first, last in ((1, 31), (127, 159), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F))
    for code in range(first, last + 1)
) + "\ufeff"  # fmt: skip
HOSTILE = [
    "", " ", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1",  "'", '"', '""', '","', "a,b;c", "a\nb",
    "</td></table><script>alert(1)</script>", "&lt;b&gt; &amp;", "\x00\x01\x1f\x7f", "\ufffe\uffff\ufeff", "0001",
    "12345678901234567890", "1e5", "NULL", "None", "nan", "#N/A", "_x0041_", "שלום \u202eעולם", "مرحبا", "日本語",  # noqa: RUF001
    "👩\u200d💻🎉", "{{ 7*7 }}", "{% raw %}", "]]>", "<!--", "x" * 300, "a;=1;b", 'a;"=1', "a|@b", "\x01=1", "; -1",
]  # fmt: skip

#: A report that sets each of them as a parameter.
PARAMETERS = tuple(GivenParameter(name="one", title="One", value=text, words=text) for text in HOSTILE)

words = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
rows = st.tuples(
    st.none() | words,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(10**25), 10**25).map(lambda units: Decimal(units).scaleb(-4)),
    st.none() | st.floats(),
    st.none() | st.booleans(),
    st.none() | st.dates(date(1700, 1, 1), date(9999, 12, 31)),
    st.none()
    | st.datetimes(datetime(1900, 6, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - bounds
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000).astimezone(ZONE)
    ),
    st.none() | words,
)


class Cells(HTMLParser):
    """The body cells of a page's table."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.inside = [], False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        if tag == "tr":
            self.rows.append([])
        self.inside = tag == "td"
        if self.inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag):  # noqa: ARG002
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


def written(chosen, shown):
    out = BytesIO()
    assert renderer(chosen)(shown, out, row_limit=None) == shown.main.rows
    return out


def without_controls(text):
    return "".join(char for char in text if char in "\t\n\r" or (char >= " " and char not in "\ufffe\uffff"))


def finite(value):
    return value if value is not None and math.isfinite(value) else None


@settings(max_examples=150, deadline=None)
@given(st.lists(rows, min_size=1, max_size=5))
def test_every_format_holds_the_same_values(data):
    shown = document(table(COLUMNS, data), parameters=PARAMETERS)

    check_csv(written(Format.CSV, shown), data)
    check_json(written(Format.JSON, shown), data)
    workbook = written(Format.EXCEL, shown)
    check_excel(workbook, data)
    check_excel_with_another_reader(workbook, data)
    check_html(written(Format.HTML, shown), data)


def test_every_format_with_titles_shows_that_a_query_stopped_at_its_limit():
    shown = document(replace(table([column("a")], [("x",), ("y",)], title="Tasks"), limit=2))

    (dataset,) = json.loads(written(Format.JSON, shown).getvalue())["datasets"]
    assert dataset["title"] == "Tasks (first 2)"
    assert openpyxl.load_workbook(written(Format.EXCEL, shown)).sheetnames == [
        "Summary",
        "Tasks (first 2)",
        "Definitions",
    ]
    html = written(Format.HTML, shown).getvalue().decode()
    assert re.search(r"<h2>Tasks \(first 2\)</h2>", html)


def check_csv(out, data):
    read = list(csv.reader(StringIO(out.getvalue().decode(), newline="")))

    assert read[0] == ["'=Te<xt>", "Whole", "Exact", "Float", "Flag", "Day", "At", "Last"]
    assert len(read) == len(data) + 1
    for cells, (text, whole, exact, number, flag, day, at, last) in zip(read[1:], data, strict=True):
        assert cells[0] == csv_text(text)
        assert cells[1] == ("" if whole is None else str(whole))
        assert cells[2] == ("" if exact is None else f"{exact:.4f}")
        assert (float(cells[3]) if cells[3] else None) == finite(number)
        assert cells[4] == {None: "", True: "true", False: "false"}[flag]
        assert cells[5] == ("" if day is None else day.isoformat())
        assert cells[6] == ("" if at is None else at.isoformat())
        assert cells[7] == csv_text(last)


def csv_text(text):
    if text is None:
        return ""
    found, skipped = [], INVISIBLE  # what may stand between the start of a cell and its formula
    for char in text:
        if char in FORMULAS and skipped:
            found.insert(len(found) if any(one in ";|\t\r\n" for one in found) else 0, "'")
        skipped = INVISIBLE + SPACES if char in ";|\t\r\n" else skipped if char in skipped else ""
        found.append(char)
    return "'" * (text[:1] in {"\t", "\r", "\n"}) + "".join(found)


def check_json(out, data):
    read = json.loads(out.getvalue(), parse_float=Decimal)
    assert not [error.message for error in SCHEMA.iter_errors(read)]
    (dataset,) = read["datasets"]

    assert dataset["rowCount"] == len(data)
    for found, (text, whole, exact, number, flag, day, at, last) in zip(dataset["rows"], data, strict=True):
        assert found["text"] == text
        assert found["whole"] == whole
        assert found["exact"] == exact
        assert (None if found["float"] is None else float(found["float"])) == finite(number)
        assert found["flag"] is flag
        assert found["day"] == (None if day is None else day.isoformat())
        assert found["at"] == (None if at is None else at.isoformat())
        assert found["last"] == last


def check_excel(out, data):
    worksheet = openpyxl.load_workbook(out)["Channels"]

    for number, (text, whole, exact, floating, flag, day, at, last) in enumerate(data, start=4):
        cells = [worksheet.cell(number, position) for position in range(1, 9)]
        assert [cell.data_type for cell in (cells[0], cells[7])].count("f") == 0
        assert unescape(cells[0].value or "") == without_controls(text or "")
        assert (None if whole is None else int(cells[1].value)) == whole
        assert (None if exact is None else Decimal(str(cells[2].value))) == exact
        assert cells[3].value == finite(floating)
        assert cells[4].value == (None if flag is None else int(flag))
        assert excel_day(cells[5].value) == day
        assert at is None or abs(cells[6].value - at.replace(tzinfo=None)) < timedelta(milliseconds=1)
        assert unescape(cells[7].value or "") == without_controls(last or "")


def excel_day(value):
    if value is None or isinstance(value, datetime):
        return value and value.date()
    if isinstance(value, date):
        return value
    return date.fromisoformat(value)


def check_excel_with_another_reader(out, data):
    """Check with Calamine, which shares no code with openpyxl; it returns what Excel stores, so escapes are undone."""
    read = (
        CalamineWorkbook.from_filelike(BytesIO(out.getvalue()))
        .get_sheet_by_name("Channels")
        .to_python(skip_empty_area=False)
    )

    assert read[2] == ["=Te<xt>", "Whole", "Exact", "Float", "Flag", "Day", "At (Berlin)", "Last"]
    for found, (text, whole, exact, number, flag, day, _, last) in zip(padded(read[3:], data), data, strict=True):
        assert unescape(found[0]) == unescape(without_controls(text or ""))
        assert (None if whole is None else int(found[1])) == whole
        assert (None if exact is None else Decimal(str(found[2]))) == exact
        assert (found[3] if found[3] != "" else None) == finite(number)
        assert found[4] == ("" if flag is None else flag)
        assert excel_day(found[5] or None) == day
        assert unescape(found[7]) == unescape(without_controls(last or ""))


def padded(rows, data):
    """Pad the rows to the size of the data: a reader leaves out empty cells at the end."""
    return [[*row, *[""] * (len(COLUMNS) - len(row))] for row in [*rows, *[[]] * (len(data) - len(rows))]]


#: What a page shows for a missing value.
DASH = "\N{EN DASH}"


def check_html(out, data):
    cells = Cells(out.getvalue().decode()).rows[1:]

    assert len(cells) == len(data)
    for found, (text, whole, exact, number, flag, day, at, last) in zip(cells, data, strict=True):
        assert found[0] == (without_controls(text or "") or DASH)
        assert found[1] == (DASH if whole is None else f"{whole:,}")
        assert found[2] == (DASH if exact is None else f"{exact:,.4f}".replace("-0.0000", "0.0000"))
        assert (found[3] != DASH) == (finite(number) is not None)
        assert found[4] == {None: DASH, True: "Yes", False: "No"}[flag]
        assert found[5] == (DASH if day is None else f"{day:%a} {day.day} {day:%b} {day.year}")
        assert found[6] == (DASH if at is None else f"{at.day} {at:%b} {at.year}, {at:%H:%M}")
        assert found[7] == (without_controls(last or "") or DASH)


# PDF, which is slow: its text, cell by cell, as PDFium reads it


def is_rtl(text):
    return any(unicodedata.bidirectional(char) in {"R", "AL"} for char in text or "")


LETTERS = "abc XYZ 019 .,;:!?-_()[]{}<>&\"'=+*/\\%$#@~^ äöüßéñøłşğİı ΑΩλ ЖЯщ €"
words_in_print = (
    st.none() | st.sampled_from([word for word in HOSTILE if not is_rtl(word)]) | st.text(LETTERS, max_size=30)
)
numbers_in_print = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(10**25), 10**25).map(lambda units: Decimal(units).scaleb(-4)),
    st.none() | st.sampled_from([float("nan"), float("inf"), 0.005, -0.001, 1e22, 1234.5]),
    st.just("end"),
)
others_in_print = st.tuples(
    words_in_print,
    st.none() | st.booleans(),
    st.none() | st.dates(date(1700, 1, 1), date(9999, 12, 31)),
    st.just("end"),
)
#: Two tables, because PDFium loses letters of text that breaks within a word; without right-to-left text, around which
#: PDFium changes the order.
NUMBERS = [one for one in COLUMNS if one.name in ("whole", "exact", "float", "last")]
OTHERS = [one for one in COLUMNS if one.name in ("text", "flag", "day", "last")]


@settings(max_examples=4, deadline=None, phases=[Phase.generate])
@given(st.lists(others_in_print, min_size=8, max_size=20), st.lists(numbers_in_print, min_size=8, max_size=20))
def test_pdf_holds_the_same_values(others, numbers):
    tables = table(OTHERS, others), table(NUMBERS, numbers, name="numbers", title="Numbers")
    document_read = pypdfium2.PdfDocument(written(Format.PDF, document(*tables)).getvalue())
    text = squeezed("".join(page.get_textpage().get_text_bounded() for page in document_read))
    document_read.close()

    place = text.index("Last")
    for row in [*map(printed_others, others), ["Numbers"], *map(printed_numbers, numbers)]:
        for cell in row:
            assert cell in text[place:], (row, text[place - 60 : place + 60])
            place = text.index(cell, place) + len(cell)


def printed_others(row):
    text, flag, day, last = row
    shown = squeezed(without_controls(text or ""))
    return [
        shown,
        {None: DASH, True: "Yes", False: "No"}[flag],
        DASH if day is None else squeezed(f"{day:%a} {day.day} {day:%b} {day.year}"),
        last,
    ]


def printed_numbers(row):
    whole, exact, number, last = row
    return [
        DASH if whole is None else f"{whole:,}",
        DASH if exact is None else f"{exact:,.4f}".replace("-0.0000", "0.0000"),
        FLOATS[str(number)],
        last,
    ]


#: Halves are rounded away from zero, and there is no negative zero.
FLOATS = {
    "None": DASH, "nan": DASH, "inf": DASH, "0.005": "0.01", "-0.001": "0.00", "1234.5": "1,234.50",
    "1e+22": "10,000,000,000,000,000,000,000.00",
}  # fmt: skip


def squeezed(text):
    """Return the text without whitespace and byte order marks."""
    return "".join(text.split()).replace("\ufeff", "")


def test_right_to_left_text_is_in_the_pdf_letter_by_letter():
    words = ["שלום עולם", "مرحبا بالعالم"]
    out = written(Format.PDF, document(table([column("text")], [(word,) for word in words])))
    document_read = pypdfium2.PdfDocument(out.getvalue())
    text = document_read[0].get_textpage().get_text_bounded()
    document_read.close()

    found = Counter(char for char in unicodedata.normalize("NFKC", text) if is_rtl(char))
    assert found == Counter(char for word in words for char in word if char != " ")
