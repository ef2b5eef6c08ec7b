"""What the web API asks of Airflow, answered inside the API server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
    from collections.abc import Collection, Mapping, Sequence

    from ..domain.run import RunKey, Trigger

#: What the name of a file of the bundle has in it, and the name of no other.
SHARD = "_of_"
OPEN = (DagRunState.QUEUED, DagRunState.RUNNING)


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
