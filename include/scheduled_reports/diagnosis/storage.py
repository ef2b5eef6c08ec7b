"""Check the bucket and staging by using them: an object is stored, read, linked and deleted again."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import uuid4

from ..domain.errors import ReportsError
from ..domain.finding import fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..domain.finding import Finding
    from ..ports.services import Services

CONTENT: Final = b"The doctor of scheduled reports stores this and deletes it again.\n"
SECONDS: Final = 15
#: What each step needs, by AWS's names.
RIGHTS: Final = {
    "put": "check BUCKET and KMS_KEY; allow s3:PutObject, and kms:GenerateDataKey if the bucket has a KMS key",
    "get": "allow s3:GetObject, and kms:Decrypt if the bucket is encrypted with a KMS key",
    "delete": "allow s3:DeleteObject; without it upkeep cannot remove old files",
}


def bucket(services: Services) -> Iterator[Finding]:
    """Whether files can be stored, read, linked and deleted, and how long a link works."""
    store, settings = services.store, services.settings
    key = f"doctor/check/{uuid4().hex}/check.txt"
    step = "put"
    try:
        store.put(key, io.BytesIO(CONTENT), content_type="text/plain", file_name="check.txt")
        step = "get"
        with store.open(key) as body:
            if body.read() != CONTENT:
                yield fault("bucket", f"{store.bucket} returned another content than was stored", "check the endpoint")
        yield from _link(services, key)
    except ReportsError as error:
        yield fault("bucket", str(error), RIGHTS[step])
        if step == "put":
            return
    try:
        store.delete(key)
    except ReportsError as error:
        yield fault("bucket", str(error), RIGHTS["delete"])
        return
    if step == "get":
        encrypted = f", encrypted with {settings.kms_key}" if settings.kms_key else ""
        yield ok("bucket", f"{store.bucket}: stored, read and deleted an object{encrypted}")


def _link(services: Services, key: str) -> Iterator[Finding]:
    """Whether a presigned link works, and as long as LINK_SECONDS says."""
    store, settings = services.store, services.settings
    wanted = settings.link_seconds
    lifetime = store.lifetime(wanted)
    try:
        with urlopen(store.link(key, lifetime), timeout=SECONDS) as answer:  # noqa: S310 - a URL that we have signed
            is_right = answer.read() == CONTENT
    except HTTPError as error:
        yield fault("bucket", f"a presigned link was answered with {error.code}", RIGHTS["get"])
        return
    except (URLError, TimeoutError) as error:
        text = f"a presigned link cannot be opened from here: {type(error).__name__}"
        yield warning("bucket", text, "make sure that readers can reach the endpoint of S3")
        return
    if not is_right:
        yield fault("bucket", "a presigned link leads to another content", "check the endpoint of S3")
    if lifetime < wanted and not settings.link_base:
        text = f"links in emails work for {int(lifetime.total_seconds())} of {int(wanted.total_seconds())} seconds"
        yield warning("bucket", f"{text}: they end with the credentials", "set LINK_BASE; see docs/public.md")


def staging(services: Services) -> Iterator[Finding]:
    """Whether intermediate files can be written, read and removed."""
    folder = f"doctor/{uuid4().hex}"
    name = f"{folder}/check.txt"
    services.staging.put(name, io.BytesIO(CONTENT))
    try:
        with services.staging.open(name) as file:
            is_right = file.read() == CONTENT
    finally:
        services.staging.clear(folder)
    if is_right:
        yield ok("staging", f"{services.settings.staging}: written, read and removed a file")
    else:
        yield fault("staging", "it returned another content than was written", "use another STAGING")
