"""Events of SES as its developer guide documents them, in SNS's envelope, for the demo and the tests.

Source: "Examples of event data that Amazon SES publishes to Amazon SNS", SES developer guide.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

SENT_AT = "2026-05-10T09:00:02.012Z"
LATER = "2026-05-10T09:01:02.669Z"
MESSAGE_ID = "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000"


def mail(
    delivery: UUID | str | None, *recipients: str, message_id: str = MESSAGE_ID, sent_at: str = SENT_AT
) -> dict[str, Any]:
    """The object `mail` of an event; a message without the tag is not ours."""
    own = {"delivery": [str(delivery)]} if delivery else {}
    return {
        "timestamp": sent_at,
        "source": "Acme <reports@acme.example>",
        "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/reports@acme.example",
        "sendingAccountId": "123456789012",
        "messageId": message_id,
        "destination": list(recipients),
        "headersTruncated": False,
        "headers": [{"name": "From", "value": "Acme <reports@acme.example>"}],
        "commonHeaders": {"from": ["Acme <reports@acme.example>"], "to": list(recipients), "messageId": message_id},
        "tags": {
            "ses:configuration-set": ["reports"],
            "ses:source-ip": ["192.0.2.0"],
            "ses:from-domain": ["acme.example"],
            "ses:caller-identity": ["ses_user"],
            **own,
        },
    }


def send(delivery: UUID | str | None, *recipients: str, **more: str) -> dict[str, Any]:
    """SES has taken the message."""
    return {"eventType": "Send", "mail": mail(delivery, *recipients, **more), "send": {}}


def delivered(delivery: UUID | str | None, *recipients: str, at: str = LATER, **more: str) -> dict[str, Any]:
    """The recipient's mail server has taken the message."""
    return {
        "eventType": "Delivery",
        "mail": mail(delivery, *recipients, **more),
        "delivery": {
            "timestamp": at,
            "processingTimeMillis": 11893,
            "recipients": list(recipients),
            "smtpResponse": "250 2.6.0 Message received",
            "reportingMTA": "mta.example.com",
        },
    }


def bounced(
    delivery: UUID | str | None,
    *recipients: str,
    kind: str = "Permanent",
    subtype: str = "General",
    at: str = LATER,
    **more: str,
) -> dict[str, Any]:
    """The message came back."""
    return {
        "eventType": "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": subtype,
            "bouncedRecipients": [
                {
                    "emailAddress": one,
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }
                for one in recipients
            ],
            "timestamp": at,
            "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
            "reportingMTA": "dsn; mta.example.com",
        },
        "mail": mail(delivery, *recipients, **more),
    }


def complained(
    delivery: UUID | str | None, *recipients: str, kind: str = "abuse", at: str = LATER, **more: str
) -> dict[str, Any]:
    """A reader marked the message as spam, or as not being spam."""
    return {
        "eventType": "Complaint",
        "complaint": {
            "complainedRecipients": [{"emailAddress": one} for one in recipients],
            "timestamp": at,
            "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
            "userAgent": "Amazon SES Mailbox Simulator",
            "complaintFeedbackType": kind,
            "arrivalDate": at,
        },
        "mail": mail(delivery, *recipients, **more),
    }


def rejected(delivery: UUID | str | None, *recipients: str, **more: str) -> dict[str, Any]:
    """SES took the message and found malware in it."""
    return {
        "eventType": "Reject",
        "mail": mail(delivery, *recipients, **more),
        "reject": {"reason": "Bad content"},
    }


def delayed(
    delivery: UUID | str | None, *recipients: str, kind: str = "TransientCommunicationFailure", at: str = LATER
) -> dict[str, Any]:
    """The recipient's mail server does not take the message yet."""
    return {
        "eventType": "DeliveryDelay",
        "mail": mail(delivery, *recipients),
        "deliveryDelay": {
            "timestamp": at,
            "delayType": kind,
            "expirationTime": "2026-05-10T23:00:00.000Z",
            "delayedRecipients": [
                {
                    "emailAddress": one,
                    "status": "4.4.1",
                    "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host",
                }
                for one in recipients
            ],
        },
    }


def opened(delivery: UUID | str | None, *recipients: str) -> dict[str, Any]:
    """A reader has loaded the images of the message, which says nothing of its delivery."""
    return {
        "eventType": "Open",
        "mail": mail(delivery, *recipients),
        "open": {"ipAddress": "192.0.2.1", "timestamp": LATER, "userAgent": "Mozilla/5.0"},
    }


def in_sns(event: dict[str, Any]) -> str:
    """The body of an SQS message: an event in the envelope of SNS."""
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": str(uuid4()),
            "TopicArn": "arn:aws:sns:us-east-1:123456789012:report-events",
            "Subject": "Amazon SES Email Event Notification",
            "Message": json.dumps(event),
            "Timestamp": LATER,
            "SignatureVersion": "1",
            "Signature": "EXAMPLE",
            "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem",
            "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
        }
    )
