"""Build the FastAPI app: all routes behind the login, errors as JSON, an OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from . import access
from .api import (
    audit,
    brands,
    hand_over,
    next_runs,
    parameters,
    previews,
    readers,
    reports,
    runs,
    suppressions,
    system,
)
from .openapi import with_parameters
from .pages import brand, doctor, report, report_form, report_list
from .responses import EncodedSlashes, SafeHeaders, SafeRoute, answer, failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ports.web import Caller, WebServices

TITLE = "Scheduled reports"
DESCRIPTION = "Reports that are created and emailed on a schedule. Authenticate as for Airflow's API: token or cookie."
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Invalid values: {error, details: {field: [messages]}}, with every problem of every field"},
    401: {"description": "Not signed in"},
    403: {"description": "Forbidden by Airflow's permissions or by the acting user's role"},
    404: {"description": "Not found, or not visible to the caller"},
    409: {"description": "Conflict: a run is open, the edit is stale, or the reader has not left"},
    413: {"description": "Body too large"},
    415: {"description": "A change needs a JSON body"},
    429: {"description": "Too many previews at once"},
}


def make(identify: Callable[..., Caller], ports: Callable[[], WebServices]) -> FastAPI:
    """Build the app; *identify* is a dependency that returns the caller or raises 401, *ports* returns new ports."""
    # FastAPI's own documentation routes are off, because they would not require a login.
    app = FastAPI(title=TITLE, description=DESCRIPTION, docs_url=None, redoc_url=None, openapi_url=None)
    # Routes depend on placeholders; only here they are replaced with the real dependencies.
    app.dependency_overrides |= {access.caller: identify, access.ports: ports}
    guarded = APIRouter(dependencies=[Depends(access.caller)], responses=ERRORS, route_class=SafeRoute)
    parts = (
        reports,
        hand_over,
        runs,
        readers,
        suppressions,
        brands,
        previews,
        next_runs,
        parameters,
        audit,
        system,
        brand,
        doctor,
        report_list,
        report_form,
        report,
    )
    for part in parts:
        guarded.include_router(part.router)

    @guarded.get("/openapi.json", include_in_schema=False)
    def openapi(request: Request) -> Response:
        """Return the OpenAPI document."""
        return answer(document(app, request.scope.get("root_path") or "/"))

    app.include_router(guarded)
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _handled)
    app.add_middleware(EncodedSlashes)
    app.add_middleware(SafeHeaders)
    return app


def document(app: FastAPI, root: str = "/scheduled-reports") -> dict[str, Any]:
    """The OpenAPI document of *app* below the path *root*."""
    found = get_openapi(title=TITLE, version="1", description=DESCRIPTION, routes=app.routes)
    return with_parameters(found) | {"servers": [{"url": root}]}


async def _handled(_: Request, error: Exception) -> Response:
    return failure(error)
