"""Prepare the peer's DAGs (`peer_dag.py`): the same reports, with the queries that the product would run as texts."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.domain.window import window_of
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.reports.types.catalog import report_type

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from include.scheduled_reports.domain.report import Report

#: What the peer needs besides what Airflow and our requirements bring.
LIBRARIES = Path(__file__).parents[1] / ".cache" / "bench-peer"
PACKAGES = ("matplotlib==3.11.2", "contourpy==1.3.3", "cycler==0.12.1", "kiwisolver==1.5.1")
#: Our kinds of charts as those of `DataFrame.plot`.
PLOTS = {"line": "line", "bar": "bar", "rank": "barh"}
SETTING = re.compile(r"current_setting\('(report\.\w+)'\)")


def write(dags: Path, dsn: str, plan: Mapping[str, Any], due: datetime) -> None:
    """Write the DAG file and what it reads into *dags*; *plan* is what all of its DAGs share."""
    folder = dags / "reports"
    folder.mkdir(exist_ok=True)
    reports, _ = parse(PostgresDefinitions(dsn).rows(limit=100_000))
    for report in reports:
        (folder / f"{report.id}.json").write_text(json.dumps(_described(report, dsn, due)))
    (dags / "peer.json").write_text(json.dumps({**plan, "reports": [report.id for report in reports]}))
    shutil.copyfile(Path(__file__).with_name("peer_dag.py"), dags / "peer.py")


def _described(report: Report, dsn: str, due: datetime) -> dict[str, Any]:
    kind, settings = report_type(report), _settings(report, dsn, due)
    titles = {dataset.name: dataset.title for dataset in kind.datasets}
    figures = [("Key figures", kind.figures_sql)] if kind.figures else []
    queries = [*((dataset.title, dataset.sql) for dataset in kind.datasets), *figures]
    return {
        "title": report.name,
        "subject": report.email.subject,
        "to": list(report.email.recipients),
        "charts": [
            {
                "title": chart.title,
                "table": titles[chart.dataset],
                "kind": PLOTS[chart.kind],
                "x": chart.x,
                "y": chart.y,
            }
            for chart in kind.charts
        ],
        "tables": {title: with_literals(sql, settings) for title, sql in queries},
    }


def _settings(report: Report, dsn: str, due: datetime) -> Mapping[str, str]:
    window = window_of(report, due)
    scope = Scope(
        workspace_id=report.workspace.id,
        start=window.start,
        end=window.end,
        timezone=report.timezone.key,
        parameters=report.parameters,
    )
    return PostgresSource(dsn)._bound(scope)  # noqa: SLF001 - the values that a run's queries read


def with_literals(sql: str, settings: Mapping[str, str]) -> str:
    """*sql* with the values in place of our settings; pandas passes it on to a driver that reads `%` as its own."""

    def literal(found: re.Match[str]) -> str:
        return "'{}'".format(settings[found[1]].replace("'", "''"))

    return SETTING.sub(literal, sql).replace("%", "%%")
