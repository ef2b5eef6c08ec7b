"""The queue of SES's events: Amazon SQS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ..domain.errors import ConfigurationError, TransientError
from ..domain.feedback import Batch
from .ses_events import ForeignMessageError, read_event

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The most messages of one call, for receiving as for deleting.
MOST: Final = 10
FORBIDDEN: Final = 403
#: Answers of SQS that a retry does not change.
WRONG: Final = frozenset({
    "AccessDenied", "AccessDeniedException", "AWS.SimpleQueueService.NonExistentQueue", "InvalidAddress",
    "InvalidClientTokenId", "InvalidSecurity", "QueueDoesNotExist", "SignatureDoesNotMatch",
    "UnrecognizedClientException", "UnsupportedOperation",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqsEventQueue:
    """Port `EventQueue`; *client* is a boto3 sqs client, which threads may share."""

    client: Any
    url: str

    def receive(self) -> Batch:
        # A wait of a second asks all servers of SQS: only then does no message mean that there is none.
        found = self._call("receive_message", MaxNumberOfMessages=MOST, WaitTimeSeconds=1).get("Messages", [])
        events, ignored = [], 0
        for one in found:
            try:
                events.append(read_event(one["Body"]))
            except ForeignMessageError:
                ignored += 1
        return Batch(tuple(events), ignored, tuple(one["ReceiptHandle"] for one in found))

    def delete(self, handles: Sequence[str]) -> None:
        for first in range(0, len(handles), MOST):
            entries = [
                {"Id": str(place), "ReceiptHandle": handle}
                for place, handle in enumerate(handles[first : first + MOST])
            ]
            self._call("delete_message_batch", Entries=entries)  # what could not be deleted comes again

    def waiting(self) -> int:
        name = "ApproximateNumberOfMessages"
        return int(self._call("get_queue_attributes", AttributeNames=[name])["Attributes"][name])

    def _call(self, name: str, **values: Any) -> dict[str, Any]:
        try:
            return getattr(self.client, name)(QueueUrl=self.url, **values)  # type: ignore[no-any-return]
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            kind = ConfigurationError if code in WRONG or status == FORBIDDEN else TransientError
            # Not `from error`: its text names accounts and roles.
            raise kind(f"SQS refuses {name}: {code}") from None
        except BotoCoreError as error:
            raise TransientError(f"SQS could not be reached: {type(error).__name__}") from error
