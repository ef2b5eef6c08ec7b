"""The actions of the cases with a message for each reader; a fault that concerns one message concerns the second."""

from __future__ import annotations

import hashlib
import os
import signal

from include.scheduled_reports.adapters.postgres.door import PostgresDoor
from include.scheduled_reports.domain.reader import LeftBy
from tests.e2e import faults
from tests.e2e.fault_plays import REJECTED, http_kill, over_http, postgres_kill, register
from tests.e2e.fault_readers import ADDRESSES, LATE

FIRST, SECOND = ADDRESSES["to"], ADDRESSES["cc"]
FAILS = faults.answers(500, "InternalFailure")
THROTTLES = faults.answers(429, "TooManyRequestsException")
UNVERIFIED = "Email address is not verified. The following identities failed the check in region US-EAST-1: {}"
CLAIM = (b"INSERT INTO reporting.deliveries", SECOND.encode())
#: The name of the message to the second reader: the hash of the address.
MESSAGE = b"reader/" + hashlib.sha256(SECOND.encode()).hexdigest()[:32].encode()
OUTCOME = (b"UPDATE reporting.deliveries", MESSAGE)


def state(scene, report_id, kind="cc"):
    """Return what the ledger says of a reader's message."""
    return scene.readers(report_id)[kind][1]


def copies(scene, report_id, kind="cc"):
    """Return how many messages have reached a reader."""
    return scene.readers(report_id)[kind][0]


def after_the_first(scene, report_id, act):
    """Trigger, and act when the first message is on its way and none of the others."""
    fault = scene.http.add(report_id, "ses", faults.held_before, times=1, reader=FIRST)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    act(run_id)
    scene.http.end(fault)
    scene.ended(report_id, run_id)
    return run_id


# A task dies


@register("killed before the claim of one message")
def _(scene, report_id):
    return postgres_kill(scene, report_id, CLAIM, faults.pg_hold)


@register("killed after the claim of one message, before the call")
def _(scene, report_id):
    return http_kill(scene, report_id, "ses", faults.dropped_before, reader=SECOND)


@register("killed when SES had accepted one message, before its answer")
def _(scene, report_id):
    return http_kill(
        scene, report_id, "ses", faults.dropped_after, until=lambda: copies(scene, report_id), reader=SECOND
    )


@register("killed when the answer about one message was recorded")
def _(scene, report_id):
    def recorded(_run_id):
        return state(scene, report_id) == "sent"

    return postgres_kill(scene, report_id, (*OUTCOME, b"COMMIT"), faults.pg_hold_answers, until=recorded)


# The database goes away


@register("PostgreSQL away just after the claim of one message")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, (*CLAIM, b"COMMIT"), faults.pg_lose_answers, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.wait(lambda: state(scene, report_id) == "claimed", "the claim to be written down")
    scene.postgres.end(fault)
    return run_id


@register("PostgreSQL away just after SES has accepted one message")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, OUTCOME, faults.pg_cut, times=2)
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.postgres.end(fault)
    return run_id


@register("PostgreSQL away for long after SES has accepted one message")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, OUTCOME, faults.pg_cut)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.tried_again(report_id, run_id, "email")
    scene.postgres.end(fault)
    return run_id


# The mail service


def of_ses(name, act, **options):
    """Register a case in which SES answers as *act* says."""
    register(name)(lambda scene, report_id: over_http(scene, report_id, "ses", act, **options))


of_ses("SES asks to slow down between two messages", THROTTLES, times=2)
of_ses("SES asks to slow down for good, whoever is mailed", THROTTLES)
of_ses("SES asks to slow down for good with one message", THROTTLES, reader=SECOND)
of_ses("SES refuses one reader", faults.answers(400, "MessageRejected", UNVERIFIED.format(SECOND)), reader=SECOND)
of_ses("SES refuses one message for good", REJECTED, reader=SECOND)
of_ses("SES refuses every message for good", REJECTED)
of_ses("SES answers 500 to one message", FAILS, reader=SECOND)
of_ses("SES answers 500 to every message", FAILS)
of_ses("SES cuts one call off", faults.hung_up, reader=SECOND)
of_ses("SES cuts every call off", faults.hung_up)
of_ses("SES accepts one message and never answers", faults.dropped_after, times=1, reader=SECOND)


@register("SES's event comes after an answer about one message that nobody understands")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "ses", faults.garbled, reader=SECOND)
    scene.settled(report_id, run_id, "failed")
    scene.publish_send(report_id, SECOND)
    return run_id


of_ses("SES accepts one message and answers what nobody understands", faults.garbled, reader=SECOND)
of_ses("SES accepts every message and answers what nobody understands", faults.garbled)


# Airflow and its users


@register("the mail's task cleared when everybody was mailed")
def _(scene, report_id):
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, "success")
    scene.clear(report_id, run_id, "email")
    scene.tried_again(report_id, run_id, "email")
    return run_id


def cleared(scene, report_id, run_id, state):
    """Clear a settled run from `query`, and wait until it has ended."""
    scene.settled(report_id, run_id, state)
    scene.clear(report_id, run_id)
    scene.wait(lambda: scene.run(report_id, run_id)["clear_number"] == 1, "query to freeze the run anew")
    scene.ended(report_id, run_id)
    return run_id


@register("the whole run cleared when everybody was mailed")
def _(scene, report_id):
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    return cleared(scene, report_id, run_id, "success")


@register("the whole run cleared after one unknown message")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "ses", FAILS, reader=SECOND)
    return cleared(scene, report_id, run_id, "failed")


@register("the mail's task cleared while it sends one message")
def _(scene, report_id):
    fault = scene.http.add(report_id, "ses", faults.held_before, times=1, reader=SECOND)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.clear(report_id, run_id, "email")
    scene.tried_again(report_id, run_id, "email")
    scene.ended(report_id, run_id)
    scene.http.end(fault)
    scene.wait(lambda: copies(scene, report_id), "SES to accept the message")
    return run_id


@register("the mail's task started twice at once, between two messages")
def _(scene, report_id):
    fault = scene.http.add(report_id, "ses", faults.held_before, times=1, reader=SECOND)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    os.kill(fault.supervisor, signal.SIGKILL)
    scene.tried_again(report_id, run_id, "email")
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, "failed")
    scene.http.end(fault)
    return run_id


@register("sent again after one unknown message")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "ses", FAILS, reader=SECOND)
    scene.settled(report_id, run_id, "failed")
    again = scene.trigger(report_id, resend=run_id)
    scene.ended(report_id, again)
    return again


@register("a reader taken off and another one added after the first message")
def _(scene, report_id):
    edit = "UPDATE scheduled_reports SET email_recipients = %s, email_cc_recipients = '{}' WHERE id = %s"
    return after_the_first(scene, report_id, lambda _run_id: scene.rows(edit, [FIRST, LATE], report_id))


@register("a reader leaves after the first message")
def _(scene, report_id):
    def leave(run_id):
        (one,) = scene.rows(
            "SELECT handle FROM reporting.readers WHERE report_id = %s AND run_id = %s AND address = %s",
            report_id,
            run_id,
            SECOND,
        )
        assert PostgresDoor(scene.running.stack.reports_dsn).leave(one["handle"], LeftBy.ONE_CLICK)

    return after_the_first(scene, report_id, leave)


@register("all mail stopped by the switch after the first message")
def _(scene, report_id):
    switch = "UPDATE reporting.switches SET enabled = {} WHERE name = 'mail'"
    run_id = after_the_first(scene, report_id, lambda _run_id: scene.rows(switch.format("false")))
    scene.settled(report_id, run_id, "failed")
    assert len(scene.mails(report_id)) == 1
    assert "all mail is stopped" in scene.run(report_id, run_id)["reason"]
    scene.rows(switch.format("true"))
    scene.wait(lambda: scene.notices(report_id), "upkeep to tell the owner")
    scene.clear(report_id, run_id, "email")
    return run_id
