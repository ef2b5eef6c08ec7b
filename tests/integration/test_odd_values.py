"""Values that few programs agree on, from a report type of one's own to every format, read by other programs."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import openpyxl
import psycopg
import pytest

from include.scheduled_reports import __main__ as command
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.reports.types import catalog
from include.scheduled_reports.settings import Settings
from tests.contract.tables import add_people, add_report
from tests.integration.previews import preview_stored
from tests.unit.pdf_pages import texts

YAML = """
title: Odd values
description: Values that few programs agree on.
parameters: []
figures:
  sql: figures.sql
  columns:
    - {name: average, title: Average, type: decimal, scale: 2}
    - {name: nothing, title: Nothing, type: number}
    - {name: fine, title: Fine, type: decimal, scale: 30}
datasets:
  - name: values
    title: Values
    sql: values.sql
    columns:
      - {name: label, title: Label, type: text}
      - {name: at, title: At, type: timestamp}
      - {name: day, title: Day, type: date}
      - {name: number, title: Number, type: number, scale: 2}
      - {name: amount, title: Amount, type: decimal, scale: 2}
      - {name: fine, title: Fine, type: decimal, scale: 25}
      - {name: id, title: Id, type: text}
charts:
  - {title: Numbers, kind: bar, dataset: values, x: label, y: [number]}
"""
FIGURES = """
SELECT avg(v) AS average, 'NaN'::float8 AS nothing, 1::numeric / 3 AS fine
FROM (VALUES (1::numeric), (2), (2)) _ (v)
WHERE current_setting('report.workspace_id') <> ''
"""
VALUES = """
SELECT label, at::timestamp AS at, day::timestamp AS day, number::real AS number, amount::numeric AS amount,
       amount::numeric AS fine, lpad(label, 32, '0')::uuid AS id
FROM (VALUES
    ('1', '2026-05-10 22:30', '2026-05-10 23:30', '0.1', '2.675'),
    ('2', 'infinity', '-infinity', 'NaN', 'NaN'),
    ('3', '-infinity', 'infinity', '-Infinity', 'Infinity'),
    ('4', '0044-03-15 12:00 BC', '4713-01-01 BC', '-0', '-0.005'),
    ('5', '10000-01-01', '294276-12-31', '0.35', '0.005'),
    ('6', '9999-12-31 23:59:59', '9999-12-31 23:59:59', '1', '1'),
    ('7', '9999-12-31 12:00', '9999-12-31', '1', '1'),
    ('8', '0001-01-01', '0001-01-01', '1', '1'),
    ('9', '0001-01-02', '0001-01-02', '1', '1')) _ (label, at, day, number, amount)
WHERE current_setting('report.workspace_id') <> ''
ORDER BY 1
"""
#: Moment and day of each row by hand; Berlin has local mean time, +00:53:28, in the year 1.
BERLIN = [
    ("2026-05-11T00:30:00+02:00", "2026-05-11"), None, None, None, None, None,
    ("9999-12-31T13:00:00+01:00", "9999-12-31"), ("0001-01-01T00:53:28+00:53:28", "0001-01-01"),
    ("0001-01-02T00:53:28+00:53:28", "0001-01-02"),
]  # fmt: skip
#: In New York, row 8 is before the year 1, and at row 6 the year 9999 has not ended.
NEW_YORK = [
    ("2026-05-10T18:30:00-04:00", "2026-05-10"), None, None, None, None, ("9999-12-31T18:59:59-05:00", "9999-12-31"),
    ("9999-12-31T07:00:00-05:00", "9999-12-30"), None, ("0001-01-01T19:03:58-04:56:02", "0001-01-01"),
]  # fmt: skip
NUMBERS = ["0.1", None, None, "0", "0.35", "1", "1", "1", "1"]
AMOUNTS = ["2.68", None, None, "-0.01", "0.01", "1.00", "1.00", "1.00", "1.00"]


@pytest.fixture(scope="module")
def dsn(postgres, migrated_template):
    made = postgres.create_database("odd", template=migrated_template)
    add_people(made)
    yield made
    postgres.drop_database("odd")


@pytest.fixture
def place(tmp_path, monkeypatch):
    folder = tmp_path / "types/odd"
    folder.mkdir(parents=True)
    for name, text in (("report.yaml", YAML), ("figures.sql", FIGURES), ("values.sql", VALUES)):
        (folder / name).write_text(text)
    monkeypatch.setenv("SCHEDULED_REPORTS__REPORT_TYPES", str(tmp_path / "types"))
    catalog.catalog.cache_clear()
    yield folder
    catalog.catalog.cache_clear()


@pytest.fixture(params=[("Europe/Berlin", BERLIN), ("America/New_York", NEW_YORK)], ids=lambda one: one[0])
def made(request, dsn, place, tmp_path):
    """Make the report in one format for a zone; return the content and the expected moments."""
    zone, expected = request.param
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM scheduled_reports")
    add_report(dsn, reportType="odd", timezone=zone, parameters={})

    def make(chosen):
        out = tmp_path / f"report.{chosen}"
        at = datetime(2026, 5, 11, 12, tzinfo=UTC)
        assert preview_stored(dsn, "cmaq0v1k20000356c8xkz7h1d", chosen, at, out, Settings()) == 9
        return out.read_bytes()

    return make, [one or (None, None) for one in expected]


def test_csv(made):
    make, expected = made
    rows = list(csv.DictReader(io.StringIO(make(Format.CSV).decode())))

    assert [(row["At"] or None, row["Day"] or None) for row in rows] == expected
    assert [row["Number"] or None for row in rows] == NUMBERS
    assert [row["Amount"] or None for row in rows] == AMOUNTS
    assert rows[0]["Fine"] == "2.6750000000000000000000000"
    assert rows[0]["Id"] == "00000000-0000-0000-0000-000000000001"


def test_json(made):
    make, expected = made
    content = json.loads(make(Format.JSON), parse_float=Decimal, parse_constant=pytest.fail)
    rows = content["datasets"][0]["rows"]

    assert [(row["at"], row["day"]) for row in rows] == expected
    assert [row["number"] for row in rows] == [None if one is None else Decimal(one) for one in NUMBERS]
    assert [row["amount"] for row in rows] == [None if one is None else Decimal(one) for one in AMOUNTS]
    assert [one["value"] for one in content["keyFigures"]] == [
        Decimal("1.67"), None, Decimal("0.333333333333333333330000000000"),
    ]  # fmt: skip


def test_excel(made):
    make, expected = made
    sheet = openpyxl.load_workbook(io.BytesIO(make(Format.EXCEL)))["Values"]
    header, *rows = [row for row in sheet.iter_rows(min_row=3, values_only=True) if row[0] is not None]
    assert header[0] == "Label"

    def text(value):
        return None if value is None else str(value).removesuffix(" 00:00:00").replace(" ", "T")[:16]

    shown = [(at and at[:16], day) for at, day in expected]
    assert [(text(row[1]), text(row[2])) for row in rows] == shown
    assert [row[3] for row in rows] == [None if one is None else float(one) for one in NUMBERS]
    assert [row[4] for row in rows] == [None if one is None else float(one) for one in AMOUNTS]


class Cells(HTMLParser):
    """The cells of the rows of each table."""

    def __init__(self):
        super().__init__()
        self.rows, self.inside = [], False

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


def as_read(text):
    """Write a date or a time as people read it: `Sun 10 May 2026`, `10 May 2026, 18:30`."""
    at = datetime.fromisoformat(text)
    day = f"{at.day} {at:%b} {at.year}"
    return f"{day}, {at:%H:%M}" if "T" in text else f"{at:%a} {day}"


def test_html(made):
    make, expected = made
    parser = Cells()
    parser.feed(make(Format.HTML).decode())
    rows = [row for row in parser.rows if len(row) == 7 and re.fullmatch("[1-9]", row[0].strip())]

    def text(value):
        return None if value == "\N{EN DASH}" else value.strip()

    shown = [(at and as_read(at), day and as_read(day)) for at, day in expected]
    assert [(text(row[1]), text(row[2])) for row in rows] == shown
    assert [text(row[4].replace("\N{MINUS SIGN}", "-")) for row in rows] == AMOUNTS
    assert text(rows[4][3]) == "0.35"


def test_pdf(made):
    make, expected = made
    text = "\n".join(texts(make(Format.PDF)))

    for at, day in expected:
        if at:
            assert as_read(at) in text
            assert as_read(day) in text
    assert "2.68" in text
    assert not re.search("nan|inf|NaT|10000-|-0044", text, flags=re.IGNORECASE)


def test_python_agrees_with_what_was_worked_out_by_hand():
    for zone, expected in (("Europe/Berlin", BERLIN), ("America/New_York", NEW_YORK)):
        for row, text in ((0, "2026-05-10 22:30"), (6, "9999-12-31 12:00"), (8, "0001-01-02 00:00")):
            moment = datetime.fromisoformat(f"{text}+00:00").astimezone(ZoneInfo(zone))
            assert moment.isoformat() == expected[row][0]


def test_validate_names_every_column_that_cannot_be_what_it_is_declared(dsn, place, capsys):
    text = (place / "values.sql").read_text()
    (place / "values.sql").write_text(
        text.replace("amount::numeric AS amount", "5::money AS amount").replace("::uuid AS id", "::bytea AS id")
    )
    (place / "figures.sql").write_text(FIGURES.replace("avg(v)", "max(interval '1 hour')"))
    catalog.catalog.cache_clear()

    status = command.main(["validate", "--dsn", dsn])

    assert status == 1
    assert capsys.readouterr().out.startswith(
        "report type 'odd' is broken\n"
        "  figures: column average arrives as interval, but is declared decimal; "
        "write extract(epoch FROM average)::numeric\n"
        "  dataset values: column amount arrives as money, but is declared decimal; write amount::numeric\n"
        "  dataset values: column id arrives as bytea, but is declared text; write encode(id, 'hex')\n"
    )


def test_validate_names_a_query_that_postgresql_refuses(dsn, place, capsys):
    (place / "values.sql").write_text(VALUES.replace("FROM (VALUES", "FROM nowhere, (VALUES"))
    catalog.catalog.cache_clear()

    assert command.main(["validate", "--dsn", dsn]) == 1
    assert "  dataset values: the report type's query failed (SQLSTATE 42P01)\n" in capsys.readouterr().out


@pytest.mark.usefixtures("place")
def test_validate_finds_nothing_wrong_with_columns_that_are_what_they_are_declared(dsn, capsys):
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM scheduled_reports")

    assert command.main(["validate", "--dsn", dsn]) == 0
    assert capsys.readouterr().out == "0 valid, 0 rejected\n"
