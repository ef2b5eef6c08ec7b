"""S3, SES and SQS on 127.0.0.1: moto's server, and a client for the demo and the tests.

`python -m demo.aws PORT` runs the server, with additions to moto's SES: the envelope of a message (moto mixes it with
the addresses in the headers, and counts those twice against the 50 allowed), its tags, the size limit, the time of
receipt, the account's rate, and events in the queue EVENTS if there is one.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import HeaderParser
from email.utils import getaddresses
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import requests
from botocore.config import Config

from . import mail_events
from .processes import Child, free_port, is_free, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REGION = "us-east-1"
ACCESS_KEY = "demo"
SECRET_KEY = "demo-only"  # noqa: S105 - a local server that checks nothing
MAX_RECIPIENTS = 50
MAX_SEND_RATE = 1_000.0
MAX_MESSAGE_BYTES = 40 * 1024 * 1024
ACCOUNT = "123456789012"
#: The queue to which SES's events go.
EVENTS = "report-events"
#: The local part of an address that bounces, as in SES's mailbox simulator.
BOUNCING = "bounce"

# A session variable without environment variable and config key: nothing outside this process can set it.
UNSET = (None, None, None, None)


@dataclass(frozen=True)
class Mail:
    """A message that SES accepted: its envelope and its source."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    received: datetime
    tags: Mapping[str, str]


@dataclass(frozen=True)
class StoredObject:
    """An object in S3."""

    key: str
    size: int
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Aws:
    """A running S3 and SES."""

    url: str
    child: Child

    def client(self, service: str, **config: Any) -> Any:
        """Make a boto3 client for this server that ignores profiles and environment variables."""
        return _session().client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(
                proxies={},
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                ignore_configured_endpoint_urls=True,
                **config,
            ),
        )

    def create_bucket(self, name: str) -> None:
        """Create a bucket; an existing one is kept."""
        self.client("s3").create_bucket(Bucket=name)

    def queue_url(self, name: str) -> str:
        """The URL of a queue, whether or not it exists yet."""
        return f"{self.url}/{ACCOUNT}/{name}"

    def create_queue(self, name: str) -> None:
        """Create a queue; an existing one is kept."""
        self.client("sqs").create_queue(QueueName=name)

    def verify_sender(self, address: str) -> None:
        """Allow SES to send from an address or a domain."""
        self.client("sesv2").create_email_identity(EmailIdentity=address)

    def mails(self) -> tuple[Mail, ...]:
        """List accepted messages, oldest first."""
        with requests.Session() as session:
            session.trust_env = False
            response = session.get(f"{self.url}/moto-api/data.json", timeout=60)
        response.raise_for_status()
        found = [_mail(message) for message in response.json().get("ses", {}).get("RawMessage", [])]
        return tuple(sorted(found, key=lambda mail: mail.received))

    def keys(self, bucket: str, prefix: str = "") -> dict[str, int]:
        """List the keys below a prefix with their sizes."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}

    def read(self, bucket: str, key: str) -> StoredObject:
        """Read an object."""
        answer = self.client("s3").get_object(Bucket=bucket, Key=key)
        return StoredObject(key, answer["ContentLength"], answer["ContentType"], answer["Body"].read())

    def link(self, bucket: str, key: str, *, seconds: int = 86_400) -> str:
        """Make a signed URL: like S3, moto serves no object without one."""
        parameters = {"Bucket": bucket, "Key": key}
        return str(self.client("s3").generate_presigned_url("get_object", parameters, ExpiresIn=seconds))

    def connection(self) -> dict[str, Any]:
        """Return the fields of an Airflow connection to this server."""
        return {
            "conn_type": "aws",
            "login": ACCESS_KEY,
            "password": SECRET_KEY,
            "extra": {"endpoint_url": self.url, "region_name": REGION},
        }


@cache
def _session() -> boto3.Session:
    """One session for all clients: loading the service descriptions, megabytes of JSON, takes 0.3 s each time."""
    session = botocore.session.Session(
        session_vars={
            "profile": UNSET,
            "config_file": (None, None, "/dev/null", None),
            "credentials_file": (None, None, "/dev/null", None),
        }
    )
    return boto3.Session(botocore_session=session)


def environment() -> dict[str, str]:
    """Return variables that keep AWS clients of a child process away from real accounts."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def begin(folder: Path, *, port: int | None = None) -> Aws:
    """Start the server without waiting for it."""
    port = port or free_port()
    if not is_free(port):
        raise RuntimeError(f"port {port} on 127.0.0.1 is in use; choose another port for the local S3 and SES")
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    child = Child.start(
        "aws",
        [sys.executable, "-m", "demo.aws", str(port)],
        log=folder / "aws.log",
        env={**environment(), "TMPDIR": str(temporary.resolve()), "HOME": str(temporary.resolve())},
        cwd=Path(__file__).resolve().parent.parent,
    )
    return Aws(f"http://127.0.0.1:{port}", child)


def wait_ready(aws: Aws, *, seconds: float = 60) -> None:
    """Wait until the server answers."""
    wait_until(lambda: _answers(aws), seconds=seconds, what="the local S3 and SES", alive=aws.child, pause=0.05)


def start(folder: Path, *, port: int | None = None) -> Aws:
    """Start the server and wait until it answers."""
    aws = begin(folder, port=port)
    try:
        wait_ready(aws)
    except BaseException:
        aws.child.stop()
        raise
    return aws


def serve(port: int) -> None:
    """Run moto's server in this process."""
    from moto.server import main  # noqa: PLC0415 - half a second and 100 MB, needed only by the server

    _patch_s3()
    _patch_ses()
    _patch_iam()
    main(["-H", "127.0.0.1", "-p", str(port)])


def _patch_s3() -> None:
    """Make /moto-api/data.json work during uploads: it fails on parts that belong to no bucket yet."""
    from moto.s3 import models  # noqa: PLC0415

    keep = models.FakeMultipart.set_part

    def set_part(self: models.FakeMultipart, part_id: int, value: bytes) -> models.FakeKey:
        part = keep(self, part_id, value)
        part.status = "RESTORED"  # its actual state; computing it, moto would look for the bucket
        return part

    models.FakeMultipart.set_part = set_part  # type: ignore[method-assign]


def _patch_ses() -> None:
    from moto.ses import models  # noqa: PLC0415
    from moto.ses.exceptions import MessageRejectedError  # noqa: PLC0415
    from moto.sesv2 import urls  # noqa: PLC0415
    from moto.sesv2.models import EmailIdentity  # type: ignore[attr-defined]  # noqa: PLC0415
    from moto.sesv2.responses import SESV2Response  # noqa: PLC0415

    accept = models.SESBackend.send_raw_email

    def send_raw_email(
        self: models.SESBackend, source: str, destinations: list[str], raw_data: str
    ) -> models.RawMessage:
        envelope = list(destinations) or _header_addresses(raw_data)
        if len(envelope) > MAX_RECIPIENTS:
            raise MessageRejectedError(f"Recipient count exceeds {MAX_RECIPIENTS}.")
        if (size := len(raw_data.encode())) > MAX_MESSAGE_BYTES:
            raise MessageRejectedError(f"Message length is more than {MAX_MESSAGE_BYTES} bytes long: {size}.")
        message = accept(self, source, destinations, raw_data)
        # Attributes of a model appear in /moto-api/data.json.
        vars(message).update(envelope=envelope, received=datetime.now(UTC).isoformat())
        return message

    take = SESV2Response.send_email

    def send_email(self: SESV2Response) -> str:
        answer = take(self)
        tags = {one["Name"]: one["Value"] for one in json.loads(self.body).get("EmailTags", ())}
        message_id = json.loads(answer)["MessageId"]
        message = next(one for one in self.sesv2_backend.core_backend.sent_messages[::-1] if one.id == message_id)
        vars(message).update(tags=tags)
        _publish(message_id, tags, vars(message)["envelope"])
        return answer

    def get_account(_: SESV2Response) -> str:
        quota = {"Max24HourSend": 50_000.0, "MaxSendRate": MAX_SEND_RATE, "SentLast24Hours": 0.0}
        return json.dumps({"SendingEnabled": True, "SendQuota": quota})

    keep = EmailIdentity.__init__

    def create(self: EmailIdentity, *values: Any, **options: Any) -> None:
        keep(self, *values, **options)
        self.verified_for_sending_status = True  # moto sends for it

    EmailIdentity.__init__ = create  # type: ignore[method-assign]
    # Moto has neither the operation nor its path.
    SESV2Response.get_account = get_account  # type: ignore[attr-defined]
    urls.url_paths["{0}/v2/email/account$"] = SESV2Response.dispatch
    SESV2Response.send_email = send_email  # type: ignore[method-assign]
    models.RECIPIENT_LIMIT = sys.maxsize
    models.SESBackend.send_raw_email = send_raw_email  # type: ignore[method-assign]


def _publish(message_id: str, tags: Mapping[str, str], recipients: Sequence[str]) -> None:
    """Publish what becomes of a message, as SES does through SNS."""
    from moto.sqs import models  # noqa: PLC0415

    backend = models.sqs_backends[ACCOUNT][REGION]
    if EVENTS not in backend.queues:
        return
    now, delivery = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", tags.get("delivery")
    more = {"message_id": message_id, "sent_at": now}
    found = [mail_events.send(delivery, *recipients, **more)]
    for address in recipients:
        outcome = mail_events.bounced if address.partition("@")[0] == BOUNCING else mail_events.delivered
        found.append(outcome(delivery, address, at=now, **more))
    for event in found:
        backend.send_message(EVENTS, mail_events.in_sns(event))


def _patch_iam() -> None:
    """Let access checks accept a GET to SES: moto takes its headers for a body, whose signature differs."""
    from moto.iam import access_control  # noqa: PLC0415

    keep = access_control.IAMRequestBase._create_aws_request  # noqa: SLF001 - moto offers no other way

    def create(self: access_control.IAMRequestBase) -> Any:
        if self._service == "ses" and self._method == "GET":
            self._data = {}
        return keep(self)

    access_control.IAMRequestBase._create_aws_request = create  # type: ignore[method-assign]  # noqa: SLF001


def _header_addresses(raw: str) -> list[str]:
    headers = HeaderParser().parsestr(raw, headersonly=True)
    fields: Sequence[str] = [value for name in ("To", "Cc", "Bcc") for value in headers.get_all(name, [])]
    return [address for _, address in getaddresses(fields) if address]


def _mail(message: dict[str, Any]) -> Mail:
    return Mail(
        message_id=message["id"],
        sender=message["source"],
        recipients=tuple(message["envelope"]),
        raw=message["raw_data"].encode(),
        received=datetime.fromisoformat(message["received"]),
        tags=message.get("tags", {}),
    )


def _answers(aws: Aws) -> bool:
    try:
        aws.mails()
    except requests.RequestException:
        return False
    return True


if __name__ == "__main__":
    serve(int(sys.argv[1]))
