"""The API inside Airflow: who is signed in and what he may is Airflow's answer; runs are queued as its own API does.

Imported by the API server alone, when it asks the plugin for its apps: task processes do not pay for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002 - FastAPI reads it when it runs
from airflow.exceptions import ParamValidationError
from airflow.models.dag import DagModel
from airflow.models.dagbag import DagPriorityParsingRequest, DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from ..domain import naming
from ..domain.errors import BusyError, NoDagError
from ..ports.web import DagState, Right, Stage
from .connections import AirflowWorld
from .reparse import Reparser

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from fastapi import FastAPI

    from ..adapters.postgres.web_overview import PostgresOverview
    from ..adapters.postgres.web_reports import PostgresReports
    from ..domain.formats import Format
    from ..domain.report import Row
    from ..domain.run import RunKey, Trigger

#: What the name of a file of the bundle has in it, and the name of no other.
SHARD = "_of_"
#: A DAG id of ours that no report can have, so that nobody has a right on it by name: who has one, has it on every DAG.
#: Asked without an id, some auth managers say yes to whoever may read any one DAG.
EVERY_DAG = f"{naming.DAG_PREFIX}."
OPEN = (DagRunState.QUEUED, DagRunState.RUNNING)


def app() -> FastAPI:
    """The app that the plugin hands to Airflow."""
    from ..web.app import make

    return make(caller, AirflowDesk)


def caller(user: GetUserDep) -> AirflowCaller:
    """Whoever is signed in; Airflow raises 401 for everybody else."""
    return AirflowCaller(user)


@dataclass(frozen=True, slots=True)
class AirflowCaller:
    """Port `Caller`: rights on reports are rights on their DAGs."""

    user: Any

    @property
    def name(self) -> str:
        """The user's name in Airflow."""
        return str(self.user.get_name())

    def may(self, right: Right, report_id: str | None = None) -> bool:
        """Whether he has *right* on a report's DAG; on every DAG where none is named."""
        method, entity = {
            Right.READ: ("GET", None),
            Right.CHANGE: ("PUT", None),
            Right.RUN: ("POST", DagAccessEntity.RUN),
        }[right]
        return bool(
            get_auth_manager().is_authorized_dag(
                method=method,  # type: ignore[arg-type]  # one of Airflow's four
                access_entity=entity,
                details=DagDetails(id=EVERY_DAG if report_id is None else naming.dag_id(report_id)),
                user=self.user,
            )
        )

    def readable(self) -> frozenset[str]:
        """The reports whose DAGs he may read."""
        ids = get_auth_manager().get_authorized_dag_ids(user=self.user, method="GET")
        return frozenset(found for dag_id in ids if (found := naming.report_id_of(dag_id)) is not None)


class RunningServer:
    """Port `Airflow`, within the API server."""

    def start(self, trigger: Trigger) -> None:
        """Queue a run by hand; NoDagError where there is no DAG to run."""
        dag_id = naming.dag_id(trigger.key.report_id)
        with create_session() as session:
            model = session.scalar(select(DagModel).where(DagModel.dag_id == dag_id, ~DagModel.is_stale))
            dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session) if model else None
            types = model.allowed_run_types if model else None
            if model is None or dag is None or model.has_import_errors or (types and DagRunType.MANUAL not in types):
                raise NoDagError("Airflow has no DAG of this report, or not yet: try again in some seconds")
            try:
                dag.create_dagrun(
                    run_id=trigger.key.run_id,
                    # Never a logical date: a run that has one stands in for the tick of that moment.
                    logical_date=None,
                    data_interval=None,
                    run_after=trigger.scheduled_for,
                    conf=dict(trigger.conf),
                    run_type=DagRunType.MANUAL,
                    triggered_by=DagRunTriggeredByType.REST_API,
                    triggering_user_name=trigger.user,
                    state=DagRunState.QUEUED,
                    session=session,
                )
                session.flush()
            except IntegrityError as error:
                raise BusyError("there is a run of this report and this moment already") from error
            except ParamValidationError as error:
                raise NoDagError(f"Airflow refuses the request: {error}") from error

    def open_runs(self, report_id: str) -> int:
        """How many runs of a report are queued or under way."""
        counted = select(func.count()).where(DagRun.dag_id == naming.dag_id(report_id), DagRun.state.in_(OPEN))
        with create_session() as session:
            return int(session.scalar(counted) or 0)

    def dags(self, report_ids: Collection[str]) -> Mapping[str, DagState]:
        """The DAGs that there are of these reports."""
        by_dag = {naming.dag_id(report_id): report_id for report_id in report_ids}
        wanted = select(DagModel.dag_id, DagModel.is_paused).where(DagModel.dag_id.in_(by_dag), ~DagModel.is_stale)
        with create_session() as session:
            return {by_dag[dag_id]: DagState(is_paused=paused) for dag_id, paused in session.execute(wanted)}

    def paused(self) -> frozenset[str]:
        """The reports whose DAG Airflow itself has paused."""
        ours = DagModel.dag_id.startswith(naming.DAG_PREFIX, autoescape=True)
        wanted = select(DagModel.dag_id).where(ours, DagModel.is_paused, ~DagModel.is_stale)
        with create_session() as session:
            ids = (naming.report_id_of(dag_id) for dag_id in session.scalars(wanted))
            return frozenset(report_id for report_id in ids if report_id is not None)

    def retry(self, key: RunKey) -> bool:
        """Have what failed in a run done again; False where nothing has."""
        with create_session() as session:
            dag = DBDagBag().get_latest_version_of_dag(naming.dag_id(key.report_id), session=session)
            if dag is None:
                raise NoDagError("Airflow has no DAG of this report, or not yet: try again in some seconds")
            return bool(dag.clear(run_id=key.run_id, task_ids=None, only_failed=True, session=session))

    def stages(self, key: RunKey) -> Sequence[Stage]:
        """The tasks of a run."""
        wanted = (
            select(TaskInstance)
            .where(TaskInstance.dag_id == naming.dag_id(key.report_id), TaskInstance.run_id == key.run_id)
            .order_by(TaskInstance.start_date, TaskInstance.task_id, TaskInstance.map_index)
        )
        with create_session() as session:
            return tuple(
                Stage(
                    task_id=one.task_id,
                    number=one.map_index,
                    state=None if one.state is None else str(one.state),
                    label=one.rendered_map_index,
                    started_at=one.start_date,
                    ended_at=one.end_date,
                    attempt=one.try_number,
                )
                for one in session.scalars(wanted)
            )

    def reparse(self) -> None:
        """Have the reports read again at once."""
        reparser.edited()


def _request_parse() -> None:
    """Put the DAG file at the front of the queue; nothing happens where it is there already.

    In the bundle it is any of its files: with the request Airflow has the bundle look for edits at once.
    """
    parsed = _newest_parse()
    if parsed is None or parsed.relative_fileloc is None:  # nothing was parsed yet: the next parse is the first
        return
    try:
        with create_session() as session:
            session.add(DagPriorityParsingRequest(parsed.bundle_name, parsed.relative_fileloc))
    except IntegrityError:
        return


def _newest_parse_began() -> datetime | None:
    parsed = _newest_parse()
    if parsed is None or parsed.last_parsed_time is None:
        return None
    if SHARD in parsed.relative_fileloc:  # the bundle goes on until what it sees is what was parsed
        return datetime.now(UTC)
    began: datetime = parsed.last_parsed_time - timedelta(seconds=parsed.last_parse_duration or 0)
    return began


def _newest_parse() -> Any:
    """What Airflow knows of the file that makes the reports' DAGs, whatever it is called, by the DAG parsed last."""
    columns = (
        DagModel.bundle_name,
        DagModel.relative_fileloc,
        DagModel.last_parsed_time,
        DagModel.last_parse_duration,
    )
    ours = DagModel.dag_id.startswith(naming.DAG_PREFIX, autoescape=True)
    wanted = select(*columns).where(ours).order_by(DagModel.last_parsed_time.desc().nulls_last()).limit(1)
    with create_session() as session:
        return session.execute(wanted).first()


#: One for all requests of this process.
reparser = Reparser(request=_request_parse, began=_newest_parse_began)


class AirflowDesk:
    """Port `Desk`: the ports of one request, from Airflow's connections."""

    @cached_property
    def world(self) -> AirflowWorld:
        """The ports of a run."""
        return AirflowWorld()

    @cached_property
    def reports(self) -> PostgresReports:
        """Port `Reports`."""
        from ..adapters.postgres.web_reports import PostgresReports

        return PostgresReports(self.world.dsn)

    @cached_property
    def overview(self) -> PostgresOverview:
        """Port `Overview`."""
        from ..adapters.postgres.web_overview import PostgresOverview

        return PostgresOverview(self.world.dsn)

    @cached_property
    def airflow(self) -> RunningServer:
        """Port `Airflow`."""
        return RunningServer()

    def preview(self, row: Row, chosen: Format, at: datetime, out: Path, timeout: timedelta) -> int:
        """Write what a run of *row* at *at* would make to *out*; returns the rows of its main table."""
        from ..runs.preview import preview_row

        return preview_row(self.world.data_dsn, row, chosen, at, out, settings=self.world.settings, timeout=timeout)
