"""SES's GetEmailIdentity over HTTP: whether a sender is verified, and every answer that is none."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from include.scheduled_reports.adapters.smtp import SmtpMailer
from tests.contract.test_ses_rate import answering, mailer_at

#: As the SES API v2 reference shows it.
IDENTITY = {
    "IdentityType": "EMAIL_ADDRESS",
    "FeedbackForwardingStatus": True,
    "VerifiedForSendingStatus": True,
    "VerificationStatus": "SUCCESS",
}
MISSING = {"message": "Email identity reports@acme.example does not exist."}


def test_a_verified_address_is_found_at_once():
    with answering(200, IDENTITY) as (port, asked):
        assert mailer_at(port).is_verified("reports@acme.example") is True
    assert [unquote(one) for one in asked] == ["GET /v2/email/identities/reports@acme.example"]


def test_an_address_may_be_verified_by_its_domain_or_one_above_it():
    with answering(404, MISSING, code="NotFoundException") as (port, asked):
        assert mailer_at(port).is_verified("reports@mail.acme.example") is False
    names = [unquote(one).rpartition("/")[2] for one in asked]
    assert names == ["reports@mail.acme.example", "mail.acme.example", "acme.example"]


def test_a_domain_in_another_script_is_asked_for_in_its_ascii_form():
    with answering(404, MISSING, code="NotFoundException") as (port, asked):
        mailer_at(port).is_verified("reports@b\u00fccher.example")
    assert unquote(asked[-1]).endswith("/xn--bcher-kva.example")


def test_an_identity_that_is_pending_is_not_verified():
    with answering(200, IDENTITY | {"VerifiedForSendingStatus": False}) as (port, _):
        assert mailer_at(port).is_verified("reports@acme.example") is False


@pytest.mark.parametrize(
    ("status", "code"), [(403, "AccessDeniedException"), (429, "TooManyRequestsException"), (500, "InternalFailure")]
)
def test_a_service_that_does_not_say_is_no_reason_to_refuse(status, code):
    with answering(status, {"message": "no"}, code=code) as (port, _):
        assert mailer_at(port).is_verified("reports@acme.example") is None


def test_smtp_cannot_be_asked():
    assert SmtpMailer.is_verified(None, "reports@acme.example") is None
