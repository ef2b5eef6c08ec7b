"""Parameters: what a report of a type may set, declared by the type; the SQL of the type reads the values."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - report.yaml is read by the hints
from dataclasses import dataclass, field
from typing import Any, Literal

#: The types that a `report.yaml` may declare.
OwnType = Literal["text", "integer", "number", "date", "boolean", "choice"]
#: `object` is a JSON object: only `customFilters` is one.
ParameterType = Literal["text", "integer", "number", "date", "boolean", "choice", "object"]
#: Characters of a text, and values of a list.
LONGEST_TEXT, MOST_VALUES = 1_000, 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A parameter that a report type declares in its `report.yaml`.

    The values of a choice are those of *values*, or those that *query* lists for the workspace.
    """

    name: str
    title: str
    type: ParameterType
    many: bool = False  # a list of such values
    required: bool = False
    default: Any = None  # what the SQL reads if a report sets nothing, as JSON
    values: tuple[str, ...] = ()  # of a choice
    titles: Mapping[str, str] = field(default_factory=dict, hash=False)  # of the values, for people
    query: str = ""  # SQL with the column `value`, and `title` if people read another text
    minimum: int | float | str | None = None  # of numbers and dates, included; a date as ISO 8601
    maximum: int | float | str | None = None
    help: str = ""  # one sentence for the form

    @property
    def place(self) -> str:
        """Where a report holds its value, which is also how a problem is named."""
        return f"options.parameters.{self.name}"

    @property
    def is_own(self) -> bool:
        """Whether the report type declares it itself, and its values are among the options of a report."""
        return True

    @property
    def longest(self) -> int:
        """How many characters a text has at most."""
        return LONGEST_TEXT

    @property
    def most(self) -> int:
        """How many values a list has at most."""
        return MOST_VALUES

    def title_of(self, value: str) -> str:
        """How people read one of the values of a choice."""
        return self.titles.get(value, value)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplicationParameter(Parameter):
    """A parameter of the application, which keeps its value in the column `parameters`; the column bounds its size."""

    @property
    def place(self) -> str:
        """Where a report holds its value, which is also how a problem is named."""
        return f"parameters.{self.name}"

    @property
    def is_own(self) -> bool:
        """Whether the report type declares it itself, and its values are among the options of a report."""
        return False

    @property
    def longest(self) -> int:
        """How many characters a text has at most."""
        return 1_000_000

    @property
    def most(self) -> int:
        """How many values a list has at most."""
        return 1_000_000
