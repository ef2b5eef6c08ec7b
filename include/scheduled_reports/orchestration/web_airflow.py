"""Port `Airflow` for the web API, inside Airflow's API server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

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
from ..ports.web import DagState, Stage
from .reparse import Reparser

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ..domain.run import RunKey, Trigger

#: A part of the names of the bundle's files and of no other file.
SHARD_MARK = "_of_"
OPEN = (DagRunState.QUEUED, DagRunState.RUNNING)


class InProcessAirflow:
    """Port `Airflow`, inside the API server."""

    def start(self, trigger: Trigger) -> None:
        dag_id = naming.dag_id(trigger.key.report_id)
        with create_session() as session:
            model = session.scalar(select(DagModel).where(DagModel.dag_id == dag_id, ~DagModel.is_stale))
            dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session) if model else None
            types = model.allowed_run_types if model else None
            if model is None or dag is None or model.has_import_errors or (types and DagRunType.MANUAL not in types):
                raise NoDagError("Airflow has no DAG for this report yet; try again in some seconds")
            try:
                dag.create_dagrun(
                    run_id=trigger.key.run_id,
                    # No logical date: a run that has one replaces the tick of that moment.
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
                raise BusyError("this report already has a run for this time") from error
            except ParamValidationError as error:
                raise NoDagError(f"Airflow refuses the request: {error}") from error

    def open_runs(self, report_id: str) -> int:
        counted = select(func.count()).where(DagRun.dag_id == naming.dag_id(report_id), DagRun.state.in_(OPEN))
        with create_session() as session:
            return int(session.scalar(counted) or 0)

    def dags(self, report_ids: Collection[str]) -> Mapping[str, DagState]:
        by_dag = {naming.dag_id(report_id): report_id for report_id in report_ids}
        wanted = select(DagModel.dag_id, DagModel.is_paused).where(DagModel.dag_id.in_(by_dag), ~DagModel.is_stale)
        with create_session() as session:
            return {by_dag[dag_id]: DagState(is_paused=paused) for dag_id, paused in session.execute(wanted)}

    def paused(self) -> frozenset[str]:
        ours = DagModel.dag_id.startswith(naming.DAG_PREFIX, autoescape=True)
        wanted = select(DagModel.dag_id).where(ours, DagModel.is_paused, ~DagModel.is_stale)
        with create_session() as session:
            ids = (naming.report_id_of(dag_id) for dag_id in session.scalars(wanted))
            return frozenset(report_id for report_id in ids if report_id is not None)

    def retry(self, key: RunKey, announce: Callable[[int], object]) -> bool:
        dag_id = naming.dag_id(key.report_id)
        with create_session() as session:
            dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
            if dag is None:
                raise NoDagError("Airflow has no DAG for this report yet; try again in some seconds")
            clear = partial(dag.clear, run_id=key.run_id, task_ids=None, only_failed=True, session=session)
            if not clear(dry_run=True):
                return False
            is_run = (DagRun.dag_id == dag_id, DagRun.run_id == key.run_id)
            announce(session.scalars(select(DagRun.clear_number).where(*is_run)).one() + 1)
            return bool(clear())

    def stages(self, key: RunKey) -> Sequence[Stage]:
        wanted = (
            select(TaskInstance)
            .where(TaskInstance.dag_id == naming.dag_id(key.report_id), TaskInstance.run_id == key.run_id)
            .order_by(TaskInstance.start_date, TaskInstance.task_id, TaskInstance.map_index)
        )
        with create_session() as session:
            return tuple(
                Stage(
                    task_id=one.task_id,
                    map_index=one.map_index,
                    state=None if one.state is None else str(one.state),
                    label=one.rendered_map_index,
                    started_at=one.start_date,
                    ended_at=one.end_date,
                    attempt=one.try_number,
                )
                for one in session.scalars(wanted)
            )

    def reparse(self) -> None:
        reparser.edited()


def _request_parse() -> None:
    """Request a parse of the DAG file; does nothing if one is requested already.

    With the bundle any of its files will do: the request makes Airflow refresh the bundle, which finds the edits.
    """
    parsed = _newest_parse()
    if parsed is None or parsed.relative_fileloc is None:  # nothing was parsed yet; the first parse will read the edit
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
    if SHARD_MARK in parsed.relative_fileloc:  # the bundle itself repeats the parse until the rows match
        return datetime.now(UTC)
    began: datetime = parsed.last_parsed_time - timedelta(seconds=parsed.last_parse_duration or 0)
    return began


def _newest_parse() -> Any:
    """Return the file and the time of the newest parse of a report's DAG."""
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


#: One instance for all requests of this process.
reparser = Reparser(request=_request_parse, began=_newest_parse_began)
