"""Read a run back from its row of reporting.runs, with the parser that reads fresh rows.

Only the stages that make something of a run parse it.  Settling needs just its formats, so that a rule that was
tightened while runs were open does not keep them open forever.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any

from ..domain.addresses import mailbox
from ..domain.brand import read_brand
from ..domain.errors import PermanentError, RejectedError, RequestError
from ..domain.formats import Format
from ..domain.lead import Sentence
from ..domain.run import MailSummary, Run, RunKind, RunState, Window
from ..domain.send_if import Finding, Verdict
from ..domain.window import window_of
from .parser import parse_row
from .run_request import KEPT, parse_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..domain.report import DateRange, Report
    from ..domain.run import Outcome, RunKey

#: The columns of a run's window in reporting.runs, by the fields of `Window`.
_EDGES = {
    "start": "window_start",
    "end": "window_end",
    "previous_start": "previous_start",
    "previous_end": "previous_end",
}


def read_frozen_run(key: RunKey, row: Mapping[str, Any]) -> Run:
    """The run in *row* of reporting.runs; PermanentError if it breaks a current rule."""
    frozen = row["frozen"]
    # Which addresses a person may mail was checked when the run was frozen.
    checked = [mailbox(str(address)) for address in frozen["request"].get("recipients") or ()]
    with _by_current_rules():
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
        window=_window(row, report, request.period),
        mail_summary=_mail_summary(row),
        verdict=read_verdict(row["verdict"]) if row.get("verdict") else None,
        recipients_kept=frozen["request"].get(KEPT),
        brand=read_brand(row["brand"]) if row.get("brand") else None,
    )


def window_values(window: Window | None) -> dict[str, Any]:
    """The columns of reporting.runs for a window."""
    return {column: getattr(window, edge) if window else None for edge, column in _EDGES.items()}


def moves_watermark(row: Mapping[str, Any], outcome: Outcome) -> bool:
    """Whether the report's watermark becomes the tick of the run in *row*: only a scheduled run that succeeded."""
    return row["kind"] == RunKind.SCHEDULED and outcome.state is RunState.SUCCESS


def asset_event(row: Mapping[str, Any], outcome: Outcome, clear_number: int | None) -> str | None:
    """What the row of reporting.runs says of its asset event after this outcome; see migration 0023.

    The first success of a run has one, but no test, nothing that is mailed again, and no run that has succeeded before
    there were events.  *clear_number* is Airflow's if `record` asks, and None otherwise.
    """
    held: str | None = row["asset_event"]
    if outcome.state is not RunState.SUCCESS or row["test"] or (row["frozen"] or {}).get("request", {}).get("resend"):
        return held
    if held == "due" or (held is None and row["counted"] != RunState.SUCCESS):
        return "due" if clear_number is None else str(clear_number)
    return held


def emits_event(event: str | None, outcome: Outcome, clear_number: int | None) -> bool:
    """Whether `record` emits the event of a run whose row says *event*.

    It does so again after the same number of clears: then its earlier attempt has not succeeded, and with it no event.
    """
    return outcome.state is RunState.SUCCESS and clear_number is not None and event == str(clear_number)


def _window(row: Mapping[str, Any], report: Report, requested: DateRange | None) -> Window:
    """The window as it was frozen; rows of earlier versions do not have the period before."""
    edges = {edge: row[column] for edge, column in _EDGES.items()}
    if None in edges.values():
        return window_of(report, row["scheduled_for"], requested=requested, watermark=row["window_start"])
    return Window(**{edge: moment.astimezone(UTC) for edge, moment in edges.items()}, zone=report.timezone)


def formats(frozen: Mapping[str, Any]) -> tuple[Format, ...]:
    """The formats that a run was frozen with; the rest of the row is not checked."""
    named = frozen["request"].get("formats") or frozen["row"]["export_formats"]
    return tuple(Format(name) for name in named if name in list(Format))


@contextmanager
def _by_current_rules() -> Iterator[None]:
    """Report a broken rule without the value, which may be an address: the message goes to logs."""
    try:
        yield
    except (RejectedError, RequestError) as error:
        broken = "; ".join(problem.rule for problem in error.problems)
        message = f"the run was frozen under rules that have changed since: {broken}; clear it from query"
        raise PermanentError(message) from None


def _mail_summary(row: Mapping[str, Any]) -> MailSummary | None:
    if row["figures"] is None:
        return None
    kept = {name: row[name] for name in ("main_rows", "data_rows", "figures", "preview")}
    lead = tuple(Sentence(**sentence) for sentence in row["lead"] or ())
    return MailSummary(
        **kept,
        charts=row["charts"] or b"",
        excerpts=row["excerpts"] or b"",
        lead=lead,
        figure_texts=row.get("figure_texts") or {},
    )


def read_verdict(kept: Mapping[str, Any]) -> Verdict:
    """The verdict in *kept*, as reporting.runs has it."""
    return Verdict(met=kept["met"], why=kept["why"], findings=tuple(Finding(**finding) for finding in kept["findings"]))
