"""From what reporting.runs holds of a run back to the run: through the same gate as a fresh row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .definitions import parse_row
from .model import Brief, Run, RunKind, RunState
from .request import parse_request
from .window import window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import RunKey


def thaw(key: RunKey, row: Mapping[str, Any]) -> Run:
    """The run that *row* of reporting.runs froze."""
    frozen = row["frozen"]
    report = parse_row(frozen["row"])
    # Whom a person may mail was checked when the run was frozen.
    checked = [str(address).lower() for address in frozen["request"].get("recipients") or ()]
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
        brief=_brief(row),
    )


def _brief(row: Mapping[str, Any]) -> Brief | None:
    if row["figures"] is None:
        return None
    kept = {name: row[name] for name in ("main_rows", "data_rows", "figures", "preview")}
    return Brief(**kept, charts=row["charts"] or b"")
