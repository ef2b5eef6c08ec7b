"""Specify the DAG of each report: a spec contains everything that a serialized DAG may depend on, and nothing else."""

from __future__ import annotations

import re
from dataclasses import asdict, astuple, dataclass
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
                "schedule": None if arguments is None else TimetableArguments(**arguments),
            }
        )
        texts = (spec.report_id, spec.display_name, spec.description, spec.owner, *spec.tags)
        timetable = () if spec.schedule is None else astuple(spec.schedule)
        if not all(isinstance(text, str) for text in (*texts, *timetable[:-1])):
            raise TypeError("a text of a spec is not a text")
        if not all(isinstance(number, int) for number in (spec.resting, *timetable[-1:])):
            raise TypeError("a number of a spec is not a number")
        return spec


def dag_specs(
    rows: Iterable[Row], settings: Settings, *, before: Collection[str] = ()
) -> tuple[tuple[DagSpec, ...], list[Rejection]]:
    """Return the specs of *rows*, ordered by id, and the rejections; *before* are the reports that had a DAG so far.

    A deleted or disabled report keeps a resting DAG until its tombstone is lifted: a run without a DAG never ends.
    """
    from ..reports.parser import parse  # a task starts without it: its DAG needs no row

    rows = list(rows)
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
    arguments = None
    if report.is_scheduled:
        arguments = TimetableArguments(
            cron=report.schedule.cron.expression,
            timezone=report.timezone.key,
            effective_from=report.schedule.effective_from.isoformat(),
            jitter=int(report.jitter(settings.jitter_seconds).total_seconds()),
        )
    return DagSpec(
        report_id=report.id,
        display_name=_display_name(report.name, report.id),
        description=report.description,
        tags=_tags(report),
        owner=naming.shortened(naming.one_line(report.creator.name), LONGEST_OWNER) or "airflow",
        schedule=arguments,
    )


def _display_name(name: str, report_id: str) -> str:
    """Return the name on one line; if it is empty the id, and if that cannot be displayed the DAG's id."""
    shown = naming.one_line(name) or naming.one_line(report_id) or naming.dag_id(report_id)
    return naming.shortened(shown, LONGEST_DISPLAY_NAME)


def _tags(report: Report) -> tuple[str, ...]:
    named = (*report.tags, f"workspace:{report.workspace.label}", report.type)
    tags = {naming.one_line(tag)[:MAX_TAG_LENGTH] for tag in named}
    return tuple(sorted(tag for tag in tags if tag))
