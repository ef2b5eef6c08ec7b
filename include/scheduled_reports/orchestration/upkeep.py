"""The upkeep DAG: one small task a minute."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG, get_current_context, task

from .. import naming

if TYPE_CHECKING:
    from collections.abc import Callable

DAG_ID = "scheduled_reports_upkeep"
#: A round that takes longer gives way to the next.
LONGEST_ROUND = timedelta(minutes=5)
OPEN = ["queued", "running"]


def dag() -> DAG:
    """The DAG; what it does is in `upkeep.upkeep`."""
    with DAG(
        DAG_ID,
        dag_display_name="Scheduled reports: upkeep",
        description="next_run after edits from outside, rejections, DAGs of reports that went, retention",
        schedule="* * * * *",
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        # The next round does what this one could not.
        default_args={"owner": "scheduled-reports", "retries": 0, "execution_timeout": LONGEST_ROUND},
        tags=["scheduled-reports"],
    ) as made:
        look_after()
    return made


@task
def look_after() -> str:
    """One round."""
    from ..upkeep import upkeep
    from .connections import AirflowWorld

    return str(upkeep(AirflowWorld(), _open_runs()))


def _open_runs() -> Callable[[str], int]:
    """Asks Airflow, through the running task, how many runs of a report are not over."""
    instance = get_current_context()["ti"]

    def count(report_id: str) -> int:
        return int(instance.get_dr_count(dag_id=naming.dag_id(report_id), states=OPEN))

    return count
