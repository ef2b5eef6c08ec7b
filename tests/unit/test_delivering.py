"""Messages through the ledger: which call is made, which is repeated, which never again."""

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
from include.scheduled_reports.settings.branding import Branding
from tests.unit.walks import KEY, LIVE, TRIGGER, counts, envelopes, mails, make, manual, text_of, walk

FIFTY = [f"p{number}@acme.example" for number in range(50)]


def answering(world, *errors):
    """Let the mail service answer its next calls with these errors, None for acceptance, and then accept."""
    send, left = world.mailer.send, list(errors)

    def answer(*arguments, **options):
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return send(*arguments, **options)

    world.mailer.send = answer


def ledger(world, key=KEY):
    return {one.message: str(one.state) for one in world.ledger.of(key)}


# A call refused because of single addresses


def test_a_call_refused_for_one_address_is_repeated_without_it_as_a_message_of_its_own(make_world):
    world = make_world(
        email_recipients=["ada@acme.example", "Gone@acme.example"], email_bcc_recipients=["bob@acme.example"]
    )
    world.mailer.refuses = frozenset({"Gone@acme.example"})

    outcome = walk(world)

    (envelope,) = envelopes(world)
    assert (envelope.to, envelope.bcc) == (("ada@acme.example",), ("bob@acme.example",))
    first, second = (one for one in world.ledger.of(KEY) if not one.is_notice)
    assert (first.message, first.state, first.refused) == ("report", DeliveryState.REFUSED, ("Gone@acme.example",))
    assert (second.message, second.state, second.refused) == ("report+1", DeliveryState.SENT, ())
    assert (outcome.state, outcome.reason) == (RunState.FAILED, "mail: refused for 1 of 3 recipients")


def test_a_retry_after_a_refused_address_sends_nothing_again_although_it_would_be_accepted_now(make_world):
    world = make_world(email_recipients=["ada@acme.example", "gone@acme.example"])
    world.mailer.refuses = frozenset({"gone@acme.example"})
    make(world)
    pipeline.email(world, KEY)
    world.mailer.refuses = frozenset()

    assert pipeline.email(world, KEY) == "sent, but refused for 1 of 2 recipients"
    assert [envelope.to for envelope in envelopes(world)] == [("ada@acme.example",)]


def test_addresses_refused_one_after_the_other_are_left_out_one_after_the_other(make_world):
    world = make_world(email_recipients=["ada@acme.example", "x@acme.example", "y@acme.example"])
    answering(world, RecipientRefusedError(["x@acme.example"]), RecipientRefusedError(["y@acme.example"]))

    assert walk(world).reason == "mail: refused for 2 of 3 recipients"
    assert [envelope.to for envelope in envelopes(world)] == [("ada@acme.example",)]
    assert ledger(world)["report+2"] == "sent"


def test_where_everybody_is_refused_nobody_is_mailed_and_no_address_stands_in_the_reason(make_world):
    world = make_world(email_recipients=["x@acme.example", "y@acme.example"])
    world.mailer.refuses = frozenset({"x@acme.example", "y@acme.example"})

    outcome = walk(world)

    assert mails(world) == []
    assert outcome.reason == "mail: report: 2 recipients are refused"


def test_a_service_that_refuses_somebody_who_is_no_recipient_is_not_asked_for_ever(world):
    make(world)
    answering(world, *[RecipientRefusedError(["stranger@elsewhere.example"])] * 5)

    with pytest.raises(RecipientRefusedError):
        pipeline.email(world, KEY)


# Slowing down, and several envelopes


def test_a_service_that_asks_to_slow_down_is_asked_again_after_a_while_and_mails_once(world):
    make(world)
    before = world.moment
    answering(world, ThrottledError("slowly"), ThrottledError("slowly"))

    assert pipeline.email(world, KEY) == "sent"
    assert len(mails(world)) == 1
    assert world.moment - before == timedelta(seconds=1 + 2)


def test_a_service_that_keeps_asking_to_slow_down_is_left_to_the_next_retry(world):
    make(world)
    answering(world, *[ThrottledError("slowly")] * 5)

    with pytest.raises(ThrottledError):
        pipeline.email(world, KEY)
    assert ledger(world) == {"report": "refused"}
    assert pipeline.email(world, KEY) == "sent"


@pytest.mark.parametrize("error", [TransientError("busy"), PermanentError("no"), DeliveryUnknownError("silence")])
def test_a_message_that_fails_does_not_keep_the_next_envelope_back(make_world, error):
    world = make_world(email_recipients=FIFTY, email_cc_recipients=["last@acme.example"])
    make(world)
    answering(world, error)

    with pytest.raises(type(error)):
        pipeline.email(world, KEY)
    assert [envelope.cc for envelope in envelopes(world)] == [("last@acme.example",)]


def test_of_several_failures_the_one_that_a_retry_can_mend_is_raised(make_world):
    world = make_world(email_recipients=FIFTY, email_cc_recipients=["last@acme.example"])
    make(world)
    answering(world, DeliveryUnknownError("silence"), TransientError("busy"))

    with pytest.raises(TransientError):
        pipeline.email(world, KEY)
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(world, KEY)
    assert ledger(world) == {"report": "unknown", "report/2": "sent"}


# What the ledger is told


def test_a_database_that_is_away_for_seconds_after_the_answer_still_learns_of_it(world):
    make(world)
    finish, left = world.ledger.finish, [TransientError("away")] * 2

    def away(delivery):
        if left:
            raise left.pop()
        finish(delivery)

    world.ledger.finish = away

    assert pipeline.email(world, KEY) == "sent"
    assert ledger(world) == {"report": "sent"}


def test_a_mail_service_that_cannot_be_made_claims_nothing(world):
    make(world)

    class Broken(type(world)):
        @property
        def mailer(self):
            raise ConfigurationError("the connection reports_aws is not defined")

    world.__dict__.pop("mailer")
    world.__class__ = Broken
    with pytest.raises(ConfigurationError):
        pipeline.email(world, KEY)
    assert world.ledger.held == {}


def test_a_sender_that_comes_back_after_its_run_was_settled_opens_it_again(world):
    make(world)
    world.runs.fix_mail(KEY, {"wanted": True, "messages": 1, "recipients": {"to": [], "cc": [], "bcc": []}})
    claimed = replace(delivery(), state=DeliveryState.CLAIMED)
    world.ledger.claim(claimed)
    assert pipeline.record(world, TRIGGER).state is RunState.FAILED
    assert ledger(world)["report"] == "unknown"

    world.ledger.finish(replace(claimed, state=DeliveryState.SENT, message_id="m1"))

    assert [run.key for run in world.runs.unsettled(limit=9)] == [KEY]
    assert pipeline.record(world, TRIGGER).state is RunState.SUCCESS
    assert counts(world) == (1, 1, 0)


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


def test_what_was_sent_stays_sent_whatever_is_said_afterwards(world):
    world.ledger.claim(delivery())
    world.ledger.finish(replace(delivery(), state=DeliveryState.SENT, message_id="m1"))
    world.ledger.finish(replace(delivery(), state=DeliveryState.UNKNOWN, error="late"))

    assert ledger(world) == {"report": "sent"}


# The switch, and who may be mailed at all


def test_the_switch_stops_all_mail_and_a_clear_sends_it_later(world):
    make(world)
    world.ledger.stopped = True

    with pytest.raises(PermanentError, match="all mail is stopped"):
        pipeline.email(world, KEY)
    assert pipeline.record(world, TRIGGER).reason == "mail: all mail is stopped"
    assert world.mailer.sent == []

    world.ledger.stopped = False
    assert pipeline.email(world, KEY) == "sent"
    assert pipeline.record(world, TRIGGER).state is RunState.SUCCESS


def test_recipients_outside_the_allowed_domains_get_nothing_and_the_run_says_so(make_world):
    world = make_world(
        replace(LIVE, recipient_domains="acme.example, partner.example"),
        email_recipients=["ada@Acme.example", "eve@evil.example"],
        email_cc_recipients=["joe@partner.example"],
    )

    outcome = walk(world)

    (envelope,) = envelopes(world)
    assert (envelope.to, envelope.cc) == (("ada@Acme.example",), ("joe@partner.example",))
    assert outcome.reason == "mail: 1 recipients are outside RECIPIENT_DOMAINS"


def test_where_everybody_is_outside_the_allowed_domains_the_run_fails(make_world):
    world = make_world(replace(LIVE, recipient_domains="partner.example"))

    assert walk(world).reason == "mail: every recipient is outside RECIPIENT_DOMAINS"
    assert world.mailer.sent == []  # the owner is outside, too


def test_answers_go_where_the_operator_says(make_world):
    world = make_world(replace(LIVE, reply_to="help@acme.example"))
    walk(world)

    (mail,) = mails(world)
    assert mail["Reply-To"] == "help@acme.example"


# A replay of the past


@pytest.mark.parametrize(
    ("conf", "count"),
    [
        ({"period": "2026-04-01/2026-04-30"}, 0),
        ({"period": "2026-04-01/2026-04-30", "mail": True}, 1),
        ({"period": "2026-04-01/2026-04-30", "recipients": ["bob@acme.example"]}, 1),
    ],
)
def test_a_replayed_period_is_made_and_mailed_only_when_asked(world, conf, count):
    assert walk(world, manual(**conf)).state is RunState.SUCCESS
    assert len(world.store.files) == 2
    assert len(mails(world)) == count


# Sending again


AGAIN = replace(
    TRIGGER, key=RunKey(report_id="r1", run_id="manual__again"), kind=RunKind.MANUAL, conf={"resend": KEY.run_id}
)


def test_a_resend_mails_the_earlier_files_to_those_who_did_not_surely_get_them(make_world, answers):
    world = make_world(email_recipients=FIFTY, email_cc_recipients=["last@acme.example"])
    make(world)
    answering(world, None, DeliveryUnknownError("silence"))
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(world, KEY)
    pipeline.record(world, TRIGGER)
    files, asked = dict(world.store.files), len(answers.asked)

    outcome = walk(world, replace(AGAIN, user="alice"))

    assert outcome.state is RunState.SUCCESS
    assert (world.store.files, len(answers.asked)) == (files, asked)
    assert [envelope.cc for envelope in envelopes(world)] == [(), ("last@acme.example",)]
    (again,) = (one for one in world.ledger.of(AGAIN.key) if not one.is_notice)
    assert (again.requested_by, again.resend_of) == ("airflow:alice", "memory-1")
    assert "2026-05-04 to 2026-05-10" in mails(world)[1]["Subject"]
    assert world.runs.artifacts(AGAIN.key)[0].object_key == world.runs.artifacts(KEY)[0].object_key


def test_a_resend_of_what_was_sent_to_everybody_goes_to_everybody_again(world):
    walk(world)
    world.definitions.content[0]["email_recipients"] = ["new@acme.example"]

    assert walk(world, AGAIN).state is RunState.SUCCESS
    assert [envelope.to for envelope in envelopes(world)] == [("ada@acme.example",)] * 2


def test_a_resend_may_name_its_formats_and_recipients(world):
    walk(world)

    walk(world, replace(AGAIN, conf={**AGAIN.conf, "formats": ["json"], "recipients": ["bob@acme.example"]}))

    first, second = mails(world)
    assert [len(list(mail.iter_attachments())) for mail in (first, second)] == [2, 1]
    assert envelopes(world)[1].to == ("bob@acme.example",)


def test_a_resend_shows_the_figures_of_its_run_although_its_staging_is_long_gone(world):
    walk(world)
    walk(world, AGAIN)

    first, second = (text_of(mail) for mail in mails(world))
    assert first.split("Files")[0] == second.split("Files")[0]


@pytest.mark.parametrize(
    ("conf", "why"),
    [
        ({"resend": "manual__never"}, "the id of an earlier run of this report whose files are kept"),
        ({"resend": KEY.run_id, "formats": ["pdf"]}, "formats among them"),
        ({"resend": KEY.run_id, "mail": False}, "no period and no mail=false beside it"),
        ({"resend": KEY.run_id, "period": "last-year"}, "no period and no mail=false beside it"),
    ],
)
def test_a_resend_of_what_is_not_there_is_refused(world, conf, why):
    walk(world)

    outcome = walk(world, replace(AGAIN, conf=conf))

    assert outcome.state is RunState.FAILED
    assert why in outcome.reason
    assert len(mails(world)) == 1


def test_a_retry_of_a_resend_sends_nothing_a_third_time(world):
    walk(world)
    walk(world, AGAIN)

    assert pipeline.email(world, AGAIN.key) == "sent"
    assert len(mails(world)) == 2


def test_a_mail_needs_no_staging(world):
    make(world)
    world.staging.files.clear()

    assert pipeline.email(world, KEY) == "sent"


def pictures(mail):
    return {part["Content-ID"]: part.get_payload(decode=True) for part in mail.walk() if part["Content-ID"]}


def test_a_mail_a_week_later_draws_what_the_first_one_drew(make_world):
    world = make_world(email_include_preview=True)
    walk(world)
    world.staging.files.clear()
    walk(world, AGAIN)

    assert not [defect for mail in mails(world) for part in mail.walk() for defect in part.defects]
    first, second = (pictures(mail) for mail in mails(world))
    assert len(first) == 1  # messages per day; nobody was active on any day
    assert first == second
    html = mails(world)[1].get_body(("html",)).get_content()
    assert all(f"cid:{name.strip('<>')}" in html for name in second)


def test_a_run_from_before_charts_were_kept_is_mailed_without_any(make_world):
    world = make_world(email_include_preview=True)
    make(world)
    world.runs.runs[KEY].row["charts"] = None

    assert pipeline.email(world, KEY) == "sent"
    assert pictures(mails(world)[0]) == {}


def test_a_name_too_long_for_a_chart_is_cut_in_what_is_kept(make_world, answers):
    world, kind = make_world(reportType="channel-analytics"), report_types()["channel-analytics"]
    answers.names |= {dataset.sql: dataset.name for dataset in kind.datasets} | {kind.figures_sql: "kind"}
    answers.by_name |= {dataset.name: one_row(dataset.columns) for dataset in kind.datasets}
    answers.by_name |= {"kind": one_row([spec.column for spec in kind.figures])}
    answers.by_name["channels"] = answers.by_name["channels"].set_column(0, "channel", pa.array(["n" * 10_000]))
    make(world)

    charts = document.briefed(world.runs.load(KEY), kind, Branding()).charts
    assert charts[0].rows == ({"channel": "n" * 80, "messages": None},)


def one_row(columns):
    return pa.table({one.name: pa.nulls(1, arrow_type(one, "UTC")) for one in columns})


def test_a_chart_too_large_to_keep_is_left_out_of_the_mail(make_world, monkeypatch):
    monkeypatch.setattr(document, "CHART_BYTES", 100)
    world = make_world(email_include_preview=True)
    walk(world)

    assert pictures(mails(world)[0]) == {}


OFF = "mailto:off@acme.example?subject={report}, https://acme.example/off?who={recipient}"


def test_a_mail_says_how_to_get_off_it(make_world):
    world = make_world(replace(LIVE, unsubscribe=OFF))
    walk(world)
    (mail,) = mails(world)

    assert mail["List-Unsubscribe"] == (
        "<mailto:off@acme.example?subject=r1>, <https://acme.example/off?who=ada%40acme.example>"
    )
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "https://acme.example/off?who=ada%40acme.example" in text_of(mail)


def test_a_redirected_mail_takes_nobody_else_off(make_world):
    world = make_world(replace(LIVE, mail_mode="redirect:me@dev.example", unsubscribe=OFF))
    walk(world)

    assert "who=me%40dev.example" in mails(world)[0]["List-Unsubscribe"]
    assert "ada" not in mails(world)[0]["List-Unsubscribe"]


def test_a_mail_without_a_setting_has_no_header_for_it(world):
    walk(world)

    assert mails(world)[0]["List-Unsubscribe"] is None
    assert mails(world)[0]["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    ("sender", "name"),
    [("reports@acme.example", 'Acme, "the" Ltd'), ("Numbers <reports@acme.example>", "Numbers")],
)
def test_the_brand_is_the_senders_name_where_he_has_none(make_world, sender, name):
    world = make_world(replace(LIVE, mail_from=sender, brand_name='Acme, "the" Ltd'))
    walk(world)

    (address,) = mails(world)[0]["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "reports@acme.example")


@pytest.mark.parametrize(
    ("size", "why"),
    [
        (40_000_000, None),
        (message.BODY_ROOM + 2_000, "Packed into one file: as they are they would be too large for a mail."),
        (message.BODY_ROOM + 10, "As attachments they would be too large for a mail."),
    ],
)
def test_a_mail_says_why_files_are_packed_or_only_linked(make_world, size, why):
    world = make_world(replace(LIVE, message_bytes=size))
    walk(world)
    text = text_of(mails(world)[0])

    assert [line for line in text.splitlines() if "too large" in line] == ([why] if why else [])


def test_links_that_were_asked_for_need_no_excuse(make_world):
    world = make_world(email_include_attachment=False)
    walk(world)

    assert "too large" not in text_of(mails(world)[0])


def test_why_a_mail_failed_before_it_was_claimed_is_said_until_a_retry_goes_well(world):
    make(world)
    real, world.store.open = world.store.open, broken_store
    with pytest.raises(TransientError):
        pipeline.email(world, KEY)
    assert pipeline.record(world, TRIGGER).mail_error == "S3 did not answer"

    world.store.open = real
    assert pipeline.email(world, KEY) == "sent"
    assert pipeline.record(world, TRIGGER).state is RunState.SUCCESS


def broken_store(_key):
    raise TransientError("S3 did not answer")
