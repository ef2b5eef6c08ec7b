"""Specify the DAG of each report: a spec contains everything that a serialized DAG may depend on, and nothing else."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..domain import naming
from ..domain.report import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ..domain.report import Rejection, Report, Row
    from ..settings import Settings

#: What Airflow's columns hold: an owner also stands in its audit log, in a column of 500 characters, and each task of a
#: DAG repeats it.
MAX_TAG_LENGTH, LONGEST_OWNER, LONGEST_DISPLAY_NAME = 100, 100, 200
PAGE = (
    "A **scheduled report**. `query` reads the definition and the data, `formats` creates and uploads a file for each "
    "format, `email` sends the files, and `record` stores the result.\n\n"
    "The tab **Report** shows runs, files and emails. The definition is the row {report_id} of `scheduled_reports`: "
    "edit, pause and resume the report there. If this DAG is paused in Airflow, its runs wait."
)


def code_span(text: str) -> str:
    """*text* as code in Markdown, in which nothing else has a meaning: no link, no picture, no HTML.

    A backslash would not do: Airflow's Markdown turns bare addresses into links even after one.
    """
    line = naming.one_line(text)
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    # One space on either side is removed again; without it, a backtick at the edge would belong to the fence.
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TimetableArguments:
    """The arguments of the timetable, with times as text and durations in seconds, so that JSON can hold them."""

    cron: str
    timezone: str
    effective_from: str
    jitter: int = 0
    #: Of a report with a calendar: its weekend (Sunday is 0), its other closed days, and what becomes of their ticks.
    weekend: tuple[int, ...] = ()
    closed: tuple[str, ...] = ()
    on_closed: str = "skip"
    starts_on: str | None = None
    ends_on: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that only some reports have, as the timetable stores them."""
        calendar = {"weekend": list(self.weekend), "closed": list(self.closed), "on_closed": self.on_closed}
        days = {"starts_on": self.starts_on, "ends_on": self.ends_on}
        return {
            **(calendar if self.weekend or self.closed else {}),
            **{name: day for name, day in days.items() if day is not None},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TimetableArguments:
        """Return the arguments of the data from `asdict`, also as earlier releases wrote it; an error otherwise."""
        lists = {name: tuple(content[name]) for name in ("weekend", "closed") if name in content}
        found = cls(**{**content, **lists})
        days = [day for day in (found.starts_on, found.ends_on) if day is not None]
        texts = (found.cron, found.timezone, found.effective_from, found.on_closed, *found.closed, *days)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a text of a timetable is not a text")
        if not all(isinstance(number, int) for number in (found.jitter, *found.weekend)):
            raise TypeError("a number of a timetable is not a number")
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class DagSpec:
    """One DAG; a *resting* DAG lets its open runs finish and accepts no new ones."""

    report_id: str
    display_name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    owner: str = "airflow"
    schedule: TimetableArguments | None = None
    resting: bool = False

    @property
    def page(self) -> str:
        """The documentation on the DAG's page in Airflow, which is Markdown."""
        return PAGE.format(report_id=code_span(self.report_id))

    def as_json(self) -> dict[str, Any]:
        """Return the spec as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> DagSpec:
        """Return the spec of the data from `as_json`; an error if it has another shape."""
        arguments = content["schedule"]
        spec = cls(
            **{
                **content,
                "tags": tuple(content["tags"]),
                "schedule": None if arguments is None else TimetableArguments.from_json(arguments),
            }
        )
        texts = (spec.report_id, spec.display_name, spec.description, spec.owner, *spec.tags)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a text of a spec is not a text")
        if not isinstance(spec.resting, int):
            raise TypeError("a number of a spec is not a number")
        return spec


def dag_specs(
    rows: Iterable[Row], settings: Settings, *, before: Collection[str] = ()
) -> tuple[tuple[DagSpec, ...], list[Rejection]]:
    """Return the specs of *rows*, ordered by id, and the rejections; *before* are the reports that had a DAG so far.

    A deleted or disabled report keeps a resting DAG until its tombstone is lifted: a run without a DAG never ends.
    """
    from ..reports.calendars import resolved
    from ..reports.parser import parse  # a task starts without it: its DAG needs no row

    rows = [resolved(row) for row in rows]
    reports, rejections = parse(rows)
    valid = {report.id: report for report in reports}
    found = [spec for row in rows if (spec := _spec(row, valid.get(row["id"]), settings, before)) is not None]
    return tuple(sorted(found, key=lambda spec: spec.report_id)), rejections


def _spec(row: Row, report: Report | None, settings: Settings, before: Collection[str]) -> DagSpec | None:
    if report is not None and report.status is not Status.DISABLED:
        return _of(report, settings)
    if row["tombstone"] is None and not (report is None and _not_seen_by_upkeep(row) and row["id"] in before):
        return None
    # A row that was never valid had no DAG; if *before* is unknown, a DAG too many does less harm than a missing one.
    if row["tombstone"] == "rejected" and before and row["id"] not in before:
        return None
    return DagSpec(report_id=row["id"], display_name=_display_name(row["name"], row["id"]), resting=True)


def _not_seen_by_upkeep(row: Row) -> bool:
    """Return whether an invalid row lacks a tombstone only because upkeep has not processed it yet."""
    return not row["deleted"] and row["status"] != Status.DISABLED and row["error_cause"] != "rejected"


def _of(report: Report, settings: Settings) -> DagSpec:
    return DagSpec(
        report_id=report.id,
        display_name=_display_name(report.name, report.id),
        description=report.description,
        tags=_tags(report),
        owner=naming.shortened(naming.one_line(report.creator.name), LONGEST_OWNER) or "airflow",
        schedule=_arguments(report, settings) if report.is_scheduled else None,
    )


def _arguments(report: Report, settings: Settings) -> TimetableArguments:
    schedule = report.schedule
    calendar = schedule.calendar
    return TimetableArguments(
        cron=schedule.cron.expression,
        timezone=report.timezone.key,
        effective_from=schedule.effective_from.isoformat(),
        jitter=int(report.jitter(settings.jitter_seconds).total_seconds()),
        weekend=() if calendar is None else tuple(sorted(calendar.weekend)),
        closed=() if calendar is None else tuple(day.isoformat() for day in sorted(calendar.closed)),
        on_closed=schedule.on_closed,
        starts_on=None if schedule.starts_on is None else schedule.starts_on.isoformat(),
        ends_on=None if schedule.ends_on is None else schedule.ends_on.isoformat(),
    )


def _display_name(name: str, report_id: str) -> str:
    """Return the name on one line; if it is empty the id, and if that cannot be displayed the DAG's id."""
    shown = naming.one_line(name) or naming.one_line(report_id) or naming.dag_id(report_id)
    return naming.shortened(shown, LONGEST_DISPLAY_NAME)


def _tags(report: Report) -> tuple[str, ...]:
    named = (*report.tags, f"workspace:{report.workspace.label}", report.type)
    tags = {naming.one_line(tag)[:MAX_TAG_LENGTH] for tag in named}
    return tuple(sorted(tag for tag in tags if tag))
