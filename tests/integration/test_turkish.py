"""A database whose locale has other lower-case letters: in Turkish, the lower case of "I" is a letter without a dot."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, date, datetime

import psycopg
import pytest

from demo import postgres as server
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.web_reports import PostgresReports
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.ports.web import ReportQuery
from include.scheduled_reports.sample_data.seed import seed
from include.scheduled_reports.settings import Settings
from tests.contract.tables import execute
from tests.integration.previews import preview_row, preview_stored
from tests.integration.test_preview_types import ACTIVE

UNTIL, AT = date(2026, 4, 13), datetime(2026, 4, 13, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def turkish(tmp_path_factory):
    """Return the demo's data on a server with a Turkish locale, which exists for these tests only."""
    folder = tmp_path_factory.mktemp("turkish")
    made = ["localedef", "--inputfile", "tr_TR", "--charmap", "UTF-8", str(folder / "tr_TR.UTF-8")]
    subprocess.run(made, check=True, capture_output=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCPATH", str(folder))
        for running in server.running(folder / "data"):
            with psycopg.connect(running.dsn(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE turkish TEMPLATE template0 LOCALE 'tr_TR.UTF-8'")
            seed(running.dsn("turkish"), until=UNTIL, messages=2_000)
            yield running.dsn("turkish")


@pytest.fixture(scope="module")
def usual(postgres):
    """Return the same data in a database with the locale C.UTF-8."""
    dsn = postgres.create_database("not_turkish")
    seed(dsn, until=UNTIL, messages=2_000)
    yield dsn
    postgres.drop_database("not_turkish")


def report_ids(dsn):
    with psycopg.connect(dsn) as connection:
        return dict(connection.execute(ACTIVE.encode()).fetchall())


def rows_of(dsn, report_id, folder):
    """Return the rows of each dataset; their order may depend on the locale."""
    out = folder / "report.json"
    preview_stored(dsn, report_id, Format.JSON, AT, out, Settings())
    return {one["name"]: sorted(map(json.dumps, one["rows"])) for one in json.loads(out.read_text())["datasets"]}


def test_the_server_has_the_letters_of_the_locale(turkish):
    with psycopg.connect(turkish) as connection:
        assert connection.execute("SELECT lower('INFO'), initcap('WAITING')").fetchone() == (
            "\u0131nfo",
            "Wa\u0131t\u0131ng",
        )


def test_a_member_is_known_by_an_address_in_capitals(turkish):
    with psycopg.connect(turkish) as connection:
        workspace, person = connection.execute("SELECT workspace_id, user_id FROM workspace_members LIMIT 1").fetchone()
        connection.execute("UPDATE users SET email = 'INFO@Acme.example' WHERE id = %s", [person])

    assert PostgresDefinitions(turkish).members(workspace, ["info@acme.example"]) == {"info@acme.example"}


def test_every_type_has_the_same_rows(turkish, usual, tmp_path):
    for kind, report_id in report_ids(usual).items():
        assert rows_of(turkish, report_id, tmp_path) == rows_of(usual, report_id, tmp_path), kind


def test_a_filter_of_a_custom_report_finds_text_in_other_case(turkish, usual, tmp_path):
    def rows(dsn):
        execute(dsn, "UPDATE tasks SET title = 'write the INVOICE', created_at = '2026-03-01'")
        row = dict(PostgresDefinitions(dsn).row(report_ids(dsn)["custom"]))
        asked = {"column": "title", "operator": "contains", "value": "WRITE the invoice"}
        row["parameters"] = {
            "dateRange": {"type": "last-quarter"},
            "customFilters": {"source": "tasks", "columns": ["title"], "filters": [asked]},
        }
        return preview_row(dsn, row, Format.CSV, AT, tmp_path / "custom.csv", settings=Settings())

    assert rows(turkish) == rows(usual) > 0


def test_a_search_finds_names_in_other_case(turkish):
    execute(
        turkish,
        "UPDATE scheduled_reports SET name = 'INVOICES IN ITALY' WHERE id = (SELECT min(id) FROM scheduled_reports)",
    )

    assert [one["name"] for one in PostgresReports(turkish).page(ReportQuery(text="invoices in")).items] == [
        "INVOICES IN ITALY"
    ]


def test_the_public_door_finds_a_recipient_whose_address_has_capital_letters(turkish):
    with psycopg.connect(turkish) as connection:
        ((found,),) = connection.execute(
            "SELECT reporting.door_names(ARRAY['NO@ACME.example', 'INFO@ACME.example'], ARRAY['info@acme.example'])"
        ).fetchall()

    assert found
