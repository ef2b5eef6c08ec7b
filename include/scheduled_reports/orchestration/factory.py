"""From plans to DAGs: the structure is the same for every one, so it can be made from the id alone."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.sdk import DAG, get_parsing_context, task_group
from airflow.utils.types import DagRunType

from ..domain import naming
from ..domain.errors import ReportsError
from ..settings import Settings
from . import last_good_copy, tasks
from .dag_spec import Plan, plans
from .task_links import FileLink, RunLink
from .timetable import ReportTimetable, RestingTimetable
from .trigger_form import form

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..adapters.postgres.reports import PostgresDefinitions
    from ..domain.report import Row
    from ..domain.shards import Shard

log = logging.getLogger(__name__)

PARSE_STATEMENT = timedelta(seconds=5)
#: The class in `[dag_processor] dag_bundle_config_list`, whatever the package is called.
BUNDLE = "scheduled_reports.orchestration.bundle.ReportsBundle"
#: A resting DAG takes only runs of a schedule that never fires: none by hand, none by a backfill.
NO_RUNS = (DagRunType.SCHEDULED,)


def dags(shard: Shard | None = None) -> dict[str, DAG]:
    """The DAGs of this parse, by id; never raises, and does not forget one because a database is away.

    The file of a bundle makes those of its *shard*; the one file of all makes none while there is such a bundle.
    """
    asked = get_parsing_context()
    try:
        settings = Settings.from_env(os.environ)
    except ReportsError as error:
        log.error("no report became a DAG: %s", error)  # noqa: TRY400 - the reason is the message; no trace needed
        return {}
    if asked.dag_id is None:
        return {} if shard is None and is_bundled() else build_all(_read(settings, shard), settings)
    report_id = naming.report_id_of(asked.dag_id)
    if report_id is None:
        return {}
    if asked.task_id is not None:  # a task starts: it needs the structure only, and no database
        return {asked.dag_id: build(Plan(report_id=report_id, display_name=report_id), settings)}
    return build_all(_read_one(settings, shard, report_id), settings)


def is_bundled() -> bool:
    """Whether Airflow is told to get these DAGs from our bundle."""
    configured = conf.getjson("dag_processor", "dag_bundle_config_list", fallback=[])
    return any(str(bundle.get("classpath", "")).endswith(BUNDLE) for bundle in configured)  # type: ignore[union-attr]


def build_all(planned: Iterable[Plan], settings: Settings) -> dict[str, DAG]:
    """A DAG for every plan; one that Airflow refuses costs only itself."""
    built: dict[str, DAG] = {}
    for plan in planned:
        try:
            built[naming.dag_id(plan.report_id)] = build(plan, settings)
        except Exception:
            log.exception("report %s did not become a DAG", plan.report_id)
    return built


def build(plan: Plan, settings: Settings) -> DAG:
    """The DAG of one report."""
    defaults: dict[str, Any] = {
        "owner": plan.owner,
        "retries": settings.retries,
        "retry_delay": settings.retry_seconds,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": max(timedelta(minutes=30), settings.retry_seconds),
        "execution_timeout": settings.query_seconds + timedelta(minutes=5),
    }
    with DAG(
        naming.dag_id(plan.report_id),
        dag_display_name=plan.display_name,
        description=plan.description,
        schedule=_timetable(plan),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        disable_bundle_versioning=True,  # a run goes on with the code that is there
        allowed_run_types=NO_RUNS if plan.resting else None,  # type: ignore[arg-type]  # the SDK has an enum of its own
        default_args=defaults,
        tags=list(plan.tags),
        doc_md=plan.page,
    ) as dag:
        _wire(settings)
    # After the tasks are made, because each would carry a copy of the form, and past the setter, which would check the
    # one form again for every DAG: together 18 of 22 ms a DAG costs, and half of its stored size.
    vars(dag)["params"] = form()
    return dag


def _read(settings: Settings, shard: Shard | None) -> tuple[Plan, ...]:
    """The plans of the rows as they are, or, where the database is away, as the last good parse found them."""
    path = last_good_copy.path_of(settings.last_good, shard)
    before = last_good_copy.load(path)
    try:
        definitions = _definitions()
        # Before the rows: an edit in between then makes one parse too many, not one too few.
        digest = shard and definitions.digests(shard.of, limit=settings.max_reports, only=shard.number)
        rows = definitions.rows(limit=settings.max_reports, shard=shard)
        planned = _planned(rows, settings, before)
    except Exception as error:  # whatever it is: a file that raises makes all its DAGs stale, and freezes their runs
        _log_fallback(error)
        return before
    if len(rows) == settings.max_reports:
        log.error("MAX_REPORTS (%s) is reached: reports after it have no DAG", settings.max_reports)
    last_good_copy.save(path, planned, None if shard is None else (digest or {}).get(shard.number, ""))
    return planned


def _read_one(settings: Settings, shard: Shard | None, report_id: str) -> tuple[Plan, ...]:
    """The plan of one report, in the same way; nothing is kept."""
    before = last_good_copy.load(last_good_copy.path_of(settings.last_good, shard))
    try:
        row = _definitions().row(report_id)
        return _planned([row] if row else [], settings, before)
    except Exception as error:
        _log_fallback(error)
        return tuple(plan for plan in before if plan.report_id == report_id)


def _planned(rows: list[Row], settings: Settings, before: tuple[Plan, ...]) -> tuple[Plan, ...]:
    planned, rejections = plans(rows, settings, before={plan.report_id for plan in before})
    for rejection in rejections:
        for problem in rejection.problems:
            # The value stays out of the log: it may be an address.
            log.warning("report %s is rejected: %s", rejection.report_id, problem.rule)
    return planned


def _log_fallback(error: Exception) -> None:
    why = error if isinstance(error, ReportsError) else type(error).__name__
    log.warning("the rows cannot be read, so the last good copy serves: %s", why)


def _definitions() -> PostgresDefinitions:
    from ..adapters.postgres.reports import PostgresDefinitions
    from .connections import reports_dsn

    return PostgresDefinitions(reports_dsn(), PARSE_STATEMENT)


def _timetable(plan: Plan) -> ReportTimetable | RestingTimetable | None:
    if plan.resting:
        return RestingTimetable()
    if plan.schedule is None:
        return None
    planned = plan.schedule
    return ReportTimetable(planned.cron, planned.timezone, planned.effective_from, planned.jitter)


def _link(task: Any, link: FileLink | RunLink) -> None:
    """A button on a task's page; a decorated task takes none as an argument."""
    task.operator.operator_extra_links = (link,)


def _wire(settings: Settings) -> None:
    """Query, then each format on its own way, then the mail of what arrived; `record` whatever happens."""

    @task_group(group_id="formats")
    def formats(chosen: str) -> None:
        rendered = tasks.render.override(pool=settings.render_pool)(chosen)
        uploaded = tasks.upload(rendered)  # type: ignore[arg-type]  # Airflow hands over the str it stands for
        _link(uploaded, FileLink())
        # A format that failed must not keep the others from being mailed: `email` runs if one arrived.
        uploaded >> mailed
        [rendered, uploaded] >> recorded

    mailed = tasks.email.override(trigger_rule="all_done_min_one_success")()
    # As a teardown `record` runs whatever became of the tasks above, also after "mark failed" by hand; by default a
    # teardown hides their failure.
    recorded = tasks.record().as_teardown(on_failure_fail_dagrun=True)
    _link(mailed, RunLink())
    _link(recorded, RunLink())
    queried = tasks.query.override(pool=settings.query_pool)()
    formats.expand(chosen=queried)
    [queried, mailed] >> recorded
