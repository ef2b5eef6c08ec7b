"""Map the fields of the API to columns, and the problems of columns back to fields."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, TypeVar

from ..domain.errors import RejectedError
from ..domain.naming import BASE36
from ..domain.problem import Problem, shown
from ..domain.report import Row, Status
from ..reports.calendars import resolved
from ..reports.fields import EMAIL_FIELDS, FIELD_OF, FIELDS
from ..reports.parser import parse_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..ports.web import Record

T = TypeVar("T")
#: The problems of each field, by its name; nested fields are named `emailDelivery.recipients`.
Problems = dict[str, list[str]]

REQUIRED = ("name", "reportType", "cronExpression", "exportFormats")
#: Fields of a response that look like settings and are not, and what to do instead.  A client may send back what it
#: read; another value is refused, because a client that gets a 200 takes it for saved.
FIXED = {
    "id": "the id of a report never changes",
    "createdAt": "this time never changes",
    "status": "send isActive, or use pause and resume",
    "missedRuns": "send options.missedRuns",
}
#: What the same fields are in a new report, whose creator can be chosen.
FIXED_WHEN_NEW = {"status": "ACTIVE", "missedRuns": "latest"}


def columns(sent: Mapping[str, Any]) -> Record:
    """Return the columns for the fields that were sent; of `emailDelivery`, only for those that were sent."""
    email = sent.get("emailDelivery") or {}
    found = {column: sent[field] for field, column in FIELDS.items() if field in sent}
    return found | {column: email[field] for field, column in EMAIL_FIELDS.items() if field in email}


def with_options(row: Mapping[str, Any], changes: Record, sent: Mapping[str, Any]) -> Record:
    """Return *changes* with the options in *sent* over those of *row*; null removes an option."""
    given = sent.get("options")
    if not given:
        return changes
    options = {**(row.get("options") or {}), **{name: given[name] for name in given if name != "missedRuns"}}
    kept = {name: value for name, value in options.items() if value is not None}
    policy = {"missed_runs": given["missedRuns"] or "latest"} if "missedRuns" in given else {}
    return {**changes, "options": kept, **policy}


def new_id() -> str:
    """Return an id in the form of Prisma's cuid(): `c` and 24 more characters."""
    return "c" + "".join(secrets.choice(BASE36) for _ in range(24))


def resumed(row: Row, changes: Record) -> Record:
    """Return *changes*, with the status ACTIVE if they enable a report that is paused or was stopped after failures.

    The application does not know `status`: to enable a report there means that it should run.
    """
    is_off = row["status"] == Status.PAUSED or (row["status"] == Status.ERROR and row["error_cause"] == "failing")
    return {**changes, "status": Status.ACTIVE.value} if changes.get("is_active") and is_off else changes


def problems(row: Row, wrong: Problems) -> Problems:
    """Return *wrong* and the problems of *row*, except for fields that are in *wrong* already."""
    try:
        parse_row(resolved(row))
    except RejectedError as error:
        return merged(wrong, by_field(error.problems))
    return wrong


def by_field(found: Iterable[Problem]) -> Problems:
    """Return problems of columns as problems of the API's fields."""
    by_name: Problems = {}
    for problem in found:
        field = FIELD_OF.get(problem.column, problem.column)
        by_name.setdefault(field, []).append(problem.sentence)
    return by_name


def unchangeable(sent: Mapping[str, Any], current: Mapping[str, Any]) -> Problems:
    """Return the problem of each fixed field that was sent with another value than *current* has."""
    return {
        name: [f"{shown(sent[name])} is not the current value {shown(current[name])}: {FIXED[name]}."]
        for name in FIXED
        if name in sent and name in current and sent[name] != current[name]
    }


def merged(known: Problems, more: Problems) -> Problems:
    """Return both; fields in *known* get no more problems, because the check saw a default instead of their value."""
    rest = {
        field: texts for field, texts in more.items() if field.partition(".")[0] not in known and field not in known
    }
    return {**known, **rest}


def read(wrong: Problems, name: str, text: str, parse: Callable[[str], T]) -> T | None:
    """Return the parsed parameter; if *parse* raises, add the problem to *wrong* and return None."""
    try:
        return parse(text)
    except ValueError as error:
        wrong.setdefault(name, []).append(Problem(column=name, value=text, reason=str(error)).sentence)
        return None
