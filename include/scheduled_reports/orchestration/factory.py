"""From reports to DAGs: the structure is the same for every one, so it can be made from the id alone."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param, get_parsing_context, task_group

from .. import naming
from ..checks import PERIODS
from ..definitions import parse
from ..errors import ReportsError
from ..model import Format, Status
from ..settings import Settings
from . import tasks
from .timetable import ReportTimetable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..definitions import Row
    from ..model import Report

log = logging.getLogger(__name__)

LONGEST_TAG = 100
#: Airflow's limit of the columns it copies these texts to.
LONGEST_NAME = 2000
PARSE_STATEMENT_SECONDS = 5
DAY = r"\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that a serialized DAG may depend on besides its id."""

    display_name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    owner: str = "airflow"
    schedule: ReportTimetable | None = None


def dags() -> dict[str, DAG]:
    """The DAGs of this parse, by id; never raises."""
    asked = get_parsing_context()
    try:
        settings = Settings.from_env(os.environ)
        if asked.dag_id is None:
            return build_all(_rows(settings), settings)
        report_id = naming.report_id_of(asked.dag_id)
        if report_id is None:
            return {}
        if asked.task_id is not None:  # a task starts: it needs the structure only, and no database
            return {asked.dag_id: bare(report_id, settings)}
        return build_all(_rows(settings, report_id), settings)
    except ReportsError as error:
        log.error("no report became a DAG: %s", error)  # noqa: TRY400 - the reason is the message; no trace needed
        return {}


def build_all(rows: Iterable[Row], settings: Settings) -> dict[str, DAG]:
    """A DAG for every valid row that is not disabled; a bad row costs only itself and is logged with every reason."""
    reports, rejections = parse(rows)
    for rejection in rejections:
        for problem in rejection.problems:
            # The value stays out of the log: it may be an address.
            log.warning("report %s is rejected: %s: %s", rejection.report_id, problem.column, problem.allowed)
    built: dict[str, DAG] = {}
    for report in reports:
        if report.status is Status.DISABLED:
            continue
        try:
            built[naming.dag_id(report.id)] = build(report, settings)
        except Exception:
            log.exception("report %s did not become a DAG", report.id)
    return built


def build(report: Report, settings: Settings) -> DAG:
    """The DAG of one report."""
    timetable = ReportTimetable(
        report.cron.expression, report.timezone.key, report.effective_from.isoformat()
    ) if report.is_scheduled else None  # fmt: skip
    facts = Facts(
        display_name=naming.one_line(report.name),
        description=report.description,
        tags=_tags(report),
        owner=naming.one_line(report.creator.name) or "airflow",
        schedule=timetable,
    )
    return _dag(report.id, facts, settings)


def bare(report_id: str, settings: Settings) -> DAG:
    """The same tasks, from the id alone."""
    return _dag(report_id, Facts(display_name=report_id), settings)


def form() -> dict[str, Param]:
    """What a person may ask of a run by hand; the defaults change nothing."""
    names = [str(chosen) for chosen in Format]
    periods = "|".join(PERIODS[:-1])
    return {
        "formats": Param(
            None,
            type=["null", "array"],
            title="Formats",
            description="Only these formats, instead of the report's own.",
            items={"type": "string", "enum": names},
            examples=names,
        ),
        "recipients": Param(
            None,
            type=["null", "array"],
            title="Recipients",
            description="Mail to these members of the workspace instead of the report's own recipients.",
            items={"type": "string", "format": "idn-email"},
            maxItems=50,
        ),
        "mail": Param(
            None,
            type=["null", "boolean"],
            title="Mail",
            description="Yes or no, whatever the report says.",
        ),
        "period": Param(
            None,
            type=["null", "string"],
            title="Period",
            description="Another period: last-7-days and its like, or two days as 2026-05-01/2026-05-31.",
            pattern=f"^({periods}|{DAY}/{DAY})$",
            examples=list(PERIODS[:-1]),
        ),
        "triggered_by": Param(
            None,
            type=["null", "string"],
            title="On behalf of",
            description="The id of the user who asked for this run.",
            maxLength=200,
        ),
    }


def _dag(report_id: str, facts: Facts, settings: Settings) -> DAG:
    defaults: dict[str, Any] = {
        "owner": facts.owner,
        "retries": settings.retries,
        "retry_delay": settings.retry_seconds,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": max(timedelta(minutes=30), settings.retry_seconds),
        "execution_timeout": settings.query_seconds + timedelta(minutes=5),
    }
    with DAG(
        naming.dag_id(report_id),
        dag_display_name=facts.display_name,
        description=facts.description,
        schedule=facts.schedule,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args=defaults,
        params=form(),
        tags=list(facts.tags),
    ) as dag:
        _wire(settings)
    return dag


def _wire(settings: Settings) -> None:
    """Query, then each format on its own way, then the mail of what arrived; `record` whatever happens."""

    @task_group(group_id="formats")
    def formats(chosen: str) -> None:
        rendered = tasks.render.override(pool=settings.render_pool)(chosen)
        uploaded = tasks.upload(rendered)  # type: ignore[arg-type]  # Airflow hands over the str it stands for
        # A format that failed must not keep the others from being mailed: `email` runs if one arrived.
        uploaded >> mailed
        [rendered, uploaded] >> recorded

    mailed = tasks.email.override(trigger_rule="all_done_min_one_success")()
    # As a teardown `record` runs whatever became of the tasks above, also after "mark failed" by hand; by default a
    # teardown hides their failure.
    recorded = tasks.record().as_teardown(on_failure_fail_dagrun=True)
    queried = tasks.query()
    formats.expand(chosen=queried)
    [queried, mailed] >> recorded


def _rows(settings: Settings, report_id: str | None = None) -> list[Row]:
    from ..adapters.definitions import PostgresDefinitions
    from .connections import reports_dsn

    definitions = PostgresDefinitions(reports_dsn(), timedelta(seconds=PARSE_STATEMENT_SECONDS))
    if report_id is None:
        return definitions.rows(limit=settings.max_reports)
    row = definitions.row(report_id)
    return [row] if row else []


def _tags(report: Report) -> tuple[str, ...]:
    tags = {*report.tags, f"workspace:{report.workspace.label}"[:LONGEST_TAG], report.type}
    return tuple(sorted(naming.one_line(tag) for tag in tags))
