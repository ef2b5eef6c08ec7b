"""Routes of previews: the file or the email that a run of a report would create."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
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
from ..responses import ApiError, SafeRoute, answer, invalid
from ..schemas import Content, PreviewRequest, check, documented, json_only
from ..slow_work import SlowWork
from .reports import BASE, new_report, owner_columns, with_calendar
from .runs import INLINE_POLICIES

#: Each preview may need some hundred megabytes and a core, so none waits for another.
PREVIEWS = SlowWork(noun="previews", threads=2, waiting=0, per_user=1)
TIMEOUT = timedelta(seconds=30)
#: What stands for the email in the place of a format.
MAIL = "mail"

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


@dataclass(frozen=True, slots=True)
class Wanted:
    """A valid report and what to preview of it; made before the slow work is admitted."""

    access: Access
    row: Row
    #: None for the email.
    format: Format | None
    moment: datetime | None

    async def response(self) -> Response:
        """Return the preview, created in a thread for previews."""
        make = _mail if self.format is None else _file
        return await PREVIEWS.run(self.access.caller.name, lambda: make(self))


def new_report_wanted(access: Authorized, content: Content) -> Wanted:
    """Return an unsaved report."""
    access.must_create()
    body = check(PreviewRequest, content)
    chosen, moment = _format_and_moment(body.values.pop("format", "html"), body.values.pop("at", None), body.wrong)
    return Wanted(access, new_report(access, body), chosen, moment)


def saved_report_wanted(
    access: Authorized,
    id: str,
    format: Annotated[str, Query(max_length=20)] = "html",
    moment: Annotated[str | None, Query(alias="at", description="ISO 8601; default: now")] = None,
) -> Wanted:
    """Return a report as it is saved."""
    row = access.row(id)
    wrong: fields.Problems = {}
    chosen, when = _format_and_moment(format, moment, wrong)
    if wrong:
        raise invalid(wrong)
    return Wanted(access, row, chosen, when)


def changed_report_wanted(access: Authorized, id: str, content: Content) -> Wanted:
    """Return a saved report with a change that is not saved."""
    row = access.row(id, Right.CHANGE)
    body = check(PreviewRequest, content)
    chosen, moment = _format_and_moment(body.values.pop("format", "html"), body.values.pop("at", None), body.wrong)
    changes = fields.with_options(row, fields.columns(body.values), body.values)
    edited = with_calendar(access, row | changes | owner_columns(access, row, changes))
    if found := fields.problems(edited, body.wrong):
        raise invalid(found)
    return Wanted(access, edited, chosen, moment)


@router.post(f"{BASE}/preview", response_class=Response, openapi_extra=documented(PreviewRequest))
async def preview(wanted: Annotated[Wanted, Depends(new_report_wanted)]) -> Response:
    """Return the file, or with the format `mail` the email, that a run of an unsaved report would create."""
    return await wanted.response()


@router.get(f"{BASE}/scheduled/{{id}}/preview", response_class=Response)
async def preview_of(wanted: Annotated[Wanted, Depends(saved_report_wanted)]) -> Response:
    """Return the file or the email that a run of a report would create; nothing is recorded, stored or sent."""
    return await wanted.response()


@router.post(f"{BASE}/scheduled/{{id}}/preview", response_class=Response, openapi_extra=documented(PreviewRequest))
async def preview_change(wanted: Annotated[Wanted, Depends(changed_report_wanted)]) -> Response:
    """Return the file or the email that a run of a report would create after a change."""
    return await wanted.response()


def _file(wanted: Wanted) -> Response:
    ports, chosen = wanted.access.ports, wanted.format
    assert chosen is not None  # see `Wanted.response`
    with _of_valid_reports(), tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "preview"
        rows = ports.preview(wanted.row, chosen, wanted.moment or ports.core.now(), out, TIMEOUT)
        content = out.read_bytes()
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


def _mail(wanted: Wanted) -> Response:
    ports = wanted.access.ports
    with _of_valid_reports():
        found = ports.mail_preview(wanted.row, wanted.moment or ports.core.now(), TIMEOUT)
    return answer({"from": found.sender, "subject": found.subject, "html": found.html, "text": found.text})


@contextmanager
def _of_valid_reports() -> Iterator[None]:
    """Turn the problems of a rejected row into a response."""
    try:
        yield
    except RejectedError as error:
        raise ApiError(409, "The report is invalid", details=fields.by_field(error.problems)) from error


def _format_and_moment(chosen: Any, moment: Any, wrong: fields.Problems) -> tuple[Format | None, datetime | None]:
    if chosen not in {*Format, MAIL}:
        names = ", ".join((*Format, MAIL))
        wrong.setdefault("format", [f'"{str(chosen)[:120]}" is not a format; use one of {names}.'])
        chosen = Format.HTML
    when = read(wrong, "at", moment, parse_moment) if moment is not None else None
    return None if chosen == MAIL else Format(chosen), when
