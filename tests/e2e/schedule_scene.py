"""A running Airflow whose database connection can be cut, for tests of schedules and outages.

Airflow's staleness settings, our grace period and our tombstones are short here, so that minutes stand for hours.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from demo.__main__ import plan
from demo.airflow_api import ApiError
from demo.processes import free_port
from tests.e2e.conftest import ready, start
from tests.e2e.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRACE = 20
STALENESS = 10
INSERT = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, timezone, is_active, status, export_formats, parameters, email_enabled,
     email_recipients, email_include_attachment, workspace_id, created_by_id, updated_at)
SELECT %s, %s, 'channel-analytics', %s, 'UTC', true, 'ACTIVE', '{csv}',
       '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}',
       true, '{ann@neolith.example}', true, 'demo-workspace-acme', 'demo-user-hanna-lindqvist', now()
"""


class Scene:
    """A running stack, and the proxy in front of its reports database."""

    def __init__(self, running, proxies):
        self.running, self.proxies = running, proxies
        self.api, self.rows = running.api, running.rows

    @property
    def proxy(self):
        return self.proxies[0]

    def add(self, report_id, cron, name="A report"):
        self.rows(INSERT, report_id, name, cron)
        return f"scheduled_report_{report_id}"

    def dag(self, dag_id):
        return self.api.get(f"/dags/{dag_id}")

    def runs(self, dag_id):
        return self.api.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]

    def wait(self, condition, seconds, what):
        self.running.wait(condition, seconds=seconds, what=what)

    def present(self, dag_id):
        return self.api.has_dag(dag_id)

    def absent(self, dag_id):
        try:
            return self.dag(dag_id)["is_stale"]
        except ApiError as error:
            return error.status == 404

    def missed(self, report_id):
        return self.rows("SELECT * FROM reporting.missed_ticks WHERE report_id = %s", report_id)

    def next_run(self, report_id):
        (row,) = self.rows("SELECT next_run FROM scheduled_reports WHERE id = %s", report_id)
        return row["next_run"]

    def settled(self, report_id):
        found = self.rows("SELECT * FROM reporting.runs WHERE report_id = %s ORDER BY scheduled_for", report_id)
        return [run for run in found if run["settled_at"] is not None]


@contextmanager
def opened(folder: Path) -> Iterator[Scene]:
    """Start the stack below *folder*."""
    proxies = []

    def through_a_proxy(dsn):
        proxies.append(Proxy.start(urlsplit(dsn).port))
        return dsn.replace(f":{urlsplit(dsn).port}/", f":{proxies[0].port}/")

    base = plan(folder, free_port())
    env = {
        **base.env,
        "SCHEDULED_REPORTS__RETRIES": "5",
        "SCHEDULED_REPORTS__RETRY_SECONDS": "4",
        "SCHEDULED_REPORTS__GRACE_SECONDS": str(GRACE),
        "SCHEDULED_REPORTS__LOST_TICK_SECONDS": "30",
        "SCHEDULED_REPORTS__TOMBSTONE_SECONDS": "20",
        "SCHEDULED_REPORTS__LAST_GOOD": str(base.folder / "last-good.json"),
        "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": str(STALENESS),
        "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": str(STALENESS),
    }
    with start(replace(base, env=env, detour=through_a_proxy)) as stack:
        yield Scene(ready(stack), proxies)
