"""Least privilege in the database: deploy/sql/roles.sql on a real PostgreSQL, and everything that works with it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.scheduled_reports.adapters.postgres.brands import PostgresBrands
from include.scheduled_reports.adapters.postgres.feedback import PostgresFeedback
from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.readers import PostgresReaders
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.retention import PostgresRetention
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.postgres.stages import PostgresStages
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.adapters.postgres.web_overview import PostgresOverview
from include.scheduled_reports.adapters.postgres.web_reports import PostgresReports
from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.domain.brand import Brand
from include.scheduled_reports.domain.errors import ReportsError, ReportTypeError
from include.scheduled_reports.domain.feedback import Event, Outcome, RecipientState
from include.scheduled_reports.domain.reader import Addressee
from include.scheduled_reports.domain.run import Actor, AuditAction, RunKey, RunState
from include.scheduled_reports.domain.stage import StageName
from include.scheduled_reports.ports.runs import KeptRecipients, NewRun
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.ports.web import ReportQuery
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.runs import compact, pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep
from tests.contract.tables import add_people, add_report, execute
from tests.integration.roles import ROLES, Roles, psql
from tests.integration.stages import MESSAGES, MONDAY, TRIGGER, walk

KEY = TRIGGER.key
WEEK = Scope(
    workspace_id="ws1", start=MONDAY - timedelta(days=7), end=MONDAY, timezone="UTC", parameters={}
)  # fmt: skip


@pytest.fixture
def roles(migrated_dsn):
    """Create the four roles in a migrated database with two workspaces and one report."""
    made = Roles(migrated_dsn)
    made.make()
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", export_formats=["csv", "json"])
    execute(migrated_dsn, MESSAGES)
    yield made
    made.drop()


@pytest.fixture
def services(roles, tmp_path):
    """Services as in tasks and upkeep: the reading user for data, the writing user for everything else."""
    made = MemoryServices(
        source=PostgresSource(roles.reading),
        settings=Settings(mail_mode="live", mail_from="reports@acme.example"),
        definitions=PostgresDefinitions(roles.writing),
        staging=ArrowStaging.local(tmp_path),
        moment=MONDAY + timedelta(seconds=5),
    )
    made.runs, made.ledger = PostgresRuns(roles.writing), PostgresLedger(roles.writing)
    made.stages, made.readers = PostgresStages(roles.writing), PostgresReaders(roles.writing)
    made.feedback, made.brands = PostgresFeedback(roles.writing), PostgresBrands(roles.writing)
    made.upkeep_store, made.retention = PostgresUpkeepStore(roles.writing), PostgresRetention(roles.writing)
    return made


def queries():
    """Return every query of every report type, by name."""
    for kind in report_types().values():
        yield f"{kind.id}/figures", kind.figures_sql
        for one in kind.datasets:
            yield f"{kind.id}/{one.name}", one.sql
        for one in kind.sources:
            yield f"{kind.id}/{one.name}", one.sql


def columns_of(connection, query):
    """Return the columns that a query reads according to PostgreSQL: those that a view of it would depend on."""
    connection.execute("DROP VIEW IF EXISTS asked")
    connection.execute(f"CREATE TEMP VIEW asked AS {query}".encode())
    rows = connection.execute(
        "SELECT DISTINCT refobjid::regclass::text, attname FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid "
        "JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid "
        "WHERE ev_class = 'asked'::regclass AND refclassid = 'pg_class'::regclass AND refobjid <> 'asked'::regclass"
    )
    return set(rows)


def test_the_reading_role_may_read_exactly_what_the_report_types_ask(roles):
    with psycopg.connect(roles.dsn) as connection:
        asked = set().union(*(columns_of(connection, query) for _, query in queries() if query))
        granted = connection.execute(
            "SELECT table_schema, table_name, column_name, privilege_type "
            "FROM information_schema.column_privileges WHERE grantee = %s",
            [roles.names["reading"]],
        ).fetchall()

    assert len({table for table, _ in asked}) == 17
    assert set(granted) == {("public", table, column, "SELECT") for table, column in asked}
    assert not {column for _, column in asked if "email" in column}


def test_the_script_is_safe_to_repeat_and_leaves_alone_what_was_granted_besides(roles):
    execute(roles.dsn, f"GRANT SELECT ON organizations TO {roles.names['reading']}")
    rights = (
        "SELECT relname, attname, relacl::text, attacl::text "
        "FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
        "WHERE relacl IS NOT NULL OR attacl IS NOT NULL ORDER BY 1, 2"
    )
    with psycopg.connect(roles.dsn) as connection:
        before = connection.execute(rights).fetchall()

    psql(roles.dsn, ROLES, **roles.names)

    with psycopg.connect(roles.dsn) as connection:
        assert connection.execute(rights).fetchall() == before
    assert not roles.refused("reading", "SELECT FROM organizations")


def test_a_whole_run_needs_no_more_than_the_two_roles(roles, services):
    assert walk(services).state is RunState.SUCCESS

    with psycopg.connect(roles.dsn) as connection:
        found = connection.execute("SELECT status, email_sent, record_count FROM report_executions").fetchall()
        counters = connection.execute("SELECT run_count, success_count FROM scheduled_reports").fetchone()
    assert found == [("COMPLETED", True, 7)] * 2
    assert counters == (1, 1)


def test_a_run_with_conditions_needs_no_more_than_the_two_roles(roles, services):
    options = {"sendIf": {"conditions": [{"kind": "changed"}]}}
    execute(roles.dsn, "UPDATE reporting.report_options SET options = %s", Jsonb(options))

    assert walk(services).state is RunState.SUCCESS
    assert services.runs.mailed_state("r1", "ws1").digest


def test_a_compact_run_needs_no_more_than_the_two_roles(roles, services):
    assert compact.report(services, TRIGGER) == "sent"
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS
    assert {one.stage for one in services.stages.of(KEY)} == set(StageName)
    assert PostgresStages(roles.editing).resume(KEY, 1)


@pytest.mark.parametrize(("name", "query"), [pair for pair in queries() if pair[1]])
def test_every_query_of_every_report_type_runs_as_the_reading_user(roles, name, query):
    if "'report.reach'" in query or name == "custom/main":
        pytest.skip("made by `custom` from the sources below")
    with PostgresSource(roles.reading).stream(query, WEEK) as batches:
        assert batches.read_all() is not None


def test_a_parse_needs_no_more_than_the_writing_role(roles):
    definitions = PostgresDefinitions(roles.writing)

    assert [one["id"] for one in definitions.rows(limit=10)] == ["r1"]
    assert len(definitions.digests(4, limit=10)) == 1
    assert definitions.members("ws1", ["ada@acme.example"]) == {"ada@acme.example"}


def test_upkeep_with_its_retention_needs_no_more_than_the_writing_role(roles, services):
    walk(services)
    add_report(roles.dsn, id="bad", cron_expression="never")
    add_report(roles.dsn, id="gone")
    execute(roles.dsn, "DELETE FROM scheduled_reports WHERE id = 'gone'")
    execute(roles.dsn, "UPDATE reporting.tombstones SET since = '2026-01-01'")
    execute(roles.dsn, "UPDATE reporting.departed SET since = '2026-01-01'")
    execute(roles.dsn, "UPDATE reporting.runs SET settled_at = '2020-01-01', touched_at = '2020-01-01'")
    execute(roles.dsn, "UPDATE reporting.artifacts SET uploaded_at = '2020-01-01'")
    execute(roles.dsn, "UPDATE reporting.audit SET at = '2020-01-01'")

    first, second = upkeep(services, MemoryOrchestrator()), upkeep(services, MemoryOrchestrator())

    assert (first.rejected, first.lifted) == (1, 1)
    assert first.retained.errors == second.retained.errors == ()
    with psycopg.connect(roles.dsn) as connection:
        left = connection.execute(
            "SELECT (SELECT count(*) FROM reporting.runs), (SELECT count(*) FROM reporting.departed), "
            "(SELECT count(*) FROM reporting.audit WHERE at = '2020-01-01'), "
            "(SELECT status FROM scheduled_reports WHERE id = 'bad')"
        ).fetchone()
    assert left == (0, 0, 0, "ERROR")

    execute(roles.dsn, "UPDATE scheduled_reports SET cron_expression = '0 9 * * 1' WHERE id = 'bad'")
    assert upkeep(services, MemoryOrchestrator()).readmitted == 1
    assert services.upkeep_store.give_up("bad")
    execute(roles.dsn, "UPDATE scheduled_reports SET name = 'Another' WHERE id = 'bad'")
    assert services.upkeep_store.resume_edited() == 1


def test_the_api_needs_no_more_than_the_editing_role_to_mail_a_reader_again_and_to_revoke_links(roles, services):
    writing, editing = PostgresReaders(roles.writing), PostgresReaders(roles.editing)
    actor = Actor(user="ann")
    walk(services)
    writing.enlist(KEY, "ws1", [Addressee(message="report", address=None)])
    execute(
        roles.dsn,
        "INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how) "
        "VALUES ('r1', 'ws1', 'ada@acme.example', 'ada@acme.example', 'page')",
    )
    assert writing.opted_out("r1") == {"ada@acme.example"}

    assert editing.revoke(KEY, AuditAction(action="revoked", actor=actor, workspace_id="ws1")) == 1
    returned = AuditAction(action="returned", actor=actor, workspace_id="ws1")
    assert editing.take_back("r1", "ada@acme.example", returned, "Asked for it.")
    assert [one.return_reason for one in editing.opt_outs("r1")] == ["Asked for it."]


def test_events_need_no_more_than_the_writing_role_and_lifting_and_brands_no_more_than_the_editing_one(roles, services):
    services.settings = replace(services.settings, feedback_queue="https://sqs.us-east-1.amazonaws.com/1/events")
    walk(services)
    (held,) = [one for one in services.ledger.of(KEY) if not one.is_notice]
    address = next(iter(held.recipients))
    bounced = Outcome(address=address, state=RecipientState.BOUNCED, reason="there is no such mailbox")
    event = Event(delivery=held.feedback_id, message_id=held.message_id, at=datetime.now(UTC), outcomes=(bounced,))
    writing, editing = PostgresFeedback(roles.writing), PostgresFeedback(roles.editing)

    assert writing.apply([event, event]).suppressed == 1
    writing.note_drained(1, drained_at=datetime.now(UTC))
    assert [writing.news(key).confirmed for key in writing.untold(limit=9)] == [0]
    writing.told(KEY)
    assert writing.untold(limit=9) == ()
    act = AuditAction(action="lifted", actor=Actor(user="ann"), workspace_id="ws1")
    assert editing.lift("ws1", address, act, "Works again.")
    assert [one.lift_reason for one in editing.suppressions("ws1")] == ["Works again."]
    branded = AuditAction(action="branded", actor=Actor(user="ann"), workspace_id="ws1")
    assert PostgresBrands(roles.editing).save("ws1", Brand(name="Acme"), branded)
    assert PostgresBrands(roles.editing).save("ws1", Brand(name="Another"), branded)
    assert PostgresBrands(roles.writing).of("ws1") == Brand(name="Another")
    walk(services, replace(TRIGGER, clear_number=1))
    assert PostgresRuns(roles.writing).load(KEY).brand == Brand(name="Another")


def test_the_api_needs_no_more_than_the_editing_role(roles):
    reports, overview, runs = (
        PostgresReports(roles.editing),
        PostgresOverview(roles.editing),
        PostgresRuns(roles.editing),
    )
    actor = Actor(user="ann")
    reports.insert(
        {"id": "r2", "name": "Second", "reportType": "channel-analytics", "cron_expression": "0 9 * * 1",
         "export_formats": ["csv"], "email_recipients": [], "workspace_id": "ws1", "created_by_id": "u1"},
        actor,
    )  # fmt: skip
    read_at = reports.report("ws1", "r2")["updated_at"]
    key = RunKey(report_id="r2", run_id="manual__1")
    new_run = NewRun(
        key=key, kind=TRIGGER.kind, scheduled_for=datetime.now(UTC), triggered_by="airflow:ann", clear_number=0,
        row=None, request={}, window=None, formats=(),
    )  # fmt: skip

    assert reports.update("r2", {"name": "Renamed"}, read_at, actor)
    assert reports.page(ReportQuery(workspace_id="ws1")).total == 2
    assert runs.ask(new_run, AuditAction(action="triggered", actor=actor, workspace_id="ws1"))
    runs.withdraw(key)
    assert runs.ask(
        new_run,
        AuditAction(action="tested", actor=actor, workspace_id="ws1"),
        KeptRecipients(id="q1", addresses=("ada@acme.example",)),
    )
    assert PostgresRuns(roles.writing).requested_recipients(key, "q1") == ("ada@acme.example",)
    runs.withdraw(key)
    assert runs.requested_recipients(key, "q1") is None
    assert reports.history("ws1", "r2", limit=5) == []
    assert reports.runs("ws1", "r2", limit=5, offset=0).total == 0
    assert reports.deliveries(key) == []
    health = PostgresUpkeepStore(roles.editing).health(stuck_before=datetime.now(UTC), since=datetime.now(UTC))
    assert (health.reports, health.mail_enabled) == (2, True)
    assert len(reports.page(ReportQuery()).items) == 2
    assert [one.id for one in overview.workspaces(None)] == ["ws1", "ws2"]
    assert {one["id"] for one in overview.members("ws1")} == {"u1", "u2"}
    assert (overview.unconfirmed_mail(datetime.now(UTC), None), overview.paused_in_airflow(["r2"], None)[0]["id"]) == (
        [],
        "r2",
    )
    assert reports.delete("ws1", "r2", actor)
    entries = reports.audit("ws1", "r2", before=None, limit=9)
    assert [(one["action"], one["actor"]) for one in entries] == [
        ("deleted", "airflow:ann"), ("changed", "airflow:ann"), ("created", "airflow:ann")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("reading", "UPDATE messages SET content = ''"),
        ("reading", "INSERT INTO report_executions (id) VALUES ('x')"),
        ("reading", "DELETE FROM scheduled_reports"),
        ("reading", "SELECT FROM reporting.deliveries"),
        ("reading", "SELECT FROM sessions"),
        ("reading", "SELECT email FROM users"),
        ("reading", "SELECT email_recipients FROM scheduled_reports"),
        ("reading", "SELECT parameters FROM scheduled_reports"),
        ("reading", "SELECT filename FROM files"),
        ("reading", "CREATE TABLE mine (id int)"),
        ("writing", "INSERT INTO reporting.requests (id) VALUES ('x')"),
        ("writing", "UPDATE reporting.requests SET recipients = '{x@y.example}'"),
        ("writing", "SELECT FROM messages"),
        ("writing", "SELECT preferences FROM users"),
        ("writing", "UPDATE users SET email = 'x'"),
        ("writing", "UPDATE workspace_members SET role = 'OWNER'"),
        ("writing", "UPDATE scheduled_reports SET name = 'x'"),
        ("writing", "UPDATE scheduled_reports SET email_recipients = '{x@y.example}'"),
        ("writing", "INSERT INTO scheduled_reports (id) VALUES ('x')"),
        ("writing", "DELETE FROM scheduled_reports"),
        ("writing", "UPDATE reporting.switches SET enabled = true"),
        ("writing", "DELETE FROM reporting.migrations"),
        ("writing", "TRUNCATE reporting.audit"),
        ("writing", "SELECT FROM reporting.imports"),
        ("editing", "UPDATE users SET email = 'x'"),
        ("editing", "SELECT FROM messages"),
        ("editing", "UPDATE reporting.switches SET enabled = true"),
        ("editing", "ALTER TABLE scheduled_reports DISABLE TRIGGER ALL"),
        ("writing", "INSERT INTO reporting.opt_outs (report_id) VALUES ('r1')"),
        ("writing", "UPDATE reporting.opt_outs SET returned_at = now()"),
        ("writing", "UPDATE reporting.suppressions SET lifted_at = now()"),
        ("writing", "INSERT INTO reporting.brands (workspace_id, brand) VALUES ('ws1', '{}')"),
        ("writing", "UPDATE reporting.brands SET brand = '{}'"),
        ("writing", "SELECT FROM reporting.door_reader(gen_random_uuid())"),
        ("editing", "INSERT INTO reporting.opt_outs (report_id) VALUES ('r1')"),
        ("app", "SELECT FROM reporting.runs"),
        ("app", "INSERT INTO reporting.report_options (report_id, effective_from) VALUES ('x', now())"),
    ],
)
def test_each_role_is_refused_what_is_not_its_part(roles, kind, statement):
    assert roles.refused(kind, statement)


def test_the_application_edits_reports_without_any_right_in_our_schema(roles):
    with psycopg.connect(roles.app) as connection:
        connection.execute("UPDATE scheduled_reports SET cron_expression = '0 8 * * 1', name = 'Earlier'")
        connection.execute("DELETE FROM scheduled_reports")

    with psycopg.connect(roles.dsn) as connection:
        audit = connection.execute("SELECT action, actor FROM reporting.audit ORDER BY id DESC LIMIT 2").fetchall()
        tombstones = connection.execute("SELECT report_id, reason FROM reporting.tombstones").fetchall()
    assert audit == [("deleted", f"database:{roles.users['app']}"), ("changed", f"database:{roles.users['app']}")]
    assert tombstones == [("r1", "deleted")]


def test_functions_of_the_triggers_cannot_be_led_to_objects_of_somebody_else(roles):
    with psycopg.connect(roles.dsn) as connection:
        found = connection.execute(
            "SELECT proname, prosecdef, proconfig FROM pg_proc WHERE pronamespace = 'reporting'::regnamespace"
        ).fetchall()

    assert found
    assert all(config == ["search_path=pg_catalog, pg_temp"] for _, _, config in found)
    # One changes only the row itself, which needs no rights; the others have those of the function that calls them.
    assert {name for name, secure, _ in found if not secure} == {
        "options_became_effective", "calendar_takes_effect", "door_names", "door_rows", "door_found",
    }  # fmt: skip


def test_a_query_of_an_own_type_that_asks_more_than_was_granted_fails_without_a_value(roles):
    with (
        pytest.raises(ReportTypeError, match=r"SQLSTATE 42501"),
        PostgresSource(roles.reading).stream("SELECT session_token FROM sessions", WEEK),
    ):
        pass


MALLORY = "mallory@evil.example"


def test_the_writing_role_cannot_make_itself_a_reader(roles, services):
    """Everything that a worker's role can write in advance of a tick names mallory; nobody mails mallory."""
    with psycopg.connect(roles.writing) as connection:
        frozen = connection.execute("SELECT to_jsonb(r) FROM scheduled_reports r WHERE id = 'r1'").fetchone()[0]
    row = services.definitions.row("r1")
    forged = frozen | row | {"email_recipients": [MALLORY], "email_enabled": True}
    key = {"report": KEY.report_id, "run": KEY.run_id}
    with psycopg.connect(roles.writing) as connection:
        connection.execute(
            "INSERT INTO reporting.runs (report_id, run_id, run_key, kind, state, scheduled_for, triggered_by, "
            "clear_number, frozen, mail) VALUES (%(report)s, %(run)s, 'x', 'manual', 'running', %(at)s, 'system', 0, "
            "%(frozen)s, %(mail)s)",
            key | {
                "at": MONDAY,
                "frozen": Jsonb({"row": forged, "request": {"recipients": [MALLORY], "mail": True}}),
                "mail": Jsonb({
                    "wanted": True, "why": None, "subject": "s", "attach": True, "preview": False, "messages": 1,
                    "blocked": 0, "recipients": {"to": [MALLORY], "cc": [], "bcc": []},
                }),
            },
        )  # fmt: skip
        connection.execute(
            "INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats) "
            "VALUES (%(report)s, %(run)s, 'report+1', 'refused', 's', %(recipients)s, 'link', '{}')",
            key | {"recipients": Jsonb({"to": [MALLORY], "cc": [], "bcc": []})},
        )

    for chosen in pipeline.query(services, TRIGGER):
        pipeline.render(services, KEY, chosen)
        pipeline.upload(services, KEY, chosen)
    with suppress(ReportsError):
        pipeline.email(services, KEY, conf=TRIGGER.conf)
    with suppress(ReportsError):
        pipeline.email(services, KEY)

    sent = [address for _, recipients, _ in services.mailer.sent for address in recipients]
    assert MALLORY not in sent
    assert not any(MALLORY.encode() in raw for _, _, raw in services.mailer.sent)
