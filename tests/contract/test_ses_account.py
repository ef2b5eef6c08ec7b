"""What SES says of the account, over HTTP, for the doctor: each condition that keeps mail from readers is named."""

from __future__ import annotations

import pytest

from include.scheduled_reports.domain.finding import Level
from include.scheduled_reports.settings import Settings
from tests.contract.test_ses_rate import account, answering, mailer_at

SETTINGS = Settings(mail_mode="live", mail_from="reports@acme.example", configuration_set="reports", feedback_queue="q")
ALL = ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "DELIVERY_DELAY"]


def destination(*kinds, **changes):
    """Return an event destination as the SES API v2 reference shows it."""
    topic = "arn:aws:sns:us-east-1:123456789012:report-events"
    return {
        "Name": "events",
        "Enabled": True,
        "MatchingEventTypes": list(kinds),
        "SnsDestination": {"TopicArn": topic},
    } | changes


#: One body for every question: each reads the fields that it asked for.
SOUND = account() | {"VerifiedForSendingStatus": True, "EventDestinations": [destination(*ALL)]}


def wrong(body, status=200, code=None):
    with answering(status, body, code=code) as (port, _):
        return [(one.level, one.text) for one in mailer_at(port).findings(SETTINGS) if one.level is not Level.OK]


def test_a_sound_account_has_nothing_wrong():
    assert wrong(SOUND) == []


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"ProductionAccessEnabled": False}, Level.WARNING, "in the sandbox"),
        ({"SendingEnabled": False}, Level.FAULT, "sending is disabled"),
        (account(SentLast24Hours=40_000.0), Level.WARNING, "40,000 of 50,000"),
        ({"VerifiedForSendingStatus": False}, Level.FAULT, "nor its domain is verified"),
        ({"EventDestinations": []}, Level.WARNING, "publishes no BOUNCE, COMPLAINT, DELIVERY"),
        (
            {"EventDestinations": [destination(*ALL[:3])]},
            Level.WARNING,
            "publishes no COMPLAINT, DELIVERY_DELAY, REJECT",
        ),
        ({"EventDestinations": [destination(*ALL, Enabled=False)]}, Level.WARNING, "publishes no BOUNCE"),
    ],
)
def test_what_is_wrong_with_it_is_named(changes, level, words):
    ((found, text),) = wrong(SOUND | changes)

    assert found is level
    assert words in text


def test_the_daily_quota_is_worth_a_warning_from_four_fifths_on():
    assert wrong(SOUND | account(SentLast24Hours=39_999.0)) == []
    assert wrong(SOUND | account(Max24HourSend=-1.0, SentLast24Hours=39_999.0)) == []  # -1: no limit


def test_what_the_credentials_may_not_ask_is_no_fault():
    told = wrong({"message": "User is not authorized"}, status=403, code="AccessDeniedException")

    assert {level for level, _ in told} == {Level.WARNING}
    assert [text.split()[-1] for _, text in told] == [
        "ses:GetAccount", "ses:GetEmailIdentity", "ses:GetConfigurationSet"
    ]  # fmt: skip


def test_without_a_configuration_set_there_are_no_events_to_read():
    with answering(200, SOUND) as (port, _):
        settings = Settings(mail_mode="live", mail_from="reports@acme.example", feedback_queue="q")
        told = [one.text for one in mailer_at(port).findings(settings) if one.level is Level.WARNING]
    assert told == ["FEEDBACK_QUEUE is set, and emails name no configuration set, so SES may publish no events"]
