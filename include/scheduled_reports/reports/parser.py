"""The gate: rows of scheduled_reports become reports, or rejections with every reason at once.

A *row* is the JSON object that sql/definitions.sql makes of a report, its workspace and its creator; the same shape is
frozen in reporting.runs, so that a run reads its own row through the same gate.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..domain import naming
from ..domain.addresses import is_address
from ..domain.cron import Cron
from ..domain.errors import RejectedError
from ..domain.report import EmailOptions, Person, Recipients, Rejection, Report, Row, Status, Workspace
from ..domain.schedule import Schedule
from .parameters import read_date_range, read_object, read_parameters
from .types.catalog import KNOWN_TYPES, catalog
from .validation import Check, did_you_mean, read_formats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..domain.report_type import ReportType


def parse(rows: Iterable[Row]) -> tuple[list[Report], list[Rejection]]:
    """Split *rows*; a bad row becomes a Rejection and never raises.  Tombstones of deleted rows are left out."""
    reports, rejections = [], []
    for row in rows:
        if row["deleted"]:
            continue
        try:
            reports.append(parse_row(row))
        except RejectedError as error:
            rejections.append(
                Rejection(report_id=str(row.get("id")), name=str(row.get("name")), problems=error.problems)
            )
    return reports, rejections


def parse_row(row: Row) -> Report:
    """One row as a report; RejectedError carries everything that is wrong with it."""
    check = Check()
    kind, parameters = _type(check, row["reportType"]), read_object(check, "parameters", row["parameters"])
    report = Report(
        id=_id(check, row["id"]),
        name=check.text("name", row["name"], low=1, high=200),
        description=check.text("description", row["description"] or "", high=1000),
        type=row["reportType"],
        schedule=_schedule(check, row),
        is_active=bool(row["is_active"]),
        status=cast("Status", check.reads("status", row["status"], _status)),
        formats=read_formats(check, "export_formats", row["export_formats"]),
        date_range=read_date_range(check, parameters),
        parameters=read_parameters(check, parameters, kind),
        tags=_tags(check, row["tags"] or []),
        email=_email(check, row),
        workspace=_workspace(check, row),
        creator=_creator(check, row, kind),
        missed_runs=row["missed_runs"],
    )
    if check.problems:
        raise RejectedError(check.problems)
    return report


def _id(check: Check, value: str) -> str:
    if not value or len(naming.escape(value)) > naming.LONGEST_ESCAPED_ID:
        check.add("id", value, f"1 to {naming.LONGEST_ESCAPED_ID} characters once escaped for Airflow")
    return value


def _type(check: Check, value: str) -> ReportType | None:
    known = catalog()
    names = dict.fromkeys((*KNOWN_TYPES, *known.types))
    if value in known.types:
        return known.types[value]
    if value in known.broken:
        check.add("reportType", value, f"a type that works; this one is broken: {known.broken[value]}")
    elif value in KNOWN_TYPES:
        check.add("reportType", value, f"this type is not built yet; built are {', '.join(known.types)}")
    else:
        check.add("reportType", value, f"one of {', '.join(names)}{did_you_mean(value, names)}")
    return None


def _schedule(check: Check, row: Row) -> Schedule:
    return Schedule(
        cron=cast("Cron", check.reads("cron_expression", row["cron_expression"], Cron.parse)),
        zone=cast("ZoneInfo", check.reads("timezone", row["timezone"], _zone)),
        effective_from=datetime.fromisoformat(row["effective_from"]),
    )


def _status(name: str) -> Status:
    if name not in list(Status):  # the enum is the application's, and may grow
        raise ValueError(f"one of {', '.join(Status)}")
    return Status(name)


def _zone(name: str) -> ZoneInfo:
    allowed = "an IANA time zone such as Europe/Berlin"
    if name in {"localtime", "Factory"} or name.startswith(("posix/", "right/")):
        raise ValueError(allowed)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(allowed) from error


def _tags(check: Check, values: list[str]) -> tuple[str, ...]:
    if len(values) > 20:
        check.add("tags", values, "up to 20 tags")
    for value in values:
        if not value or not 1 <= len(value.strip()) <= len(value) <= 50:
            check.add("tags", value, "1 to 50 characters each")
    return tuple(dict.fromkeys(value for value in values if value))


def _email(check: Check, row: Row) -> EmailOptions:
    enabled = bool(row["email_enabled"])
    recipients = Recipients(
        to=_addresses(check, "email_recipients", row, low=1 if enabled else 0, high=50),
        cc=_addresses(check, "email_cc_recipients", row, low=0, high=20),
        bcc=_addresses(check, "email_bcc_recipients", row, low=0, high=20),
    )
    return EmailOptions(
        enabled=enabled,
        recipients=recipients,
        subject=check.text("email_subject", row["email_subject"] or "", high=200) or None,
        include_attachment=bool(row["email_include_attachment"]),
        include_preview=bool(row["email_include_preview"]),
        only_if_data=bool(row["email_send_only_if_data"]),
    )


def _addresses(check: Check, column: str, row: Row, *, low: int, high: int) -> tuple[str, ...]:
    values = row[column] or []
    if not row["email_enabled"]:
        return tuple(value for value in values if value)
    if not low <= len(values) <= high:
        check.add(column, values, f"{low} to {high} addresses when e-mail is enabled")
    for value in values:
        if not is_address(str(value)):
            check.add(column, value, "an e-mail address such as name@company.com")
    return tuple(dict.fromkeys(str(value) for value in values))


def _workspace(check: Check, row: Row) -> Workspace:
    if row["workspace_slug"] is None:
        check.add("workspace_id", row["workspace_id"], "the id of a workspace that exists")
    slug = row["workspace_slug"] or ""
    return Workspace(
        id=row["workspace_id"],
        name=row["workspace_name"] or "",
        slug=slug,
        label=slug if row["slug_is_unique"] else f"{slug}:{row['workspace_id']}",
    )


def _creator(check: Check, row: Row, kind: ReportType | None) -> Person:
    person, value = row["creator_email"], row["created_by_id"]
    if person is None:
        check.add("created_by_id", value, "the id of a user that exists")
    elif row["creator_status"] == "SUSPENDED":
        check.add("created_by_id", value, "a user who is not suspended")
    elif not row["creator_is_member"]:
        check.add("created_by_id", value, "a member of the workspace; this user has left it")
    # Rows that were frozen before there were such types have no role, and are of none of them.
    elif kind is not None and kind.roles and (role := row.get("creator_role")) not in kind.roles:
        needed = " or ".join(kind.roles)
        check.add("created_by_id", value, f"{needed} of the workspace, which {kind.id} needs; this user is {role}")
    return Person(id=value, name=row["creator_name"] or "", email=person or "")
