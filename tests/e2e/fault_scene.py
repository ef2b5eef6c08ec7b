"""One running whole with proxies before everything a report needs, and what is asked of it afterwards."""

from __future__ import annotations

import hashlib
import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.policy import default
from urllib.parse import quote, urlsplit

import psutil

from demo.__main__ import plan
from demo.airflow_api import ApiError
from demo.processes import free_port
from tests.e2e.conftest import ready, start
from tests.e2e.faults import HttpProxy, PostgresProxy

INSERT = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, timezone, is_active, status, export_formats, parameters, email_enabled,
     email_recipients, email_include_attachment, workspace_id, created_by_id, updated_at)
SELECT %s, %s, 'channel-analytics', '0 3 1 1 *', 'UTC', true, 'ACTIVE', %s::text[],
       '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}',
       true, '{ann@neolith.example,bob@neolith.example}', true, m.workspace_id, m.user_id, now()
FROM workspace_members m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = %s AND m.role = 'OWNER' AND u.status <> 'SUSPENDED'
ORDER BY m.user_id LIMIT 1
"""
ACME, NORDLICHT = "demo-workspace-acme", "demo-workspace-nordlicht"
#: As an operator sets a run time-out: by cluster policy.
POLICY = """
from datetime import timedelta

def dag_policy(dag):
    if dag.dag_id.endswith("cut-off-by-a-run-time-out"):
        dag.dagrun_timeout = timedelta(seconds=12)
"""


@dataclass(frozen=True)
class Left:
    """What a run has left behind."""

    airflow: str
    mails: int
    ledger: dict
    executions: dict
    counted: str | None
    counts: tuple
    retries: int
    reason: str | None
    mail_errors: set
    files: dict
    staged: bool
    told: tuple
    status: str


class Scene:
    """The running whole and its proxies."""

    def __init__(self, running, http, postgres, folder):
        self.running, self.http, self.postgres, self.folder = running, http.faults, postgres.faults, folder
        self.api, self.rows = running.api, running.rows

    def add(self, report_id, *, formats=("csv", "json"), workspace=ACME):
        """A report that never ticks by itself."""
        self.rows(INSERT, report_id, f"Report {report_id}", list(formats), workspace)

    def dag(self, report_id):
        """The id of its DAG, once it is there."""
        dag_id = f"scheduled_report_{report_id}"
        self.api.wait_for_dag(dag_id, seconds=120)
        return dag_id

    def trigger(self, report_id, **conf):
        """Start a run by hand; its id says so."""
        return self.api.trigger(self.dag(report_id), conf)

    def wait(self, condition, what, seconds=150):
        """Wait for a state with a bound."""
        self.running.wait(condition, seconds=seconds, what=what)

    def ended(self, report_id, run_id, seconds=180):
        """How Airflow says that the run has ended."""
        return self.api.wait_for_run(f"scheduled_report_{report_id}", run_id, seconds=seconds)["state"]

    def run(self, report_id, run_id):
        """The row of reporting.runs, or None."""
        found = self.rows("SELECT * FROM reporting.runs WHERE report_id = %s AND run_id = %s", report_id, run_id)
        return found[0] if found else None

    def settled(self, report_id, run_id, state=None, seconds=180):
        """Wait until the run is settled (as *state*)."""

        def is_settled():
            row = self.run(report_id, run_id)
            return row and row["settled_at"] is not None and state in (None, row["state"])

        self.wait(is_settled, f"{report_id} to be settled {state or ''}", seconds)

    def deliveries(self, report_id):
        """The ledger of a report."""
        return self.rows("SELECT * FROM reporting.deliveries WHERE report_id = %s ORDER BY claimed_at", report_id)

    def path(self, report_id, run_id, rest=""):
        """A path of Airflow's API about a run."""
        return f"/dags/scheduled_report_{report_id}/dagRuns/{quote(run_id, safe='')}{rest}"

    def task(self, report_id, run_id, task_id, map_index=-1):
        """A task instance."""
        found = self.api.task_instances(f"scheduled_report_{report_id}", run_id)
        return next(one for one in found if (one["task_id"], one["map_index"]) == (task_id, map_index))

    def clear(self, report_id, run_id, *tasks):
        """Clear the run, or some of its tasks alone."""
        if not tasks:
            self.api.post(self.path(report_id, run_id, "/clear"), {"dry_run": False, "only_failed": False})
            return
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "task_ids": [list(one) if isinstance(one, tuple) else one for one in tasks],
        }
        self.api.post(f"/dags/scheduled_report_{report_id}/clearTaskInstances", body)

    def kill_runner(self, task_instance_id):
        """Kill the process that runs a task instance."""
        for process in psutil.process_iter(["cmdline"]):
            if f"airflow worker -- {task_instance_id}" in " ".join(process.info["cmdline"] or ()):
                os.kill(process.pid, signal.SIGKILL)
                return
        raise ProcessLookupError(task_instance_id)

    def staging(self, report_id, run_id):
        """The folder of a run on staging."""
        return self.folder / "staging" / report_id / _escaped(run_id)

    def mails(self, report_id):
        """The report mails that the service has accepted for anybody, the ledger not asked."""
        return [mail for mail in self._accepted() if mail["X-Scheduled-Report"] == f"scheduled_report_{report_id}"]

    def notices(self, report_id):
        """What its owner was told, in order."""
        about = f"scheduled_report_{report_id}"
        subjects = [mail["Subject"] for mail in self._accepted() if mail["X-Scheduled-Report-Notice"] == about]
        kinds = {"Report failed": "failed", "Report works": "recovered", "Report stopped": "stopped"}
        return tuple(kinds[" ".join(subject.split()[:2])] for subject in subjects)

    def _accepted(self):
        return [message_from_bytes(mail.raw, policy=default) for mail in self.running.stack.aws.mails()]

    def left(self, report_id, run_id):
        """What a run has left behind; every recorded file is compared with what S3 holds."""
        run = self.run(report_id, run_id)
        (report,) = self.rows("SELECT * FROM scheduled_reports WHERE id = %s", report_id)
        executions = self.rows(
            "SELECT e.* FROM report_executions e WHERE scheduled_report_id = %s ORDER BY format", report_id
        )
        artifacts = self.rows(
            "SELECT * FROM reporting.artifacts WHERE report_id = %s AND run_id = %s", report_id, run_id
        )
        try:
            airflow = self.api.run(f"scheduled_report_{report_id}", run_id)["state"]
        except ApiError:
            airflow = "deleted"
        staged = [path for path in self.staging(report_id, run_id).rglob("*") if path.is_file()]
        return Left(
            airflow=airflow,
            mails=len(self.mails(report_id)),
            ledger={
                one["message"]: one["state"]
                for one in self.deliveries(report_id)
                if not one["message"].startswith("notice/")
            },
            executions={row["format"].lower(): row["status"] for row in executions},
            counted=run and run["counted"],
            counts=(report["run_count"], report["success_count"], report["failure_count"]),
            retries=max((row["retry_count"] for row in executions), default=0),
            reason=run and run["reason"],
            mail_errors={row["email_error"] for row in executions},
            files={one["format"]: self._whole(one, executions) for one in artifacts},
            staged=bool(staged),
            told=self.notices(report_id),
            status=report["status"],
        )

    def _whole(self, artifact, executions):
        """Whether S3 holds what is recorded, and the execution says the same."""
        body = self.running.stack.aws.read(artifact["bucket"], artifact["object_key"]).body
        (execution,) = (row for row in executions if row["id"] == artifact["execution_id"])
        return (
            hashlib.sha256(body).hexdigest() == artifact["sha256"]
            and len(body) == artifact["bytes"] == execution["file_size"]
            and execution["file_url"] == f"s3://{artifact['bucket']}/{artifact['object_key']}"
        )


@contextmanager
def opened(folder):
    """The whole, for as long as the block lasts."""
    proxies = {}

    def database(dsn):
        proxies["postgres"] = PostgresProxy(urlsplit(dsn).port)
        return dsn.replace(f":{urlsplit(dsn).port}/", f":{proxies['postgres'].port}/")

    def aws(connection):
        proxies["http"] = HttpProxy(connection["extra"]["endpoint_url"])
        extra = {**connection["extra"], "endpoint_url": proxies["http"].url, "config_kwargs": {"read_timeout": 8}}
        return {**connection, "extra": extra}

    base = plan(folder, free_port())
    config = folder / "airflow" / "home" / "config"
    config.mkdir(parents=True)
    (config / "airflow_local_settings.py").write_text(POLICY)
    env = {
        **base.env,
        "SCHEDULED_REPORTS__RETRIES": "2",
        "SCHEDULED_REPORTS__RETRY_SECONDS": "1",
        "SCHEDULED_REPORTS__STUCK_SECONDS": "50",
        "SCHEDULED_REPORTS__FAILURES_IN_A_ROW": "2",
        "SCHEDULED_REPORTS__LAST_GOOD": str(folder / "last-good.json"),
        "AIRFLOW__CORE__PARALLELISM": "10",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    }
    with start(replace(base, env=env, detour=database, aws_detour=aws)) as stack:
        try:
            yield Scene(ready(stack), proxies["http"], proxies["postgres"], folder)
        finally:
            for proxy in proxies.values():
                proxy.stop()


def _escaped(text):
    """The name of a folder: every byte but letters, digits, `_` and `-` as a dot and two hexadecimal digits."""
    return "".join(chr(byte) if chr(byte).isalnum() or byte in b"_-" else f".{byte:02x}" for byte in text.encode())
