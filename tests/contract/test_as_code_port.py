"""Ports `CodeStore` and `CodeSession`, in memory and in PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.scheduled_reports.adapters.postgres.as_code import PostgresCodeStore
from include.scheduled_reports.as_code.documents import normal
from include.scheduled_reports.domain.brand import Brand
from include.scheduled_reports.domain.errors import ConfigurationError, TransientError
from include.scheduled_reports.ports.as_code import Change, Key
from tests.contract.tables import add_people, execute
from tests.unit.as_code import ACME, ADA, ADMIN, ZETA, database, record

REPORT, CALENDAR, BRAND = (
    Key("ws1", kind, name) for kind, name in (("report", "r1"), ("calendar", "c"), ("brand", ""))
)
DAYS = {"name": "Office", "weekend": [0, 6], "dates": ["2026-12-25"]}
LOOKS = dict.fromkeys(("logo", "logo_dark", "footer", "sender_name", "sender_address", "reply_to"), "") | {
    "name": "Acme", "colour": "#112233",
}  # fmt: skip
VALUES = {REPORT: record(options={"jitterSeconds": 0}, missed_runs="skip"), CALENDAR: DAYS, BRAND: LOOKS}


@pytest.fixture(params=["memory", "postgres"])
def store(request):
    """A store of two workspaces."""
    if request.param == "memory":
        found = database()
        found.creators["ws1", "u1"] = ADA
        return found
    dsn = request.getfixturevalue("migrated_dsn")
    add_people(dsn)
    return PostgresCodeStore(dsn)


def held(store, *workspace_ids):
    with store.reading() as session:
        return {key: normal(key, values) for key, values in session.held(workspace_ids).items()}


def write(store, *changes):
    with store.editing() as session:
        session.held({"ws1", "ws2"})
        session.write([Change(key=key, before=before, after=after) for key, before, after in changes], ADMIN)


def test_workspaces_and_creators_are_known(store):
    with store.reading() as session:
        assert set(session.workspaces()) == {ACME, ZETA}
        assert session.creator("ws1", "u1") == ADA
        assert session.creator("ws1", "nobody") is None


def test_what_is_created_is_held_by_its_workspace_alone(store):
    write(store, *((key, None, values) for key, values in VALUES.items()))

    assert held(store, "ws1") == VALUES
    assert held(store, "ws2") == {}
    assert held(store) == {}
    with store.reading() as session:
        assert session.workspaces_of(["r1", "r2"]) == {"r1": "ws1"}


@pytest.mark.parametrize(
    ("key", "column", "value"),
    [
        (REPORT, "cron_expression", "0 10 * * *"),
        (REPORT, "export_formats", ["html"]),
        (REPORT, "parameters", {"dateRange": {"type": "last-30-days"}}),
        (REPORT, "status", "PAUSED"),
        (REPORT, "options", {"startsOn": "2026-06-01"}),
        (REPORT, "missed_runs", "all"),
        (CALENDAR, "dates", ["2026-12-24", "2026-12-25"]),
        (BRAND, "footer", "Zürich"),
    ],
)
def test_a_change_is_held_and_leaves_the_other_columns(store, key, column, value):
    write(store, *((one, None, values) for one, values in VALUES.items()))

    write(store, (key, VALUES[key], {**VALUES[key], column: value}))
    assert held(store, "ws1") == {**VALUES, key: {**VALUES[key], column: value}}


@pytest.mark.parametrize("key", VALUES)
def test_what_is_deleted_is_gone_and_nothing_else(store, key):
    write(store, *((one, None, values) for one, values in VALUES.items()))

    write(store, (key, VALUES[key], None))
    assert held(store, "ws1") == {one: values for one, values in VALUES.items() if one != key}


def test_an_error_undoes_everything(store):
    class StoppedError(Exception):
        pass

    def write_and_stop():
        with store.editing() as session:
            session.write([Change(key=key, before=None, after=values) for key, values in VALUES.items()], ADMIN)
            raise StoppedError

    with pytest.raises(StoppedError):
        write_and_stop()
    assert held(store, "ws1") == {}


# In PostgreSQL only


@pytest.fixture
def dsn(migrated_dsn):
    add_people(migrated_dsn)
    write(PostgresCodeStore(migrated_dsn), *((key, None, values) for key, values in VALUES.items()))
    return migrated_dsn


def one(dsn, statement, *values):
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement, values).fetchone()[0]


@pytest.mark.parametrize(("before", "status"), [(None, "ACTIVE"), ("PAUSED", "PAUSED")])
def test_the_status_that_upkeep_has_set_is_the_one_before(dsn, before, status):
    execute(dsn, "UPDATE scheduled_reports SET status = 'ERROR'")
    execute(dsn, "UPDATE reporting.report_options SET error_cause = 'failing', status_before = %s", before)

    assert held(PostgresCodeStore(dsn), "ws1")[REPORT]["status"] == status


def test_arrays_of_any_shape_and_days_that_python_has_not_are_read(dsn):
    execute(dsn, "UPDATE scheduled_reports SET tags = '{{a,b},{c,NULL}}', export_formats = NULL")
    execute(dsn, "UPDATE reporting.calendars SET dates = '{infinity,2026-12-25}', weekend = '{{6},{0}}'")
    execute(dsn, "UPDATE reporting.brands SET brand = %s", Jsonb({"name": 1, "unknown": True}))

    found = held(PostgresCodeStore(dsn), "ws1")
    assert (found[REPORT]["tags"], found[REPORT]["export_formats"]) == ([["a", "b"], ["c", None]], [])
    assert found[CALENDAR] == {"name": "Office", "weekend": [0, 6], "dates": ["2026-12-25", "infinity"]}
    assert found[BRAND]["name"] == "1"


def test_a_calendar_that_somebody_adds_meanwhile_is_not_replaced(migrated_dsn):
    add_people(migrated_dsn)
    theirs = "INSERT INTO reporting.calendars (workspace_id, code, name) VALUES ('ws1', 'c', 'Theirs')"

    def write_late():
        with PostgresCodeStore(migrated_dsn).editing() as session:
            session.held({"ws1"})
            execute(migrated_dsn, theirs)
            session.write([Change(key=CALENDAR, before=None, after=DAYS)], ADMIN)

    with pytest.raises(ConfigurationError):
        write_late()

    assert held(PostgresCodeStore(migrated_dsn), "ws1")[CALENDAR]["name"] == "Theirs"


def test_the_calendars_of_countries_are_read_as_rows_carry_them_and_are_nobodys(dsn):
    execute(dsn, "INSERT INTO reporting.calendars (workspace_id, code, dates) VALUES ('', 'DE', '{2026-12-25}')")

    with PostgresCodeStore(dsn).reading() as session:
        assert session.country_calendars() == {"DE": {"code": "DE", "weekend": [0, 6], "dates": ["2026-12-25"]}}
    assert Key("", "calendar", "DE") not in held(PostgresCodeStore(dsn), "ws1", "ws2")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE scheduled_reports SET name = 'Other' WHERE id = 'r1'",
        "DELETE FROM scheduled_reports WHERE id = 'r1'",
        "UPDATE reporting.report_options SET options = '{}' WHERE report_id = 'r1'",
        "UPDATE reporting.calendars SET name = 'Other' WHERE code = 'c'",
    ],
)
def test_edits_by_others_wait_until_the_session_ends(dsn, statement):
    with PostgresCodeStore(dsn).editing() as session:
        session.held({"ws1"})
        with pytest.raises(psycopg.errors.LockNotAvailable):
            execute(f"{dsn}?options=-clock_timeout%3D100ms", statement)

    execute(dsn, statement)


def test_one_session_edits_at_a_time(dsn):
    impatient = PostgresCodeStore(dsn, statement_timeout=timedelta(milliseconds=100))

    with PostgresCodeStore(dsn).editing(), pytest.raises(TransientError), impatient.editing():
        raise AssertionError


def test_the_audit_trail_names_who_changed_what(dsn):
    write(
        PostgresCodeStore(dsn),
        (REPORT, VALUES[REPORT], {**VALUES[REPORT], "name": "Other", "options": {}}),
        (CALENDAR, DAYS, {**DAYS, "dates": []}),
        (BRAND, LOOKS, {**LOOKS, "colour": ""}),
        (CALENDAR, DAYS, None),
    )

    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM reporting.audit WHERE action = 'created'")
        entries = connection.execute(
            "SELECT actor, action, report_id, workspace_id, before, after FROM reporting.audit ORDER BY id DESC LIMIT 5"
        ).fetchall()[::-1]
    assert {entry[0] for entry in entries} == {"apply:ci"}
    assert {entry[3] for entry in entries} == {"ws1"}
    assert [(*entry[1:3], *entry[4:]) for entry in entries] == [
        ("changed", "r1", {"name": "Weekly activity"}, {"name": "Other"}),
        ("changed", "r1", {"options": {"jitterSeconds": 0}}, {"options": {}}),
        (
            "changed",
            None,
            {"calendar": {"code": "c", "dates": ["2026-12-25"]}},
            {"calendar": {"code": "c", "dates": []}},
        ),
        ("branded", None, {"colour": "#112233"}, {"colour": ""}),
        ("deleted", None, {"calendar": {"code": "c", **DAYS}}, None),
    ]


def test_a_brand_that_is_changed_is_kept_for_the_runs_that_began_with_it(dsn):
    write(PostgresCodeStore(dsn), (BRAND, LOOKS, {**LOOKS, "name": "Other"}))

    assert one(dsn, "SELECT array_agg(brand ->> 'name' ORDER BY id) FROM reporting.brands") == ["Acme", "Other"]
    assert one(dsn, "SELECT count(*) FROM reporting.brands WHERE until IS NULL") == 1
    assert Brand(**held(PostgresCodeStore(dsn), "ws1")[BRAND]).name == "Other"
