"""A running stack with proxies in front of each service that a report uses, and checks of what a run left behind."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import psutil
import requests

from demo import mail_events
from demo.__main__ import POOL, plan
from demo.airflow_api import ApiError
from demo.airflow_home import COMPONENTS, on_this_machine
from demo.processes import free_port
from demo.stack import CHECKOUT
from tests.e2e import fault_readers as readers
from tests.e2e.conftest import ready, start
from tests.e2e.faults import HttpProxy, PostgresProxy

if TYPE_CHECKING:
    from email.message import EmailMessage

#: The time limit of every wait, in seconds, long enough for a busy machine; no wait is longer than necessary.
PATIENCE = 300
#: The read time-out for S3 and SES, in seconds; long enough for Airflow to start a task twice in the meantime.
READ_TIMEOUT = 90
INSERT = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, timezone, is_active, status, export_formats, parameters, email_enabled,
     email_recipients, email_cc_recipients, email_bcc_recipients, email_include_attachment, workspace_id,
     created_by_id, updated_at)
SELECT %s, %s, 'channel-analytics', '0 3 1 1 *', 'UTC', true, 'ACTIVE', %s::text[],
       '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}',
       true, %s::text[], %s::text[], %s::text[], true, m.workspace_id, m.user_id, now()
FROM workspace_members m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = 'demo-workspace-acme' AND m.role = 'OWNER' AND u.status <> 'SUSPENDED'
ORDER BY m.user_id LIMIT 1
"""
#: A run time-out set by cluster policy, as an operator does.  It takes effect when a test says so, so that the speed of
#: the machine does not matter.  The file replaces the local settings of the checkout, so it also does what they do.
POLICY = """
from datetime import timedelta
from pathlib import Path

from include.scheduled_reports.orchestration.preload import preload

preload()

def dag_policy(dag):
    if Path({folder!r}, dag.dag_id).exists():
        dag.dagrun_timeout = timedelta(seconds=1)
"""


#: What stands before the checkout's DAG file: the run mode is what a file says, so that a test can change it, and the
#: tasks of some reports mail each reader.
CHOSEN_MODE = """
import os
from pathlib import Path

from airflow.sdk import get_parsing_context

os.environ["SCHEDULED_REPORTS__RUN_MODE"] = Path({mode!r}).read_text()
if (get_parsing_context().dag_id or "").startswith({dags!r}):
    os.environ.update({settings!r})
"""
#: The task of a compact run that does the stages of all others but `record`.
REPORT = "report"
TASKS = {"staged": {"query", "formats.render", "formats.upload", "email", "record"}, "compact": {REPORT, "record"}}
SECOND = timedelta(seconds=1)
#: The queue of SES's events, in which is only what a case puts there.
QUEUE = "events-of-cases"
#: The recipients of a report whose readers get one message together.
TOGETHER = ["ann@neolith.example", "bob@neolith.example"]


@dataclass(frozen=True)
class Accepted:
    """A message that the mail service has accepted, with its recipients."""

    recipients: tuple
    message: EmailMessage
    message_id: str
    tags: dict

    @property
    def subject(self):
        """Return the subject, unfolded to one line."""
        return self.message["Subject"].strip()

    def is_about(self, report_id, header):
        """Return whether a header names the report; a long value is folded onto a separate line."""
        return (self.message[header] or "").strip() == f"scheduled_report_{report_id}"


def _of_execution(row, run, calls):
    """Check an execution against docs/table.md; map each rule to whether it holds."""
    made, sent = row["status"] == "COMPLETED", [one for one in calls if one["state"] == "sent"]
    carried = any(row["format"].lower() in one["formats"] for one in sent)
    took = row["completed_at"] - row["started_at"]
    return {
        "file_url": (row["file_url"] is not None) == made,
        "record_count": (row["record_count"] is not None) == made,
        "error": (row["error"] is None) == made,
        "progress": (row["progress"] == 100) == made,
        "duration": abs(took / timedelta(milliseconds=1) - row["duration"]) <= 5 and row["duration"] >= 0,
        "triggered": (row["triggered_by"], row["triggered_manually"]) == ("airflow:admin", True),
        "email_sent": row["email_sent"] == carried,
        "email_sent_at": (row["email_sent_at"] is not None) == carried,
        "email_error": (row["email_error"] is not None) == ("mail: " in (run["reason"] or "")),
    }


def _next_new_year():
    """Return the next run of the suite's reports: 1 January at 03:00."""
    now = datetime.now(UTC).replace(tzinfo=None)
    this_year = datetime(now.year, 1, 1, 3)  # noqa: DTZ001 - the application's columns hold UTC without a time zone
    return this_year if now < this_year else this_year.replace(year=now.year + 1)


def _digest(content):
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Left:
    """Everything that a run has left behind."""

    airflow: str
    mails: int
    ledger: dict
    readers: dict
    executions: dict
    counted: str | None
    counts: tuple
    retries: int
    reason: str | None
    files: dict
    staged: bool
    told: tuple
    status: str
    #: The columns that contradict docs/table.md.
    untrue: list


class Scene:
    """The running stack and its proxies."""

    def __init__(self, running, http, postgres, folder):
        self.running, self.http, self.postgres, self.folder = running, http.faults, postgres.faults, folder
        self.api, self.rows = running.api, running.rows

    @property
    def mode(self):
        """Return the run mode."""
        return (self.folder / "run-mode").read_text()

    def switch(self, report_id, mode):
        """Change the run mode; wait until the DAG of a report has its tasks."""
        (self.folder / "run-mode").write_text(mode)
        path = f"/dags/{self.dag(report_id)}/tasks"
        self.wait(
            lambda: {one["task_id"] for one in self.api.get(path)["tasks"]} == TASKS[mode], f"the tasks of {mode} runs"
        )

    def place(self, task_id, map_index=-1):
        """Return where the run mode does a stage: its task and its map index."""
        return (task_id, map_index) if task_id == "record" or self.mode == "staged" else (REPORT, -1)

    def add(self, report_id, formats):
        """Add a report whose schedule does not fire during the suite."""
        kinds = ([one] for one in readers.ADDRESSES.values())
        recipients = kinds if readers.are_mailed_separately(report_id) else (TOGETHER, [], [])
        self.rows(INSERT, report_id, f"Report {report_id}", list(formats), *recipients)

    def dag(self, report_id):
        """Return the id of its DAG, as soon as it exists."""
        dag_id = f"scheduled_report_{report_id}"
        self.api.wait_for_dag(dag_id, seconds=120)
        return dag_id

    def trigger(self, report_id, **conf):
        """Start a manual run; return its id."""
        return self.api.trigger(self.dag(report_id), conf)

    def wait(self, condition, what, seconds=PATIENCE):
        """Wait for a condition, with a time limit."""
        self.running.wait(condition, seconds=seconds, what=what)

    def ended(self, report_id, run_id, seconds=PATIENCE):
        """Wait until the run has ended; return its state in Airflow."""
        return self.api.wait_for_run(f"scheduled_report_{report_id}", run_id, seconds=seconds)["state"]

    def run(self, report_id, run_id):
        """Return the row of reporting.runs, or None."""
        found = self.rows("SELECT * FROM reporting.runs WHERE report_id = %s AND run_id = %s", report_id, run_id)
        return found[0] if found else None

    def settled(self, report_id, run_id, state=None, seconds=PATIENCE):
        """Wait until the run is settled (as *state*), by its `record` or by upkeep."""

        def is_settled():
            row = self.run(report_id, run_id)
            return row and row["settled_at"] is not None and state in (None, row["state"])

        self.wait(is_settled, f"{report_id} to be settled {state or ''}", seconds)

    def deliveries(self, report_id):
        """Return the ledger of a report."""
        return self.rows("SELECT * FROM reporting.deliveries WHERE report_id = %s ORDER BY claimed_at", report_id)

    def path(self, report_id, run_id, rest=""):
        """Return a path of Airflow's API for a run."""
        return f"/dags/scheduled_report_{report_id}/dagRuns/{quote(run_id, safe='')}{rest}"

    def task(self, report_id, run_id, task_id, map_index=-1):
        """Return a task instance."""
        found = self.api.task_instances(f"scheduled_report_{report_id}", run_id)
        place = self.place(task_id, map_index)
        return next(one for one in found if (one["task_id"], one["map_index"]) == place)

    def tried_again(self, report_id, run_id, task_id, map_index=-1):
        """Wait until a task starts its second try."""
        self.wait(
            lambda: self.task(report_id, run_id, task_id, map_index)["try_number"] > 1, f"{task_id} to be tried again"
        )

    def time_out(self, report_id):
        """Make every run of a report time out, from the next parse on."""
        (self.folder / "timed-out" / f"scheduled_report_{report_id}").touch()

    def clear(self, report_id, run_id, *tasks):
        """Clear the run, or only some of its tasks."""
        if not tasks:
            self.api.post(self.path(report_id, run_id, "/clear"), {"dry_run": False, "only_failed": False})
            return
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "task_ids": [self._cleared(*one) if isinstance(one, tuple) else self._cleared(one) for one in tasks],
        }
        self.api.post(f"/dags/scheduled_report_{report_id}/clearTaskInstances", body)

    def _cleared(self, task_id, map_index=-1):
        """Return a task as Airflow's API names it."""
        task_id, map_index = self.place(task_id, map_index)
        return task_id if map_index < 0 else [task_id, map_index]

    def delete(self, report_id, run_id):
        """Delete a run in Airflow, as soon as Airflow permits it."""

        def is_gone():
            try:
                self.api.request("DELETE", f"/api/v2{self.path(report_id, run_id)}")
            except ApiError as error:
                return error.status == requests.codes.not_found
            return True

        self.wait(is_gone, "Airflow to delete the run")

    def kill_runner(self, task_instance_id):
        """Kill the process that runs a task instance."""
        for process in psutil.process_iter(["cmdline"]):
            if f"airflow worker -- {task_instance_id}" in " ".join(process.info["cmdline"] or ()):
                os.kill(process.pid, signal.SIGKILL)
                return
        raise ProcessLookupError(task_instance_id)

    def stored(self):
        """Return the object keys in S3."""
        stack = self.running.stack
        return stack.aws.keys(stack.bucket)

    def staging(self, report_id, run_id):
        """Return the staging folder of a run."""
        return self.folder / "staging" / report_id / _escaped(run_id)

    def staged(self, report_id, run_id):
        """Return whether files of a run are left on staging."""
        return any(path.is_file() for path in self.staging(report_id, run_id).rglob("*"))

    def notes(self, report_id):
        """Return the notes on staging about runs that could not be recorded."""
        return list((self.folder / "staging" / ".unrecorded").glob(f"{report_id}.*"))

    def mails(self, report_id):
        """Return the report mails that the service has accepted, independent of the ledger."""
        return [mail for mail in self._accepted() if mail.is_about(report_id, "X-Scheduled-Report")]

    def notices(self, report_id):
        """Return the notices to the owner, in order."""
        about = [mail for mail in self._accepted() if mail.is_about(report_id, "X-Scheduled-Report-Notice")]
        kinds = {
            "Report failed": "failed",
            "Report works": "recovered",
            "Report stopped": "stopped",
            "Email was sent after all": "confirmed",
        }
        found = [next(kind for words, kind in kinds.items() if mail.subject.startswith(words)) for mail in about]
        return tuple(found)

    def publish_send(self, report_id, reader=""):
        """Put SES's event about the report's newest message (to a reader) into the queue: it has been sent."""
        mail = next(mail for mail in self.mails(report_id)[::-1] if not reader or reader in mail.recipients)
        event = mail_events.send(mail.tags["delivery"], *mail.recipients, message_id=mail.message_id)
        aws = self.running.stack.aws
        aws.client("sqs").send_message(QueueUrl=aws.queue_url(QUEUE), MessageBody=mail_events.in_sns(event))

    def readers(self, report_id):
        """Return how many messages have reached each reader, and what the ledger says of the newest one."""
        return readers.reached(self.mails(report_id), self.deliveries(report_id))

    def _accepted(self):
        return [
            Accepted(mail.recipients, message_from_bytes(mail.raw, policy=default), mail.message_id, mail.tags)
            for mail in self.running.stack.aws.mails()
        ]

    def left(self, report_id, run_id):
        """Collect what a run has left behind; compare every recorded file with the object in S3."""
        run = self.run(report_id, run_id) or {}
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
        return Left(
            airflow=airflow,
            mails=len(self.mails(report_id)),
            ledger={
                one["message"]: one["state"]
                for one in self.deliveries(report_id)
                if not one["message"].startswith(("notice/", "reader/"))
            },
            readers=self.readers(report_id) if readers.are_mailed_separately(report_id) else {},
            executions={row["format"].lower(): row["status"] for row in executions},
            counted=run.get("counted"),
            counts=(report["run_count"], report["success_count"], report["failure_count"]),
            retries=max((row["retry_count"] for row in executions), default=0),
            reason=run.get("reason"),
            files={one["format"]: self._whole(one, executions) for one in artifacts},
            staged=self.staged(report_id, run_id),
            told=self.notices(report_id),
            status=report["status"],
            untrue=self._untrue(report, run, artifacts),
        )

    def _untrue(self, report, run, artifacts):
        """Return every column changed by a run that contradicts docs/table.md."""
        executions = self.rows(
            """SELECT * FROM report_executions
               WHERE scheduled_report_id = %s AND scheduled_for = %s::timestamptz AT TIME ZONE 'UTC'""",
            report["id"],
            run["scheduled_for"],
        )
        calls = [
            one
            for one in self.deliveries(report["id"])
            if one["run_id"] == run["run_id"] and not one["message"].startswith("notice/")
        ]
        mails = self.mails(report["id"])
        copies = Counter(address for mail in mails for address in mail.recipients)
        attached = {
            _digest(part.get_payload(decode=True)) for mail in mails[-1:] for part in mail.message.iter_attachments()
        }
        with_mail = {row["id"] for row in executions if row["email_sent"]}
        mailed = {one["sha256"] for one in artifacts if one["execution_id"] in with_mail}
        said = {
            "each address gets one copy": max(copies.values(), default=1) == 1,
            "the newest mail carries the files of which it is said": (
                not mailed or run["clear_number"] > 0 or attached == mailed
            ),
            "last_run_status": report["last_run_status"] == run["counted"],
            "last_run": report["last_run"].replace(tzinfo=UTC) - run["started_at"] < SECOND,
            "last_error": report["last_error"] == run["reason"],
            "next_run": report["next_run"] == (_next_new_year() if report["status"] == "ACTIVE" else None),
            "updated_at": report["updated_at"] == report["created_at"],
            "reason": (run["reason"] is None) == (run["counted"] == "success"),
        }
        if readers.are_mailed_separately(report["id"]):
            handles = self.rows("SELECT handle, address FROM reporting.readers WHERE report_id = %s", report["id"])
            said |= readers.privacy(mails, {one["handle"]: one["address"] for one in handles})
        for row in executions:
            said |= {f"{row['format']} {name}": is_so for name, is_so in _of_execution(row, run, calls).items()}
        return [name for name, is_so in said.items() if not is_so]

    def _whole(self, artifact, executions):
        """Return whether S3 holds the recorded file, and the execution agrees."""
        body = self.running.stack.aws.read(artifact["bucket"], artifact["object_key"]).body
        (execution,) = (row for row in executions if row["id"] == artifact["execution_id"])
        return (
            _digest(body) == artifact["sha256"]
            and len(body) == artifact["bytes"] == execution["file_size"]
            and execution["file_url"] == f"s3://{artifact['bucket']}/{artifact['object_key']}"
        )


#: As in larger installations.
TWO_SCHEDULERS = {**COMPONENTS, "scheduler-2": COMPONENTS["scheduler"]}


@contextmanager
def opened(folder, *, make=Scene, env=None, components=TWO_SCHEDULERS, place=on_this_machine, mode="staged"):
    """Start the stack for the duration of the block, in a run mode that a test can change."""
    proxies = {}

    def database(dsn):
        proxies["postgres"] = PostgresProxy(urlsplit(dsn).port)
        return dsn.replace(f":{urlsplit(dsn).port}/", f":{proxies['postgres'].port}/")

    def aws(connection):
        proxies["http"] = HttpProxy(connection["extra"]["endpoint_url"])
        waits = {"read_timeout": READ_TIMEOUT}
        return {
            **connection,
            "extra": {**connection["extra"], "endpoint_url": proxies["http"].url, "config_kwargs": waits},
        }

    base = plan(folder, free_port())
    config = folder / "config"
    config.mkdir(parents=True)
    (config / "airflow_local_settings.py").write_text(POLICY.format(folder=str(folder / "timed-out")))
    (folder / "timed-out").mkdir()
    (folder / "run-mode").write_text(mode)
    shutil.copytree(CHECKOUT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    ours = folder / "dags" / "scheduled_reports.py"
    chosen = CHOSEN_MODE.format(mode=str(folder / "run-mode"), dags=readers.DAGS, settings=readers.SETTINGS)
    ours.write_text(chosen + ours.read_text())
    settings = {
        **base.env,
        "PYTHONPATH": os.pathsep.join((str(config), str(CHECKOUT))),
        "SCHEDULED_REPORTS__RETRIES": "2",
        "SCHEDULED_REPORTS__RETRY_SECONDS": "1",
        "SCHEDULED_REPORTS__QUERY_SECONDS": "30",
        "SCHEDULED_REPORTS__FAILURES_IN_A_ROW": "2",
        "SCHEDULED_REPORTS__LAST_GOOD": str(folder / "last-good.json"),
        "AIRFLOW__CORE__PARALLELISM": "6",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        **(env or {}),
    }
    whole = replace(
        base,
        env=settings,
        dags=folder / "dags",
        components=components,
        place=place,
        detour=database,
        aws_detour=aws,
        event_queue=QUEUE,
    )
    with start(whole) as stack:
        try:
            scene = make(ready(stack), proxies["http"], proxies["postgres"], folder)
            # Tasks that are held or killed keep their pool slots for a while.
            scene.api.patch(f"/pools/{POOL}", {"name": POOL, "slots": 12, "include_deferred": False})
            yield scene
        finally:
            for proxy in proxies.values():
                proxy.stop()


def _escaped(text):
    """Return a folder name: every byte except letters, digits, `_` and `-` becomes a dot and two hexadecimal digits."""
    return "".join(chr(byte) if chr(byte).isalnum() or byte in b"_-" else f".{byte:02x}" for byte in text.encode())
