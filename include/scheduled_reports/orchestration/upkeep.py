"""The upkeep DAG: one short task every minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, get_current_context, task

from ..domain import naming
from .safe_errors import shield

if TYPE_CHECKING:
    from ..domain.run import RunKey

DAG_ID = "scheduled_reports_upkeep"
#: A round that takes longer is stopped, and the next one continues.
ROUND_TIMEOUT = timedelta(minutes=5)
OPEN = ["queued", "running"]


def dag() -> DAG:
    """Build the DAG; the work is done by `upkeep.round`."""
    with DAG(
        DAG_ID,
        dag_display_name="Scheduled reports: upkeep",
        description="Updates next_run, marks invalid reports, settles unrecorded runs, sends notices, deletes files",
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


@task
def look_after() -> str:
    """Run one round."""
    from ..upkeep.round import upkeep
    from .connections import AirflowServices

    with shield():
        return str(upkeep(AirflowServices(), RunningAirflow(get_current_context()["ti"])))


@dataclass(frozen=True, slots=True)
class RunningAirflow:
    """Port `Orchestrator`: queries Airflow through the running task."""

    instance: Any

    def open_runs(self, report_id: str) -> int:
        return int(self.instance.get_dr_count(dag_id=naming.dag_id(report_id), states=OPEN))

    def is_open(self, key: RunKey) -> bool:
        dag_id = naming.dag_id(key.report_id)
        return bool(self.instance.get_dr_count(dag_id=dag_id, run_ids=[key.run_id], states=OPEN))
