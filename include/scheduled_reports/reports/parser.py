"""Parse and validate rows of scheduled_reports: each becomes a report, or a rejection with every problem at once.

A *row* is the JSON object that sql/definitions.sql makes of a report, its workspace and its creator; the same shape is
frozen in reporting.runs, so that a run parses its own row with the same rules.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from ..domain import naming
from ..domain.addresses import is_address
from ..domain.clock import parse_zone
from ..domain.cron import Cron
from ..domain.errors import RejectedError, ReportsError, location
from ..domain.problem import Problem
from ..domain.report import EmailOptions, Person, Recipients, Rejection, Report, Row, Status, Wording, Workspace
from ..domain.schedule import Schedule
from .calendars import read_calendar, read_on_closed
from .conditions import read_send_if
from .options import FIRST_YEAR, LAST_YEAR, read_days, read_jitter, read_missed_runs, read_options
from .parameters import read_date_range, read_object, read_parameters
from .periods import read_period
from .types.catalog import KNOWN_TYPES, catalog
from .validation import Check, read_formats
from .wording import read_introduction, read_subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

    from ..domain.report_type import ReportType


log = logging.getLogger(__name__)

#: Names of users and workspaces, which the application does not limit, are cut to this length: they are printed in
#: files, mails and pages, and stored in Airflow's columns.
LONGEST_NAME = 200
#: Longer than any expression that lists every value of each field.
LONGEST_CRON = 500


def parse(rows: Iterable[Row]) -> tuple[list[Report], list[Rejection]]:
    """Parse *rows*; an invalid row becomes a Rejection and never raises.  Tombstones of deleted rows are left out."""
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
    catalog()  # an error of the process, not of this row
    try:
        return _parse_row(row)
    except ReportsError:
        raise
    except Exception as error:
        # The last resort: whatever one row holds, the others are read.  Not the error's text, which may hold a value.
        log.error("report %s cannot be read: %s%s", row.get("id"), type(error).__name__, location(error))  # noqa: TRY400
        reason = f"cannot be read ({type(error).__name__}); correct the row, and report this as a bug"
        raise RejectedError([Problem(column="row", value=str(row.get("id")), reason=reason)]) from None


def _parse_row(row: Row) -> Report:
    check = Check()
    kind, parameters = _type(check, row["reportType"]), read_object(check, "parameters", row["parameters"])
    options = read_options(check, row)
    report = Report(
        id=_id(check, row["id"]),
        name=check.text("name", row["name"], low=1, high=200),
        description=check.text("description", row["description"] or "", high=1000),
        type=row["reportType"],
        schedule=_schedule(check, row, options),
        is_active=bool(row["is_active"]),
        status=_status(check, row["status"]),
        formats=read_formats(check, "export_formats", row["export_formats"]),
        date_range=read_period(check, options, read_date_range(check, parameters)),
        parameters=read_parameters(check, parameters, options, kind),
        tags=_tags(check, check.texts("tags", row["tags"])),
        email=_email(check, row),
        wording=Wording(
            subject=read_subject(check, options, kind), introduction=read_introduction(check, options, kind)
        ),
        workspace=_workspace(check, row),
        creator=_creator(check, row, kind),
        missed_runs=read_missed_runs(check, row["missed_runs"]),
        jitter_seconds=read_jitter(check, options),
        send_if=read_send_if(check, options, kind, parameters),
    )
    if check.problems:
        raise RejectedError(check.problems)
    return report


def _id(check: Check, value: str) -> str:
    if not value or len(naming.escape(value)) > naming.LONGEST_ESCAPED_ID:
        reason = f"does not have 1 to {naming.LONGEST_ESCAPED_ID} characters once escaped for Airflow; use another id"
        check.add("id", value, reason)
    return value


def _type(check: Check, value: str) -> ReportType | None:
    known = catalog()
    names = dict.fromkeys((*KNOWN_TYPES, *known.types))
    if value in known.types:
        return known.types[value]
    if value in known.broken:
        reasons = known.broken[value].replace("\n", "; ")
        check.add("reportType", value, f"is a broken report type; correct its folder: {reasons}")
    elif value in KNOWN_TYPES:
        check.add("reportType", value, f"is not built yet; choose from {', '.join(known.types)}")
    else:
        check.unknown("reportType", value, "report type", names)
    return None


def _schedule(check: Check, row: Row, options: Mapping[str, Any]) -> Schedule:
    before = len(check.problems)
    schedule = Schedule(
        cron=cast("Cron", check.reads("cron_expression", row["cron_expression"], _cron)),
        zone=cast("ZoneInfo", check.reads("timezone", row["timezone"], parse_zone)),
        effective_from=cast("datetime", check.reads("effective_from", row["effective_from"], _moment)),
    )
    calendar, on_closed = read_calendar(check, options, row), read_on_closed(check, options)
    starts_on, ends_on = read_days(check, options)
    if len(check.problems) > before:
        return schedule
    if calendar is not None:
        schedule = replace(schedule, calendar=calendar.since(schedule.effective_from), on_closed=on_closed)
        if schedule.next_after(schedule.effective_from) is None:
            check.add(
                "options.calendar",
                options["calendar"],
                "is closed on every day that the schedule names; change the schedule, or send onClosed before or after",
            )
    if starts_on is None and ends_on is None:
        return schedule
    return replace(schedule, starts_on=starts_on, ends_on=ends_on)


def _cron(text: str) -> Cron:
    if len(text) > LONGEST_CRON:
        raise ValueError(f"is too long; use at most {LONGEST_CRON} characters")
    return Cron.parse(text)


def _moment(text: str) -> datetime:
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if FIRST_YEAR <= moment.year <= LAST_YEAR:
            return moment.astimezone(UTC)  # it is in the server's zone
    raise ValueError(f"is not a moment of the years {FIRST_YEAR} to {LAST_YEAR}; save the report again")


def _status(check: Check, name: str) -> Status:
    if name in list(Status):
        return Status(name)
    # The enum is the application's, and may grow.
    check.add("status", name, f"is not a known status; choose from {', '.join(Status)}")
    return Status.ERROR


def _tags(check: Check, values: list[str | None]) -> tuple[str, ...]:
    if len(values) > 20:
        check.add("tags", values, "has more than 20 tags; remove some")
    for value in values:
        if not value or not 1 <= len(value.strip()) <= len(value) <= 50:
            check.add("tags", value, "is not a tag of 1 to 50 characters; shorten or remove it")
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
    if not row["email_enabled"]:
        return tuple(value for value in row[column] or () if value and isinstance(value, str))
    values = check.texts(column, row[column])
    if not low <= len(values) <= high:
        check.add(column, values, f"does not have {low} to {high} addresses; change the list, or disable email")
    for value in values:
        if not is_address(str(value)):
            check.add(column, value, "is not an email address; use one such as name@company.com")
    return tuple(dict.fromkeys(map(str, values)))


def _workspace(check: Check, row: Row) -> Workspace:
    if row["workspace_slug"] is None:
        check.add("workspace_id", row["workspace_id"], "does not exist; use the id of a workspace that does")
    if len(naming.escape(row["workspace_id"] or "")) > naming.LONGEST_ESCAPED_ID:
        reason = f"does not have 1 to {naming.LONGEST_ESCAPED_ID} characters once escaped; use another id"
        check.add("workspace_id", row["workspace_id"], reason)
    slug = naming.shortened(row["workspace_slug"] or "", LONGEST_NAME)
    return Workspace(
        id=row["workspace_id"],
        name=naming.shortened(row["workspace_name"] or "", LONGEST_NAME),
        slug=slug,
        label=slug if row["slug_is_unique"] else f"{slug}:{row['workspace_id']}",
    )


def _creator(check: Check, row: Row, kind: ReportType | None) -> Person:
    person, value = row["creator_email"], row["created_by_id"]
    if person is None:
        check.add("created_by_id", value, "does not exist; use the id of a user who does")
    elif row["creator_status"] == "SUSPENDED":
        check.add("created_by_id", value, "is suspended; choose a user who is not")
    elif not row["creator_is_member"]:
        check.add("created_by_id", value, "has left the workspace; choose one of its members")
    # Rows frozen before such types existed have no role, and are of other types.
    elif kind is not None and kind.roles and (role := row.get("creator_role")) not in kind.roles:
        needed, held = " or ".join(kind.roles), f"the role {role}" if role else "no role"
        check.add(
            "created_by_id", value, f"has {held} in the workspace, but {kind.id} needs {needed}; choose another user"
        )
    return Person(id=value, name=naming.shortened(row["creator_name"] or "", LONGEST_NAME), email=person or "")
