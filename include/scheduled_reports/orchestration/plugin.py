"""The Airflow plugin: timetables, REST API and pages.

Airflow finds it in the plugins folder of a checkout or through the entry point of the wheel. Imports at the top are
cheap and safe: every task process imports this module, and if that fails, the DAGs of all reports become stale.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from .timetable import ReportTimetable, RestingTimetable

PREFIX = "/scheduled-reports"
#: An envelope; Airflow shows it as an image, so the colours cannot come from a style sheet.
ICON = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='{colour}' "
    "stroke-width='1.8' stroke-linejoin='round'><rect x='3' y='5' width='18' height='14' rx='2'/>"
    "<path d='M3 8l9 6 9-6'/></svg>"
)


class ScheduledReportsPlugin(AirflowPlugin):
    """Timetables, REST API and pages of scheduled reports."""

    name = "scheduled_reports"
    timetables = [ReportTimetable, RestingTimetable]  # noqa: RUF012 - Airflow reads a plain list

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """The pages, as an entry of the navigation and as a tab of every DAG."""
        root = f"{urlsplit(conf.get('api', 'base_url', fallback='')).path.rstrip('/')}{PREFIX}"
        return [
            {
                "name": "Reports",
                "href": f"{root}/",
                "url_route": "scheduled-reports",
                "icon": ICON.format(colour="%2318181b"),
                "icon_dark_mode": ICON.format(colour="%23fafafa"),
                "nav_top_level": True,
            },
            {"name": "Report", "href": f"{root}/dag/{{DAG_ID}}", "url_route": "scheduled-report", "destination": "dag"},
        ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """The REST API, built only when the API server asks for it, so that no other process imports FastAPI.

        An error disables the API and nothing else.
        """
        try:
            from .webapp import app

            return [{"app": app(), "url_prefix": PREFIX, "name": "Scheduled reports"}]
        except Exception:
            logging.getLogger(__name__).exception("cannot build the API of scheduled reports")
            return []
