"""What goes back: JSON, errors that name every field, and headers that let nothing run."""

from __future__ import annotations

import html
import logging
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from ..domain.errors import BusyError, NoDagError, RejectedError, ReportsError, RequestError, TransientError
from .fields import by_field

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .fields import Problems

log = logging.getLogger(__name__)

INVALID = "Validation failed"
#: Nothing of an answer of ours may run, load or be framed by strangers; those with content set a policy of their own.
HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}

#: A page that cannot be shown, in the colours of the others.
PROBLEM = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{status} · Scheduled reports</title><link rel="stylesheet" href="{root}/static/app.css">
<script src="{root}/static/app.js" defer></script></head>
<body data-root="{root}"><main><div class="empty"><h1>{status}</h1><p>{told}</p>
<p><a href="{root}/">All reports</a></p></div></main></body></html>"""
PROBLEM_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; frame-ancestors 'self'; base-uri 'none'"


class ApiError(Exception):
    """An answer that is not a success: `{error, details?, …}`."""

    def __init__(self, status: int, error: str, *, details: Problems | None = None, **more: Any) -> None:
        self.status = status
        self.content = {"error": error} | ({"details": details} if details else {}) | more
        super().__init__(error)


def invalid(details: Problems) -> ApiError:
    """400, with every problem of every field."""
    return ApiError(400, INVALID, details=details)


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON."""
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


def failure(error: Exception) -> Response:
    """The answer that an error becomes; of one that nobody has thought of, only its kind goes to the log."""
    match error:
        case ApiError():
            return answer(error.content, error.status)
        case HTTPException():
            return answer({"error": str(error.detail)}, error.status_code, error.headers)
        case RequestValidationError() | RejectedError() | RequestError():
            found = _of_parameters(error) if isinstance(error, RequestValidationError) else by_field(error.problems)
            return answer({"error": INVALID, "details": found}, 400)
        case BusyError() | NoDagError():
            return answer({"error": str(error)}, 409, {"retry-after": "5"})
        case TransientError():
            log.warning("a request could not be answered: %s", error)
            return answer({"error": "a server is away or busy; try again"}, 503, {"retry-after": "10"})
        case ReportsError():
            log.error("a request could not be answered: %s", error)
        case _:
            log.error("a request could not be answered: %s%s", type(error).__name__, _place(error))
    return answer({"error": "Internal error"}, 500)


class SafeRoute(APIRoute):
    """A route all of whose errors become answers, and none a traceback: a text of a stranger's may hold values."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, guarded."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:
                return failure(error)

        return guarded


class SafePage(SafeRoute):
    """The same for a page: what went wrong is said to a person."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, guarded."""
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            found = await handle(request)
            if found.status_code < 400:
                return found
            told = html.escape(str(orjson.loads(found.body)["error"]))
            root = html.escape(request.scope.get("root_path", ""))
            text = PROBLEM.format(root=root, status=found.status_code, told=told)
            policy = {"content-security-policy": PROBLEM_POLICY}
            return Response(text, found.status_code, policy, media_type="text/html")

        return shown


class SafeHeaders:
    """Adds HEADERS to every answer that has not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in known),
                ]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _of_parameters(error: RequestValidationError) -> Problems:
    """What is wrong with the parameters of the path and the query."""
    found: Problems = {}
    for one in error.errors():
        name = ".".join(str(part) for part in one["loc"][1:]) or "query"
        shown = "" if one["type"] == "missing" else f"{str(one.get('input'))[:120]!r}: "
        found.setdefault(name, []).append(f"{shown}{one['msg']}")
    return found


def _place(error: BaseException) -> str:
    """Where it was raised; its text stays out, because it may hold an address or a row's value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" in {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
