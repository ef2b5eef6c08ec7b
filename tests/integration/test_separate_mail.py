"""A message for each reader, on a real PostgreSQL and over HTTP to a local SES; counted and read at the service."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from threading import Barrier

import psycopg
import pytest

from demo import aws as server
from include.scheduled_reports.adapters.postgres.door import PostgresDoor
from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.ses import SesMailer
from include.scheduled_reports.domain.errors import DeliveryUnknownError, ReportsError
from include.scheduled_reports.domain.reader import LeftBy
from include.scheduled_reports.domain.run import Actor, AuditAction, RunKey, RunKind, RunState
from include.scheduled_reports.runs import pipeline
from tests.contract.tables import add_people, add_report, execute
from tests.integration.stages import KEY, MESSAGES, TRIGGER, services_on, walk
from tests.readers.mails import mailparser

ADA, BOB, EVE = "ada@acme.example", "bob+reports@acme.example", "eve@bücher.example"
#: As they stand in a message and its envelope: a domain in another script is sent as its A-label.
SENT_TO = {ADA: ADA, BOB: BOB, EVE: "eve@xn--bcher-kva.example"}
DOOR = "https://reports.acme.example/r"


@pytest.fixture(scope="module")
def ses(tmp_path_factory):
    running = server.start(tmp_path_factory.mktemp("aws"))
    running.verify_sender("reports@acme.example")
    yield running
    running.child.stop()


@pytest.fixture
def inbox(ses):
    """Return a function that lists the messages about the report that SES has accepted since the test began."""
    earlier = len(ses.mails())

    def arrived():
        return [mail for mail in ses.mails()[earlier:] if b"X-Scheduled-Report:" in mail.raw]

    return arrived


@pytest.fixture
def worker(migrated_dsn, ses, tmp_path):
    """Return a function that makes a worker: its services on PostgreSQL and SES; what S3 holds is shared."""
    add_people(migrated_dsn)
    add_report(
        migrated_dsn,
        id="r1",
        export_formats=["csv", "json"],
        email_recipients=[ADA],
        email_cc_recipients=[BOB],
        email_bcc_recipients=[EVE],
    )
    execute(migrated_dsn, MESSAGES)
    made = []

    def make(**changes):
        services = services_on(migrated_dsn, tmp_path)
        key = f"1:{b64encode(b'k' * 32).decode()}"
        services.settings = replace(services.settings, **({"link_base": DOOR, "link_keys": key} | changes))
        services.mailer = SesMailer(ses.client("sesv2"))
        services.store = made[0].store if made else services.store
        made.append(services)
        return services

    return make


def until_mail(services):
    """Run the stages before the mail."""
    for chosen in pipeline.query(services, TRIGGER):
        pipeline.render(services, KEY, chosen)
        pipeline.upload(services, KEY, chosen)


def by_hand(name, **conf):
    """A run by hand."""
    return replace(TRIGGER, key=RunKey(report_id="r1", run_id=f"manual__{name}"), kind=RunKind.MANUAL, conf=conf)


def reached(mails):
    """How often each address was mailed."""
    return Counter(address for mail in mails for address in mail.recipients)


def tokens(mail):
    """The tokens in a message's texts, by the page they are for."""
    parsed = message_from_bytes(mail.raw, policy=default)
    return re.findall(rf"{DOOR}/(\w+)/([\w-]+)", parsed.get_body(("plain",)).get_content())


def just_before(services, number, act):
    """Do something just before the claim of the message of that number."""
    claimed = []

    class Late(PostgresLedger):
        def claim(self, delivery, confirm=None):
            claimed.append(delivery.message)
            if len(claimed) == number:
                act()
            return super().claim(delivery, confirm)

    services.ledger = Late(services.ledger.dsn)


def leave(dsn, address, key=KEY):
    """Leave the report by the link in a reader's message."""
    with psycopg.connect(dsn) as connection:
        ((handle,),) = connection.execute(
            "SELECT handle FROM reporting.readers WHERE run_id = %s AND address = %s", (key.run_id, address)
        ).fetchall()
    assert PostgresDoor(dsn).leave(handle, LeftBy.ONE_CLICK)


# Who gets what


def test_three_readers_get_three_messages_with_three_ways_out_and_nobody_sees_another(worker, inbox):
    assert walk(worker()).state is RunState.SUCCESS

    mails = inbox()
    assert [mail.recipients for mail in mails] == [(SENT_TO[one],) for one in (ADA, BOB, EVE)]
    seen = mailparser([mail.raw for mail in mails])
    assert [[one["address"] for one in mail["To"]] for mail in seen] == [[ADA], [BOB], ["eve@bücher.example"]]
    assert [mail["Cc"] for mail in seen] == [[], [], []]
    for own, mail in zip((ADA, BOB, EVE), mails, strict=True):
        everything = [mail.raw, *texts(mail)]
        others = [form for one in SENT_TO.items() if one[0] != own for form in one]
        assert not [one for one in others if any(one.encode() in text for text in everything)]
    for purpose, count in (("files", 6), ("leave", 3), ("manage", 3)):
        assert len({token for mail in mails for page, token in tokens(mail) if page == purpose}) == count


def texts(mail):
    """The decoded headers and texts of a message."""
    parsed = message_from_bytes(mail.raw, policy=default)
    yield "\n".join(f"{name}: {value}" for name, value in parsed.items()).encode()
    for part in parsed.walk():
        if part.get_content_maintype() == "text":
            yield part.get_payload(decode=True)


def test_two_workers_at_once_mail_each_reader_once(worker, inbox):
    first, second = worker(), worker()
    until_mail(first)
    together = Barrier(2)

    def send(services):
        together.wait(30)
        with suppress(ReportsError):
            pipeline.email(services, KEY)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(send, (first, second)))

    assert reached(inbox()) == dict.fromkeys(SENT_TO.values(), 1)
    assert pipeline.record(first, TRIGGER).state is RunState.SUCCESS


def test_a_worker_that_comes_while_another_one_sends_mails_those_that_are_left(worker, inbox):
    first, second = worker(), worker()
    until_mail(first)
    plain = first.mailer

    class Slow(SesMailer):
        def send(self, *arguments, **tags):
            first.mailer = plain
            with pytest.raises(DeliveryUnknownError):
                pipeline.email(second, KEY)
            return super().send(*arguments, **tags)

    first.mailer = Slow(plain.client)

    assert pipeline.email(first, KEY) == "sent"
    assert reached(inbox()) == dict.fromkeys(SENT_TO.values(), 1)
    assert pipeline.record(first, TRIGGER).state is RunState.SUCCESS


# Readers who leave


def test_who_leaves_between_two_messages_gets_none_and_stays_out_until_they_are_taken_back(worker, inbox, migrated_dsn):
    services = worker()
    until_mail(services)
    just_before(services, 2, lambda: leave(migrated_dsn, BOB))

    assert pipeline.email(services, KEY) == "sent"
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS
    without_bob = {SENT_TO[ADA]: 1, SENT_TO[EVE]: 1}
    assert reached(inbox()) == without_bob

    for trigger in (by_hand("next"), by_hand("again", resend=KEY.run_id)):
        before = len(inbox())
        assert walk(services, trigger).state is RunState.SUCCESS
        assert reached(inbox()[before:]) == without_bob

    act = AuditAction(action="returned", actor=Actor(user="service", acting_user="u1"), workspace_id="ws1")
    assert services.readers.take_back("r1", "BOB+reports@ACME.example", act, "He asked for it.")
    before = len(inbox())
    assert walk(services, by_hand("after")).state is RunState.SUCCESS
    assert reached(inbox()[before:]) == dict.fromkeys(SENT_TO.values(), 1)


def test_when_all_have_left_a_run_succeeds_and_mails_nobody(worker, inbox, migrated_dsn):
    services = worker()
    walk(services)
    for one in (ADA, BOB, EVE):
        leave(migrated_dsn, one)
    before = len(inbox())

    assert walk(services, by_hand("next")).state is RunState.SUCCESS
    assert len(inbox()) == before


# Upgrades


def test_a_run_that_was_half_sent_before_an_upgrade_is_not_mailed_again(worker, inbox, migrated_dsn):
    services = worker(link_base="")
    until_mail(services)
    assert pipeline.email(services, KEY) == "sent"
    # As the release before wrote it.
    execute(migrated_dsn, "UPDATE reporting.runs SET mail = mail - 'separate' - 'left'")

    upgraded = worker()
    assert pipeline.email(upgraded, KEY) == "sent"
    assert walk(upgraded, replace(TRIGGER, clear_number=1)).state is RunState.SUCCESS

    (mail,) = inbox()
    assert Counter(mail.recipients) == dict.fromkeys(SENT_TO.values(), 1)
