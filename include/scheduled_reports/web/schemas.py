"""What comes in: JSON bodies, checked field by field so that everything wrong is said at once."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.alias_generators import to_camel

from ..reports.run_request import keys_sent_by
from ..reports.validation import did_you_mean
from .responses import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..reports.run_request import Sender
    from .fields import Problems

LONGEST = 1_000_000
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
JSON = "application/json"
#: Fields of an answer that come back with an edit form and change nothing.
ECHOED = frozenset({
    "id", "cronDescription", "lastRun", "lastRunStatus", "nextRun", "runCount", "successCount", "failureCount",
    "lastError", "createdAt", "status", "missedRuns", "dagId", "pausedInAirflow", "problems", "executionHistory",
})  # fmt: skip


class Body(BaseModel):
    """Fields in camel case, no guessing of types, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Acting(Body):
    """What every change may say."""

    acting_user_id: str | None = Field(None, description="On whose behalf a service account acts; his role applies.")


class EmailDelivery(Body):
    """How a report is mailed; what is left out stays as it is."""

    enabled: bool = Field(False)
    recipients: list[str] = Field([], max_length=50)
    subject: str | None = Field(None, description="up to 200 characters")
    include_attachment: bool = Field(True)
    include_inline_preview: bool = Field(False)
    send_only_if_data: bool = Field(False)
    cc_recipients: list[str] = Field([], max_length=20)
    bcc_recipients: list[str] = Field([], max_length=20)


class ReportFields(Acting):
    """The fields of a report that people set."""

    name: str = Field("", description="1 to 200 characters")
    description: str | None = Field(None, description="up to 1,000 characters")
    report_type: str = Field("")
    cron_expression: str = Field("", description="five fields, at most once an hour")
    timezone: str = Field("UTC", description="an IANA name")
    export_formats: list[str] = Field([], description="one to five of pdf, csv, json, excel, html")
    email_delivery: EmailDelivery = Field(cast("Any", None))
    parameters: dict[str, Any] = Field({})
    is_active: bool = Field(True)
    tags: list[str] = Field([])


class NewReport(ReportFields):
    """A report to be made: name, reportType, cronExpression and exportFormats are needed."""

    created_by: str = Field("", description="the id of a member of the workspace; the acting user where one is named")


class ChangedReport(ReportFields):
    """Any of the fields; with `updatedAt`, as it was read, an edit that has become stale is refused."""

    updated_at: str | None = Field(None)


#: The types of a run request's values in Python, by their type in JSON; what is in a list is checked by the parser.
_PYTHON_TYPES: dict[str, Any] = {"array": list[str], "boolean": bool, "string": str}


def _run_fields(sender: Sender) -> dict[str, Any]:
    """The fields of a body for the keys that *sender* may send."""
    return {
        key.name: (
            _PYTHON_TYPES[key.schema["type"]] | None,
            Field(None, max_length=key.schema.get("maxItems"), description=key.description),
        )
        for key in keys_sent_by(sender)
    }


RunRequest = create_model(
    "RunRequest",
    __base__=Acting,
    __doc__="What may be requested of a manual run; the defaults change nothing.",
    **_run_fields("trigger"),
    run_after=(str | None, Field(None, description="ISO 8601; as if run at that moment, which is not in the future")),
)
ResendRequest = create_model(
    "ResendRequest",
    __base__=Acting,
    __doc__="Who gets an earlier run's files again; without recipients, those who may not have received them.",
    **_run_fields("resend"),
)
TestRequest = create_model(
    "TestRequest",
    __base__=Acting,
    __doc__="Who gets a test run of a report; the acting user where nobody is named.",
    **_run_fields("test"),
)


class PreviewRequest(NewReport):
    """A report as it would be, saved or not, and the file to make of it."""

    format: str = Field("html", description="pdf, csv, json, excel or html")
    at: str | None = Field(None, description="ISO 8601; as if run at that moment")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A body: what is right in it, and what is wrong with the rest."""

    values: dict[str, Any]
    wrong: Problems


async def json_only(request: Request) -> None:
    """A change needs JSON: a form of another site can send a cookie, but no JSON without being asked first.

    A request that brings a token of its own and no body is no such form.
    """
    if request.method in SAFE or request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON:
        return
    empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    if not (empty and request.headers.get("authorization")):
        raise ApiError(415, f"send {JSON}")


async def content(request: Request) -> dict[str, Any]:
    """The JSON object of the body; empty where there is no body."""
    if not hasattr(request.state, "content"):
        request.state.content = _object(await _read(request))
    found: dict[str, Any] = request.state.content
    return found


def sent(model: type[Body]) -> Callable[[Request], Coroutine[Any, Any, Sent]]:
    """A dependency that reads a body as *model*."""

    async def read(request: Request) -> Sent:
        return check(model, await content(request))

    return read


def documented(model: type[Body]) -> dict[str, Any]:
    """What the OpenAPI document says of a body that `sent` reads."""
    schema = model.model_json_schema()
    defined = schema.pop("$defs", {})
    return {"requestBody": {"content": {JSON: {"schema": _inlined(schema, defined)}}}}


def check(model: type[Body], body: dict[str, Any]) -> Sent:
    """What of *body* is right, by the names it was sent under, and what is wrong with the rest."""
    names = [to_camel(name) for name in model.model_fields]
    kept = {name: value for name, value in body.items() if name in names or name not in ECHOED}
    if "createdBy" not in names:
        kept.pop("createdBy", None)
    wrong: Problems = {}
    while True:
        try:
            model.model_validate(kept)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                path = tuple(str(part) for part in one["loc"])
                wrong.setdefault(_named(path), []).append(_told(one, model))
                _drop(kept, path)
        else:
            return Sent(values=kept, wrong=wrong)


async def _read(request: Request) -> bytes:
    size, parts = 0, []
    async for part in request.stream():
        size += len(part)
        if size > LONGEST:
            raise ApiError(413, f"a body has at most {LONGEST:,} bytes")
        parts.append(part)
    return b"".join(parts)


def _object(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        found = json.loads(raw, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise invalid({"body": ["a JSON object in UTF-8"]}) from None
    if not isinstance(found, dict):
        raise invalid({"body": ["a JSON object"]})
    if wrong := {
        name: ["text that UTF-8 can hold, no NUL, finite numbers"] for name in found if not _storable(found, name)
    }:
        raise invalid(wrong)
    return found


def _refused(name: str) -> Any:
    raise ValueError(name)


def _storable(body: dict[str, Any], name: str) -> bool:
    """Whether PostgreSQL can hold a field: JSON knows characters and numbers that it does not."""
    level: list[Any] = [name, body[name]]
    while level:
        if not all(_fits(one) for one in level):
            return False
        level = [
            inner
            for one in level
            for inner in ((*one, *one.values()) if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
    return True


def _fits(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
    return not isinstance(value, float) or math.isfinite(value)


def _named(path: tuple[str, ...]) -> str:
    return ".".join(path[:2]) if path[0] == "emailDelivery" else path[0]


def _told(one: Any, model: type[Body]) -> str:
    shown = repr(one["input"])
    shown = shown if len(shown) <= 120 else f"{shown[:117]}..."
    if one["type"] != "extra_forbidden":
        return f"{shown}: {one['msg'][0].lower()}{one['msg'][1:]}"
    known = [to_camel(name) for name in (EmailDelivery if len(one["loc"]) > 1 else model).model_fields]
    return f"{shown}: unknown{did_you_mean(str(one['loc'][-1]), known)}; allowed are {', '.join(known)}"


def _drop(body: dict[str, Any], path: tuple[str, ...]) -> None:
    """Leave out what is wrong, of `emailDelivery` only the part."""
    inner = body.get(path[0])
    if path[0] == "emailDelivery" and len(path) > 1 and isinstance(inner, dict):
        body[path[0]] = {name: value for name, value in inner.items() if name != path[1]}
    else:
        body.pop(path[0], None)


def _inlined(schema: Any, defined: dict[str, Any]) -> Any:
    """*schema* with what it refers to put in its place: its references point into itself, not into the document."""
    if isinstance(schema, list):
        return [_inlined(one, defined) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(defined[schema["$ref"].rpartition("/")[2]], defined)
    # No default: what is left out of a change stays as it is.
    return {name: _inlined(value, defined) for name, value in schema.items() if name != "default"}


Content = Annotated[dict[str, Any], Depends(content)]
