"""Previews: the file that a report would make now."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from ...domain.errors import RejectedError
from ...domain.formats import FORMATS, Format
from ...domain.report import Row
from ...ports.web import Right
from .. import fields
from ..access import Access, Authorized
from ..fields import read, read_moment
from ..responses import ApiError, SafeRoute, invalid
from ..schemas import PreviewRequest, Sent, documented, json_only, sent
from .reports import BASE, drafted
from .runs import IN_PLACE

#: Previews made at the same time by one process: each may take some hundred megabytes.
AT_ONCE = BoundedSemaphore(2)
PREVIEW_SECONDS = timedelta(seconds=30)

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


@router.post(f"{BASE}/preview", response_class=Response, openapi_extra=documented(PreviewRequest))
def preview(access: Authorized, body: Annotated[Sent, Depends(sent(PreviewRequest))]) -> Response:
    """The file that a report which is not saved would make now."""
    access.must_create()
    chosen, moment = _what(body.values.pop("format", "html"), body.values.pop("at", None), body.wrong)
    row = drafted(access, body)
    return _previewed(access, row, chosen, moment)


@router.get(f"{BASE}/scheduled/{{id}}/preview", response_class=Response)
def preview_of(
    access: Authorized,
    id: str,
    format: Annotated[str, Query(max_length=20)] = "html",
    moment: Annotated[str | None, Query(alias="at", description="ISO 8601; now where it is left out")] = None,
) -> Response:
    """The file that a report would make now; nothing is recorded, stored or mailed."""
    row = access.row(id)
    wrong: fields.Problems = {}
    chosen, when = _what(format, moment, wrong)
    if wrong:
        raise invalid(wrong)
    return _previewed(access, row, chosen, when)


@router.post(f"{BASE}/scheduled/{{id}}/preview", response_class=Response, openapi_extra=documented(PreviewRequest))
def preview_change(access: Authorized, id: str, body: Annotated[Sent, Depends(sent(PreviewRequest))]) -> Response:
    """The file that a report would make now if it were changed like this."""
    row = access.row(id, Right.CHANGE)
    chosen, moment = _what(body.values.pop("format", "html"), body.values.pop("at", None), body.wrong)
    changes = {name: value for name, value in fields.columns(body.values).items() if name != "created_by_id"}
    if found := fields.problems(row | changes, body.wrong):
        raise invalid(found)
    return _previewed(access, row | changes, chosen, moment)


def _previewed(access: Access, row: Row, chosen: Format, moment: datetime | None) -> Response:
    if not AT_ONCE.acquire(timeout=PREVIEW_SECONDS.total_seconds()):
        raise ApiError(429, "too many previews are being made; try again")
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "preview"
            rows = access.ports.preview(row, chosen, moment or access.ports.core.now(), out, PREVIEW_SECONDS)
            content = out.read_bytes()
    except RejectedError as error:
        raise ApiError(409, "The report is rejected", details=fields.by_field(error.problems)) from error
    finally:
        AT_ONCE.release()
    info = FORMATS[chosen]
    policy = IN_PLACE.get(chosen)
    return Response(
        content,
        headers={
            "content-type": info.content_type,
            "content-disposition": f'{"inline" if policy else "attachment"}; filename="preview.{info.extension}"',
            "content-security-policy": policy or "sandbox; default-src 'none'",
            "x-rows": str(rows),
        },
    )


def _what(chosen: Any, moment: Any, wrong: fields.Problems) -> tuple[Format, datetime | None]:
    if chosen not in list(Format):
        wrong.setdefault("format", [f"{str(chosen)[:120]!r}: one of {', '.join(Format)}"])
        chosen = Format.HTML
    return Format(chosen), read(wrong, "at", moment, read_moment) if moment is not None else None
