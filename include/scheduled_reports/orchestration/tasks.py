"""The tasks of a report's DAG: each reads the context, calls a stage and returns small JSON.

A task imports its stage when it runs, because a parse does not need Arrow and pandas.
"""

from __future__ import annotations

import gc
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ..domain import naming
from ..domain.errors import DeliveryUnknownError, PermanentError, SkipRunError
from ..domain.formats import Format
from ..domain.run import RunKey, RunKind, RunState, Trigger
from .asset_events import ALIAS
from .safe_errors import shield

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ports.services import Services

log = logging.getLogger(__name__)


@task
def query() -> list[str]:
    """Freeze the report and write its data to staging; return the formats to create."""
    from ..runs.pipeline import query as stage

    with _running() as (services, trigger, attempt):
        return [str(chosen) for chosen in stage(services, trigger, attempt=attempt)]


@task(map_index_template="{{ format }}")
def render(chosen: str) -> str:
    """Render one format from the staged data."""
    from ..runs.pipeline import render as stage

    _set_map_label(chosen)
    with _running() as (services, trigger, attempt):
        stage(services, trigger.key, Format(chosen), attempt=attempt)
    return chosen


@task(map_index_template="{{ format }}")
def upload(chosen: str) -> None:
    """Upload one rendered file to S3; its number of rows is shown in the task's label."""
    from ..render.values import rows_of
    from ..runs.pipeline import upload as stage

    _set_map_label(chosen)
    with _running() as (services, trigger, attempt):
        made = stage(services, trigger.key, Format(chosen), attempt=attempt)
    if made is not None:
        _set_map_label(f"{chosen}, {rows_of(made.rows, made.total_rows)}")


@task
def email() -> str:
    """Send the uploaded files; return `sent`, or why no email was sent."""
    from ..runs.pipeline import email as stage

    with _running() as (services, trigger, attempt):
        last = attempt > get_current_context()["ti"].max_tries
        return stage(services, trigger.key, conf=trigger.conf, last=last)


@task
def report() -> str:
    """Do every stage but `record` in this process, with a folded section of the log for each."""
    from ..runs.compact import report as stages

    # What is loaded by now stays.  To visit it whenever a stage has left its garbage would take longer than the stage.
    gc.freeze()
    with _running() as (services, trigger, attempt):
        last = attempt > get_current_context()["ti"].max_tries
        return stages(services, trigger, attempt=attempt, last=last, section=_log_section)


@task(outlets=[ALIAS])
def record() -> str:
    """Settle the run; fail if the run has failed, so that Airflow shows the same state as the table."""
    from ..runs.pipeline import record as stage

    with _running(only_notices=True) as (services, trigger, _):
        outcome = stage(services, trigger)
    if outcome.state is RunState.FAILED:
        raise AirflowFailException(outcome.reason)
    return str(outcome.state)


@contextmanager
def _log_section(title: str) -> Iterator[None]:
    """Fold what is logged meanwhile into one line of Airflow's log view."""
    log.info("::group::%s", title)
    try:
        yield
    finally:
        log.info("::endgroup::")


def _set_map_label(label: str) -> None:
    """Set the label that Airflow shows for this part of a mapped task instead of its index."""
    get_current_context()["format"] = label  # type: ignore[typeddict-unknown-key]  # a template may use any key


@contextmanager
def _running(*, only_notices: bool = False) -> Iterator[tuple[Services, Trigger, int]]:
    """Yield the ports, the trigger and the attempt of this task; turn our errors into Airflow's."""
    from .connections import NOTICE_TIME, AirflowServices

    context = get_current_context()
    with shield():
        services = AirflowServices(NOTICE_TIME if only_notices else None)
        # A wrong setting is tried again: an operator corrects it, and the run continues.
        services.settings  # noqa: B018 - read now, outside the errors that are not tried again
        try:
            yield services, _trigger(context["dag_run"]), context["ti"].try_number
        except SkipRunError as reason:
            raise AirflowSkipException(str(reason)) from None
        except (PermanentError, DeliveryUnknownError) as error:
            raise AirflowFailException(str(error)) from None


def _trigger(run: Any) -> Trigger:
    report_id = naming.report_id_of(run.dag_id)
    assert report_id is not None
    kind = {"scheduled": RunKind.SCHEDULED, "backfill": RunKind.BACKFILL}.get(run.run_type, RunKind.MANUAL)
    return Trigger(
        key=RunKey(report_id=report_id, run_id=run.run_id),
        kind=kind,
        # A tick is the end of its data interval; a manual run has no data interval.
        scheduled_for=run.run_after if kind is RunKind.MANUAL else run.data_interval_end,
        conf=run.conf or {},
        user=run.triggering_user_name,
        clear_number=run.clear_number,
    )
