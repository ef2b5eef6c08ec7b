"""The lead of a report type: rules that choose the one or two sentences which say what changed, and whether to care."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Whether a sentence is good news, bad news, or neither.
LeadTone = Literal["good", "bad", "neutral"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A whole sentence with placeholders; *one* is used instead of *other* if the figure *count* is 1.

    Placeholders name figures: `{failed}` is the value, `{failed.before}` the value in the period before,
    `{failed.change}` the size of the change without a sign (`19%`, of a share `7.6 points`), `{failed.difference}` the
    absolute difference without a sign.
    """

    other: str
    one: str = ""
    count: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What must hold of one figure; each bound that is given.

    *rises* and *falls* are the least change since the period before: relative, 0.1 for 10%; of a share, its
    difference, 0.05 for 5 points.  A rise from zero is as large as any.
    """

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    rises: float | None = None
    falls: float | None = None
    more: float | None = None  # the least absolute difference upwards
    less: float | None = None  # the least absolute difference downwards
    compared: bool | None = None  # whether there is a value in the period before


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadRule:
    """A sentence, and the conditions that must all hold for it; without conditions it always applies."""

    say: Message
    when: tuple[Condition, ...] = ()
    tone: LeadTone = "neutral"


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadSpec:
    """The rules of a report type: each of *sentences* gives the sentence of its first rule that holds, or none.

    The first two sentences are shown.  *nothing* is said in a report without data.
    """

    nothing: str
    sentences: tuple[tuple[LeadRule, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence of a lead, ready to show."""

    text: str
    tone: LeadTone = "neutral"
