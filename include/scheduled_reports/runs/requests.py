"""The recipients of a run by hand: kept in a row of ours, which only the API writes, and not in Airflow.

`dag_run.conf` has the id of that row.  Airflow's own trigger form and REST API put addresses into `dag_run.conf`
themselves, and these are used as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..domain.addresses import is_address
from ..domain.errors import PermanentError
from ..reports.run_request import KEPT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.run import Request, Run, RunKey
    from ..ports.services import Services


def with_recipients(services: Services, key: RunKey, conf: Mapping[str, Any]) -> Mapping[str, Any]:
    """*conf* with the recipients that are kept for the run; PermanentError if they are gone."""
    kept = conf.get(KEPT)
    if kept is None:
        return conf
    recipients = services.runs.requested_recipients(key, str(kept))
    if recipients is None:  # never the report's own instead: nobody asked for that
        raise PermanentError("the recipients of this request are no longer kept; request the run again")
    return {**conf, "recipients": list(recipients)}


def requested(services: Services, run: Run, conf: Mapping[str, Any] | None) -> Run:
    """*run* with what *conf* asks of its mail.

    The record of the run is no source for that: a worker's database role can write it.  Without *conf* only the record
    says what was asked.
    """
    request = run.request
    if conf is None:
        if run.recipients_kept is None:
            return run
        conf = {KEPT: run.recipients_kept, "mail": request.mail, "resend": request.resend, "test": request.test}
    return replace(run, request=_of_mail(request, with_recipients(services, run.key, conf)))


def _of_mail(request: Request, conf: Mapping[str, Any]) -> Request:
    """*request* with the keys of *conf* that decide who is mailed; `query` has checked them."""
    named = conf.get("recipients")
    return replace(
        request,
        recipients=tuple(str(one) for one in named if is_address(str(one))) if named else None,
        mail=conf.get("mail"),
        resend=conf.get("resend") or None,
        test=conf.get("test") is True,
    )
