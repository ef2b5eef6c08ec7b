"""Who is mailed is decided in the transaction of the claim, from the row as it is then: on a real PostgreSQL."""

from __future__ import annotations

from contextlib import suppress

import pytest

from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.domain.errors import ReportsError
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.runs import pipeline
from tests.contract.tables import add_people, add_report, execute
from tests.integration.stages import KEY, MESSAGES, TRIGGER, services_on


@pytest.fixture
def services(migrated_dsn, tmp_path):
    """Services on PostgreSQL, with one report whose files are made."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", export_formats=["csv", "json"])
    execute(migrated_dsn, MESSAGES)
    return services_on(migrated_dsn, tmp_path)


def made(services):
    """Run the stages before the mail."""
    for chosen in pipeline.query(services, TRIGGER):
        pipeline.render(services, KEY, chosen)
        pipeline.upload(services, KEY, chosen)


def readers(services):
    """Return everybody who was mailed, apart from notices to the owner."""
    return [
        address
        for _, recipients, raw in services.mailer.sent
        if b"X-Scheduled-Report:" in raw
        for address in recipients
    ]


def test_who_is_taken_out_while_mail_is_stopped_gets_nothing(services, migrated_dsn):
    made(services)
    execute(migrated_dsn, "UPDATE reporting.switches SET enabled = false")
    with pytest.raises(ReportsError):
        pipeline.email(services, KEY)
    assert pipeline.record(services, TRIGGER).state is RunState.FAILED
    execute(migrated_dsn, "UPDATE scheduled_reports SET email_recipients = '{bob@acme.example}'")
    execute(migrated_dsn, "UPDATE reporting.switches SET enabled = true")

    assert pipeline.email(services, KEY) == "sent"
    assert readers(services) == ["bob@acme.example"]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


@pytest.mark.parametrize(
    ("edit", "mailed"),
    [
        ("UPDATE scheduled_reports SET email_recipients = '{bob@acme.example}'", ["bob@acme.example"]),
        ("UPDATE scheduled_reports SET email_recipients = '{}'", []),
        ("UPDATE scheduled_reports SET email_recipients = '{bob@acme.example}', cron_expression = 'never'", []),
        ("UPDATE scheduled_reports SET email_recipients = '{bob@acme.example}', status = 'DISABLED'", []),
        ("UPDATE scheduled_reports SET email_enabled = false", []),
        ("UPDATE scheduled_reports SET workspace_id = 'ws2'", []),
        ("DELETE FROM scheduled_reports", []),
    ],
)
def test_an_edit_that_is_committed_before_the_claim_counts(services, migrated_dsn, edit, mailed):
    class Late(PostgresLedger):
        def claim(self, delivery, confirm=None):
            if not delivery.is_notice and not edited:
                edited.append(delivery)
                execute(migrated_dsn, edit)
            return super().claim(delivery, confirm)

    edited = []
    made(services)
    services.ledger = Late(migrated_dsn)

    with suppress(ReportsError):
        pipeline.email(services, KEY)

    assert edited[0].recipients.to == ("ada@acme.example",)
    assert readers(services) == mailed
    held = [one for one in services.ledger.of(KEY) if not one.is_notice]
    assert [[*one.recipients] for one in held] == [mailed] * bool(mailed)
