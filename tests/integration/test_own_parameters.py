"""The report type with declared parameters of docs/extend.md, on the sample: a folder without any Python."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime

import openpyxl
import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.scheduled_reports import __main__ as command
from include.scheduled_reports.domain.errors import RejectedError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.reports.types import catalog
from include.scheduled_reports.sample_data.seed import seed
from include.scheduled_reports.settings import Settings
from tests.integration.previews import preview_stored
from tests.unit.documented_types import installed
from tests.unit.pdf_pages import texts

UNTIL = date(2026, 3, 2)
#: 09:00 in Berlin, the day after the sample ends; the window is 23 February to 1 March.
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
ID = "demo-report-weekly-activity"
REPORT = """
UPDATE scheduled_reports
SET "reportType" = 'file-list', parameters = '{"dateRange": {"type": "last-7-days"}}', description = NULL
WHERE id = 'demo-report-weekly-activity'
"""
IN_WINDOW = (
    "workspace_id = 'demo-workspace-acme' AND created_at >= '2026-02-22 23:00' AND created_at < '2026-03-01 23:00'"
)


@pytest.fixture(scope="module")
def sample_dsn(postgres):
    dsn = postgres.create_database("own_parameters")
    seed(dsn, until=UNTIL, messages=2_000)
    with psycopg.connect(dsn) as connection:
        connection.execute(REPORT)
    yield dsn
    postgres.drop_database("own_parameters")


@pytest.fixture(autouse=True)
def types(tmp_path):
    """The folder with the type, which holds no Python."""
    with installed(tmp_path / "types", "file-list") as place:
        assert {file.suffix for file in (place / "file-list").iterdir()} == {".yaml", ".sql"}
        yield place


@pytest.fixture
def made(sample_dsn, tmp_path):
    """Return a function that sets the parameters and returns the file of a preview."""

    def made(chosen, **parameters):
        with psycopg.connect(sample_dsn) as connection:
            connection.execute(
                "UPDATE reporting.report_options SET options = %s WHERE report_id = %s",
                [Jsonb({"parameters": parameters}), ID],
            )
        out = tmp_path / "report"
        preview_stored(sample_dsn, ID, chosen, MONDAY, out, Settings())
        return out.read_bytes()

    return made


@pytest.fixture
def kind(sample_dsn):
    """The kind of file that the workspace has most of."""
    with psycopg.connect(sample_dsn) as connection:
        row = connection.execute(
            f"SELECT mime_type FROM files WHERE {IN_WINDOW} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1".encode()
        ).fetchone()
    return row[0]


def expected(dsn, condition):
    """Return name and size of the files in the window that match a condition, by SQL with literals."""
    statement = f"SELECT original_name, size FROM files WHERE {IN_WINDOW} AND {condition} ORDER BY 2 DESC, 1"
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement.encode()).fetchall()


def rows(content):
    return [(row[0], int(row[1])) for row in list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))[1:]]


def test_every_parameter_selects_what_literals_select(sample_dsn, made, kind):
    everything = rows(made(Format.CSV, minimumSize=0))

    assert everything == expected(sample_dsn, "true") != []
    for parameters, condition in (
        ({"minimumSize": 500_000}, "size >= 500000"),
        ({"minimumSize": 0, "kinds": [kind]}, f"mime_type = '{kind}'"),
        ({"minimumSize": 0, "since": "2026-02-26"}, "created_at >= '2026-02-26'"),
        ({"minimumSize": 0, "namePart": "e"}, "original_name LIKE '%e%'"),
    ):
        found = rows(made(Format.CSV, **parameters))
        assert found == expected(sample_dsn, condition), parameters
        assert 0 < len(found) < len(everything) or parameters.get("namePart"), parameters


def test_a_default_is_what_the_sql_reads(made):
    shown = list(csv.reader(io.StringIO(made(Format.CSV, minimumSize=0).decode("utf-8-sig"))))[1:]
    hidden = list(csv.reader(io.StringIO(made(Format.CSV, minimumSize=0, showPeople=False).decode("utf-8-sig"))))[1:]

    assert all(row[2] for row in shown)
    assert not any(row[2] for row in hidden)


def test_the_files_say_what_the_parameters_select(made, kind, tmp_path):
    parameters = {"minimumSize": 1_000, "kinds": [kind], "since": "2026-02-24"}
    pdf = " ".join(texts(made(Format.PDF, **parameters)))
    html = made(Format.HTML, **parameters).decode()
    (tmp_path / "report.xlsx").write_bytes(made(Format.EXCEL, **parameters))
    sheet = openpyxl.load_workbook(tmp_path / "report.xlsx")["Definitions"]
    text = json.loads(made(Format.JSON, **parameters))

    said = {
        "Minimum size in bytes": "1,000", "Kinds of file": kind, "Uploaded since": "Tue 24 Feb 2026",
        "Show who uploaded them": "Yes",
    }  # fmt: skip
    for title, words in said.items():
        assert f"{title}: {words}" in pdf
        assert f"{title}: {words}" in html
    cells = {row[0]: row[1] for row in sheet.iter_rows(values_only=True) if row[0]}
    assert said.items() <= cells.items()
    assert {one["title"]: one["words"] for one in text["report"]["parameters"]} == said
    assert text["report"]["parameters"][0]["value"] == 1_000


def test_a_preview_refuses_a_value_that_is_not_in_the_list(made):
    with pytest.raises(RejectedError, match=r'options.parameters.kinds\[0\]: "a/b" is not in the workspace'):
        made(Format.CSV, minimumSize=0, kinds=["a/b"])


def test_validate_finds_a_query_without_the_column_value(sample_dsn, types, capsys):
    (types / "file-list/kinds.sql").write_text(
        "SELECT DISTINCT size AS title FROM files WHERE workspace_id = current_setting('report.workspace_id')"
    )
    catalog.catalog.cache_clear()

    assert command.main(["validate", "--dsn", sample_dsn]) == 1
    out = capsys.readouterr().out
    assert "parameter kinds: the column title is of the type int64; cast it to text" in out
    assert "parameter kinds: the column value is missing; add it" in out
