"""The doctor inside Airflow: its version, connections, pools and settings, and how long our DAGs take to parse."""

from __future__ import annotations

import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from airflow import __version__
from airflow.configuration import conf

from ..adapters.postgres.examine import PostgresDatabase
from ..diagnosis.checks import Check
from ..diagnosis.doctor import examine as examine_all
from ..domain.finding import fault, ok, warning
from . import airflow_settings, factory
from .connections import AirflowServices
from .dag_spec import dag_specs
from .upkeep import DAG_ID as UPKEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ..domain.finding import Finding

SUPPORTED: Final = "3.3."

#: Executors whose tasks run on other machines.
REMOTE: Final = ("Celery", "Kubernetes", "Ecs", "Batch", "Edge")
#: So many reports take five seconds of each parse of the single file.
MANY: Final = 500
#: What docs/operate.md asks for with the bundle: setting, whether a value is right, and what to set.
WITH_BUNDLE: Final[tuple[tuple[str, str, Callable[[float], bool], str], ...]] = (
    ("dag_processor", "min_file_process_interval", lambda value: value >= 600, "3600"),
    ("dag_processor", "bundle_refresh_check_interval", lambda value: value <= 30, "5"),
    ("core", "min_serialized_dag_update_interval", lambda value: value == 0, "0"),
)
DOCS: Final = "see docs/operate.md"


def examine(*, send_to: str | None = None) -> Iterator[Finding]:
    """Examine this deployment with Airflow's connections."""
    services = AirflowServices()
    environ = airflow_settings.variables()
    yield from examine_all(services, _Database(services), environ, more=_checks(services), send_to=send_to)


class _Database:
    """Port `Database`: that of the connection, which is looked up by the first check that needs it."""

    def __init__(self, services: AirflowServices) -> None:
        self._services = services

    @cached_property
    def _connected(self) -> PostgresDatabase:
        return PostgresDatabase(self._services.dsn)

    def findings(self) -> Iterator[Finding]:
        yield from self._connected.findings()

    def now(self) -> datetime:
        return self._connected.now()

    def offsets(self, zones: Sequence[str], moments: Sequence[datetime]) -> Mapping[str, Sequence[int] | None]:
        return self._connected.offsets(zones, moments)


def _checks(services: AirflowServices) -> Iterator[Check]:
    remedy = "check Airflow's own database and settings"
    yield Check("settings", _section, remedy)
    yield Check("airflow", _version, remedy)
    yield Check("airflow", partial(_stored, services), remedy)
    yield Check("airflow", partial(_settings, services), remedy)
    yield Check("airflow", partial(_parse_time, services), "check the connection to the reports database")


def _section() -> Iterator[Finding]:
    """What cannot be read in our section of Airflow's configuration."""
    for reason in airflow_settings.problems():
        yield fault("settings", reason, "correct it in airflow.cfg, or in the variables of every Airflow process")


def _version() -> Iterator[Finding]:
    if __version__.startswith(SUPPORTED):
        yield ok("airflow", f"Airflow {__version__}")
    else:
        yield warning("airflow", f"Airflow {__version__} was not tested", f"use Airflow {SUPPORTED}x")


def _stored(services: AirflowServices) -> Iterator[Finding]:
    """The pools of our tasks, and the DAG of upkeep."""
    from airflow.models.dag import DagModel
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    wanted = {services.settings.query_pool, services.settings.render_pool}
    with create_session() as session:
        missing = sorted(name for name in wanted if Pool.get_pool(name, session=session) is None)
        upkeep = session.get(DagModel, UPKEEP)
        is_live, is_paused = upkeep is not None and not upkeep.is_stale, upkeep is not None and upkeep.is_paused
    for name in missing:
        text = f"the pool {name} does not exist: tasks that wait for it never start"
        yield fault("airflow", text, f"create it: airflow pools set {name} 4 'scheduled reports'")
    if not missing:
        yield ok("airflow", f"pools: {', '.join(sorted(wanted))}")
    if not is_live:
        remedy = "make sure that dags/scheduled_reports.py is parsed; look at Airflow's import errors"
        yield fault("airflow", f"there is no DAG {UPKEEP}", remedy)
    elif is_paused:
        text = f"the DAG {UPKEEP} is paused: lost runs, notices and old files are not dealt with"
        yield fault("airflow", text, "unpause it")


def _settings(services: AirflowServices) -> Iterator[Finding]:
    """Settings of Airflow that docs/operate.md asks for."""
    settings = services.settings
    executor = conf.get("core", "executor", fallback="")
    if any(name in executor for name in REMOTE) and not settings.staging.startswith("s3://"):
        text = f"{executor} may place the stages of a run on different machines; STAGING is {settings.staging}"
        yield warning("airflow", text, "set STAGING=s3://bucket/prefix, unless all workers mount this folder")
    if "Celery" in executor:
        yield from _visibility(services)
    if factory.is_bundled():
        for section, name, is_right, right in WITH_BUNDLE:
            value = conf.getfloat(section, name, fallback=0.0)
            if not is_right(value):
                yield warning("airflow", f"[{section}] {name} is {value:g}", f"set {right} with the bundle; {DOCS}")


def _visibility(services: AirflowServices) -> Iterator[Finding]:
    settings = services.settings
    longest = (settings.query_seconds + factory.TASK_MARGIN).total_seconds()
    longest *= factory.PARTS if settings.run_mode == factory.COMPACT else 1
    value = conf.getfloat("celery_broker_transport_options", "visibility_timeout", fallback=86_400.0)
    if value <= longest:
        text = f"[celery_broker_transport_options] visibility_timeout is {value:g}, a task may take {longest:g} seconds"
        yield warning("airflow", text, f"set it above {longest:g}; {DOCS}")


def _parse_time(services: AirflowServices) -> Iterator[Finding]:
    """How long all DAGs take to build, compared with the time after which Airflow gives a file up."""
    settings = services.settings
    began = time.monotonic()
    rows = services.definitions.rows(limit=settings.max_reports)
    count = len(factory.build_all(dag_specs(rows, settings)[0], settings))
    seconds, limit = time.monotonic() - began, conf.getfloat("core", "dagbag_import_timeout", fallback=30.0)
    text = f"{count} DAGs are built in {seconds:.1f} s; Airflow gives a file up after {limit:g} s"
    if factory.is_bundled() or (seconds < limit / 3 and count <= MANY):
        yield ok("airflow", text)
    else:
        yield (fault if seconds >= limit else warning)("airflow", text, f"use the DAG bundle; {DOCS}#many-reports")
