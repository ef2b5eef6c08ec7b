"""Where a command finds its database; the connection strings are read by libpq itself."""

from __future__ import annotations

import sys

import pytest
from psycopg.pq import Conninfo

from include.scheduled_reports import __main__ as command
from include.scheduled_reports.adapters.postgres.connection import conninfo
from include.scheduled_reports.adapters.postgres.dsn import find_dsn
from include.scheduled_reports.domain.errors import ConfigurationError

OURS = {"SCHEDULED_REPORTS_DSN": "host=ours", "AIRFLOW_CONN_REPORTS_DB": "postgres://airflow/x", "PGHOST": "libpq"}


def read(dsn):
    """Return what libpq reads in a connection string."""
    found = Conninfo.parse(conninfo(dsn).encode())
    return {one.keyword.decode(): one.val.decode() for one in found if one.val is not None}


def test_the_argument_comes_first():
    assert find_dsn("host=given", OURS) == "host=given"


def test_then_our_variable_then_airflows_connection_then_libpqs_variables():
    environ = dict(OURS)
    assert read(find_dsn(None, environ))["host"] == "ours"
    del environ["SCHEDULED_REPORTS_DSN"]
    assert read(find_dsn(None, environ))["host"] == "airflow"
    del environ["AIRFLOW_CONN_REPORTS_DB"]
    assert find_dsn(None, environ) == ""


def test_airflows_connection_is_the_one_that_the_setting_names():
    environ = OURS | {"SCHEDULED_REPORTS__DATABASE_CONNECTION": "neolith", "AIRFLOW_CONN_NEOLITH": "postgres://neo/x"}
    del environ["SCHEDULED_REPORTS_DSN"]

    assert read(find_dsn(None, environ))["host"] == "neo"
    with pytest.raises(ConfigurationError, match="set SCHEDULED_REPORTS_DSN, AIRFLOW_CONN_OTHER or PGSERVICE"):
        find_dsn(None, {"SCHEDULED_REPORTS__DATABASE_CONNECTION": "other"})


@pytest.mark.parametrize("name", ["PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE"])
def test_libpq_fills_in_what_its_own_variables_name(name):
    assert "host" not in read(find_dsn(None, {name: "x"}))


def test_without_any_of_them_the_command_says_what_to_set():
    with pytest.raises(ConfigurationError, match="no database is named; set SCHEDULED_REPORTS_DSN, AIRFLOW_CONN_REPOR"):
        find_dsn(None, {"PGPASSFILE": "/x"})


def test_a_connection_string_without_a_password_gets_none_from_us_so_libpq_takes_it_from_the_environment(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "from the environment")

    found = read(find_dsn(None, {"SCHEDULED_REPORTS_DSN": "postgresql://owner@db.example/neolith"}))

    assert "password" not in found
    defaults = {one.keyword: one.val for one in Conninfo.get_defaults()}
    assert defaults[b"password"] == b"from the environment"


def test_airflows_connection_as_json():
    text = """{"conn_type": "postgres", "host": "db.example", "login": "owner", "password": "a b'c",
               "schema": "neolith", "port": 5433, "extra": {"sslmode": "require", "iam": true}}"""

    found = read(find_dsn(None, {"AIRFLOW_CONN_REPORTS_DB": text}))

    assert {name: found[name] for name in ("host", "user", "password", "dbname", "port", "sslmode")} == {
        "host": "db.example", "user": "owner", "password": "a b'c", "dbname": "neolith", "port": "5433",
        "sslmode": "require",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["{", '{"port": []}  {'])
def test_what_is_no_connection_is_named_without_its_text(text):
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_REPORTS_DB is not a connection") as raised:
        find_dsn(None, {"AIRFLOW_CONN_REPORTS_DB": text})
    assert text not in str(raised.value)


def test_a_command_takes_the_database_from_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("SCHEDULED_REPORTS_DSN", "host=/nowhere")

    assert command.main(["migrate"]) == 1
    assert "/nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("dsn", ["postgresql://owner:s3cret@nowhere.example/x", "host=/nowhere password=s3cret"])
def test_a_password_in_an_argument_is_warned_of_without_being_shown(dsn, capsys, monkeypatch):
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    monkeypatch.setattr("include.scheduled_reports.adapters.postgres.migrate.migrate", lambda _: ["done"])

    assert command.main(["migrate", "--dsn", dsn]) == 0
    told = capsys.readouterr()
    assert told.out == "done\n"
    assert told.err.startswith("warning: other users of this machine can see the password in --dsn; ")
    assert "s3cret" not in told.err


@pytest.mark.parametrize("dsn", ["postgresql://owner@nowhere.example/x", "host=/nowhere user=password", "password"])
def test_nothing_is_warned_of_without_one(dsn, capsys, monkeypatch):
    monkeypatch.setattr("include.scheduled_reports.adapters.postgres.migrate.migrate", lambda _: ["done"])

    assert command.main(["migrate", "--dsn", dsn]) == 0
    assert capsys.readouterr().err == ""


def test_a_password_in_the_environment_is_nobody_elses_to_see(capsys, monkeypatch):
    monkeypatch.setenv("SCHEDULED_REPORTS_DSN", "host=/nowhere password=s3cret")
    monkeypatch.setattr("include.scheduled_reports.adapters.postgres.migrate.migrate", lambda _: ["done"])

    assert command.main(["migrate"]) == 0
    assert capsys.readouterr().err == ""


def test_a_database_is_named_once(capsys):
    with pytest.raises(SystemExit):
        command.main(["migrate", "--dsn", "host=x", "--conn-id", "reports_db"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_without_airflow_its_connections_cannot_be_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "include.scheduled_reports.orchestration.connections", None)

    assert command.main(["migrate", "--conn-id", "reports_db"]) == 1
    assert capsys.readouterr().err.startswith("error: --conn-id needs Airflow, and ")
