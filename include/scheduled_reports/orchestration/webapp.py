"""Connect the web API to Airflow: login, permissions, connections.

Only the API server imports this module, when it asks the plugin for its apps; task processes do not.
"""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002 - FastAPI reads it at run time

from . import airflow_settings
from .connections import AirflowServices
from .web_airflow import InProcessAirflow
from .web_caller import AirflowCaller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from fastapi import FastAPI

    from ..adapters.postgres.source import PostgresSource
    from ..adapters.postgres.web_overview import PostgresOverview
    from ..adapters.postgres.web_reports import PostgresReports
    from ..domain.delivery import MailPreview
    from ..domain.finding import Finding
    from ..domain.formats import Format
    from ..domain.report import Row


def app() -> FastAPI:
    """Build the app for the plugin."""
    from ..web.app import make

    airflow_settings.variables()  # before a route asks for the report types
    return make(caller, AirflowWebServices)


def caller(user: GetUserDep) -> AirflowCaller:
    """Return the signed-in user; without one Airflow raises 401."""
    return AirflowCaller(user)


class AirflowWebServices:
    """Port `WebServices`: the ports of one request, from Airflow's connections."""

    @cached_property
    def core(self) -> AirflowServices:
        return AirflowServices()

    @cached_property
    def reports(self) -> PostgresReports:
        from ..adapters.postgres.web_reports import PostgresReports

        return PostgresReports(self.core.dsn)

    @cached_property
    def overview(self) -> PostgresOverview:
        from ..adapters.postgres.web_overview import PostgresOverview

        return PostgresOverview(self.core.dsn)

    @cached_property
    def airflow(self) -> InProcessAirflow:
        return InProcessAirflow()

    def source(self, timeout: timedelta) -> PostgresSource:
        from ..adapters.postgres.source import PostgresSource

        return PostgresSource(self.core.data_dsn, timeout)

    def preview(self, row: Row, chosen: Format, at: datetime, out: Path, timeout: timedelta) -> int:
        from ..adapters.staging import ArrowStaging
        from ..runs.preview import preview

        with tempfile.TemporaryDirectory() as folder:
            return preview(
                row,
                chosen,
                at,
                out,
                source=self.source(timeout),
                staging=ArrowStaging.local(Path(folder)),
                settings=self.core.settings,
                watermark=self.core.runs.watermark(row["id"]),
                brand=self.core.brands.of(row["workspace_id"]),
            )

    def findings(self) -> Iterator[Finding]:
        from .doctor import examine

        return examine()

    def mail_preview(self, row: Row, at: datetime, timeout: timedelta) -> MailPreview:
        from ..adapters.staging import ArrowStaging
        from ..runs.preview import mail_preview

        with tempfile.TemporaryDirectory() as folder:
            return mail_preview(
                row,
                at,
                source=self.source(timeout),
                staging=ArrowStaging.local(Path(folder)),
                settings=self.core.settings,
                watermark=self.core.runs.watermark(row["id"]),
                brand=self.core.brands.of(row["workspace_id"]),
            )
