"""The mail service: Amazon SES, API version 2, raw messages of up to 40 MB after base64.

The client has to be made with botocore's retries off: SES knows no idempotency token, and a repeated call is a second
mail.  Source: SendEmail in the SES v2 API reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError

from ..checks import ascii_address
from ..errors import ConfigurationError, DeliveryUnknownError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model import Recipients

THROTTLED = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"})
MISCONFIGURED = frozenset({
    "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch",
    "MailFromDomainNotVerifiedException", "AccountSuspendedException", "SendingPausedException", "NotFoundException",
})  # fmt: skip
#: Nothing was sent yet when these are raised.
NOT_BEGUN = (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError)


@dataclass(frozen=True, slots=True)
class SesMailer:
    """Port `Mailer`; *client* is a boto3 sesv2 client whose retries are off."""

    client: Any

    def send(self, sender: str, recipients: Recipients, raw: bytes, *, tags: Mapping[str, str]) -> str:  # noqa: ARG002
        """Send one message once; returns SES's message id."""
        envelope = {
            # The name stands in the message; here SES takes nothing but ASCII.
            "FromEmailAddress": ascii_address(parseaddr(sender)[1]),
            "Destination": {
                "ToAddresses": [ascii_address(address) for address in recipients.to],
                "CcAddresses": [ascii_address(address) for address in recipients.cc],
                "BccAddresses": [ascii_address(address) for address in recipients.bcc],
            },
        }
        try:
            answer = self.client.send_email(**envelope, Content={"Raw": {"Data": raw}})
            return str(answer["MessageId"])
        except ClientError as error:
            raise _meaning(error) from error
        except NOT_BEGUN as error:
            raise TransientError(f"SES could not be reached: {type(error).__name__}") from error
        except Exception as error:  # whatever it is, an answer cut short among it: the message may have gone
            raise DeliveryUnknownError(f"SES did not answer: {type(error).__name__}") from error


def _meaning(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code", "unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in THROTTLED or status == 429:
        return TransientError(f"SES asked to slow down: {code}")
    if code in MISCONFIGURED:
        return ConfigurationError(f"SES refuses to send: {code}")
    if 400 <= status < 500:
        return PermanentError(f"SES refused the message: {code}")
    # A 5xx may come from before or after the message was accepted.
    return DeliveryUnknownError(f"SES failed while it had the message: {code}")
