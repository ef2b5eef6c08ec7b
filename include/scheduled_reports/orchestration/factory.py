"""Build DAGs from specs; all have the same structure, so a task only needs the id of its report."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.sdk import DAG, get_parsing_context, task_group
from airflow.utils.types import DagRunType

from ..domain import naming
from ..domain.errors import ReportsError
from ..domain.stage import REPORT_TASK
from . import last_good_copy, parse_settings, tasks
from .dag_spec import DagSpec, dag_specs
from .task_links import FileLink, RunLink
from .timetable import ReportTimetable, RestingTimetable
from .trigger_form import form

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..adapters.postgres.reports import PostgresDefinitions
    from ..domain.report import Row
    from ..domain.shards import Shard
    from ..settings import Settings

log = logging.getLogger(__name__)

PARSE_STATEMENT = timedelta(seconds=5)
#: What a task may take besides its longest query.
TASK_MARGIN = timedelta(minutes=5)
COMPACT, RECORD = "compact", "record"
#: The task `report` stands for three in a row: the query, the files, and the email, each with attempts of its own.
PARTS = 3
#: The class in `[dag_processor] dag_bundle_config_list`, whatever the package is called.
BUNDLE = "scheduled_reports.orchestration.bundle.ReportsBundle"
#: A resting DAG accepts only scheduled runs, and its schedule never fires: no manual runs, no backfills.
NO_RUNS = (DagRunType.SCHEDULED,)


def dags(shard: Shard | None = None) -> dict[str, DAG]:
    """Return the DAGs of this parse, by id; never raises, and keeps all DAGs while the database is down.

    A file of the bundle returns the DAGs of its *shard*; the checkout's DAG file returns none if there is a bundle.
    """
    context = get_parsing_context()
    settings = parse_settings.read()
    if context.dag_id is None:
        return {} if shard is None and is_bundled() else build_all(_read_all(settings, shard), settings)
    report_id = naming.report_id_of(context.dag_id)
    if report_id is None:
        return {}
    if context.task_id is not None:  # a task starts: it needs only the structure, no database
        # That of the task: a run that was open when RUN_MODE was changed still has tasks of the other mode.
        mode = settings.run_mode if context.task_id == RECORD else _mode_of(context.task_id)
        spec = DagSpec(report_id=report_id, display_name=report_id)
        return {context.dag_id: build(spec, replace(settings, run_mode=mode))}
    return build_all(_read_one(settings, shard, report_id), settings)


def is_bundled() -> bool:
    """Return whether Airflow is configured to read these DAGs from our bundle."""
    configured = conf.getjson("dag_processor", "dag_bundle_config_list", fallback=[])
    return any(str(bundle.get("classpath", "")).endswith(BUNDLE) for bundle in configured)  # type: ignore[union-attr]


def build_all(specs: Iterable[DagSpec], settings: Settings) -> dict[str, DAG]:
    """Build a DAG for every spec; a spec that Airflow refuses is logged and left out."""
    built: dict[str, DAG] = {}
    for spec in specs:
        try:
            built[naming.dag_id(spec.report_id)] = build(spec, settings)
        except Exception:
            log.exception("cannot build the DAG of report %s", spec.report_id)
    return built


def build(spec: DagSpec, settings: Settings) -> DAG:
    """Build the DAG of one report."""
    defaults: dict[str, Any] = {
        "owner": spec.owner,
        "retries": settings.retries,
        "retry_delay": settings.retry_seconds,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": max(timedelta(minutes=30), settings.retry_seconds),
        "execution_timeout": settings.query_seconds + TASK_MARGIN,
    }
    with DAG(
        naming.dag_id(spec.report_id),
        dag_display_name=spec.display_name,
        description=spec.description,
        schedule=_timetable(spec),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        disable_bundle_versioning=True,  # a run continues with the current code
        allowed_run_types=NO_RUNS if spec.resting else None,  # type: ignore[arg-type]  # the SDK has its own enum
        default_args=defaults,
        tags=list(spec.tags),
        doc_md=spec.page,
    ) as dag:
        (_add_report if settings.run_mode == COMPACT else _add_stages)(settings)
    # Set after the tasks exist, because each would get a copy of the form, and without the setter, which would validate
    # the same form for every DAG. Together this saves 18 of 22 ms per DAG, and half of its stored size.
    vars(dag)["params"] = form()
    return dag


def _read_all(settings: Settings, shard: Shard | None) -> tuple[DagSpec, ...]:
    """Return the specs of the current rows, or those of the last good parse if the database is down."""
    path = last_good_copy.path_of(settings.last_good, shard)
    before = last_good_copy.load(path)
    try:
        definitions = _definitions(settings)
        # Read before the rows, so that an edit in between causes one parse too many, not one too few.
        digest = shard and definitions.digests(shard.of, limit=settings.max_reports, only=shard.number)
        rows = definitions.rows(limit=settings.max_reports, shard=shard)
        specs = _specs(rows, settings, before)
    except Exception as error:  # any error: a file that raises makes all its DAGs stale and stops their runs
        _log_fallback(error)
        return before
    if shard is None and sum(not row["deleted"] for row in rows) >= settings.max_reports:
        log.error("MAX_REPORTS (%s) is reached: the reports beyond it have no DAG", settings.max_reports)
    parse_settings.keep()
    last_good_copy.save(path, specs, None if shard is None else (digest or {}).get(shard.number, ""))
    return specs


def _read_one(settings: Settings, shard: Shard | None, report_id: str) -> tuple[DagSpec, ...]:
    """Return the spec of one report in the same way; the last good copy is not changed."""
    before = last_good_copy.load(last_good_copy.path_of(settings.last_good, shard))
    try:
        row = _definitions(settings).row(report_id)
        return _specs([row] if row else [], settings, before)
    except Exception as error:
        _log_fallback(error)
        return tuple(spec for spec in before if spec.report_id == report_id)


def _specs(rows: list[Row], settings: Settings, before: tuple[DagSpec, ...]) -> tuple[DagSpec, ...]:
    specs, rejections = dag_specs(rows, settings, before={spec.report_id for spec in before})
    for rejection in rejections:
        for problem in rejection.problems:
            # Without the value, because it may be an email address.
            log.warning(
                "report %s is rejected: %s", naming.one_line(rejection.report_id), naming.one_line(problem.rule)
            )
    return specs


def _log_fallback(error: Exception) -> None:
    why = error if isinstance(error, ReportsError) else type(error).__name__
    log.warning("cannot read the rows, using the last good copy: %s", why)


def _definitions(settings: Settings) -> PostgresDefinitions:
    from ..adapters.postgres.reports import PostgresDefinitions
    from .connections import reports_dsn

    return PostgresDefinitions(reports_dsn(settings.database_connection), PARSE_STATEMENT)


def _timetable(spec: DagSpec) -> ReportTimetable | RestingTimetable | None:
    if spec.resting:
        return RestingTimetable()
    if spec.schedule is None:
        return None
    arguments = spec.schedule
    return ReportTimetable(
        arguments.cron, arguments.timezone, arguments.effective_from, arguments.jitter, **arguments.options
    )


def _link(task: Any, link: FileLink | RunLink) -> None:
    """Add a button to a task's page; a decorated task does not accept one as an argument."""
    task.operator.operator_extra_links = (link,)


def _mode_of(task_id: str) -> str:
    return COMPACT if task_id == REPORT_TASK else "staged"


def _add_report(settings: Settings) -> None:
    """Add `report`, which does every stage, and `record`, which always runs.

    Every link and every result is a request to the API server, so there is one link, to the run with its files.
    """
    reported = tasks.report.override(
        pool=settings.query_pool,
        retries=PARTS * settings.retries,
        execution_timeout=PARTS * (settings.query_seconds + TASK_MARGIN),
        do_xcom_push=False,
    )()
    _link(reported, RunLink())
    reported >> tasks.record.override(do_xcom_push=False)().as_teardown(on_failure_fail_dagrun=True)


def _add_stages(settings: Settings) -> None:
    """Add query, the formats side by side, the email with the uploaded files, and `record`, which always runs."""

    @task_group(group_id="formats")
    def formats(chosen: str) -> None:
        rendered = tasks.render.override(pool=settings.render_pool)(chosen)
        uploaded = tasks.upload(rendered)  # type: ignore[arg-type]  # at run time it is a str
        _link(uploaded, FileLink())
        # `email` runs if at least one format succeeded: a failed format must not keep the others from being sent.
        uploaded >> mailed
        [rendered, uploaded] >> recorded

    mailed = tasks.email.override(trigger_rule="all_done_min_one_success")()
    # As a teardown `record` runs whatever happens to the other tasks, also after a manual "mark failed".
    # `on_failure_fail_dagrun`: by default a failed teardown does not fail the run.
    recorded = tasks.record().as_teardown(on_failure_fail_dagrun=True)
    _link(mailed, RunLink())
    _link(recorded, RunLink())
    queried = tasks.query.override(pool=settings.query_pool)()
    formats.expand(chosen=queried)
    [queried, mailed] >> recorded
