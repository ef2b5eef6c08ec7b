"""Decide what the import does with one export job, and format the outcome.  Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ...domain.naming import one_line
from ...domain.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .old_schedule import OldSchedule


LONGEST_LINE = 400
LONGEST_NAME = 80


class Step(StrEnum):
    """What happens to a job."""

    IMPORT = "imported"
    UPDATE = "brought up to date"
    KEEP = "already there"
    DELETED = "deleted since it was imported"
    REJECT = "not imported"
    SKIP = "without a cron"


@dataclass(frozen=True, kw_only=True, slots=True)
class PastImport:
    """What is stored about a job that was imported before, and the state of its report."""

    job_digest: str
    is_there: bool
    is_edited: bool
    #: Whether the old schedule was switched off for it.
    is_switched_over: bool = False
    is_active: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What happens to a job, whether its old schedule is switched off, and the problems that prevent it."""

    step: Step
    retire: bool = False
    problems: tuple[Problem, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What was done with a job, and whether its report is active now, if that is known."""

    job_id: str
    name: str
    decision: Decision
    is_active: bool | None = None

    @property
    def failed(self) -> bool:
        """Whether it needs attention."""
        return bool(self.decision.problems)


def lines(outcome: Outcome) -> list[str]:
    """One line for the job and one per problem; a line break in a name cannot start another line."""
    decision, words = outcome.decision, [str(outcome.decision.step)]
    if decision.step in (Step.IMPORT, Step.UPDATE, Step.KEEP) and outcome.is_active is not None:
        words.append("active" if outcome.is_active else "inactive")
    if decision.retire:
        words.append("the old schedule is switched off")
    if decision.note:
        words.append(decision.note)
    title = f"{_shown(outcome.job_id)} {_shown(outcome.name)}: {', '.join(words)}"
    return [title, *(f"  {one_line(str(problem))[:LONGEST_LINE]}" for problem in decision.problems)]


def totals(outcomes: Sequence[Outcome], others: int) -> str:
    """How many jobs ended how."""
    counts = Counter(outcome.decision.step for outcome in outcomes)
    ends = ", ".join(f"{counts[step]} {step}" for step in Step if counts[step] or step in (Step.IMPORT, Step.REJECT))
    return f"{ends}; {others} export jobs are not schedules"


def _shown(text: str) -> str:
    return repr(text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…")


def decide(
    schedule: OldSchedule | None,
    problems: Sequence[Problem],
    known: PastImport | None,
    *,
    id_in_use: bool,
    retire: bool,
) -> Decision:
    """What to do with a job; *schedule* is None if it has *problems*, *id_in_use* means another report has its id."""
    if known is None:
        return _first(schedule, problems, id_in_use=id_in_use, retire=retire)
    if not known.is_there:
        return Decision(step=Step.DELETED, note="stays deleted")
    if known.is_switched_over and not (schedule and schedule.is_active):
        return Decision(step=Step.KEEP)  # later edits of the old schedule do not count
    return _again(schedule, problems, known, retire=retire)


def _again(schedule: OldSchedule | None, problems: Sequence[Problem], known: PastImport, *, retire: bool) -> Decision:
    """Decide for a report that exists, by whether it or its old schedule was edited."""
    if schedule is not None and schedule.digest == known.job_digest:
        return Decision(step=Step.KEEP, retire=retire and _is_on(schedule))
    if known.is_edited:
        return _edited_on_both_sides(retire=retire)
    if schedule is None:
        note = "but its old schedule was changed since and is invalid"
        return Decision(step=Step.KEEP, problems=tuple(problems), note=note)
    return Decision(step=Step.UPDATE, retire=retire and _is_on(schedule))


def _first(schedule: OldSchedule | None, problems: Sequence[Problem], *, id_in_use: bool, retire: bool) -> Decision:
    if schedule is None:
        return Decision(step=Step.REJECT, problems=tuple(problems))
    if schedule.is_retired:  # it is marked as imported, but our record of it is lost
        return Decision(step=Step.KEEP) if id_in_use else Decision(step=Step.DELETED, note="stays deleted")
    if id_in_use:
        reason = "is the id of a report that was not imported; delete that report, or leave this schedule as it is"
        return Decision(step=Step.REJECT, problems=(Problem(column="id", value=schedule.row["id"], reason=reason),))
    return Decision(step=Step.IMPORT, retire=retire)


def _is_on(schedule: OldSchedule) -> bool:
    """Whether there is anything to switch off: a retired schedule may have been switched on again."""
    return schedule.is_active or not schedule.is_retired


def _edited_on_both_sides(*, retire: bool) -> Decision:
    note = "it and its old schedule were both edited since"
    if not retire:
        return Decision(step=Step.KEEP, note=note)
    reason = "was edited since it was imported, and so was the report; undo one edit, or switch this one off manually"
    problem = Problem(column="metadata.schedule", value="schedule", reason=reason)
    return Decision(step=Step.KEEP, problems=(problem,), note=note)
