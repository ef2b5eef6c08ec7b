"""When a run is mailed: the conditions of a report (`sendIf`), and what a run found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from .lead import LeadTone

Match = Literal["all", "any"]
#: Every run that meets the conditions is mailed, or only the first one until a run does not meet them.
Repeat = Literal["every", "once"]
RowsAre = Literal["any", "none", "at-least"]
Operator = Literal[">", ">=", "<", "<="]
ChangeUnit = Literal["amount", "percent"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowsCondition:
    """How many rows with data a dataset has; *count* is for `at-least` only."""

    dataset: str
    rows_are: RowsAre
    count: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureCondition:
    """A figure against a number; the number of a share is in per cent, 80 for 80%."""

    figure: str
    operator: Operator
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeCondition:
    """How much a figure has changed since the period before, with its sign.

    The *amount* is value minus value before, of a share in percentage points; the *percent* is relative to the value
    before.
    """

    figure: str
    operator: Operator
    value: float
    unit: ChangeUnit = "amount"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedCondition:
    """The rows or the columns of the main dataset differ from those that were last mailed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRowsCondition:
    """The main dataset has rows whose *column* has a value that the rows last mailed do not have."""

    column: str


SendCondition = RowsCondition | FigureCondition | ChangeCondition | ChangedCondition | NewRowsCondition


@dataclass(frozen=True, kw_only=True, slots=True)
class SendIf:
    """The conditions of a report: *all* or *any* of them must be met for a run to be mailed."""

    conditions: tuple[SendCondition, ...]
    match: Match = "all"
    repeat: Repeat = "every"

    @property
    def key_column(self) -> str | None:
        """The column by which rows are known again; None unless a condition asks for new rows."""
        return next((one.column for one in self.conditions if isinstance(one, NewRowsCondition)), None)

    @property
    def compares_rows(self) -> bool:
        """Whether a condition compares all rows with those last mailed."""
        return any(isinstance(one, ChangedCondition) for one in self.conditions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Whether one condition is met, and a sentence that says so with the value that was found."""

    met: bool
    text: str
    tone: LeadTone = "neutral"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a run found: whether the conditions are met, and why it is not mailed; *why* is empty if it is."""

    met: bool
    why: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MailedState:
    """What the last mailed run of a report contained, and since when its conditions are met.

    *keys* are the hashes of the values of *key_column*, one after the other.  *condition* identifies the conditions of
    which *met_since* speaks: the moment of the mail since which no run has found them not met.
    """

    mailed_at: datetime | None = None
    digest: str | None = None
    key_column: str | None = None
    keys: bytes | None = None
    condition: str | None = None
    met_since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """What becomes the state if the run is mailed; unless *pending* it is not to be mailed."""

    condition: str
    met: bool
    pending: bool = True
    digest: str | None = None
    key_column: str | None = None
    keys: bytes | None = None
