"""Notices that reports cannot run: who is told of which, and how often."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.errors import DeliveryUnknownError, TransientError
from include.scheduled_reports.mail import rejection_notices
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep
from tests.unit.rows import row
from tests.unit.run_helpers import LIVE, MONDAY, notices, text_of

NO_RUNS = MemoryOrchestrator()
SPOILED = {"timezone": "Mars/Olympus"}
LEFT = {"creator_is_member": False, "creator_role": None}
ADMINS = ("carol@acme.example", "dan@acme.example")


def services_of(*rows, settings=LIVE):
    definitions = MemoryDefinitions(list(rows), administrators={"ws1": ADMINS})
    source = MemorySource(lambda *_: pytest.fail("upkeep reads no data"))
    return MemoryServices(source=source, settings=settings, definitions=definitions, moment=MONDAY)


def the_mail(services):
    ((_, _, raw),) = services.mailer.sent
    return message_from_bytes(raw, policy=policy.default)


def test_the_creator_is_told_once_that_their_report_cannot_run_and_why():
    services = services_of(row(id="r1", **SPOILED))

    for _ in range(3):
        upkeep(services, NO_RUNS)

    assert notices(services) == [(("ada@acme.example",), "Weekly activity cannot run (Acme)")]
    assert 'timezone: "Mars/Olympus" is not an IANA time zone; use one such as Europe/Berlin.' in text_of(
        the_mail(services)
    )


def test_they_are_told_again_if_it_was_valid_in_between():
    services = services_of(row(id="r1", **SPOILED))
    for zone in ("Mars/Olympus", "Europe/Berlin", "Mars/Olympus"):
        services.definitions.content[0]["timezone"] = zone
        upkeep(services, NO_RUNS)

    assert len(notices(services)) == 2


def test_another_reason_in_the_same_streak_is_no_news():
    services = services_of(row(id="r1", **SPOILED))
    upkeep(services, NO_RUNS)
    services.definitions.content[0]["cron_expression"] = "0 9"
    upkeep(services, NO_RUNS)

    assert len(notices(services)) == 1


def test_one_mail_tells_the_creator_of_all_their_reports():
    services = services_of(
        row(id="r1", name="First", **SPOILED),
        row(id="r2", name="Second", **SPOILED),
        row(id="r3", name="Third"),
        row(id="r4", name="Fourth", **SPOILED, created_by_id="u2", creator_email="bob@acme.example"),
    )

    upkeep(services, NO_RUNS)

    assert notices(services) == [
        (("ada@acme.example",), "2 reports cannot run (Acme)"),
        (("bob@acme.example",), "Fourth cannot run (Acme)"),
    ]
    first = message_from_bytes(services.mailer.sent[0][2], policy=policy.default)
    assert "First" in text_of(first)
    assert "Second" in text_of(first)
    assert "Fourth" not in text_of(first)


@pytest.mark.parametrize("gone", [LEFT, {"creator_status": "SUSPENDED"}])
def test_of_a_creator_who_has_gone_the_owners_and_administrators_are_told_once_with_the_list(gone):
    services = services_of(row(id="r1", name="First", **gone), row(id="r2", name="Second", **gone))

    for _ in range(3):
        upkeep(services, NO_RUNS)

    assert notices(services) == [(ADMINS, "2 reports no longer have an owner (Acme)")]
    text = text_of(the_mail(services))
    assert "Ada Byron is suspended or has left the workspace" in text
    assert "- First" in text
    assert "- Second" in text


def test_a_long_list_is_cut_and_says_so():
    services = services_of(*(row(id=f"r{number}", name=f"Report {number}", **LEFT) for number in range(23)))

    upkeep(services, NO_RUNS)

    text = text_of(the_mail(services))
    assert text.count("- Report ") == 20
    assert "And 3 more." in text


def test_a_report_that_gets_another_owner_keeps_the_ticks_since_the_other_one_went():
    services = services_of(row(id="r1", **LEFT))
    before = services.definitions.content[0]["effective_from"]
    upkeep(services, NO_RUNS)
    services.moment += timedelta(days=9)
    services.definitions.content[0] |= {"created_by_id": "u2", "creator_is_member": True, "creator_role": "ADMIN"}
    upkeep(services, NO_RUNS)

    found = services.definitions.content[0]
    assert (found["status"], found["effective_from"]) == ("ACTIVE", before)


def test_a_report_that_was_wrong_in_other_ways_too_begins_anew():
    services = services_of(row(id="r1", **LEFT, **SPOILED))
    upkeep(services, NO_RUNS)
    services.moment += timedelta(days=9)
    services.definitions.content[0] |= {"creator_is_member": True, "creator_role": "ADMIN", "timezone": "UTC"}
    upkeep(services, NO_RUNS)

    assert datetime.fromisoformat(services.definitions.content[0]["effective_from"]) == services.moment


def test_nothing_is_sent_and_nothing_waits_where_mail_is_off():
    services = services_of(row(id="r1", **SPOILED), settings=type(LIVE)())

    upkeep(services, NO_RUNS)

    assert services.mailer.sent == []
    assert services.upkeep_store.untold_rejections(limit=9) == {}


def test_a_notice_that_cannot_be_sent_now_is_sent_by_a_later_round():
    services = services_of(row(id="r1", **SPOILED))
    services.mailer.error = TransientError("SES is down")
    upkeep(services, NO_RUNS)
    services.mailer.error = None
    upkeep(services, NO_RUNS)

    assert len(notices(services)) == 1


def test_a_notice_whose_outcome_is_unknown_is_not_sent_again():
    services = services_of(row(id="r1", **SPOILED))
    services.mailer.error = DeliveryUnknownError("the answer was lost")
    upkeep(services, NO_RUNS)
    services.mailer.error = None
    upkeep(services, NO_RUNS)

    assert services.mailer.sent == []
    assert [one.state for one in services.ledger.held.values()] == [DeliveryState.UNKNOWN]


def test_a_round_that_dies_after_sending_does_not_send_again(monkeypatch):
    services = services_of(row(id="r1", **SPOILED), row(id="r2", **SPOILED))
    with monkeypatch.context() as dying:
        dying.setattr(services.upkeep_store, "told", lambda _: (_ for _ in ()).throw(TransientError("gone")))
        upkeep(services, NO_RUNS)
    assert len(notices(services)) == 1
    # The first of them is corrected meanwhile: the notice keeps its place in the ledger.
    services.definitions.content[0]["timezone"] = "UTC"

    upkeep(services, NO_RUNS)

    assert len(notices(services)) == 1
    assert services.upkeep_store.untold_rejections(limit=9) == {}


def test_addresses_in_reasons_are_not_mailed_on():
    services = services_of(row(id="r1", email_recipients=["secret@nowhere@x"], **LEFT))

    upkeep(services, NO_RUNS)

    assert "secret@nowhere@x" not in text_of(the_mail(services))


def test_html_in_a_name_is_shown_and_not_run():
    services = services_of(row(id="r1", name="<b>Bold</b>", **SPOILED))

    upkeep(services, NO_RUNS)

    html = the_mail(services).get_body(("html",)).get_content()
    assert "<b>Bold</b>" not in html
    assert "&lt;b&gt;Bold&lt;/b&gt;" in html


def test_a_report_lacks_an_owner_only_if_nothing_else_is_wrong_with_it(monkeypatch):
    found = []
    monkeypatch.setattr(rejection_notices, "tell", lambda *_: 0)
    services = services_of(row(id="r1", **LEFT), row(id="r2", **LEFT, **SPOILED), row(id="r3", **SPOILED))
    reject = services.upkeep_store.reject
    monkeypatch.setattr(
        services.upkeep_store,
        "reject",
        lambda reasons, without_owner: found.append(without_owner) or reject(reasons, without_owner=without_owner),
    )

    upkeep(services, NO_RUNS)

    assert found == [{"r1"}]
