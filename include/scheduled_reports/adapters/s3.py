"""The bucket of artifacts in S3."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError

from ..domain.errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: AWS's shortest default session; a token stored in a connection does not say when it expires.
UNKNOWN_SESSION = timedelta(hours=1)
PERMANENT = frozenset(
    {"AccessDenied", "NoSuchBucket", "NoSuchKey", "404", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)


@dataclass(frozen=True, slots=True)
class S3Store:
    """Port `Store`; *client* is a boto3 S3 client."""

    client: Any
    bucket: str
    kms_key: str | None = None

    def __post_init__(self) -> None:
        self.client.meta.events.register_first("choose-signer.s3", _keep_version_4)

    def put(
        self, key: str, content: BinaryIO, *, content_type: str, file_name: str, tags: Mapping[str, str] | None = None
    ) -> None:
        described = {
            **({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key} if self.kms_key else {}),
            **({"Tagging": urlencode(tags)} if tags else {}),
            "ContentType": content_type,
            "ContentDisposition": _disposition(file_name),
            # S3 compares the digest of the received content with the one computed while sending.
            "ChecksumAlgorithm": "SHA256",
        }
        with _translated(f"s3://{self.bucket}/{key}"):
            self.client.upload_fileobj(content, self.bucket, key, ExtraArgs=described)

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with _translated(f"s3://{self.bucket}/{key}"):
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            with answer["Body"] as body:
                yield body

    def lifetime(self, wanted: timedelta) -> timedelta:
        # botocore has no public way to get the credentials that sign.
        credentials = self.client._request_signer._credentials  # noqa: SLF001
        if credentials is None or not credentials.token:
            return wanted
        expires = getattr(credentials, "_expiry_time", None)
        left = expires - datetime.now(UTC) if expires else UNKNOWN_SESSION
        return max(min(wanted, left), timedelta(seconds=1))

    def link(self, key: str, lifetime: timedelta) -> str:
        with _translated(f"s3://{self.bucket}/{key}"):
            return str(
                self.client.generate_presigned_url(
                    "get_object",
                    Params={"Bucket": self.bucket, "Key": key},
                    ExpiresIn=int(lifetime.total_seconds()),
                )
            )

    def delete(self, key: str) -> None:
        with _translated(f"s3://{self.bucket}/{key}"):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def keys(self, prefix: str) -> Iterator[str]:
        with _translated(f"s3://{self.bucket}/{prefix}"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                yield from (item["Key"] for item in page.get("Contents", ()))


def _keep_version_4(signature_version: str, **_: Any) -> str | None:
    """In old regions botocore presigns with version 2, which buckets created since June 2020 refuse."""
    return "s3v4-query" if signature_version in {"v4-query", "s3v4-query"} else None


def _disposition(file_name: str) -> str:
    """RFC 6266: the file name in ASCII for old clients, and exactly in UTF-8."""
    plain = file_name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "'").replace("\\", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        kind = ConfigurationError if code in PERMANENT else TransientError
        raise kind(f"S3 refused {what}: {code}") from error
    except BotoCoreError as error:
        raise TransientError(f"S3 did not answer for {what}: {type(error).__name__}") from error
