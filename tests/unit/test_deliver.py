"""Messages and the ledger: which call is made, which is repeated, which never again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.errors import (
    ConfigurationError,
    DeliveryUnknownError,
    PermanentError,
    RecipientRefusedError,
    ThrottledError,
    TransientError,
)
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import RunKey, RunKind, RunState
from include.scheduled_reports.mail import message
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.runs import document, pipeline
from include.scheduled_reports.runs.parquet import arrow_type
from include.scheduled_reports.settings import Settings
from tests.unit.run_helpers import KEY, LIVE, TRIGGER, counts, envelopes, mails, make, manual, text_of, walk

FIFTY = [f"p{number}@acme.example" for number in range(50)]


def answering(services, *errors):
    """Make the mail service answer its next calls with these errors, None for acceptance; then accept everything."""
    send, left = services.mailer.send, list(errors)

    def answer(*arguments, **options):
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return send(*arguments, **options)

    services.mailer.send = answer


def ledger(services, key=KEY):
    return {one.message: str(one.state) for one in services.ledger.of(key)}


# A call refused because of individual addresses


def test_a_call_refused_for_one_address_is_repeated_without_it_as_a_message_of_its_own(make_services):
    services = make_services(
        email_recipients=["ada@acme.example", "Gone@acme.example"], email_bcc_recipients=["bob@acme.example"]
    )
    services.mailer.refuses = frozenset({"Gone@acme.example"})

    outcome = walk(services)

    (envelope,) = envelopes(services)
    assert (envelope.to, envelope.bcc) == (("ada@acme.example",), ("bob@acme.example",))
    first, second = (one for one in services.ledger.of(KEY) if not one.is_notice)
    assert (first.message, first.state, first.refused) == ("report", DeliveryState.REFUSED, ("Gone@acme.example",))
    assert (second.message, second.state, second.refused) == ("report+1", DeliveryState.SENT, ())
    assert (outcome.state, outcome.reason) == (RunState.FAILED, "mail: refused for 1 of 3 recipients")


def test_a_retry_after_a_refused_address_sends_nothing_again_although_it_would_be_accepted_now(make_services):
    services = make_services(email_recipients=["ada@acme.example", "gone@acme.example"])
    services.mailer.refuses = frozenset({"gone@acme.example"})
    make(services)
    pipeline.email(services, KEY)
    services.mailer.refuses = frozenset()

    assert pipeline.email(services, KEY) == "sent, but refused for 1 of 2 recipients"
    assert [envelope.to for envelope in envelopes(services)] == [("ada@acme.example",)]


def test_addresses_refused_one_after_the_other_are_left_out_one_after_the_other(make_services):
    services = make_services(email_recipients=["ada@acme.example", "x@acme.example", "y@acme.example"])
    answering(services, RecipientRefusedError(["x@acme.example"]), RecipientRefusedError(["y@acme.example"]))

    assert walk(services).reason == "mail: refused for 2 of 3 recipients"
    assert [envelope.to for envelope in envelopes(services)] == [("ada@acme.example",)]
    assert ledger(services)["report+2"] == "sent"


def test_if_every_recipient_is_refused_no_mail_is_sent_and_the_reason_has_no_address(make_services):
    services = make_services(email_recipients=["x@acme.example", "y@acme.example"])
    services.mailer.refuses = frozenset({"x@acme.example", "y@acme.example"})

    outcome = walk(services)

    assert mails(services) == []
    assert outcome.reason == "mail: report: 2 recipients are refused"


def test_a_service_that_refuses_an_unknown_address_is_not_called_forever(services):
    make(services)
    answering(services, *[RecipientRefusedError(["stranger@elsewhere.example"])] * 5)

    with pytest.raises(RecipientRefusedError):
        pipeline.email(services, KEY)


def put_off(*addresses):
    return ThrottledError("the mail server does not accept some now: 450 4.1.2", addresses=addresses)


def test_who_is_put_off_is_left_out_only_in_the_last_attempt(make_services):
    services = make_services(email_recipients=["ada@acme.example", "lost@acme.example"])
    make(services)
    answering(services, *[put_off("lost@acme.example")] * 10)

    with pytest.raises(ThrottledError):
        pipeline.email(services, KEY)
    assert (mails(services), ledger(services)) == ([], {"report": "refused"})
    assert pipeline.email(services, KEY, last=True) == "sent, but refused for 1 of 2 recipients"

    assert [envelope.to for envelope in envelopes(services)] == [("ada@acme.example",)]
    assert services.ledger.of(KEY)[0].refused == ("lost@acme.example",)
    assert pipeline.record(services, TRIGGER).mail_error == "refused for 1 of 2 recipients"
    assert pipeline.email(services, KEY) == "sent, but refused for 1 of 2 recipients"
    assert len(mails(services)) == 1


def test_who_is_put_off_and_accepted_by_a_retry_gets_the_mail_with_the_others(make_services):
    services = make_services(email_recipients=["ada@acme.example", "grey@acme.example"])
    make(services)
    answering(services, *[put_off("grey@acme.example")] * 5)
    with pytest.raises(ThrottledError):
        pipeline.email(services, KEY)

    assert pipeline.email(services, KEY, last=True) == "sent"
    assert [len(envelope) for envelope in envelopes(services)] == [2]


def test_if_everybody_is_put_off_nobody_is_left_out(services):
    make(services)
    answering(services, *[put_off("ada@acme.example")] * 5)

    with pytest.raises(ThrottledError):
        pipeline.email(services, KEY, last=True)
    assert services.ledger.of(KEY)[0].refused == ()


def few(services, limit, *, broken=None):
    """Make the mail service take only *limit* recipients per call; break the call with the number *broken*."""
    send, calls = services.mailer.send, []

    def take(sender, recipients, raw, *, tags):
        if len(recipients) > limit:
            raise ThrottledError("too many", accepted=limit)
        calls.append(recipients)
        if broken is not None and len(calls) == broken:
            raise DeliveryUnknownError("silence")
        return send(sender, recipients, raw, tags=tags)

    services.mailer.send = take


def test_a_service_that_takes_fewer_recipients_gets_several_calls(make_services):
    people = [f"p{number}@acme.example" for number in range(7)]
    services = make_services(email_recipients=people)
    before = services.moment
    few(services, 3)

    assert walk(services).state is RunState.SUCCESS
    assert [envelope.to for envelope in envelopes(services)] == [(*people[:3],), (*people[3:6],), (people[6],)]
    assert services.moment == before
    few(services, 50)
    assert pipeline.email(services, KEY) == "sent"
    assert len(mails(services)) == 3


def test_a_part_whose_outcome_is_unknown_does_not_stop_the_others_and_is_not_repeated(make_services):
    people = [f"p{number}@acme.example" for number in range(6)]
    services = make_services(email_recipients=people)
    make(services)
    few(services, 2, broken=2)

    for _ in range(2):
        with pytest.raises(DeliveryUnknownError):
            pipeline.email(services, KEY)
    assert [envelope.to for envelope in envelopes(services)] == [(*people[:2],), (*people[4:],)]
    assert pipeline.record(services, TRIGGER).mail_error == "report+2: silence"


def test_a_message_that_was_refused_for_everybody_can_be_sent_after_a_clear(make_services):
    services = make_services(email_recipients=["x@acme.example", "y@acme.example"])
    services.mailer.refuses = frozenset({"x@acme.example", "y@acme.example"})
    walk(services)
    services.mailer.refuses = frozenset()

    assert pipeline.email(services, KEY) == "sent"
    assert [len(envelope) for envelope in envelopes(services)] == [2]


# Throttling, and several envelopes


def test_a_throttled_message_is_retried_and_sent_once(services):
    make(services)
    before = services.moment
    answering(services, ThrottledError("slowly"), ThrottledError("slowly"))

    assert pipeline.email(services, KEY) == "sent"
    assert len(mails(services)) == 1
    assert services.moment - before == timedelta(seconds=1 + 2)


def test_a_service_that_keeps_throttling_is_left_to_the_next_retry(services):
    make(services)
    answering(services, *[ThrottledError("slowly")] * 5)

    with pytest.raises(ThrottledError):
        pipeline.email(services, KEY)
    assert ledger(services) == {"report": "refused"}
    assert pipeline.email(services, KEY) == "sent"


@pytest.mark.parametrize("error", [TransientError("busy"), PermanentError("no"), DeliveryUnknownError("silence")])
def test_a_failed_envelope_does_not_stop_the_next(make_services, error):
    services = make_services(email_recipients=FIFTY, email_cc_recipients=["last@acme.example"])
    make(services)
    answering(services, error)

    with pytest.raises(type(error)):
        pipeline.email(services, KEY)
    assert [envelope.cc for envelope in envelopes(services)] == [("last@acme.example",)]


def test_of_several_failures_the_one_that_a_retry_can_help_is_raised(make_services):
    services = make_services(email_recipients=FIFTY, email_cc_recipients=["last@acme.example"])
    make(services)
    answering(services, DeliveryUnknownError("silence"), TransientError("busy"))

    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    assert ledger(services) == {"report": "unknown", "report/2": "sent"}


# Entries in the ledger


def test_the_outcome_is_recorded_after_a_short_database_outage(services):
    make(services)
    finish, left = services.ledger.finish, [TransientError("away")] * 2

    def away(delivery):
        if left:
            raise left.pop()
        finish(delivery)

    services.ledger.finish = away

    assert pipeline.email(services, KEY) == "sent"
    assert ledger(services) == {"report": "sent"}


def test_a_wrong_mail_connection_claims_nothing(services):
    make(services)

    class Broken(type(services)):
        @property
        def mailer(self):
            raise ConfigurationError("the connection reports_aws is not defined")

    services.__dict__.pop("mailer")
    services.__class__ = Broken
    with pytest.raises(ConfigurationError):
        pipeline.email(services, KEY)
    assert services.ledger.held == {}


def test_a_late_outcome_reopens_a_settled_run(services):
    make(services)
    services.runs.fix_mail(KEY, {"wanted": True, "messages": 1, "recipients": {"to": [], "cc": [], "bcc": []}})
    claimed = replace(delivery(), state=DeliveryState.CLAIMED)
    services.ledger.claim(claimed)
    assert pipeline.record(services, TRIGGER).state is RunState.FAILED
    assert ledger(services)["report"] == "unknown"

    services.ledger.finish(replace(claimed, state=DeliveryState.SENT, message_id="m1"))

    assert [run.key for run in services.runs.unsettled(limit=9)] == [KEY]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS
    assert counts(services) == (1, 1, 0)


def delivery():
    return Delivery(
        key=KEY,
        message="report",
        state=DeliveryState.CLAIMED,
        subject="s",
        recipients=Recipients(to=("ada@acme.example",)),
        mode="attach",
        formats=(Format.CSV, Format.JSON),
    )


def test_a_sent_message_stays_sent(services):
    services.ledger.claim(delivery())
    services.ledger.finish(replace(delivery(), state=DeliveryState.SENT, message_id="m1"))
    services.ledger.finish(replace(delivery(), state=DeliveryState.UNKNOWN, error="late"))

    assert ledger(services) == {"report": "sent"}


# The mail mode, and allowed recipients


def test_the_switch_stops_all_mail_and_a_clear_sends_it_later(services):
    make(services)
    services.ledger.stopped = True

    with pytest.raises(PermanentError, match="all mail is stopped"):
        pipeline.email(services, KEY)
    assert pipeline.record(services, TRIGGER).reason == "mail: all mail is stopped"
    assert services.mailer.sent == []

    services.ledger.stopped = False
    assert pipeline.email(services, KEY) == "sent"
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_recipients_outside_the_allowed_domains_get_nothing_and_the_run_says_so(make_services):
    services = make_services(
        replace(LIVE, recipient_domains="acme.example, partner.example"),
        email_recipients=["ada@Acme.example", "eve@evil.example"],
        email_cc_recipients=["joe@partner.example"],
    )

    outcome = walk(services)

    (envelope,) = envelopes(services)
    assert (envelope.to, envelope.cc) == (("ada@Acme.example",), ("joe@partner.example",))
    assert outcome.reason == "mail: 1 recipients are outside RECIPIENT_DOMAINS"


def test_if_every_recipient_is_outside_the_allowed_domains_the_run_fails(make_services):
    services = make_services(replace(LIVE, recipient_domains="partner.example"))

    assert walk(services).reason == "mail: every recipient is outside RECIPIENT_DOMAINS"
    assert services.mailer.sent == []  # the owner is outside, too


def test_replies_go_to_the_configured_address(make_services):
    services = make_services(replace(LIVE, reply_to="help@acme.example"))
    walk(services)

    (mail,) = mails(services)
    assert mail["Reply-To"] == "help@acme.example"


# Replays


@pytest.mark.parametrize(
    ("conf", "count"),
    [
        ({"period": "2026-04-01/2026-04-30"}, 0),
        ({"period": "2026-04-01/2026-04-30", "mail": True}, 1),
        ({"period": "2026-04-01/2026-04-30", "recipients": ["bob@acme.example"]}, 1),
    ],
)
def test_a_past_period_is_mailed_only_on_request(services, conf, count):
    assert walk(services, manual(**conf)).state is RunState.SUCCESS
    assert len(services.store.files) == 2
    assert len(mails(services)) == count


# Resending


AGAIN = replace(
    TRIGGER, key=RunKey(report_id="r1", run_id="manual__again"), kind=RunKind.MANUAL, conf={"resend": KEY.run_id}
)


def test_a_resend_goes_to_recipients_without_a_confirmed_message(make_services, answers):
    services = make_services(email_recipients=FIFTY, email_cc_recipients=["last@acme.example"])
    make(services)
    answering(services, None, DeliveryUnknownError("silence"))
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    pipeline.record(services, TRIGGER)
    files, asked = dict(services.store.files), len(answers.asked)

    outcome = walk(services, replace(AGAIN, user="alice"))

    assert outcome.state is RunState.SUCCESS
    assert (services.store.files, len(answers.asked)) == (files, asked)
    assert [envelope.cc for envelope in envelopes(services)] == [(), ("last@acme.example",)]
    (again,) = (one for one in services.ledger.of(AGAIN.key) if not one.is_notice)
    assert (again.requested_by, again.resend_of) == ("airflow:alice", "memory-1")
    assert "4\N{EN DASH}10 May 2026" in mails(services)[1]["Subject"]
    assert services.runs.artifacts(AGAIN.key)[0].object_key == services.runs.artifacts(KEY)[0].object_key


def test_a_resend_of_what_was_sent_to_everybody_goes_to_everybody_again(services):
    walk(services)
    services.definitions.content[0]["email_recipients"] = ["new@acme.example"]

    assert walk(services, AGAIN).state is RunState.SUCCESS
    assert [envelope.to for envelope in envelopes(services)] == [("ada@acme.example",)] * 2


def test_a_resend_may_name_its_formats_and_recipients(services):
    walk(services)

    walk(services, replace(AGAIN, conf={**AGAIN.conf, "formats": ["json"], "recipients": ["bob@acme.example"]}))

    first, second = mails(services)
    assert [len(list(mail.iter_attachments())) for mail in (first, second)] == [2, 1]
    assert envelopes(services)[1].to == ("bob@acme.example",)


def test_a_resend_shows_the_figures_of_its_run_without_staging(services):
    walk(services)
    walk(services, AGAIN)

    first, second = (text_of(mail) for mail in mails(services))
    assert first.split("Files")[0] == second.split("Files")[0]


@pytest.mark.parametrize(
    ("conf", "why"),
    [
        ({"resend": "manual__never"}, "is not a run of this report whose files are kept"),
        ({"resend": KEY.run_id, "formats": ["pdf"]}, "in these formats; use the id of one that is."),
        ({"resend": KEY.run_id, "mail": False}, "cannot be combined with a period or mail=false; remove those."),
        (
            {"resend": KEY.run_id, "period": "last-year"},
            "cannot be combined with a period or mail=false; remove those.",
        ),
    ],
)
def test_a_resend_of_an_unknown_run_is_refused(services, conf, why):
    walk(services)

    outcome = walk(services, replace(AGAIN, conf=conf))

    assert outcome.state is RunState.FAILED
    assert why in outcome.reason
    assert len(mails(services)) == 1


def test_a_retry_of_a_resend_sends_nothing_a_third_time(services):
    walk(services)
    walk(services, AGAIN)

    assert pipeline.email(services, AGAIN.key) == "sent"
    assert len(mails(services)) == 2


def test_a_mail_needs_no_staging(services):
    make(services)
    services.staging.files.clear()

    assert pipeline.email(services, KEY) == "sent"


def pictures(mail):
    return {part["Content-ID"]: part.get_payload(decode=True) for part in mail.walk() if part["Content-ID"]}


def test_a_mail_a_week_later_has_the_same_charts(make_services):
    services = make_services(email_include_preview=True)
    walk(services)
    services.staging.files.clear()
    walk(services, AGAIN)

    assert not [defect for mail in mails(services) for part in mail.walk() for defect in part.defects]
    first, second = (pictures(mail) for mail in mails(services))
    assert len(first) == 1  # messages by day; nobody was active on any day
    assert first == second
    html = mails(services)[1].get_body(("html",)).get_content()
    assert all(f"cid:{name.strip('<>')}" in html for name in second)


def test_a_run_from_before_charts_were_kept_is_mailed_without_any(make_services):
    services = make_services(email_include_preview=True)
    make(services)
    services.runs.runs[KEY].row["charts"] = None

    assert pipeline.email(services, KEY) == "sent"
    assert pictures(mails(services)[0]) == {}


def test_a_name_too_long_for_a_chart_is_cut_in_what_is_kept(make_services, answers):
    services, kind = make_services(reportType="channel-analytics"), report_types()["channel-analytics"]
    answers.names |= {dataset.sql: dataset.name for dataset in kind.datasets} | {kind.figures_sql: "kind"}
    answers.by_name |= {dataset.name: one_row(dataset.columns) for dataset in kind.datasets}
    answers.by_name |= {"kind": one_row([spec.column for spec in kind.figures])}
    answers.by_name["channels"] = answers.by_name["channels"].set_column(0, "channel", pa.array(["n" * 10_000]))
    make(services)

    charts = document.document_for_mail(services.runs.load(KEY), kind, Settings()).charts
    assert charts[0].rows == ({"channel": "n" * 79 + "…", "messages": None},)


def one_row(columns):
    return pa.table({one.name: pa.nulls(1, arrow_type(one, "UTC")) for one in columns})


def test_a_chart_too_large_to_keep_is_left_out_of_the_mail(make_services, monkeypatch):
    monkeypatch.setattr(document, "CHART_BYTES", 100)
    services = make_services(email_include_preview=True)
    walk(services)

    assert pictures(mails(services)[0]) == {}


OFF = "mailto:off@acme.example?subject={report}, https://acme.example/off?who={recipient}"


def test_a_mail_says_how_to_unsubscribe(make_services):
    services = make_services(replace(LIVE, unsubscribe=OFF))
    walk(services)
    (mail,) = mails(services)

    assert mail["List-Unsubscribe"] == (
        "<mailto:off@acme.example?subject=r1>, <https://acme.example/off?who=ada%40acme.example>"
    )
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "https://acme.example/off?who=ada%40acme.example" in text_of(mail)


@pytest.mark.parametrize(
    ("way", "recipients", "header"),
    [
        ("https://acme.example/off?report={report}", 2, "<https://acme.example/off?report=r1>"),
        ("https://acme.example/off?report={report}", 1, "<https://acme.example/off?report=r1>"),
        ("https://acme.example/off, mailto:off@acme.example?subject={recipient}", 1,
         "<https://acme.example/off>, <mailto:off@acme.example?subject=p0%40acme.example>"),
        ("https://acme.example/off?who={recipient}", 2, None),
    ],
)  # fmt: skip
def test_one_click_is_not_offered_where_a_post_cannot_tell_who_clicked(make_services, way, recipients, header):
    people = [f"p{number}@acme.example" for number in range(recipients)]
    services = make_services(replace(LIVE, unsubscribe=way), email_recipients=people)
    walk(services)
    (mail,) = mails(services)

    assert (mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"]) == (header, None)


def test_a_redirected_mail_unsubscribes_only_the_address_it_goes_to(make_services):
    services = make_services(replace(LIVE, mail_mode="redirect:me@dev.example", unsubscribe=OFF))
    walk(services)

    assert "who=me%40dev.example" in mails(services)[0]["List-Unsubscribe"]
    assert "ada" not in mails(services)[0]["List-Unsubscribe"]


def test_a_mail_without_a_setting_has_no_header_for_it(services):
    walk(services)

    assert mails(services)[0]["List-Unsubscribe"] is None
    assert mails(services)[0]["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    ("sender", "name"),
    [("reports@acme.example", 'Acme, "the" Ltd'), ("Numbers <reports@acme.example>", "Numbers")],
)
def test_a_sender_without_a_name_gets_that_of_the_brand(make_services, sender, name):
    services = make_services(replace(LIVE, mail_from=sender, brand_name='Acme, "the" Ltd'))
    walk(services)

    (address,) = mails(services)[0]["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "reports@acme.example")


@pytest.mark.parametrize(
    ("size", "why"),
    [
        (40_000_000, None),
        (message.BODY_ROOM + 2_000, "The files are too large to attach one by one; they are in one zip file."),
        (message.BODY_ROOM + 10, "The files are too large to attach."),
    ],
)
def test_a_mail_says_why_files_are_packed_or_only_linked(make_services, size, why):
    services = make_services(replace(LIVE, message_bytes=size))
    walk(services)
    text = text_of(mails(services)[0])

    assert [line for line in text.splitlines() if "too large" in line] == ([why] if why else [])


def test_links_by_choice_need_no_explanation(make_services):
    services = make_services(email_include_attachment=False)
    walk(services)

    assert "too large" not in text_of(mails(services)[0])


def test_a_failure_before_the_claim_is_reported_until_a_retry_succeeds(services):
    make(services)
    real, services.store.open = services.store.open, broken_store
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    assert pipeline.record(services, TRIGGER).mail_error == "S3 did not answer"

    services.store.open = real
    assert pipeline.email(services, KEY) == "sent"
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def broken_store(_key):
    raise TransientError("S3 did not answer")
