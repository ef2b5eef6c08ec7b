"""S3 and SES on 127.0.0.1: moto's server, and what the demo and the tests ask of it.

`python -m demo.aws PORT` is that server, with SES taught what moto leaves out: the envelope of a message by itself
(moto mixes it with the addresses in the headers, and counts those twice against the 50 allowed), the size limit, and
when a message came.
"""

from __future__ import annotations

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

from .processes import Child, free_port, is_free, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

REGION = "us-east-1"
ACCESS_KEY = "demo"
SECRET_KEY = "demo-only"  # noqa: S105 - a local server that checks nothing
MAX_RECIPIENTS = 50
MAX_MESSAGE_BYTES = 40 * 1024 * 1024

# An instance variable without environment variable and config key: nothing outside this process can set it.
UNSET = (None, None, None, None)


@dataclass(frozen=True)
class Mail:
    """A message that SES accepted: the envelope with everybody who gets it, and the source as it was given."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    received: datetime


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

    def client(self, service: str) -> Any:
        """A boto3 client that knows only this server, whatever profiles and variables there are."""
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
            ),
        )

    def create_bucket(self, name: str) -> None:
        """Make a bucket; one that exists is left as it is."""
        self.client("s3").create_bucket(Bucket=name)

    def verify_sender(self, address: str) -> None:
        """Allow SES to send from an address or a domain."""
        self.client("sesv2").create_email_identity(EmailIdentity=address)

    def mails(self) -> tuple[Mail, ...]:
        """Every accepted message, the oldest first."""
        with requests.Session() as session:
            session.trust_env = False
            response = session.get(f"{self.url}/moto-api/data.json", timeout=60)
        response.raise_for_status()
        found = [_mail(message) for message in response.json().get("ses", {}).get("RawMessage", [])]
        return tuple(sorted(found, key=lambda mail: mail.received))

    def keys(self, bucket: str, prefix: str = "") -> dict[str, int]:
        """The keys below a prefix and their sizes."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}

    def read(self, bucket: str, key: str) -> StoredObject:
        """An object with its size."""
        answer = self.client("s3").get_object(Bucket=bucket, Key=key)
        return StoredObject(key, answer["ContentLength"], answer["ContentType"], answer["Body"].read())

    def link(self, bucket: str, key: str, *, seconds: int = 86_400) -> str:
        """A signed URL: moto, like S3, shows an object to nobody without one."""
        parameters = {"Bucket": bucket, "Key": key}
        return str(self.client("s3").generate_presigned_url("get_object", parameters, ExpiresIn=seconds))

    def connection(self) -> dict[str, Any]:
        """The fields of an Airflow connection to this server."""
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
    """Variables that keep the AWS clients of a child process away from real accounts."""
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
        raise RuntimeError(f"port {port} on 127.0.0.1 is in use; the local S3 and SES need another one")
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
    from moto.server import main  # noqa: PLC0415 - half a second and 100 MB that only the server needs

    _teach_s3()
    _teach_ses()
    main(["-H", "127.0.0.1", "-p", str(port)])


def _teach_s3() -> None:
    """Parts of an upload belong to no bucket yet, over which /moto-api/data.json fails as a whole."""
    from moto.s3 import models  # noqa: PLC0415

    keep = models.FakeMultipart.set_part

    def set_part(self: models.FakeMultipart, part_id: int, value: bytes) -> models.FakeKey:
        part = keep(self, part_id, value)
        part.status = "RESTORED"  # the state it is in anyhow; asked for it, moto would tell the bucket
        return part

    models.FakeMultipart.set_part = set_part  # type: ignore[method-assign]


def _teach_ses() -> None:
    from moto.ses import models  # noqa: PLC0415
    from moto.ses.exceptions import MessageRejectedError  # noqa: PLC0415

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
        # Attributes of a model appear in /moto-api/data.json by themselves.
        vars(message).update(envelope=envelope, received=datetime.now(UTC).isoformat())
        return message

    models.RECIPIENT_LIMIT = sys.maxsize
    models.SESBackend.send_raw_email = send_raw_email  # type: ignore[method-assign]


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
    )


def _answers(aws: Aws) -> bool:
    try:
        aws.mails()
    except requests.RequestException:
        return False
    return True


if __name__ == "__main__":
    serve(int(sys.argv[1]))
