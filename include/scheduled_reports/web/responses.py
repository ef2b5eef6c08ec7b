"""Responses: JSON, errors with the problems of every field, security headers."""

from __future__ import annotations

import html
import json
import logging
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from ..domain.errors import BusyError, NoDagError, RejectedError, ReportsError, RequestError, TransientError, location
from .fields import by_field

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .fields import Problems

log = logging.getLogger(__name__)

INVALID = "Validation failed"
#: By default a response may load nothing and only Airflow may frame it; pages and files set their own policy.
HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}

POLICY, FRAMED = b"content-security-policy", b"frame-ancestors"

#: The page for an error, with the style sheet of the other pages.
PROBLEM = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{status} · Scheduled reports</title><link rel="stylesheet" href="{root}/static/app.css">
<script src="{root}/static/app.js" defer></script></head>
<body data-root="{root}"><main><div class="empty"><h1>{status}</h1><p>{message}</p>
<p><a href="{root}/">All reports</a></p></div></main></body></html>"""
#: A lone surrogate, which no decoded path contains.
ENCODED_SLASH = "\udc2f"
PROBLEM_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; frame-ancestors 'self'; base-uri 'none'"


class ApiError(Exception):
    """An error response: `{error, details?, …}`."""

    def __init__(self, status: int, error: str, *, details: Problems | None = None, **more: Any) -> None:
        self.status = status
        self.content = {"error": error} | ({"details": details} if details else {}) | more
        super().__init__(error)


def invalid(details: Problems) -> ApiError:
    """Return a 400 with every problem of every field."""
    return ApiError(400, INVALID, details=details)


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(as_json(content), status, headers, media_type="application/json")


def returns(shape: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of an answer of a route, whose body has the type *shape*."""
    return {status: {"model": shape}}


def as_json(content: Any) -> bytes:
    """Encode *content*, whatever a row holds: orjson refuses integers beyond 64 bits and text that is not Unicode."""
    try:
        return orjson.dumps(content)
    except TypeError:
        return json.dumps(finite(content), default=str).encode()


def finite(value: Any) -> Any:
    """Return *value* with null for numbers that JSON does not have, as orjson writes them."""
    if isinstance(value, dict):
        return {str(name): finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def failure(error: Exception) -> Response:
    """Return the response for an error; of an unexpected one only the type and the place are logged."""
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
            log.warning("request failed: %s", error)
            return answer({"error": "A server is down or busy; try again."}, 503, {"retry-after": "10"})
        case ReportsError():
            log.error("request failed: %s", error)
        case _:
            log.error("request failed: %s%s", type(error).__name__, location(error))
    return answer({"error": "Internal error"}, 500)


class SafeRoute(APIRoute):
    """A route that turns every error into a response; a traceback in the log could contain row values."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler with all errors caught."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.scope["path_params"] = {
                name: value.replace(ENCODED_SLASH, "/") if isinstance(value, str) else value
                for name, value in request.path_params.items()
            }
            try:
                return await handle(request)
            except Exception as error:
                return failure(error)

        return guarded


class SafePage(SafeRoute):
    """A route of a page, whose errors are pages as well."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler with all errors caught."""
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            found = await handle(request)
            if found.status_code < 400:
                return found
            message = html.escape(str(orjson.loads(found.body)["error"]))
            root = html.escape(request.scope.get("root_path", ""))
            text = PROBLEM.format(root=root, status=found.status_code, message=message)
            policy = {"content-security-policy": PROBLEM_POLICY}
            return Response(text, found.status_code, policy, media_type="text/html")

        return shown


class EncodedSlashes:
    """Keep `%2F` in a path apart from `/`, which routes split the path at: an id may contain a slash.

    A server decodes the path before the routes see it, so here an encoded slash becomes ENCODED_SLASH, and `SafeRoute`
    turns it back into a slash.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        raw = scope.get("raw_path", b"").partition(b"?")[0]
        if b"%2f" in raw.lower():
            path = "/".join(unquote(part).replace("/", ENCODED_SLASH) for part in raw.decode("ascii").split("/"))
            if path.replace(ENCODED_SLASH, "/") == scope["path"]:
                scope = {**scope, "path": path}
        await self.app(scope, receive, send)


class SafeHeaders:
    """Add HEADERS to every response that does not set them itself, and to every policy who may frame it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *(_framed(name, value) for name, value in message["headers"]),
                    *((name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in known),
                ]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _framed(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    is_open = name.lower() == POLICY and FRAMED not in value
    return name, value + b"; " + FRAMED + b" 'self'" if is_open else value


def _of_parameters(error: RequestValidationError) -> Problems:
    """Return the problems of the parameters in the path and the query."""
    found: Problems = {}
    for one in error.errors():
        name = ".".join(str(part) for part in one["loc"][1:]) or "query"
        shown = "" if one["type"] == "missing" else f"{str(one.get('input'))[:120]!r}: "
        found.setdefault(name, []).append(f"{shown}{one['msg']}")
    return found
