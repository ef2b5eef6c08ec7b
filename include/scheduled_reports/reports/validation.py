"""Checking values one by one, so that a person sees everything that is wrong at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..domain.formats import Format
from ..domain.report import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The enum "WorkspaceRole".
ROLES = ("OWNER", "ADMIN", "MEMBER", "GUEST")


@dataclass
class Check:
    """Collects problems, so that a person sees all of them at once."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, column: str, value: Any, allowed: str) -> None:
        """Note one problem."""
        self.problems.append(Problem(column=column, value=value, allowed=allowed))

    def text(self, column: str, value: str, *, low: int = 0, high: int) -> str:
        """A text of *low* to *high* characters."""
        if not low <= len(value.strip()) or len(value) > high:
            self.add(column, value, f"{low} to {high} characters")
        return value

    def reads(self, column: str, value: str, read: Callable[[str], Any]) -> Any:
        """What *read* makes of a value; None where it raises ValueError, whose text says what is allowed."""
        try:
            return read(value)
        except ValueError as error:
            self.add(column, value, str(error))
            return None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """` (did you mean …?)` where a known name is close, otherwise nothing."""
    close = get_close_matches(name, list(names), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def read_formats(check: Check, column: str, values: Any) -> tuple[Format, ...]:
    """The formats of a list, each problem noted."""
    allowed = f"one to five different ones of {', '.join(Format)}"
    if not isinstance(values, list) or not values or len(set(map(str, values))) != len(values):
        check.add(column, values, allowed)
        return ()
    for value in values:
        if value not in list(Format):
            check.add(column, value, allowed + did_you_mean(str(value), Format))
    return tuple(Format(value) for value in values if value in list(Format))
