"""From what reporting.runs holds of a run back to the run: through the same gate as a fresh row.

Only whoever makes something of a run needs the gate.  To settle it, its formats are enough, so that a rule which was
tightened while runs were open keeps none of them open for ever.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..domain.errors import PermanentError, RejectedError, RequestError
from ..domain.formats import Format
from ..domain.run import MailSummary, Run, RunKind, RunState
from ..domain.window import window
from .parser import parse_row
from .run_request import parse_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..domain.run import RunKey


def thaw(key: RunKey, row: Mapping[str, Any]) -> Run:
    """The run that *row* of reporting.runs froze; PermanentError where it breaks a rule of today."""
    frozen = row["frozen"]
    # Whom a person may mail was checked when the run was frozen.
    checked = [str(address).lower() for address in frozen["request"].get("recipients") or ()]
    with _judged_today():
        report = parse_row(frozen["row"])
        request = parse_request(frozen["request"], report, known=checked)
    return Run(
        key=key,
        run_key=row["run_key"],
        kind=RunKind(row["kind"]),
        state=RunState(row["state"]),
        scheduled_for=row["scheduled_for"],
        triggered_by=row["triggered_by"],
        report=report,
        request=request,
        window=window(request.period or report.date_range, row["scheduled_for"], report.timezone),
        mail_summary=_mail_summary(row),
    )


def formats(frozen: Mapping[str, Any]) -> tuple[Format, ...]:
    """The formats that a run was frozen with, whatever the rules of today say of the rest."""
    named = frozen["request"].get("formats") or frozen["row"]["export_formats"]
    return tuple(Format(name) for name in named if name in list(Format))


@contextmanager
def _judged_today() -> Iterator[None]:
    """Say which rule is broken without the value, which may be an address: the words go to logs."""
    try:
        yield
    except (RejectedError, RequestError) as error:
        broken = "; ".join(f"{problem.column}: {problem.allowed}" for problem in error.problems)
        message = f"the run was frozen with what a rule of today does not allow: {broken}; clear from query"
        raise PermanentError(message) from None


def _mail_summary(row: Mapping[str, Any]) -> MailSummary | None:
    if row["figures"] is None:
        return None
    kept = {name: row[name] for name in ("main_rows", "data_rows", "figures", "preview")}
    return MailSummary(**kept, charts=row["charts"] or b"")
