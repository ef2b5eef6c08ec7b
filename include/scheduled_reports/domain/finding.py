"""What a check of the deployment has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"  # it works, but not as most deployments want it, or it could not be checked
    FAULT = "fault"  # reports fail, or will


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what was checked, what was found, and what to do about it."""

    level: Level
    #: What was checked: `settings`, `bucket` …
    subject: str
    text: str
    #: What to do; empty if it is OK.
    remedy: str = ""


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the finding that matters most; OK if there is none."""
    return max((one.level for one in findings), key=list(Level).index, default=Level.OK)


def ok(subject: str, text: str) -> Finding:
    """A finding that needs nothing."""
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """A finding that somebody should know of."""
    return Finding(Level.WARNING, subject, text, remedy)


def fault(subject: str, text: str, remedy: str) -> Finding:
    """A finding because of which reports fail."""
    return Finding(Level.FAULT, subject, text, remedy)
