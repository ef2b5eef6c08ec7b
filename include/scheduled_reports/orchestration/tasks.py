"""The tasks of a report's DAG: read the context, call a stage, return small JSON."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from .. import naming, pipeline
from ..errors import DeliveryUnknownError, PermanentError, SkipRunError
from ..model import Format, RunKey, RunKind, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Context

    from ..ports import World


@task
def query() -> list[str]:
    """Freeze the report, put its data on staging; returns the formats to make."""
    with _stage() as (world, context):
        return [str(chosen) for chosen in pipeline.query(world, _trigger(context), attempt=_attempt(context))]


@task
def render(chosen: str) -> str:
    """Make one format from the staged data."""
    with _stage() as (world, context):
        pipeline.render(world, _trigger(context).key, Format(chosen), attempt=_attempt(context))
    return chosen


@task
def upload(chosen: str) -> None:
    """Bring one rendered file to S3."""
    with _stage() as (world, context):
        pipeline.upload(world, _trigger(context).key, Format(chosen), attempt=_attempt(context))


@task
def email() -> str:
    """Mail what is in S3; returns `sent`, or why there was no mail."""
    with _stage() as (world, context):
        return pipeline.email(world, _trigger(context).key)


@task
def record() -> str:
    """Settle the run; fails where the run has failed, so that Airflow shows what the table says."""
    with _stage() as (world, context):
        outcome = pipeline.record(world, _trigger(context))
        if outcome.state is RunState.FAILED:
            raise AirflowFailException(outcome.reason)
        return str(outcome.state)


@contextmanager
def _stage() -> Iterator[tuple[World, Context]]:
    """The ports and the context of this task; our errors become what Airflow understands."""
    from .connections import AirflowWorld

    try:
        yield AirflowWorld(), get_current_context()
    except SkipRunError as reason:
        raise AirflowSkipException(str(reason)) from reason
    except (PermanentError, DeliveryUnknownError) as error:
        raise AirflowFailException(str(error)) from error


def _trigger(context: Context) -> pipeline.Trigger:
    run: Any = context["dag_run"]
    report_id = naming.report_id_of(run.dag_id)
    assert report_id is not None
    kind = {"scheduled": RunKind.SCHEDULED, "backfill": RunKind.BACKFILL}.get(str(run.run_type), RunKind.MANUAL)
    # A tick is the end of its data interval; a run by hand has none of its own.
    moment = run.run_after if kind is RunKind.MANUAL else run.data_interval_end
    return pipeline.Trigger(
        key=RunKey(report_id=report_id, run_id=run.run_id),
        kind=kind,
        scheduled_for=moment,
        conf=run.conf or {},
        user=getattr(run, "triggering_user_name", None),
        clear_number=getattr(run, "clear_number", 0) or 0,
    )


def _attempt(context: Context) -> int:
    return context.get("try_number") or context["ti"].try_number
