"""The stages of a run as people see them: Airflow's tasks, and for a compact run the stages inside its task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain.stage import REPORT_TASK
from ..ports.web import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..domain.run import RunKey
    from ..domain.stage import StageAttempt
    from .access import Access

ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def stages_of(access: Access, key: RunKey) -> Sequence[Stage]:
    """Return the stages of a run in the order in which they began, each with its latest attempt."""
    tasks = access.ports.airflow.stages(key)
    report = next((one for one in tasks if one.task_id == REPORT_TASK), None)
    attempts = access.ports.core.stages.of(key) if report else ()
    if report is None or not attempts:
        return tasks
    inside = [_stage(one, report) for one in _latest(attempts)]
    # What has ended is said by its stages; what has not, such as the wait for another attempt, only by the task.
    return [*inside, *(one for one in tasks if one is not report or one.state not in ENDED)]


def _latest(attempts: Iterable[StageAttempt]) -> Iterable[StageAttempt]:
    return {(one.stage, one.format): one for one in sorted(attempts, key=lambda one: one.attempt)}.values()


def _stage(one: StageAttempt, report: Stage) -> Stage:
    is_running = report.state == "running" and one.attempt == report.attempt
    state = ("success" if one.result == "success" else "failed") if one.result else None
    return Stage(
        task_id=report.task_id,
        map_index=report.map_index,
        state=state or ("running" if is_running else "failed"),
        label=one.format,
        started_at=one.started_at,
        ended_at=one.ended_at,
        attempt=one.attempt,
        name=one.stage,
    )
