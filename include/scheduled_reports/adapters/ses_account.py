"""What SES says of the account: its sandbox, its limits, the sender's identity and the configuration set.

Source: GetAccount, GetEmailIdentity, GetConfigurationSet and GetConfigurationSetEventDestinations in the SES v2 API
reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ..domain.finding import fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..domain.finding import Finding
    from ..settings import Settings

#: The events that the record is made of.
EVENTS: Final = frozenset({"SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "DELIVERY_DELAY"})
#: The share of the daily quota that is worth a warning.
NEARLY: Final = 0.8
NOT_FOUND: Final = "NotFoundException"
_NOT_ALLOWED: Final = frozenset({"AccessDeniedException", "AccessDenied"})


def findings(client: Any, settings: Settings, identities: Iterable[str]) -> Iterator[Finding]:
    """Everything about the account; *identities* are those that would let the sender send."""
    yield from _asked("ses:GetAccount", lambda: _account(client.get_account()))
    yield from _asked("ses:GetEmailIdentity", lambda: _sender(client, settings, identities))
    if settings.configuration_set:
        yield from _asked("ses:GetConfigurationSet", lambda: _configuration_set(client, settings))
    elif settings.feedback_queue:
        text = "FEEDBACK_QUEUE is set, and emails name no configuration set, so SES may publish no events"
        yield warning("mail", text, "set CONFIGURATION_SET, or make it the default of the sender's identity")


def _asked(action: str, ask: Any) -> Iterator[Finding]:
    try:
        yield from ask()
    except ClientError as error:
        code = error_code(error)
        if code in _NOT_ALLOWED:
            yield warning("mail", f"SES does not let these credentials ask for {action}", f"allow {action}")
        else:
            yield fault("mail", f"SES answered {action} with {code}", "check the AWS connection and its region")
    except BotoCoreError as error:
        text = f"SES could not be reached: {type(error).__name__}"
        yield fault("mail", text, "check the AWS connection, its region and the network")


def _account(account: dict[str, Any]) -> Iterator[Finding]:
    quota = account.get("SendQuota", {})
    rate, most, sent = (float(quota.get(name, 0)) for name in ("MaxSendRate", "Max24HourSend", "SentLast24Hours"))
    if not account.get("SendingEnabled", True):
        yield fault("mail", "sending is disabled for this SES account", "ask AWS why, and enable it again")
    if account.get("ProductionAccessEnabled") is False:
        text = "the SES account is in the sandbox: it mails verified addresses only"
        yield warning("mail", text, "request production access in the SES console")
    told = f"{sent:,.0f} of {most:,.0f} emails of the last 24 hours, {rate:g} per second"
    if most > 0 and sent >= NEARLY * most:
        yield warning("mail", f"the SES quota is nearly used: {told}", "request a higher quota")
    else:
        yield ok("mail", f"SES: {told}")


def is_verified(client: Any, identity: str) -> bool:
    """Whether SES has verified an address or a domain; False if it does not know it."""
    try:
        return bool(client.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"])
    except ClientError as error:
        if error_code(error) == NOT_FOUND:
            return False
        raise


def error_code(error: ClientError) -> str:
    """AWS's code of an error, such as `NotFoundException`."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _sender(client: Any, settings: Settings, identities: Iterable[str]) -> Iterator[Finding]:
    for identity in identities:
        if is_verified(client, identity):
            yield ok("mail", f"{identity} is verified for sending")
            return
    text = f"neither {settings.sender} nor its domain is verified in SES"
    yield fault("mail", text, "verify the address or its domain in SES, in the region of the AWS connection")


def _configuration_set(client: Any, settings: Settings) -> Iterator[Finding]:
    name = settings.configuration_set
    try:
        client.get_configuration_set(ConfigurationSetName=name)
    except ClientError as error:
        if error_code(error) != NOT_FOUND:
            raise
        yield fault("mail", f"SES has no configuration set {name}", "create it, or correct CONFIGURATION_SET")
        return
    yield ok("mail", f"the configuration set {name} exists")
    if settings.feedback_queue:
        yield from _asked("ses:GetConfigurationSetEventDestinations", lambda: _events(client, name))


def _events(client: Any, name: str) -> Iterator[Finding]:
    answer = client.get_configuration_set_event_destinations(ConfigurationSetName=name)
    published = {
        kind
        for one in answer.get("EventDestinations", ())
        if one.get("Enabled") and one.get("SnsDestination")
        for kind in one.get("MatchingEventTypes", ())
    }
    if missing := EVENTS - published:
        text = f"the configuration set {name} publishes no {', '.join(sorted(missing))} to SNS"
        yield warning("mail", text, "add the event types to its destination; see docs/feedback.md")
