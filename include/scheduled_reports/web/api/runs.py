"""Routes of runs: request, read, retry, resend and test them; their files and messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse

from ...domain.formats import Format
from ...domain.moment import parse_moment
from ...domain.naming import execution_id
from ...domain.problem import shown
from ...domain.run import RunKey
from ...ports.web import Right
from ...render.as_pdf.page_image import page_image
from ...runs import trigger
from .. import fields, serializers, shapes
from ..access import Authorized, storable
from ..deliveries import deliveries_of
from ..responses import ApiError, SafeRoute, answer, invalid, returns
from ..schemas import Content, ResendRequest, RunRequest, Sent, TestRequest, check, documented, json_only
from ..slow_work import SlowWork
from ..stages import stages_of
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
CHUNK_BYTES = 256 * 1024
#: The policies of files that a browser may show: no scripts, no requests, no access to Airflow's origin.
INLINE_POLICIES = {
    Format.HTML: "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:",
    # No sandbox, because a sandboxed page cannot show a PDF; our PDFs contain no scripts.
    Format.PDF: "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'",
}
REPORT = "/{id}"
#: A browser asks for some pages at once.  Each reads the whole PDF.
PAGE_IMAGES = SlowWork(noun="page images", threads=2, waiting=30, per_user=10)

router = APIRouter(prefix=f"{BASE}/scheduled", route_class=SafeRoute, tags=["runs"], dependencies=[Depends(json_only)])


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of a run that the caller may read."""

    access: Access
    artifact: Artifact


@router.post(
    f"{REPORT}/trigger", status_code=202, openapi_extra=documented(RunRequest), responses=returns(shapes.Requested, 202)
)
def trigger_run(access: Authorized, id: str, content: Content) -> Response:
    """Run a report now; 409 while a run of it is open."""
    access.record(id, Right.RUN)
    body = check(RunRequest, content)
    run_after = _run_after(body)
    return _requested(access, id, body, run_after=run_after, message="Report run queued")


@router.post(
    f"{REPORT}/test", status_code=202, openapi_extra=documented(TestRequest), responses=returns(shapes.Requested, 202)
)
def test_run(access: Authorized, id: str, content: Content) -> Response:
    """Send a test email of a report: marked TEST, and not counted as a run."""
    access.record(id, Right.RUN)
    body = check(TestRequest, content)
    if not body.values.get("recipients") and access.member is not None:
        body.values["recipients"] = [access.member.email]
    body.values["test"] = True
    return _requested(access, id, body, message="Test run queued")


@router.get(f"{REPORT}/runs", responses=returns(shapes.RunList))
def list_runs(
    access: Authorized,
    id: str,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """Return the newest runs of a report, each with its executions."""
    found = access.ports.reports.runs(access.workspace.id, access.record(id)["id"], limit=limit, offset=offset)
    pagination = {"limit": limit, "offset": offset, "hasMore": offset + len(found.items) < found.total}
    return answer(
        {"runs": [serializers.run(one) for one in found.items], "total": found.total, "pagination": pagination}
    )


@router.get(f"{REPORT}/runs/{{runId}}", responses=returns(shapes.RunDetail))
def read_run(access: Authorized, id: str, runId: str) -> Response:
    """Return one run with its stages, its files and its messages."""
    key, record = run_of(access, id, runId)
    return answer(
        serializers.run(record)
        | {
            "stages": [serializers.stage(one) for one in stages_of(access, key)],
            "artifacts": [_artifact(access, key, one) for one in access.ports.core.runs.artifacts(key)],
            "deliveries": deliveries_of(access, key),
        }
    )


@router.get(f"{REPORT}/runs/{{runId}}/artifacts", responses=returns(shapes.ArtifactList))
def list_artifacts(access: Authorized, id: str, runId: str) -> Response:
    """Return the files of a run in S3."""
    key, _ = run_of(access, id, runId)
    return answer({"artifacts": [_artifact(access, key, one) for one in access.ports.core.runs.artifacts(key)]})


@router.get(f"{REPORT}/runs/{{runId}}/artifacts/{{format}}", response_class=Response)
def read_artifact(
    access: Authorized,
    id: str,
    runId: str,
    format: str,
    inline: Annotated[bool, Query(description="Show the file in the browser; for HTML and PDF")] = False,
) -> Response:
    """Stream a file from S3; no signed URL is given out, because anybody could use it."""
    artifact = run_file(access, id, runId, format).artifact
    opened = access.ports.core.store.open(artifact.object_key)
    return StreamingResponse(_chunks(opened, opened.__enter__()), headers=_headers(artifact, inline=inline))


def run_file(access: Authorized, id: str, runId: str, format: str) -> RunFile:
    """Return a file of a run; 404 if the run has no file of this format."""
    key, _ = run_of(access, id, runId)
    artifact = next((one for one in access.ports.core.runs.artifacts(key) if one.format == format), None)
    if artifact is None:
        raise ApiError(404, NO_FILE)
    return RunFile(access, artifact)


@router.get(f"{REPORT}/runs/{{runId}}/artifacts/{{format}}/pages/{{number}}", response_class=Response)
async def read_page(
    file: Annotated[RunFile, Depends(run_file)], number: Annotated[int, Path(ge=1, le=100_000)]
) -> Response:
    """Return a page of the PDF as PNG, because the sandboxed frame in Airflow cannot show a PDF."""
    if file.artifact.format != Format.PDF:
        raise ApiError(404, NO_FILE)
    return await PAGE_IMAGES.run(file.access.caller.name, lambda: _page(file, number))


def _page(pdf: RunFile, number: int) -> Response:
    with pdf.access.ports.core.store.open(pdf.artifact.object_key) as opened:
        found = page_image(opened.read(), number)
    if found is None:
        raise ApiError(404, "Page not found")
    return Response(
        found.png,
        headers={"content-type": "image/png", "x-pages": str(found.pages), "cache-control": "private, max-age=300"},
    )


@router.post(f"{REPORT}/runs/{{runId}}/retry", status_code=202, responses=returns(shapes.Retried, 202))
def retry_run(access: Authorized, id: str, runId: str) -> Response:
    """Retry the failed tasks of a run; no message is sent twice."""
    access.record(id, Right.RUN)
    key, _ = run_of(access, id, runId)
    if not access.ports.airflow.retry(key, partial(access.ports.core.stages.resume, key)):
        raise ApiError(409, "Nothing in this run has failed, or Airflow has deleted the run.")
    return answer({"success": True, "message": "Retrying the failed steps", "runId": runId}, 202)


@router.get(f"{REPORT}/runs/{{runId}}/deliveries", responses=returns(shapes.DeliveryList))
def list_deliveries(access: Authorized, id: str, runId: str) -> Response:
    """Return the messages of a run from the ledger."""
    key, _ = run_of(access, id, runId)
    return answer({"deliveries": deliveries_of(access, key)})


@router.post(
    f"{REPORT}/runs/{{runId}}/resend",
    status_code=202,
    openapi_extra=documented(ResendRequest),
    responses=returns(shapes.Requested, 202),
)
def resend_run(access: Authorized, id: str, runId: str, content: Content) -> Response:
    """Send the files of a run again in a new run, by default to those who did not certainly receive them."""
    access.record(id, Right.RUN)
    key, _ = run_of(access, id, runId)
    if not access.ports.core.runs.artifacts(key):
        raise ApiError(409, "The files of this run have been deleted; run the report again.")
    body = check(ResendRequest, content)
    body.values["resend"] = runId
    return _requested(access, id, body, message="Resend queued")


def _requested(
    access: Access, report_id: str, body: Sent, *, message: str, run_after: datetime | None = None
) -> Response:
    """Request a run; return a 202 with the execution of the first format."""
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
    record = access.ports.reports.run(access.workspace.id, new_run.key)
    first = execution_id(new_run.key, new_run.formats[0])
    executions = [serializers.execution(one) for one in record["executions"]] if record else []
    shown = next((one for one in executions if one["id"] == first), {"id": first, "status": "PENDING", "progress": 0})
    job = {name: shown.get(name) for name in ("id", "status", "progress", "createdAt")}
    content = {"success": True, "message": message, "executionJob": job, "runId": new_run.key.run_id}
    return answer(content, 202)


def _run_after(body: Sent) -> datetime | None:
    """Return the requested time; one in the future is refused, because the run would delay the ticks until then."""
    requested = body.values.get("runAfter")
    if requested is None:
        return None
    moment = fields.read(body.wrong, "runAfter", requested, parse_moment)
    if moment is not None and moment > datetime.now(UTC):
        body.wrong["runAfter"] = [f"{shown(requested)} is in the future; use a time in the past."]
    return moment


def run_of(access: Access, report_id: str, run_id: str) -> tuple[RunKey, Record]:
    """Return a run of a report that the caller may see; 404 if there is none."""
    report = access.record(report_id)
    key = RunKey(report_id=report["id"], run_id=storable(run_id) or "")
    record = access.ports.reports.run(access.workspace.id, key)
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
    """Return the path of a file of a run, relative to the app, so that it works with any base path."""
    base = BASE.format(workspaceSlug=quote(workspace, safe=""))
    report, run = quote(key.report_id, safe=""), quote(key.run_id, safe="")
    return f"{base}/scheduled/{report}/runs/{run}/artifacts/{chosen}"


def _headers(artifact: Artifact, *, inline: bool) -> dict[str, str]:
    policy = INLINE_POLICIES.get(artifact.format) if inline else None
    ascii_name = "".join(one if " " <= one < "\x7f" and one not in '"\\%' else "_" for one in artifact.file_name)
    disposition = "inline" if policy else "attachment"
    return {
        "content-type": artifact.content_type,
        "content-length": str(artifact.bytes),
        "content-disposition": (
            f"{disposition}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(artifact.file_name, safe='')}"
        ),
        "content-security-policy": policy or "sandbox; default-src 'none'",
        "etag": f'"{artifact.sha256}"',
    }


def _chunks(opened: AbstractContextManager[BinaryIO], file: BinaryIO) -> Iterator[bytes]:
    """Yield the content in chunks; close the connection to S3 at the end, or if the client disconnects."""
    try:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
    finally:
        opened.__exit__(None, None, None)
