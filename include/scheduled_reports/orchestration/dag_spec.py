"""What is to become a DAG: a plan holds all that a serialized DAG may depend on, and nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..domain import naming
from ..domain.cron import jitter
from ..domain.report import Status
from ..reports.parser import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ..domain.report import Rejection, Report, Row
    from ..settings import Settings

LONGEST_TAG = 100
PAGE = (
    "A **scheduled report**: `query` freezes the definition and the data, each format is rendered and uploaded, "
    "`email` sends what arrived, at most once, and `record` settles the run.\n\n"
    "Its runs, files and mails are in the tab **Report**, and its definition is a row of `scheduled_reports`: "
    "`{report_id}`. Edit, pause and resume it there; Airflow's own pause makes its runs wait."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The arguments of the timetable; times and durations as text and seconds, so that they store as they are."""

    cron: str
    timezone: str
    effective_from: str
    jitter: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One DAG; a *resting* one only lets its open runs end, and can be started by nobody."""

    report_id: str
    display_name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    owner: str = "airflow"
    schedule: Schedule | None = None
    resting: bool = False

    @property
    def page(self) -> str:
        """What stands on the DAG's page in Airflow; Markdown, so nothing of a person's words is in it."""
        return PAGE.format(report_id=self.report_id.replace("`", "'"))

    def as_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Plan:
        """The inverse of `as_json`."""
        planned = content["schedule"]
        return cls(
            **{
                **content,
                "tags": tuple(content["tags"]),
                "schedule": None if planned is None else Schedule(**planned),
            }
        )


def plans(
    rows: Iterable[Row], settings: Settings, *, before: Collection[str] = ()
) -> tuple[tuple[Plan, ...], list[Rejection]]:
    """The plans of *rows*, ordered by id, and the rejections; *before* are the reports that had a DAG so far.

    What has gone keeps a resting DAG until its tombstone is lifted: a run whose DAG is missing never ends.
    """
    rows = list(rows)
    reports, rejections = parse(rows)
    valid = {report.id: report for report in reports}
    found = [plan for row in rows if (plan := _plan(row, valid.get(row["id"]), settings, before)) is not None]
    return tuple(sorted(found, key=lambda plan: plan.report_id)), rejections


def _plan(row: Row, report: Report | None, settings: Settings, before: Collection[str]) -> Plan | None:
    if report is not None and report.status is not Status.DISABLED:
        return _of(report, settings)
    if row["tombstone"] is None and not (report is None and _unseen(row) and row["id"] in before):
        return None
    # A row that was never valid has no DAG to let rest; where nothing is known of before, rather one too many.
    if row["tombstone"] == "rejected" and before and row["id"] not in before:
        return None
    return Plan(report_id=row["id"], display_name=_shown(row["name"], row["id"]), resting=True)


def _unseen(row: Row) -> bool:
    """Whether an invalid row has no tombstone only because upkeep has not seen it yet."""
    return not row["deleted"] and row["status"] != Status.DISABLED and row["error_cause"] != "rejected"


def _of(report: Report, settings: Settings) -> Plan:
    planned = None
    if report.is_scheduled:
        planned = Schedule(
            cron=report.schedule.cron.expression,
            timezone=report.timezone.key,
            effective_from=report.schedule.effective_from.isoformat(),
            jitter=int(jitter(report.id, settings.jitter_seconds).total_seconds()),
        )
    return Plan(
        report_id=report.id,
        display_name=_shown(report.name, report.id),
        description=report.description,
        tags=_tags(report),
        owner=naming.one_line(report.creator.name) or "airflow",
        schedule=planned,
    )


def _shown(name: str, report_id: str) -> str:
    """The name on one line; where nothing is left of it the id, and where that cannot be shown the DAG's."""
    return naming.one_line(name) or naming.one_line(report_id) or naming.dag_id(report_id)


def _tags(report: Report) -> tuple[str, ...]:
    tags = {*report.tags, f"workspace:{report.workspace.label}"[:LONGEST_TAG], report.type}
    return tuple(sorted(naming.one_line(tag) for tag in tags))
