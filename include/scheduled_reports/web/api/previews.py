"""Routes of previews: the file that a run of a report would create."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from ...domain.errors import RejectedError
from ...domain.formats import FORMATS, Format
from ...domain.moment import parse_moment
from ...domain.report import Row
from ...ports.web import Right
from .. import fields
from ..access import Access, Authorized
from ..fields import read
from ..responses import ApiError, SafeRoute, invalid
from ..schemas import PreviewRequest, Sent, documented, json_only, sent
from .reports import BASE, new_report
from .runs import INLINE_POLICIES

#: Previews created at the same time by one process; each may need some hundred megabytes.
SLOTS = BoundedSemaphore(2)
TIMEOUT = timedelta(seconds=30)

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


@router.post(f"{BASE}/preview", response_class=Response, openapi_extra=documented(PreviewRequest))
def preview(access: Authorized, body: Annotated[Sent, Depends(sent(PreviewRequest))]) -> Response:
    """Return the file that a run of an unsaved report would create."""
    access.must_create()
    chosen, moment = _format_and_moment(body.values.pop("format", "html"), body.values.pop("at", None), body.wrong)
    row = new_report(access, body)
    return _previewed(access, row, chosen, moment)


@router.get(f"{BASE}/scheduled/{{id}}/preview", response_class=Response)
def preview_of(
    access: Authorized,
    id: str,
    format: Annotated[str, Query(max_length=20)] = "html",
    moment: Annotated[str | None, Query(alias="at", description="ISO 8601; default: now")] = None,
) -> Response:
    """Return the file that a run of a report would create; nothing is recorded, stored or sent."""
    row = access.row(id)
    wrong: fields.Problems = {}
    chosen, when = _format_and_moment(format, moment, wrong)
    if wrong:
        raise invalid(wrong)
    return _previewed(access, row, chosen, when)


@router.post(f"{BASE}/scheduled/{{id}}/preview", response_class=Response, openapi_extra=documented(PreviewRequest))
def preview_change(access: Authorized, id: str, body: Annotated[Sent, Depends(sent(PreviewRequest))]) -> Response:
    """Return the file that a run of a report would create after a change."""
    row = access.row(id, Right.CHANGE)
    chosen, moment = _format_and_moment(body.values.pop("format", "html"), body.values.pop("at", None), body.wrong)
    changes = {name: value for name, value in fields.columns(body.values).items() if name != "created_by_id"}
    if found := fields.problems(row | changes, body.wrong):
        raise invalid(found)
    return _previewed(access, row | changes, chosen, moment)


def _previewed(access: Access, row: Row, chosen: Format, moment: datetime | None) -> Response:
    if not SLOTS.acquire(timeout=TIMEOUT.total_seconds()):
        raise ApiError(429, "Too many previews are being created; try again.")
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "preview"
            rows = access.ports.preview(row, chosen, moment or access.ports.core.now(), out, TIMEOUT)
            content = out.read_bytes()
    except RejectedError as error:
        raise ApiError(409, "The report is invalid", details=fields.by_field(error.problems)) from error
    finally:
        SLOTS.release()
    info = FORMATS[chosen]
    policy = INLINE_POLICIES.get(chosen)
    return Response(
        content,
        headers={
            "content-type": info.content_type,
            "content-disposition": f'{"inline" if policy else "attachment"}; filename="preview.{info.extension}"',
            "content-security-policy": policy or "sandbox; default-src 'none'",
            "x-rows": str(rows),
        },
    )


def _format_and_moment(chosen: Any, moment: Any, wrong: fields.Problems) -> tuple[Format, datetime | None]:
    if chosen not in list(Format):
        wrong.setdefault("format", [f'"{str(chosen)[:120]}" is not a format; use one of {", ".join(Format)}.'])
        chosen = Format.HTML
    return Format(chosen), read(wrong, "at", moment, parse_moment) if moment is not None else None
