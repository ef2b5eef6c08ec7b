"""Debian's Postfix as the mail server of a whole run: what it refuses, why, and who gets the mail all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from include.scheduled_reports.adapters.smtp import SmtpMailer
from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.errors import ConfigurationError, ReportsError, ThrottledError
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from tests.contract import postfix
from tests.unit.rows import row
from tests.unit.run_helpers import KEY, LIVE, MEMBERS, MONDAY, TRIGGER, Answers, edit, make

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with postfix.running() as running:
        yield running


@pytest.fixture
def make_run(server):
    """Make the files of a run to these recipients, ready to be mailed through an entrance of Postfix."""

    def make_run(*recipients, entrance="open"):
        subject = f"Numbers {uuid4().hex}"
        rows = [row(id="r1", export_formats=["csv"], email_recipients=[*recipients], email_subject=subject)]
        services = MemoryServices(
            source=MemorySource(Answers()),
            settings=replace(LIVE, mail_from="reports@acme.example"),
            definitions=MemoryDefinitions(rows, MEMBERS),
            moment=MONDAY + timedelta(seconds=5),
        )
        services.subject = subject
        through(services, server, entrance)
        make(services)
        return services

    return make_run


def through(services, server, entrance):
    services.mailer = SmtpMailer(host="127.0.0.1", port=server.ports[entrance], tls="none", timeout=20)


def subjects(server, person, count=1):
    return [mail["Subject"] for mail in server.delivered(person, count)]


def received(server, services, *people):
    """Return who of *people* has the mail of this run in the mailbox, once Postfix has nothing left to deliver."""
    assert server.is_idle()
    return [person for person in people for subject in subjects(server, person, 0) if subject == services.subject]


def calls(services):
    return {one.message: (str(one.state), one.refused) for one in services.ledger.of(KEY) if not one.is_notice}


def test_a_mail_arrives_as_it_was_sent(server, make_run):
    services = make_run("ada@acme.example", "bob@acme.example")

    assert pipeline.email(services, KEY) == "sent"
    assert received(server, services, "ada", "bob", "eve") == ["ada", "bob"]
    mail = next(one for one in server.delivered("ada") if one["Subject"] == services.subject)
    assert [part.get_content_type() for part in mail.iter_attachments()] == ["text/csv"]


@pytest.mark.parametrize("entrance", ["sender", "helo", "client"])
def test_where_everybody_is_refused_alike_nobody_is_at_fault_and_a_clear_sends(server, make_run, entrance):
    services = make_run("ada@acme.example", "bob@acme.example", entrance=entrance)

    with pytest.raises(ConfigurationError, match=r"the mail server refuses every recipient: 554 5\.7\.1$"):
        pipeline.email(services, KEY, last=True)
    outcome = pipeline.record(services, TRIGGER)
    assert outcome.mail_error == "report: the mail server refuses every recipient: 554 5.7.1"
    assert calls(services) == {"report": ("refused", ())}

    through(services, server, "open")
    assert pipeline.email(services, KEY) == "sent"
    assert received(server, services, "ada", "bob") == ["ada", "bob"]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_a_sender_whose_domain_is_unknown_is_waited_for_and_nobody_is_named(server, make_run):
    services = make_run("ada@acme.example", "bob@acme.example", entrance="unknown_sender")

    with pytest.raises(ThrottledError, match=r"450 4\.1\.8"):
        pipeline.email(services, KEY, last=True)
    assert calls(services) == {"report": ("refused", ())}


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ("lost@nodns.invalid", "450 4.1.2"),
        ("grey@acme.example", "450 4.2.0"),
        ("full@acme.example", "452 4.2.2"),
        ("busy@acme.example", "451 4.3.0"),
    ],
)
def test_who_is_not_accepted_now_is_waited_for_and_left_out_in_the_last_attempt(server, make_run, other, code):
    services = make_run("ada@acme.example", other, "bob@acme.example")

    for _ in range(2):
        with pytest.raises(ThrottledError, match=code):
            pipeline.email(services, KEY)
    assert received(server, services, "ada", "bob") == []
    assert calls(services) == {"report": ("refused", ())}

    assert pipeline.email(services, KEY, last=True) == "sent, but refused for 1 of 3 recipients"
    assert received(server, services, "ada", "bob") == ["ada", "bob"]
    assert calls(services) == {"report": ("refused", (other,)), "report+1": ("sent", ())}
    outcome = pipeline.record(services, TRIGGER)
    assert (outcome.state, outcome.mail_error) == (RunState.FAILED, "refused for 1 of 3 recipients")
    assert code in services.ledger.of(KEY)[-2].error

    pipeline.email(services, KEY, last=True)
    assert received(server, services, "ada", "bob") == ["ada", "bob"]


def test_who_is_refused_and_who_is_put_off_are_both_named(server, make_run):
    services = make_run("gone@acme.example", "lost@nodns.invalid", "ada@acme.example", "x@elsewhere.example")

    with pytest.raises(ThrottledError):
        pipeline.email(services, KEY)
    pipeline.email(services, KEY, last=True)

    assert received(server, services, "ada") == ["ada"]
    assert {one for _, refused in calls(services).values() for one in refused} == (
        {"gone@acme.example", "x@elsewhere.example", "lost@nodns.invalid"}
    )
    assert pipeline.record(services, TRIGGER).mail_error == "refused for 3 of 4 recipients"


@pytest.mark.parametrize("reader", ["gone@acme.example", "lost@nodns.invalid"])
def test_a_single_reader_who_is_not_accepted_can_be_corrected(server, make_run, reader):
    services = make_run(reader)

    with pytest.raises(ReportsError):
        pipeline.email(services, KEY, last=True)
    assert calls(services) == {"report": ("refused", ())}
    edit(services, email_recipients=["ada@acme.example"])

    assert pipeline.email(services, KEY) == "sent"
    assert received(server, services, "ada") == ["ada"]


def test_more_recipients_than_the_server_takes_get_several_messages(server, make_run):
    people = [f"{name}@acme.example" for name in postfix.PEOPLE]
    services = make_run(*people, entrance="few")

    assert pipeline.email(services, KEY) == "sent"
    assert received(server, services, *postfix.PEOPLE) == [*postfix.PEOPLE]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS

    pipeline.email(services, KEY)
    assert received(server, services, *postfix.PEOPLE) == [*postfix.PEOPLE]
    assert {state for state, _ in calls(services).values()} == {"refused", "sent"}


def test_a_server_that_hangs_up_after_a_refusal_delivers_to_the_others(server, make_run):
    services = make_run("gone@acme.example", "ada@acme.example", "bob@acme.example", entrance="strict")

    assert pipeline.email(services, KEY) == "sent, but refused for 1 of 3 recipients"
    assert received(server, services, "ada", "bob") == ["ada", "bob"]


def test_a_message_that_is_too_large_says_so(server, make_run):
    services = make_run("ada@acme.example", entrance="small")

    with pytest.raises(ReportsError, match="lower MESSAGE_BYTES"):
        pipeline.email(services, KEY, last=True)
    assert services.ledger.of(KEY)[0].state is DeliveryState.REFUSED


def test_a_domain_in_another_script_arrives_once(server, make_run):
    services = make_run("ada@bücher.example", "ada@xn--bcher-kva.example", "Ada@XN--BCHER-KVA.example")

    assert pipeline.email(services, KEY) == "sent"
    assert received(server, services, "ada") == ["ada"]
