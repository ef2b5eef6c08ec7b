"""The outcome of a run, from the results of its stages."""

from __future__ import annotations

import pytest

from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import Artifact, Outcome, RunKey, RunState
from include.scheduled_reports.ports.runs import Snapshot
from include.scheduled_reports.runs.outcome import NEVER_MADE, NEVER_MAILED, outcome

KEY = RunKey(report_id="r1", run_id="run1")
PDF, CSV = Format.PDF, Format.CSV
SENT, CLAIMED, REFUSED, UNKNOWN = (
    DeliveryState.SENT,
    DeliveryState.CLAIMED,
    DeliveryState.REFUSED,
    DeliveryState.UNKNOWN,
)
WANTED = {"wanted": True, "messages": 1}
UNWANTED = {"wanted": False, "why": "no email requested", "messages": 1}


def artifact(chosen):
    return Artifact(
        format=chosen,
        execution_id="c1",
        file_name="f",
        content_type="t",
        bucket="b",
        object_key="k",
        bytes=1,
        sha256="0",
        rows=1,
        total_rows=1,
    )


def delivery(state, *, message="report", error=None):
    return Delivery(
        key=KEY,
        message=message,
        state=state,
        subject="s",
        recipients=Recipients(to=("a@b.example",)),
        mode="attach",
        formats=(PDF, CSV),
        error=error,
    )


def settled(
    *, frozen=True, reason=None, skipped=False, formats=(PDF, CSV), errors=(), arrived=(PDF, CSV), mail, sent=()
):
    return outcome(
        Snapshot(
            frozen=frozen,
            reason=reason,
            skipped=skipped,
            formats=formats,
            errors=dict(errors),
            artifacts=tuple(artifact(one) for one in arrived),
            mail=mail,
            deliveries=tuple(sent),
        )
    )


@pytest.mark.parametrize(
    ("mail", "sent"),
    [
        (WANTED, [delivery(SENT)]),
        (UNWANTED, []),
        ({"wanted": True, "messages": 2}, [delivery(SENT), delivery(SENT, message="report/2")]),
    ],
)
def test_a_run_is_a_success_when_every_file_arrived_and_the_mail_wanted_was_sent(mail, sent):
    assert settled(mail=mail, sent=sent) == Outcome(state=RunState.SUCCESS)


@pytest.mark.parametrize(
    ("arrived", "errors", "told"),
    [
        ([CSV], {PDF: "out of paper"}, {PDF: "out of paper"}),
        ([CSV], {}, {PDF: NEVER_MADE}),
        ([PDF], {PDF: "a try before", CSV: "out of ink"}, {CSV: "out of ink"}),
    ],
)
def test_a_format_that_did_not_arrive_fails_the_run_with_its_error_although_the_others_were_mailed(
    arrived, errors, told
):
    found = settled(arrived=arrived, errors=errors, mail=WANTED, sent=[delivery(SENT)])

    (line,) = (f"{chosen}: {error}" for chosen, error in told.items())
    assert found == Outcome(state=RunState.FAILED, reason=line, errors=told)


def test_an_error_of_an_attempt_that_a_later_one_made_good_is_no_failure():
    assert settled(errors={PDF: "a try before"}, mail=UNWANTED).state is RunState.SUCCESS


def test_where_no_file_arrived_the_mail_is_not_what_failed():
    found = settled(arrived=[], errors={PDF: "out of paper", CSV: "out of ink"}, mail=None)

    assert found == Outcome(
        state=RunState.FAILED,
        reason="pdf: out of paper; csv: out of ink",
        errors={PDF: "out of paper", CSV: "out of ink"},
    )


@pytest.mark.parametrize(
    ("mail", "sent", "error"),
    [
        (None, [], NEVER_MAILED),
        (WANTED, [], NEVER_MAILED),
        (WANTED, [delivery(CLAIMED)], "report: claimed"),
        (WANTED, [delivery(REFUSED, error="address rejected")], "report: address rejected"),
        (WANTED, [delivery(UNKNOWN, error="no answer")], "report: no answer"),
        ({"wanted": True, "messages": 2}, [delivery(SENT)], NEVER_MAILED),
        (
            {"wanted": True, "messages": 3},
            [delivery(SENT), delivery(UNKNOWN, message="report/2", error="no answer")],
            f"report/2: no answer; {NEVER_MAILED}",
        ),
        (
            {"wanted": True, "messages": 2},
            [delivery(REFUSED, error="one"), delivery(REFUSED, message="report/2", error="two")],
            "report: one; report/2: two",
        ),
    ],
)
def test_a_mail_that_did_not_go_out_whole_fails_the_run_but_not_its_files(mail, sent, error):
    assert settled(mail=mail, sent=sent) == Outcome(state=RunState.FAILED, reason=f"mail: {error}", mail_error=error)


def test_files_and_mail_may_both_have_failed():
    found = settled(
        arrived=[CSV], errors={PDF: "out of paper"}, mail=WANTED, sent=[delivery(UNKNOWN, error="no answer")]
    )

    assert found.reason == "pdf: out of paper; mail: report: no answer"
    assert (found.errors, found.mail_error) == ({PDF: "out of paper"}, "report: no answer")


def test_a_skipped_tick_is_neither_success_nor_failure():
    assert settled(
        frozen=False, reason="not scheduled any more", skipped=True, formats=(), arrived=[], mail=None
    ) == Outcome(state=RunState.SKIPPED, reason="not scheduled any more")


def test_a_refused_run_fails_every_format_with_the_reason():
    found = settled(frozen=False, reason="the row is wrong", arrived=[], mail=None)

    assert (found.state, found.errors) == (RunState.FAILED, {PDF: "the row is wrong", CSV: "the row is wrong"})
    assert found.mail_error is None


@pytest.mark.parametrize(("reason", "told"), [("the row is gone", "the row is gone"), (None, NEVER_MADE)])
def test_a_refused_run_without_formats_still_fails_with_a_reason(reason, told):
    assert settled(frozen=False, reason=reason, formats=(), arrived=[], mail=None) == Outcome(
        state=RunState.FAILED, reason=told
    )


def test_a_frozen_run_whose_formats_are_not_known_any_more_is_no_success():
    assert settled(formats=(), arrived=[], mail=None) == Outcome(state=RunState.FAILED, reason=NEVER_MADE)
