"""The API inside Airflow: who is signed in and what he may is Airflow's answer; runs are queued as its own API does.

Imported by the API server alone, when it asks the plugin for its apps: task processes do not pay for it.
"""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002 - FastAPI reads it when it runs

from .connections import AirflowServices
from .web_airflow import RunningServer
from .web_caller import AirflowCaller

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from fastapi import FastAPI

    from ..adapters.postgres.web_overview import PostgresOverview
    from ..adapters.postgres.web_reports import PostgresReports
    from ..domain.formats import Format
    from ..domain.report import Row


def app() -> FastAPI:
    """The app that the plugin hands to Airflow."""
    from ..web.app import make

    return make(caller, AirflowWebServices)


def caller(user: GetUserDep) -> AirflowCaller:
    """Whoever is signed in; Airflow raises 401 for everybody else."""
    return AirflowCaller(user)


class AirflowWebServices:
    """Port `Desk`: the ports of one request, from Airflow's connections."""

    @cached_property
    def core(self) -> AirflowServices:
        """The ports of a run."""
        return AirflowServices()

    @cached_property
    def reports(self) -> PostgresReports:
        """Port `Reports`."""
        from ..adapters.postgres.web_reports import PostgresReports

        return PostgresReports(self.core.dsn)

    @cached_property
    def overview(self) -> PostgresOverview:
        """Port `Overview`."""
        from ..adapters.postgres.web_overview import PostgresOverview

        return PostgresOverview(self.core.dsn)

    @cached_property
    def airflow(self) -> RunningServer:
        """Port `Airflow`."""
        return RunningServer()

    def preview(self, row: Row, chosen: Format, at: datetime, out: Path, timeout: timedelta) -> int:
        """Write what a run of *row* at *at* would make to *out*; returns the rows of its main table."""
        from ..adapters.postgres.source import PostgresSource
        from ..adapters.staging import ArrowStaging
        from ..runs.preview import preview

        with tempfile.TemporaryDirectory() as folder:
            return preview(
                row,
                chosen,
                at,
                out,
                source=PostgresSource(self.core.data_dsn, timeout),
                staging=ArrowStaging.local(Path(folder)),
                settings=self.core.settings,
            )
