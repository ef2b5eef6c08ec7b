"""A running stack with planted secrets and addresses, a secrets backend for connections, and a StatsD listener."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from demo import postgres as server
from demo.__main__ import plan
from demo.processes import free_port
from tests.e2e.conftest import Running, ready, start
from tests.e2e.faults import HttpProxy

ROLES = Path(__file__).parents[2] / "deploy/sql/roles.sql"
#: Values that must not appear anywhere: passwords, the secret key, an address, and the name of a channel.
SECRETS = {
    "password of the data": "plnt-7f3a91c4-reading",
    "password of the record": "plnt-7f3a91c4-editing",
    "secret key": "plnt7f3a91c4SecretAccessKey",
}
ADDRESS, OTHER, CHANNEL = "plnt.reader@plnt.example", "plnt.other@plnt.example", "plnt-channel-7f3a"
#: Every planted value contains this.
MARK = "plnt"
#: The planted reports' workspace in our API.
ROUTE = "/scheduled-reports/api/workspaces/core:demo-workspace-acme/reports/scheduled"
LOGINS = """
CREATE ROLE data_user LOGIN PASSWORD '{reading}' IN ROLE reports_reading;
CREATE ROLE record_user LOGIN PASSWORD '{editing}' IN ROLE reports_editing;
UPDATE channels SET name = '{channel}' WHERE id = (
    SELECT id FROM channels WHERE workspace_id = 'demo-workspace-acme' AND type = 'PUBLIC' ORDER BY id LIMIT 1
);
"""
INSERT = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, export_formats, parameters, email_enabled, email_recipients,
     workspace_id, created_by_id, updated_at)
SELECT %s, 'A report', 'channel-analytics', %s, '{csv}',
       '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}', true, %s::text[],
       m.workspace_id, m.user_id, now()
FROM workspace_members m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = 'demo-workspace-acme' AND m.role = 'OWNER' AND u.status <> 'SUSPENDED'
ORDER BY m.user_id LIMIT 1
"""


@dataclass
class Listener:
    """A StatsD server that collects metrics in a separate thread."""

    heard: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            self.heard.extend(data.decode().split("\n"))

    def ours(self):
        """Return our metrics as name, value and kind."""
        lines = [line for line in list(self.heard) if line.startswith("airflow.scheduled_reports.")]
        return [(*line.removeprefix("airflow.scheduled_reports.").partition(":")[::2],) for line in lines]


@dataclass
class Scene:
    """The running stack, as the tests use it."""

    running: Running
    http: HttpProxy
    listener: Listener
    folder: Path

    def add(self, report_id, *recipients, cron="0 3 1 1 *"):
        """Add a report that never fires by itself."""
        self.running.rows(INSERT, report_id, cron, list(recipients))

    def run(self, report_id, then=None):
        """Run it manually, with statement *then* afterwards, until it is settled; return the final state."""
        dag_id = f"scheduled_report_{report_id}"
        self.running.api.wait_for_dag(dag_id, seconds=120)
        run_id = self.running.api.trigger(dag_id, {})
        self.running.api.wait_for_run(dag_id, run_id, seconds=300)
        if then:
            self.running.rows(then)

        def settled():
            found = self.running.rows(
                "SELECT state FROM reporting.runs WHERE report_id = %s AND settled_at IS NOT NULL", report_id
            )
            return found and found[0]["state"]

        self.running.wait(settled, seconds=180, what=f"{report_id} to be settled")
        return settled()

    def run_by_hand(self, report_id, *recipients):
        """Run it through our API for these recipients, until it is settled; return the final state."""
        self.running.api.wait_for_dag(f"scheduled_report_{report_id}", seconds=120)
        answer = self.running.api.request("POST", f"{ROUTE}/{report_id}/trigger", body={"recipients": [*recipients]})
        run_id = answer.json()["runId"]
        self.running.api.wait_for_run(f"scheduled_report_{report_id}", run_id, seconds=300)
        (found,) = self.running.rows("SELECT state FROM reporting.runs WHERE run_id = %s", run_id)
        return found["state"]

    def logs(self):
        """Return every file written by any part of Airflow, except the one that holds the connections."""
        return [path for path in (self.folder / "airflow").rglob("*") if path.is_file() and not path.is_symlink()]

    def metadata(self):
        """Return the whole content of Airflow's database as text."""
        stack = self.running.stack
        command = [server._binaries() / "pg_dump", "--data-only", "--inserts", stack.postgres.dsn("airflow")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def opened(folder):
    """Start the stack for the duration of the block."""
    proxies = {}
    listener = Listener()
    secrets = folder / "secrets"
    secrets.mkdir(parents=True)
    connections = {}

    def database(dsn):
        target = urlsplit(dsn)
        for name, user, password in (
            ("reports_data", "data_user", SECRETS["password of the data"]),
            ("reports_db", "record_user", SECRETS["password of the record"]),
        ):
            connections[name] = {
                "conn_type": "postgres", "host": target.hostname, "port": target.port, "login": user,
                "password": password, "schema": target.path.removeprefix("/"),
            }  # fmt: skip
        # These values are wrong on purpose: every process has to ask the secrets backend first.
        return "postgresql://nobody:nothing@127.0.0.1:1/nowhere"

    def aws(connection):
        proxies["http"] = HttpProxy(connection["extra"]["endpoint_url"])
        extra = {**connection["extra"], "endpoint_url": proxies["http"].url}
        connections["reports_aws"] = {**connection, "password": SECRETS["secret key"], "extra": extra}
        (secrets / "connections.json").write_text(json.dumps(connections))
        return {**connection, "extra": {**extra, "endpoint_url": "http://127.0.0.1:1"}}

    def roles(dsn):
        subprocess.run(
            [server._binaries() / "psql", "-X", "-q", dsn, "-f", ROLES], capture_output=True, text=True, check=True
        )
        with psycopg.connect(dsn) as connection:
            connection.execute(
                LOGINS.format(
                    reading=SECRETS["password of the data"],
                    editing=SECRETS["password of the record"],
                    channel=CHANNEL,
                ).encode()
            )

    base = plan(folder, free_port())
    env = {
        **base.env,
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(secrets / "connections.json")}),
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(listener.port),
        "SCHEDULED_REPORTS__DATA_CONNECTION": "reports_data",
        "SCHEDULED_REPORTS__ALLOWED_DOMAINS": "plnt.example",
        "SCHEDULED_REPORTS__RETRIES": "1",
        "SCHEDULED_REPORTS__RETRY_SECONDS": "1",
        "SCHEDULED_REPORTS__LAST_GOOD": str(folder / "airflow" / "last-good.json"),
    }
    wanted = replace(base, env=env, detour=database, aws_detour=aws)
    with start(wanted, also=roles) as stack:
        try:
            yield Scene(ready(stack), proxies["http"], listener, folder)
        finally:
            proxies["http"].stop()
            listener.socket.close()
