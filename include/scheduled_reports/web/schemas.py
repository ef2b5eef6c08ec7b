"""Request bodies, validated field by field so that all problems are reported at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.alias_generators import to_camel

from ..domain.json_text import read_json
from ..domain.problem import shown
from ..domain.storable import is_storable
from ..reports.parameter_values import json_schema
from ..reports.parameters import PARAMETERS
from ..reports.run_request import keys_sent_by
from ..reports.validation import did_you_mean
from .responses import ApiError, invalid

if TYPE_CHECKING:
    from ..reports.run_request import Sender
    from .fields import Problems

#: A report with every field at its longest needs about 30 KB.
MAX_BODY_BYTES = 64 * 1024
#: Two logos of 200,000 bytes in base64, and the other fields of a brand.
MAX_BRAND_BYTES = 600_000
#: Problems told of one kind, so that neither the work nor the answer grows with what a client sends.
MAX_PROBLEMS = 20
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
JSON = "application/json"
NOT_STORABLE = "PostgreSQL cannot store this value; send valid Unicode text without NUL, and finite numbers."
#: Fields of a response that a client may send back with an edit; they are ignored.
ECHOED = frozenset({
    "id", "cronDescription", "lastRun", "lastRunStatus", "nextRun", "runCount", "successCount", "failureCount",
    "lastError", "createdAt", "status", "missedRuns", "phase", "dagId", "pausedInAirflow", "problems",
    "executionHistory", "missedTicks", "optedOut",
})  # fmt: skip


class Body(BaseModel):
    """Fields in camel case; strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Acting(Body):
    """A field that every change may contain."""

    acting_user_id: str | None = Field(
        None,
        description="The user on whose behalf a service account sends the request; the user's role applies as well",
    )


class EmailDelivery(Body):
    """How a report is emailed; omitted fields stay as they are."""

    enabled: bool = Field(False)
    recipients: list[str] = Field([], max_length=50)
    subject: str | None = Field(None, description="Up to 200 characters")
    include_attachment: bool = Field(True)
    include_inline_preview: bool = Field(False)
    send_only_if_data: bool = Field(False)
    cc_recipients: list[str] = Field([], max_length=20)
    bcc_recipients: list[str] = Field([], max_length=20)


class ReportFields(Acting):
    """The fields of a report that a client can set."""

    name: str = Field("", description="1 to 200 characters")
    description: str | None = Field(None, description="Up to 1,000 characters")
    report_type: str = Field("")
    cron_expression: str = Field("", description="Five fields; at most one run an hour")
    timezone: str = Field("UTC", description="An IANA time zone")
    export_formats: list[str] = Field([], description="One or more of pdf, csv, json, excel, html")
    email_delivery: EmailDelivery = Field(cast("Any", None))
    parameters: dict[str, Any] = Field(
        {}, json_schema_extra={"properties": {one.name: json_schema(one) for one in PARAMETERS.values()}}
    )
    is_active: bool = Field(True)
    tags: list[str] = Field([])
    options: dict[str, Any] = Field({}, description="Options that are left out stay as they are; null removes one")


class NewReport(ReportFields):
    """A new report: name, reportType, cronExpression and exportFormats are required."""

    created_by: str = Field("", description="The id of a member of the workspace; by default the acting user")


class ChangedReport(ReportFields):
    """Any of the fields; with `updatedAt` as it was read, a stale edit is refused."""

    created_by: str = Field("", description="The id of the member of the workspace who owns the report from now on")
    updated_at: str | None = Field(None)


#: The Python types of a run request's values, by their JSON types; the parser validates the items of lists.
_PYTHON_TYPES: dict[str, Any] = {"array": list[str], "boolean": bool, "string": str}


def _run_fields(sender: Sender) -> dict[str, Any]:
    """Return the fields of a body for the keys that *sender* may send."""
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
    __doc__="The options of a manual run; the defaults change nothing.",
    **_run_fields("trigger"),
    run_after=(str | None, Field(None, description="ISO 8601, not in the future: run as if it were this time")),
)
ResendRequest = create_model(
    "ResendRequest",
    __base__=Acting,
    __doc__="The recipients of a resend; by default those who did not certainly receive the files.",
    **_run_fields("resend"),
)
TestRequest = create_model(
    "TestRequest",
    __base__=Acting,
    __doc__="The recipients of a test email; by default the acting user.",
    **_run_fields("test"),
)


class HandOver(Acting):
    """The owner whose reports another member of the workspace takes over."""

    from_user: str = Field("", description="The id of the owner so far, who may have left")
    to_user: str = Field("", description="The id of the new owner, a member of the workspace")
    reports: list[str] | None = Field(None, max_length=1_000, description="Only these reports; by default all")


class OptOutReturn(Acting):
    """A reader who left a report, and why they are mailed again."""

    address: str = Field("", max_length=320, description="The reader's address, in any spelling")
    reason: str = Field("", max_length=500, description="Why, such as: asked for it on the phone")


class SuppressionLift(Acting):
    """An address that bounced or complained, and why it is mailed again."""

    address: str = Field("", max_length=320, description="The address, in any spelling")
    reason: str = Field("", max_length=500, description="Why, such as: the mailbox works again")


class BrandChange(Acting):
    """The brand of a workspace: texts, each of which is the deployment's if it is null or empty."""

    name: str | None = Field(None, description="The name of the company, up to 60 characters")
    logo: str | None = Field(None, description="A data: URI of a PNG, a JPEG or an SVG of up to 200,000 bytes")
    logo_dark: str | None = Field(None, description="The logo on dark pages; empty for the same one")
    colour: str | None = Field(None, description="Such as #2f6fab")
    footer: str | None = Field(None, description="A line at the foot of every page and mail, up to 200 characters")
    sender_name: str | None = Field(None, description="The name of the sender, up to 60 characters")
    sender_address: str | None = Field(None, description="The sender's address; SES must have verified it")
    reply_to: str | None = Field(None, description="The address for replies")


class PreviewRequest(NewReport):
    """A report, saved or not, and the format of its preview."""

    format: str = Field("html", description="One of pdf, csv, json, excel, html, or mail for the email")
    at: str | None = Field(None, description="ISO 8601: preview as if it were this time")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A request body: its valid values, and the problems of the others."""

    values: dict[str, Any]
    wrong: Problems


async def json_only(request: Request) -> None:
    """Raise a 415 unless a change is JSON: a form on another site can send the cookie, but not JSON.

    A request with a token and without a body is allowed, because a form cannot send the token.
    """
    if request.method in SAFE or request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON:
        return
    empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    if not (empty and request.headers.get("authorization")):
        raise ApiError(415, f"Send the content type {JSON}.")


async def raw(request: Request) -> bytes:
    """Return the body of a change, of a bounded size; a larger one is refused before it is read to its end."""
    if request.method in SAFE:
        return b""
    size, parts = 0, []
    most = MAX_BRAND_BYTES if request.url.path.endswith("/reports/brand") else MAX_BODY_BYTES
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise ApiError(413, f"The body is too large; send at most {most:,} bytes.")
        parts.append(part)
    return b"".join(parts)


def content(raw: Annotated[bytes, Depends(raw)]) -> dict[str, Any]:
    """Return the JSON object of the body, parsed outside the event loop; empty if there is no body."""
    return _object(raw)


def documented(model: type[Body]) -> dict[str, Any]:
    """Return the OpenAPI description of a body that a route passes to `check`."""
    schema = model.model_json_schema()
    defined = schema.pop("$defs", {})
    return {"requestBody": {"content": {JSON: {"schema": _inlined(schema, defined)}}}}


def check(model: type[Body], body: dict[str, Any]) -> Sent:
    """Split *body* into the values that *model* accepts and the problems of the others.

    Routes call this after they have checked the caller's rights, so that nobody without rights causes the work.
    """
    kept, wrong = _known_fields(model, body)
    while True:
        try:
            model.model_validate(kept)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                path = tuple(str(part) for part in one["loc"])
                problems = wrong.setdefault(_field_name(path), [])
                if len(problems) < MAX_PROBLEMS:
                    problems.append(f"{shown(one['input'])}: {one['msg'][0].lower()}{one['msg'][1:]}")
                _drop(kept, path)
        else:
            return Sent(values=kept, wrong=wrong)


def required(body: Sent, **hints: str) -> dict[str, str]:
    """Return the texts of these fields; raise a 400 with every problem of the body if one is missing.

    A hint says what to send.
    """
    given = {name: body.values.get(name, "").strip() for name in hints}
    for name, hint in hints.items():
        if not given[name] and name not in body.wrong:
            body.wrong[name] = [f"This field is required; {hint}"]
    if body.wrong:
        raise invalid(body.wrong)
    return given


def _known_fields(model: type[Body], body: dict[str, Any]) -> tuple[dict[str, Any], Problems]:
    """Return the fields that *model* has, and the problems of the others; fields of a response are left out."""
    names = [to_camel(name) for name in model.model_fields]
    kept = {name: value for name, value in body.items() if name in names}
    unknown = {name: value for name, value in body.items() if name not in names and name not in ECHOED}
    wrong = _unknown("", unknown, names)
    email = kept.get("emailDelivery")
    if isinstance(email, dict):
        nested = [to_camel(name) for name in EmailDelivery.model_fields]
        kept["emailDelivery"] = {name: value for name, value in email.items() if name in nested}
        wrong |= _unknown("emailDelivery.", {name: email[name] for name in email if name not in nested}, nested)
    return kept, wrong


def _unknown(prefix: str, fields: dict[str, Any], known: list[str]) -> Problems:
    """Return the problem of each unknown field; of many, only the first."""
    wrong: Problems = {
        f"{prefix}{name}": [
            f"Unknown field with the value {shown(value)}{did_you_mean(name, known)}; use one of {', '.join(known)}."
        ]
        for name, value in islice(fields.items(), MAX_PROBLEMS)
    }
    if len(fields) > MAX_PROBLEMS:
        wrong[f"{prefix}…"] = [f"{len(fields) - MAX_PROBLEMS:,} more unknown fields."]
    return wrong


def _object(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        found = read_json(raw.decode())
    except ValueError:
        raise invalid({"body": ["The body is not valid JSON in UTF-8; send a JSON object."]}) from None
    if not isinstance(found, dict):
        raise invalid({"body": ["The body is not a JSON object; send one."]})
    unstorable = islice((name for name in found if not is_storable([name, found[name]])), MAX_PROBLEMS)
    if wrong := {name: [NOT_STORABLE] for name in unstorable}:
        raise invalid(wrong)
    return found


def _field_name(path: tuple[str, ...]) -> str:
    return ".".join(path[:2]) if path[0] == "emailDelivery" else path[0]


def _drop(body: dict[str, Any], path: tuple[str, ...]) -> None:
    """Remove an invalid field; of `emailDelivery`, only the nested field."""
    inner = body.get(path[0])
    if path[0] == "emailDelivery" and len(path) > 1 and isinstance(inner, dict):
        body[path[0]] = {name: value for name, value in inner.items() if name != path[1]}
    else:
        body.pop(path[0], None)


def _inlined(schema: Any, defined: dict[str, Any]) -> Any:
    """Return *schema* with its references resolved, because they would be wrong inside the OpenAPI document."""
    if isinstance(schema, list):
        return [_inlined(one, defined) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(defined[schema["$ref"].rpartition("/")[2]], defined)
    # Without defaults: an omitted field stays as it is.
    return {name: _inlined(value, defined) for name, value in schema.items() if name != "default"}


Content = Annotated[dict[str, Any], Depends(content)]
