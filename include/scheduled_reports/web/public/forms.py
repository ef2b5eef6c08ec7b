"""Read the small forms that are posted to the public door."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.requests import Request

if TYPE_CHECKING:
    from starlette.types import Message, Receive

MOST_BYTES: Final = 8_192
MOST_FIELDS: Final = 10
#: How long a client may take to send its form.
SECONDS: Final = 10


class InvalidFormError(Exception):
    """What was sent is not a form, or is larger than any of ours."""


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an urlencoded or multipart form; no field if nothing was sent."""
    bounded = Request(request.scope, _bounded(request.receive))
    try:
        async with asyncio.timeout(SECONDS), bounded.form(max_files=0, max_fields=MOST_FIELDS) as form:
            return {name: value for name, value in form.items() if isinstance(value, str)}
    except Exception:  # each parser has its own errors, and what a stranger sent is not logged
        raise InvalidFormError from None


def _bounded(receive: Receive) -> Receive:
    """*receive*, which raises once more than MOST_BYTES have come."""
    left = MOST_BYTES

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise InvalidFormError
        return message

    return bounded
