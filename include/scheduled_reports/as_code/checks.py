"""Check what the files describe with the rules of rows, calendars and brands."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..domain.brand import Brand
from ..domain.errors import RejectedError
from ..reports.calendars import LONGEST_CODE, calendar_of, resolved
from ..reports.fields import BRAND_FIELDS, new_row
from ..reports.parser import LONGEST_NAME, parse_row
from ..settings.branding import brand_problems
from ..settings.logo import content_of, read_logo
from .documents import Wrong, key_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..ports.as_code import CodeSession, Key
    from ..ports.web import Record, WorkspaceInfo

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LOGOS = ("logo", "logo_dark")


@dataclass
class Checks:
    """The rules, with what they need to know of the database."""

    session: CodeSession
    workspaces: Mapping[str, WorkspaceInfo]
    _creators: dict[tuple[str, str], Record | None] = field(default_factory=dict)
    _countries: Mapping[str, Record] | None = None

    def problems(self, key: Key, record: Record, calendars: Mapping[Key, Record]) -> list[Wrong]:
        """Everything that is wrong with a record, if the workspaces have these calendars."""
        if key.kind == "report":
            return self._report_problems(key, record, calendars)
        return _calendar_problems(key, record) if key.kind == "calendar" else _brand_problems(record)

    def _report_problems(self, key: Key, record: Record, calendars: Mapping[Key, Record]) -> list[Wrong]:
        workspace = self.workspaces[key.workspace_id]
        creator = self._creator(key.workspace_id, record["created_by_id"])
        row = {
            **new_row(key.name, record, asdict(workspace), creator),
            "effective_from": datetime.now(UTC).isoformat(),
            "calendar": self._calendar(key, record["options"].get("calendar"), calendars),
        }
        try:
            parse_row(resolved(row))
        except RejectedError as error:
            return [Wrong(key_of(problem.column), problem.sentence) for problem in error.problems]
        return []

    def _creator(self, workspace_id: str, user_id: str) -> Record | None:
        place = (workspace_id, user_id)
        if place not in self._creators:
            self._creators[place] = self.session.creator(workspace_id, user_id)
        return self._creators[place]

    def _calendar(self, key: Key, code: Any, calendars: Mapping[Key, Record]) -> Mapping[str, Any] | None:
        """The calendar that a row carries: the workspace's, or the country's that upkeep has computed."""
        if not isinstance(code, str):
            return None
        own = calendars.get(key._replace(kind="calendar", name=code))
        if own is not None:
            return {"code": code, "weekend": own["weekend"], "dates": own["dates"]}
        if self._countries is None:
            self._countries = self.session.country_calendars()
        return self._countries.get(code)


def without_known(wrong: Collection[Wrong], found: Collection[Wrong]) -> list[Wrong]:
    """What was found about keys with which nothing is *wrong* already: those were checked with a default."""
    keys = {one.key for one in wrong}
    return [one for one in found if one.key not in keys and one.key.partition(".")[0] not in keys]


def with_same_logos(record: Record, held: Record | None) -> Record:
    """The record of a brand with its logos as they are stored: cleaned, or as *held* if it is the same image."""
    return record | {name: _stored_logo(record[name], held[name] if held else "") for name in _LOGOS}


def _stored_logo(logo: str, held: str) -> str:
    try:
        return held if held and content_of(held) == content_of(logo) else read_logo(logo)
    except ValueError:  # brand_problems says what is wrong
        return logo


def _calendar_problems(key: Key, record: Record) -> list[Wrong]:
    found = []
    if len(key.name) > LONGEST_CODE:
        found.append(Wrong("code", f"is too long; use at most {LONGEST_CODE} characters."))
    if len(record["name"]) > LONGEST_NAME:
        found.append(Wrong("name", f"is too long; use at most {LONGEST_NAME} characters."))
    for name, other in (("weekend", "dates"), ("dates", "weekend")):
        try:
            calendar_of({**record, other: []})
        except ValueError as error:
            found.append(Wrong(name, f"{error}."))
    odd = [day for day in record["dates"] if not _DATE.fullmatch(day)]
    if odd and not any(one.key == "dates" for one in found):
        found.append(Wrong("dates", f"{odd[0]} is not a date such as 2026-12-31; correct it."))
    return found


def _brand_problems(record: Record) -> list[Wrong]:
    names = {column: name for name, column in BRAND_FIELDS.items()}
    found = brand_problems(Brand(**record))
    return [Wrong(names[one.column], replace(one, column=names[one.column]).sentence) for one in found]


def empty_brand() -> Record:
    """The record of no brand."""
    return asdict(Brand())
