"""The app: routes behind one guard, errors as answers, and an OpenAPI document behind the login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from . import access
from .api import audit, next_runs, previews, reports, runs, system
from .pages import report, report_form, report_list
from .responses import SafeHeaders, SafeRoute, answer, failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ports.web import Caller, WebServices

TITLE = "Scheduled reports"
DESCRIPTION = (
    "Reports that are made and mailed on a schedule. Sign in as for Airflow's own API: a token, or its cookie."
)
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "every problem of every field: {error, details: {field: [messages]}}"},
    401: {"description": "not signed in"},
    403: {"description": "signed in, and not allowed: by Airflow, or by the acting user's role"},
    404: {"description": "no such thing, or none of yours"},
    409: {"description": "not now: a run is under way, or the edit is stale"},
    413: {"description": "too much"},
    415: {"description": "a change needs JSON"},
    429: {"description": "too many previews at once"},
}


def make(identify: Callable[..., Caller], ports: Callable[[], WebServices]) -> FastAPI:
    """The app; *identify* is a dependency that tells who is signed in or raises 401, *desk* makes a request's ports."""
    # Nothing is open: the documents, too, are behind the guard.
    app = FastAPI(title=TITLE, description=DESCRIPTION, docs_url=None, redoc_url=None, openapi_url=None)
    # Their places in the dependency graph are known to every route; what stands there, only here.
    app.dependency_overrides |= {access.caller: identify, access.ports: ports}
    guarded = APIRouter(dependencies=[Depends(access.caller)], responses=ERRORS, route_class=SafeRoute)
    for part in (reports, runs, previews, next_runs, audit, system, report_list, report_form, report):
        guarded.include_router(part.router)

    @guarded.get("/openapi.json", include_in_schema=False)
    def openapi(request: Request) -> Response:
        """What this API can do."""
        made = get_openapi(title=TITLE, version="1", description=DESCRIPTION, routes=app.routes)
        return answer(made | {"servers": [{"url": request.scope.get("root_path") or "/"}]})

    app.include_router(guarded)
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _handled)
    app.add_middleware(SafeHeaders)
    return app


async def _handled(_: Request, error: Exception) -> Response:
    return failure(error)
