"""The tasks of a report's DAG: read the context, call a stage, return small JSON.

The stages are imported by the task that runs one: Arrow and pandas have no place in a parse.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ..domain import naming
from ..domain.errors import DeliveryUnknownError, PermanentError, SkipRunError
from ..domain.formats import Format
from ..domain.run import RunKey, RunKind, RunState, Trigger
from .safe_errors import shield

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ports.services import Services


@task
def query() -> list[str]:
    """Freeze the report, put its data on staging; returns the formats to make."""
    from ..runs.pipeline import query as stage

    with _running() as (services, trigger, attempt):
        return [str(chosen) for chosen in stage(services, trigger, attempt=attempt)]


@task(map_index_template="{{ format }}")
def render(chosen: str) -> str:
    """Make one format from the staged data."""
    from ..runs.pipeline import render as stage

    _call(chosen)
    with _running() as (services, trigger, attempt):
        stage(services, trigger.key, Format(chosen), attempt=attempt)
    return chosen


@task(map_index_template="{{ format }}")
def upload(chosen: str) -> None:
    """Bring one rendered file to S3; how many rows it has stands in the task's name, where a person looks for it."""
    from ..render.values import rows_of
    from ..runs.pipeline import upload as stage

    _call(chosen)
    with _running() as (services, trigger, attempt):
        made = stage(services, trigger.key, Format(chosen), attempt=attempt)
    if made is not None:
        _call(f"{chosen}, {rows_of(made.rows, made.total_rows)}")


@task
def email() -> str:
    """Mail what is in S3; returns `sent`, or why there was no mail."""
    from ..runs.pipeline import email as stage

    with _running() as (services, trigger, _):
        return stage(services, trigger.key)


@task
def record() -> str:
    """Settle the run; fails where the run has failed, so that Airflow shows what the table says."""
    from ..runs.pipeline import record as stage

    with _running() as (services, trigger, _):
        outcome = stage(services, trigger)
    if outcome.state is RunState.FAILED:
        raise AirflowFailException(outcome.reason)
    return str(outcome.state)


def _call(name: str) -> None:
    """What a part of a mapped task is called in Airflow, instead of its number."""
    get_current_context()["format"] = name  # type: ignore[typeddict-unknown-key]  # a template may use any key


@contextmanager
def _running() -> Iterator[tuple[Services, Trigger, int]]:
    """The ports, the run and the attempt of this task; our errors become what Airflow understands."""
    from .connections import AirflowServices

    context = get_current_context()
    with shield():
        try:
            yield AirflowServices(), _trigger(context["dag_run"]), context["ti"].try_number
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
        # A tick is the end of its data interval; a run by hand has none of its own.
        scheduled_for=run.run_after if kind is RunKind.MANUAL else run.data_interval_end,
        conf=run.conf or {},
        user=run.triggering_user_name,
        clear_number=run.clear_number,
    )
