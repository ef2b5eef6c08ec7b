"""Runs of a report: asked for, looked at, their files and messages, sent again, tried out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse

from ...domain.formats import Format
from ...domain.naming import execution_id
from ...domain.run import RunKey
from ...ports.web import Right
from ...render.as_pdf.page_image import page_image
from ...runs import trigger
from .. import serializers
from ..access import Authorized, plain
from ..responses import ApiError, SafeRoute, answer, invalid
from ..schemas import ResendRequest, RunRequest, Sent, TestRequest, documented, json_only, sent
from .reports import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from ...domain.run import Artifact
    from ...ports.web import Record
    from ..access import Access

NO_RUN = "Run not found"
NO_FILE = "File not found"
PIECE = 256 * 1024
#: What a browser may show in place: nothing in it runs, loads or gets at Airflow's origin.
IN_PLACE = {
    Format.HTML: "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:",
    # A sandboxed page cannot show a PDF; there is no script of ours or of a stranger's in one.
    Format.PDF: "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'",
}
REPORT = "/{id}"

router = APIRouter(prefix=f"{BASE}/scheduled", route_class=SafeRoute, tags=["runs"], dependencies=[Depends(json_only)])


@router.post(f"{REPORT}/trigger", status_code=202, openapi_extra=documented(RunRequest))
def trigger_run(access: Authorized, id: str, body: Annotated[Sent, Depends(sent(RunRequest))]) -> Response:
    """Run a report now; 409 while it is running."""
    run_after = _run_after(body)
    return _asked(access, id, body, run_after=run_after, message="Report run queued")


@router.post(f"{REPORT}/test", status_code=202, openapi_extra=documented(TestRequest))
def test_run(access: Authorized, id: str, body: Annotated[Sent, Depends(sent(TestRequest))]) -> Response:
    """Mail a report to whoever tries it out: marked TEST, and not counted."""
    if not body.values.get("recipients") and access.member is not None:
        body.values["recipients"] = [access.member.email]
    body.values["test"] = True
    return _asked(access, id, body, message="Test run queued")


@router.get(f"{REPORT}/runs")
def list_runs(
    access: Authorized,
    id: str,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """The newest runs of a report, each with its executions."""
    found = access.ports.reports.runs(access.record(id)["id"], limit=limit, offset=offset)
    pagination = {"limit": limit, "offset": offset, "hasMore": offset + len(found.items) < found.total}
    return answer(
        {"runs": [serializers.run(one) for one in found.items], "total": found.total, "pagination": pagination}
    )


@router.get(f"{REPORT}/runs/{{runId}}")
def read_run(access: Authorized, id: str, runId: str) -> Response:
    """One run: its stages in Airflow, its files, its messages."""
    key, record = _run(access, id, runId)
    return answer(
        serializers.run(record)
        | {
            "stages": [serializers.stage(one) for one in access.ports.airflow.stages(key)],
            "artifacts": [_artifact(access, key, one) for one in access.ports.core.runs.artifacts(key)],
            "deliveries": [serializers.delivery(one) for one in access.ports.reports.deliveries(key)],
        }
    )


@router.get(f"{REPORT}/runs/{{runId}}/artifacts")
def list_artifacts(access: Authorized, id: str, runId: str) -> Response:
    """The files of a run that S3 holds."""
    key, _ = _run(access, id, runId)
    return answer({"artifacts": [_artifact(access, key, one) for one in access.ports.core.runs.artifacts(key)]})


@router.get(f"{REPORT}/runs/{{runId}}/artifacts/{{format}}", response_class=Response)
def read_artifact(
    access: Authorized,
    id: str,
    runId: str,
    format: str,
    inline: Annotated[bool, Query(description="shown in place, for HTML and PDF")] = False,
) -> Response:
    """A file, streamed from S3: never an address that others could use."""
    key, _ = _run(access, id, runId)
    artifact = next((one for one in access.ports.core.runs.artifacts(key) if one.format == format), None)
    if artifact is None:
        raise ApiError(404, NO_FILE)
    opened = access.ports.core.store.open(artifact.object_key)
    return StreamingResponse(_pieces(opened, opened.__enter__()), headers=_headers(artifact, inline=inline))


@router.get(f"{REPORT}/runs/{{runId}}/artifacts/{{format}}/pages/{{number}}", response_class=Response)
def read_page(
    access: Authorized, id: str, runId: str, format: str, number: Annotated[int, Path(ge=1, le=100_000)]
) -> Response:
    """A page of the PDF as a PNG picture: a frame that Airflow has sandboxed shows no PDF."""
    key, _ = _run(access, id, runId)
    artifact = next((one for one in access.ports.core.runs.artifacts(key) if one.format == format == Format.PDF), None)
    if artifact is None:
        raise ApiError(404, NO_FILE)
    with access.ports.core.store.open(artifact.object_key) as file:
        found = page_image(file.read(), number)
    if found is None:
        raise ApiError(404, "Page not found")
    return Response(
        found.png,
        headers={"content-type": "image/png", "x-pages": str(found.pages), "cache-control": "private, max-age=300"},
    )


@router.post(f"{REPORT}/runs/{{runId}}/retry", status_code=202)
def retry_run(access: Authorized, id: str, runId: str) -> Response:
    """Have what failed in a run done again, by the same run; nothing is mailed twice."""
    access.record(id, Right.RUN)
    key, _ = _run(access, id, runId)
    if not access.ports.airflow.retry(key):
        raise ApiError(409, "nothing in this run has failed, or Airflow does not know it any more")
    return answer({"success": True, "message": "What failed is done again", "runId": runId}, 202)


@router.get(f"{REPORT}/runs/{{runId}}/deliveries")
def list_deliveries(access: Authorized, id: str, runId: str) -> Response:
    """The messages of a run, as the ledger has them."""
    key, _ = _run(access, id, runId)
    return answer({"deliveries": [serializers.delivery(one) for one in access.ports.reports.deliveries(key)]})


@router.post(f"{REPORT}/runs/{{runId}}/resend", status_code=202, openapi_extra=documented(ResendRequest))
def resend_run(
    access: Authorized,
    id: str,
    runId: str,
    body: Annotated[Sent, Depends(sent(ResendRequest))],
) -> Response:
    """Mail the files of a run again, by a run of its own: to those who did not surely get them, or to whom is named."""
    access.record(id, Right.RUN)
    key, _ = _run(access, id, runId)
    if not access.ports.core.runs.artifacts(key):
        raise ApiError(409, "the files of this run are not kept any more")
    body.values["resend"] = runId
    return _asked(access, id, body, message="Mail queued")


def _asked(access: Access, report_id: str, body: Sent, *, message: str, run_after: datetime | None = None) -> Response:
    """202 with the first format's execution."""
    access.record(report_id, Right.RUN)
    if body.wrong:
        raise invalid(body.wrong)
    conf = {name: value for name, value in body.values.items() if name not in ("runAfter", "actingUserId")}
    new_run = trigger.ask(
        access.ports.core,
        access.ports.airflow,
        report_id,
        {name: value for name, value in conf.items() if value is not None},
        run_after or access.ports.core.now(),
        access.actor,
    )
    record = access.ports.reports.run(new_run.key)
    first = execution_id(new_run.key, new_run.formats[0])
    executions = [serializers.execution(one) for one in record["executions"]] if record else []
    shown = next((one for one in executions if one["id"] == first), {"id": first, "status": "PENDING", "progress": 0})
    job = {name: shown.get(name) for name in ("id", "status", "progress", "createdAt")}
    content = {"success": True, "message": message, "executionJob": job, "runId": new_run.key.run_id}
    return answer(content, 202)


def _run_after(body: Sent) -> datetime | None:
    """The moment asked for; one in the future would hold back the ticks until it has come."""
    asked = body.values.get("runAfter")
    if asked is None:
        return None
    try:
        moment = datetime.fromisoformat(asked)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        body.wrong["runAfter"] = [f"{asked!r}: a moment, ISO 8601"]
        return None
    if not datetime(1971, 1, 1, tzinfo=UTC) <= moment <= datetime.now(UTC):
        body.wrong["runAfter"] = [f"{asked!r}: not in the future, and after 1970"]
    return moment


def _run(access: Access, report_id: str, run_id: str) -> tuple[RunKey, Record]:
    report = access.record(report_id)
    key = RunKey(report_id=report["id"], run_id=plain(run_id) or "")
    record = access.ports.reports.run(key)
    if record is None:
        raise ApiError(404, NO_RUN)
    return key, record


def _artifact(access: Access, key: RunKey, artifact: Artifact) -> dict[str, Any]:
    return {
        "format": artifact.format,
        "fileName": artifact.file_name,
        "contentType": artifact.content_type,
        "bytes": artifact.bytes,
        "sha256": artifact.sha256,
        "rows": artifact.rows,
        "totalRows": artifact.total_rows,
        "executionId": artifact.execution_id,
        "fileUrl": artifact.url,
        "path": file_path(access.name, key, artifact.format),
    }


def file_path(workspace: str, key: RunKey, chosen: Format) -> str:
    """Where a file of a run is, below the app's own address, so that it holds under any base path."""
    base = BASE.format(workspaceSlug=quote(workspace, safe=""))
    report, run = quote(key.report_id, safe=""), quote(key.run_id, safe="")
    return f"{base}/scheduled/{report}/runs/{run}/artifacts/{chosen}"


def _headers(artifact: Artifact, *, inline: bool) -> dict[str, str]:
    in_place = IN_PLACE.get(artifact.format) if inline else None
    ascii_name = "".join(one if " " <= one < "\x7f" and one not in '"\\%' else "_" for one in artifact.file_name)
    disposition = "inline" if in_place else "attachment"
    return {
        "content-type": artifact.content_type,
        "content-length": str(artifact.bytes),
        "content-disposition": (
            f"{disposition}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(artifact.file_name, safe='')}"
        ),
        "content-security-policy": in_place or "sandbox; default-src 'none'",
        "etag": f'"{artifact.sha256}"',
    }


def _pieces(opened: AbstractContextManager[BinaryIO], file: BinaryIO) -> Iterator[bytes]:
    """The content piece by piece; the connection to S3 goes when the reader has, or has had, all of it."""
    try:
        while piece := file.read(PIECE):
            yield piece
    finally:
        opened.__exit__(None, None, None)
