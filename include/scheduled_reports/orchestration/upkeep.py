"""The upkeep DAG: one short task every minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowRuntimeError

from ..domain import naming
from ..domain.errors import TransientError
from ..ports.upkeep import Plan
from .asset_events import ALIAS
from .safe_errors import shield

if TYPE_CHECKING:
    from datetime import datetime

    from ..domain.run import RunKey

DAG_ID = "scheduled_reports_upkeep"
#: A round that takes longer is stopped, and the next one continues.
ROUND_TIMEOUT = timedelta(minutes=5)
OPEN = ["queued", "running"]
NOT_FOUND = 404


def dag() -> DAG:
    """Build the DAG; the work is done by `upkeep.round`."""
    with DAG(
        DAG_ID,
        dag_display_name="Scheduled reports: upkeep",
        description="Makes missed runs, updates next_run, marks invalid reports, sends notices, deletes files",
        schedule="* * * * *",
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        # No retries: the next round does the work instead.
        default_args={"owner": "scheduled-reports", "retries": 0, "execution_timeout": ROUND_TIMEOUT},
        tags=["scheduled-reports"],
    ) as made:
        look_after()
    return made


@task(outlets=[ALIAS])
def look_after() -> str:
    """Run one round."""
    from ..upkeep.round import upkeep
    from .connections import NOTICE_TIME, AirflowServices

    with shield():
        return str(upkeep(AirflowServices(NOTICE_TIME), RunningAirflow(get_current_context()["ti"])))


@dataclass(frozen=True, slots=True)
class RunningAirflow:
    """Port `Orchestrator`: queries Airflow through the running task."""

    instance: Any

    def open_runs(self, report_id: str) -> int:
        return int(self.instance.get_dr_count(dag_id=naming.dag_id(report_id), states=OPEN))

    def is_open(self, key: RunKey) -> bool:
        dag_id = naming.dag_id(key.report_id)
        return bool(self.instance.get_dr_count(dag_id=dag_id, run_ids=[key.run_id], states=OPEN))

    def plan(self, report_id: str) -> Plan | None:
        try:
            found = self.instance.get_dag(naming.dag_id(report_id))
        except AirflowRuntimeError as error:
            if _status(error) == NOT_FOUND:
                return None
            raise TransientError("Airflow did not say what it plans") from None
        return Plan(paused=found.is_paused, next_tick=found.next_dagrun)

    def start(self, key: RunKey, tick: datetime) -> None:
        from airflow.sdk.execution_time.comms import TriggerDagRun
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        # Without a logical date, which would take the place of Airflow's own run of this tick.
        wanted = TriggerDagRun(dag_id=naming.dag_id(key.report_id), run_id=key.run_id, run_after=tick)
        try:
            SUPERVISOR_COMMS.send(wanted)  # the answer to a run that exists is no error
        except AirflowRuntimeError as error:
            raise TransientError(f"Airflow refused the run {key.run_id}: {_status(error) or 'no answer'}") from None


def _status(error: AirflowRuntimeError) -> int | None:
    """The status of the API server's answer."""
    found = (error.error.detail or {}).get("status_code")
    return found if isinstance(found, int) else None
