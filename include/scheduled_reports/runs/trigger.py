"""Request a run: validate it as `query` would, record it as pending, hand it to Airflow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..domain.errors import BusyError
from ..domain.run import AuditAction, RunKey, RunKind, Trigger
from ..ports.runs import KeptRecipients
from ..reports.run_request import KEPT, as_the_form_takes_it
from . import admission

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ..domain.run import Actor
    from ..ports.runs import NewRun
    from ..ports.services import Services
    from ..ports.web import Airflow


def ask(
    services: Services, airflow: Airflow, report_id: str, conf: Mapping[str, Any], run_after: datetime, by: Actor
) -> NewRun:
    """Request a run and return what was recorded of it.

    Raises RejectedError, RequestError, BusyError or NoDagError.  Executions are recorded as pending before Airflow
    knows of the run, so that the requester sees them at once.  If this process dies in between, upkeep finds a run
    that Airflow does not have and settles it as failed.
    """
    trigger = Trigger(
        key=RunKey(report_id=report_id, run_id=f"manual__{run_after.isoformat()}"),
        kind=RunKind.MANUAL,
        scheduled_for=run_after,
        conf=dict(conf) | ({"triggered_by": by.acting_user} if by.acting_user else {}),
        user=by.user,
        clear_number=0,
    )
    row = services.definitions.row(report_id)
    new_run = admission.admit(services, trigger, row)
    act = AuditAction(action=_action(conf), actor=by, workspace_id=row["workspace_id"] if row else "")
    trigger, kept = _without_addresses(trigger)
    if airflow.open_runs(report_id) or not services.runs.ask(new_run, act, kept):
        raise BusyError("a run of this report is in progress, or it already had a run for this time")
    try:
        airflow.start(replace(trigger, conf=as_the_form_takes_it(trigger.conf)))
    except Exception:
        services.runs.withdraw(trigger.key)
        raise
    return new_run


def _without_addresses(trigger: Trigger) -> tuple[Trigger, KeptRecipients | None]:
    """*trigger* as Airflow may keep it, and the recipients that we keep instead."""
    named = trigger.conf.get("recipients")
    if not named:
        return trigger, None
    kept = KeptRecipients(id=uuid4().hex, addresses=tuple(map(str, named)))
    conf = {name: value for name, value in trigger.conf.items() if name != "recipients"}
    return replace(trigger, conf=conf | {KEPT: kept.id}), kept


def _action(conf: Mapping[str, Any]) -> Any:
    if conf.get("test"):
        return "tested"
    return "resent" if conf.get("resend") else "triggered"
