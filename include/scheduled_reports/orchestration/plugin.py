"""What Airflow has to know of this product: its timetables, its API and its pages.

Found through the plugins folder of a checkout, or by the entry point of the wheel. Nothing heavy at the top: every task
process imports it, and where that fails every DAG of every report becomes stale at once.
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
#: An envelope; where Airflow shows it, it takes no stylesheet along.
ICON = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='{colour}' "
    "stroke-width='1.8' stroke-linejoin='round'><rect x='3' y='5' width='18' height='14' rx='2'/>"
    "<path d='M3 8l9 6 9-6'/></svg>"
)


class ScheduledReportsPlugin(AirflowPlugin):
    """What Airflow has to know of this product."""

    name = "scheduled_reports"
    timetables = [ReportTimetable, RestingTimetable]  # noqa: RUF012 - Airflow reads a plain list

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """The pages, in the navigation and as a tab of every DAG."""
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
        """The API, made when the API server asks for it: no other process pays for FastAPI.

        What is wrong with it costs the API and nothing else.
        """
        try:
            from .webapp import app

            return [{"app": app(), "url_prefix": PREFIX, "name": "Scheduled reports"}]
        except Exception:
            logging.getLogger(__name__).exception("the API of scheduled reports could not be made")
            return []
