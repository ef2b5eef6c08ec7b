"""Check values one by one and collect every problem, so that a person sees all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..domain.formats import Format
from ..domain.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

#: More problems than this help nobody, and their number may not decide how long a row takes.
MOST_PROBLEMS = 100
LONGEST_COLUMN = 200
#: No name of ours is longer, and comparing a long one is slow.
LONGEST_GUESS = 80
#: The enum "WorkspaceRole".
ROLES = ("OWNER", "ADMIN", "MEMBER", "GUEST")


@dataclass
class Check:
    """Collects problems, so that a person sees all of them at once."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, column: str, value: Any, reason: str) -> None:
        """Note one problem; *reason* continues a sentence that begins with the value."""
        self._note(Problem(column=column, value=value, reason=reason))

    def unknown(self, column: str, value: Any, noun: str, names: Collection[str]) -> None:
        """Note a value that is none of *names*, with the closest of them as a guess."""
        guess = did_you_mean(value, names) if isinstance(value, str) and len(self.problems) < MOST_PROBLEMS else ""
        reason = f"choose from {', '.join(names)}{guess}"
        self._note(Problem(column=column, value=value, noun=noun, reason=reason))

    def _note(self, problem: Problem) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            # A name that a row gives, such as that of a parameter, is part of the column.
            self.problems.append(replace(problem, column=problem.column[:LONGEST_COLUMN]))

    def text(self, column: str, value: str, *, low: int = 0, high: int) -> str:
        """*value*, which must have *low* to *high* characters."""
        if not low <= len(value.strip()):
            self.add(column, value, f"is empty; enter {low} to {high} characters")
        elif len(value) > high:
            self.add(column, value, f"is too long; use at most {high} characters")
        return value

    def texts(self, column: str, values: Any) -> list[str | None]:
        """*values*, which must be a list of texts, some of them NULL; PostgreSQL's arrays can hold lists as well."""
        if values is None:
            return []
        if isinstance(values, list) and all(isinstance(value, str | None) for value in values):
            return values
        self.add(column, values, 'is not a list of texts; use one such as ["a", "b"]')
        return []

    def reads(self, column: str, value: str, read: Callable[[str], Any]) -> Any:
        """What *read* returns for a value; None if it raises ValueError, whose text becomes the reason."""
        try:
            return read(value)
        except ValueError as error:
            self.add(column, value, str(error))
            return None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """` (did you mean …?)` if one of *names* is close to *name*, otherwise an empty text."""
    close = get_close_matches(name, list(names), n=1) if len(name) <= LONGEST_GUESS else []
    return f" (did you mean {close[0]}?)" if close else ""


def read_formats(check: Check, column: str, values: Any) -> tuple[Format, ...]:
    """The formats in a list; every problem is noted."""
    if not isinstance(values, list) or not values or len(set(map(str, values))) != len(values):
        check.add(column, values, f"is not a list of different formats; choose from {', '.join(Format)}, each once")
        return ()
    for value in values:
        if value not in list(Format):
            check.unknown(column, value, "format", list(Format))
    return tuple(Format(value) for value in values if value in list(Format))
