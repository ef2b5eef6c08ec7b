"""Which parts of a report type a run needs: what its files, its email and its conditions show, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..domain.formats import FORMATS
from ..domain.send_if import ChangeCondition, FigureCondition, RowsCondition
from ..mail.plan import is_requested

if TYPE_CHECKING:
    from ..domain.report_type import ReportType
    from ..domain.run import Run


def needed(run: Run, kind: ReportType) -> ReportType:
    """*kind* with the datasets, key figures and charts that the run needs: for a CSV without email the main dataset."""
    formats = [FORMATS[one] for one in run.formats]
    is_mailed = is_requested(run, run.report)
    if not is_mailed and not any(one.charts for one in formats):
        kind = replace(kind, charts=())
    if any(not one.main_only for one in formats):
        return kind
    conditions = run.report.send_if.conditions if run.report.send_if else ()
    names = {kind.main.name} | {one.dataset for one in conditions if isinstance(one, RowsCondition)}
    if is_mailed:
        names |= {one.dataset for one in kind.charts} | {one.dataset for one in kind.excerpts}
    elif any(isinstance(one, FigureCondition | ChangeCondition) for one in conditions):
        kind = replace(kind, excerpts=(), lead=None)
    else:
        kind = replace(kind, excerpts=(), lead=None, figures=(), figures_sql="", notes=())
    return replace(kind, datasets=tuple(one for one in kind.datasets if one.name in names))
