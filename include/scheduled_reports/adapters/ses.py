"""Send mail with Amazon SES (API v2): raw messages of up to 40 MB after base64.

The client must have botocore's retries switched off: SES has no idempotency token, so a repeated call sends a second
mail.  Source: SendEmail in the SES v2 API reference.
"""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from dataclasses import dataclass
from email.utils import parseaddr
from io import SEEK_CUR, SEEK_END, SEEK_SET, RawIOBase
from math import inf
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)

from ..domain.addresses import ascii_address
from ..domain.errors import (
    AllRefusedError,
    ConfigurationError,
    DeliveryUnknownError,
    PermanentError,
    RecipientRefusedError,
    ThrottledError,
    TransientError,
)
from ..domain.report import Recipients
from . import ses_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..domain.finding import Finding
    from ..settings import Settings

log = logging.getLogger(__name__)

THROTTLED = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"})
MISCONFIGURED = frozenset({
    "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch",
    "MailFromDomainNotVerifiedException", "AccountSuspendedException", "SendingPausedException", "NotFoundException",
})  # fmt: skip
#: When botocore has written the JSON of a call and has not signed it yet.
BEFORE_CALL = "before-call.sesv2.SendEmail"
#: Stands for the message in that JSON, as base64.
PLACEHOLDER = b"in place of the raw message"
MARK = b64encode(PLACEHOLDER)
#: Bytes of a call that are made at a time.
PIECE = 64 * 1024
LONGEST_TAG = 256
#: Errors raised before anything was sent.
NOT_BEGUN = (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError)


@dataclass(frozen=True, slots=True)
class SesMailer:
    """Port `Mailer`; *client* is a boto3 sesv2 client whose retries are off."""

    client: Any
    configuration_set: str | None = None
    #: Makes a client with short time-outs for questions, whose answers are not worth waiting for.
    impatient: Callable[[], Any] | None = None

    def send(self, sender: str, recipients: Recipients, raw: bytes, *, tags: Mapping[str, str]) -> str:
        envelope: dict[str, Any] = {
            # The display name is in the message; here SES accepts only ASCII.
            "FromEmailAddress": ascii_address(parseaddr(sender)[1]),
            "Destination": {
                "ToAddresses": [ascii_address(address) for address in recipients.to],
                "CcAddresses": [ascii_address(address) for address in recipients.cc],
                "BccAddresses": [ascii_address(address) for address in recipients.bcc],
            },
            "EmailTags": [{"Name": name, "Value": _tag(value)} for name, value in tags.items()],
        }
        if self.configuration_set:
            envelope["ConfigurationSetName"] = self.configuration_set
        try:
            return str(_send(self.client, envelope, raw)["MessageId"])
        except ClientError as error:
            # Not `from error`: its text may name recipients, and the traceback would log them.
            raise _meaning(error, sender, recipients) from None
        except NOT_BEGUN as error:
            raise TransientError(f"SES could not be reached: {type(error).__name__}") from error
        except Exception as error:  # any other error, such as a truncated answer: the message may have been sent
            raise DeliveryUnknownError(f"SES did not answer: {type(error).__name__}") from error

    def recipients_per_second(self) -> float | None:
        try:
            answer = (self.impatient() if self.impatient else self.client).get_account()
            rate = float(answer["SendQuota"]["MaxSendRate"])
        except Exception as error:  # not allowed, asked too often, out of reach: no reason to keep a mail back
            log.warning("SES did not tell its rate: %s", _short(error))
            return None
        return rate if 0 < rate < inf else None

    def is_verified(self, address: str) -> bool | None:
        """Whether SES has verified the address, its domain or a domain above it."""
        client = self.impatient() if self.impatient else self.client
        try:
            return any(ses_account.is_verified(client, identity) for identity in _identities(ascii_address(address)))
        except Exception as error:  # not allowed, out of reach: SES decides when a mail is sent
            log.warning("SES did not tell whether a sender is verified: %s", _short(error))
            return None

    def findings(self, settings: Settings) -> Iterator[Finding]:
        client = self.impatient() if self.impatient else self.client
        return ses_account.findings(client, settings, _identities(ascii_address(parseaddr(settings.sender)[1])))


def _identities(address: str) -> Iterator[str]:
    """The identities of SES that let an address send."""
    yield address
    labels = address.rpartition("@")[2].split(".")
    for first in range(len(labels) - 1):
        yield ".".join(labels[first:])


class _OtherBodyError(Exception):
    """This botocore writes another body; nothing was sent."""


def _send(client: Any, envelope: Mapping[str, Any], raw: bytes) -> Mapping[str, Any]:
    """Call SendEmail without a copy of the message in memory; botocore itself makes four, as base64 in JSON."""

    def fill_in(params: dict[str, Any], **_: Any) -> None:
        parts = params["body"].split(MARK)
        if len(parts) != 2:
            raise _OtherBodyError
        before, after = parts
        params["body"] = _Body(before, raw, after)

    client.meta.events.register(BEFORE_CALL, fill_in)
    try:
        answer = client.send_email(**envelope, Content={"Raw": {"Data": PLACEHOLDER}})
    except _OtherBodyError:
        client.meta.events.unregister(BEFORE_CALL, fill_in)
        answer = client.send_email(**envelope, Content={"Raw": {"Data": raw}})
    finally:
        client.meta.events.unregister(BEFORE_CALL, fill_in)
    return answer  # type: ignore[no-any-return]


class _Body(RawIOBase):
    """The body of a call: a message in base64, encoded as it is read, between two parts of the JSON."""

    def __init__(self, before: bytes, message: bytes, after: bytes) -> None:
        self._before, self._after, self._message = before, after, memoryview(message)
        self._end = len(before) + 4 * -(-len(message) // 3)  # of the message
        self._position = 0

    def __len__(self) -> int:
        return self._end + len(self._after)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._from(self._position, min(len(buffer), PIECE))
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        self._position = offset + {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: len(self)}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def _from(self, start: int, most: int) -> bytes:
        """At most so many bytes, of the part in which *start* is."""
        if start < len(self._before):
            return self._before[start : start + most]
        if start >= self._end:
            return self._after[start - self._end :][:most]
        group, skipped = divmod(start - len(self._before), 4)  # three bytes of the message are four of base64
        encoded = b64encode(self._message[3 * group : 3 * (group + -(-(skipped + most) // 4))])
        return encoded[skipped : skipped + most]


def _short(error: Exception) -> str:
    """The code of SES's answer, or the type of another error; their texts name accounts and roles."""
    return ses_account.error_code(error) if isinstance(error, ClientError) else type(error).__name__


def _tag(value: str) -> str:
    """*value* in the characters that SES allows; never empty."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", value)[:LONGEST_TAG] or "_"


def _named(error: ClientError, recipients: Recipients) -> list[str]:
    """The recipients named in SES's message: "The following identities failed the check in region …: a@b.c"."""
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    words: list[str] = re.findall(r"[^\s,;:<>\"()\[\]]+@[^\s,;:<>\"()\[\]]+", text)
    # A final period and surrounding quotes belong to the sentence; a quote inside (o'brien) belongs to the address.
    mentioned = {*words, *(word.rstrip(".").strip("'`") for word in words)}
    return [one for one in recipients if {one.lower(), ascii_address(one).lower()} & mentioned]


def _meaning(error: ClientError, sender: str, recipients: Recipients) -> Exception:
    code = ses_account.error_code(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in THROTTLED or status == 429:
        return ThrottledError(f"SES asked to slow down: {code}")
    if code in MISCONFIGURED:
        return ConfigurationError(f"SES refuses to send: {code}")
    if 400 <= status < 500:
        if _named(error, Recipients(to=(ascii_address(parseaddr(sender)[1]),))):
            return ConfigurationError(f"SES refuses to send for the sender: {code}")
        return _refusal(code, _named(error, recipients), recipients)
    # A 5xx may be sent before or after the message was accepted.
    return DeliveryUnknownError(f"SES failed while processing the message: {code}")


def _refusal(code: str, named: list[str], recipients: Recipients) -> PermanentError:
    """The error for a message that SES refuses because of the *named* recipients, or as a whole."""
    if not named:
        return PermanentError(f"SES refused the message: {code}")
    if len(named) == len(recipients):  # such as in the sandbox; that is about nobody
        return AllRefusedError(f"SES refuses every recipient: {code}")
    return RecipientRefusedError(named, codes=[code])
