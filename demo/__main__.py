"""`make demo`: run one report end to end on this machine: row, DAG, files, email."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from shutil import rmtree
from typing import TYPE_CHECKING

from include.scheduled_reports.domain import naming
from include.scheduled_reports.sample_data.seed import seed

from . import door
from .airflow_api import ApiError
from .aws import EVENTS
from .delivered import check
from .inbox import Inbox
from .processes import free_port, is_free
from .stack import CHECKOUT, Plan, Stack

if TYPE_CHECKING:
    from pathlib import Path

    from .delivered import Delivered

FOLDER = CHECKOUT / ".demo"
REPORT = "demo-report-weekly-activity"
SENDER = "reports@neolith.example"
POOL = "scheduled_reports_render"


def main() -> int:
    """Run the demo; 0 once the report was delivered and checked."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="port of Airflow (default: 8080)")
    parser.add_argument("--once", action="store_true", help="stop after the first report is delivered and checked")
    options = parser.parse_args()
    # A closed terminal and a plain kill must end like Ctrl-C: with no process left.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        return _demo(options.port, once=options.once)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130 if options.once else 0
    except (RuntimeError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _demo(port: int, *, once: bool) -> int:
    if not is_free(port):
        raise RuntimeError(f"port {port} on 127.0.0.1 is in use; choose another with PORT=")
    rmtree(FOLDER, ignore_errors=True)
    began = time.monotonic()
    _say("Starting PostgreSQL, S3, SES, Airflow and the public door on 127.0.0.1 …")
    whole = replace(plan(FOLDER, port, door_port=free_port()), event_queue=EVENTS)
    with Stack.start(whole, before_airflow=_seed) as stack:
        inbox = Inbox.start(stack.aws.mails)
        try:
            _say(f"Airflow is ready ({time.monotonic() - began:.0f} s). Running one report …")
            delivered = run_one(stack)
            _say(f"Report delivered and checked ({time.monotonic() - began:.0f} s).")
            print(_summary(stack, inbox, delivered))
            if not once:
                print("Ctrl-C stops everything.", flush=True)
                signal.pause()
        finally:
            inbox.stop()
    return 0


def plan(folder: Path, port: int, *, door_port: int | None = None) -> Plan:
    """Plan the stack of the demo, which the end-to-end tests use as well, most of them without the public door."""
    return Plan(
        folder=folder,
        port=port,
        door_port=door_port,
        sender=SENDER,
        env={
            "SCHEDULED_REPORTS__BUCKET": "scheduled-reports",
            "SCHEDULED_REPORTS__STAGING": str(folder / "staging"),
            "SCHEDULED_REPORTS__MAIL_MODE": "live",
            "SCHEDULED_REPORTS__MAIL_FROM": f"Neolith Reports <{SENDER}>",
            "SCHEDULED_REPORTS__RENDER_POOL": POOL,
            "SCHEDULED_REPORTS__RETRY_SECONDS": "5",
            **({} if door_port is None else door.settings(door_port)),
        },
    )


def run_one(stack: Stack) -> Delivered:
    """Run one report manually and check everything it produced."""
    api = stack.airflow.api()
    try:
        api.post("/pools", {"name": POOL, "slots": 2, "description": "Rendering takes a core"})
    except ApiError as error:
        if error.status != 409:  # it is there already
            raise
    dag_id = naming.dag_id(REPORT)
    api.wait_for_dag(dag_id)
    run_id = api.trigger(dag_id)
    state = api.wait_for_run(dag_id, run_id)["state"]
    if state != "success":
        raise RuntimeError(f"the run ended as {state}:\n{api.failures(dag_id, run_id)}")
    return check(stack, REPORT)


def _seed(dsn: str) -> None:
    for line in seed(dsn, until=datetime.now(UTC).date()):
        _say(line)


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


def _summary(stack: Stack, inbox: Inbox, delivered: Delivered) -> str:
    airflow = stack.airflow
    page = f"{airflow.url}/dags/{naming.dag_id(REPORT)}/plugin/scheduled-report"
    files = "\n".join(
        f"    {file.url}  {file.size:,} bytes\n      {stack.aws.link(stack.bucket, file.key)}"
        for file in delivered.files
    )
    emails = "\n            ".join(inbox.mail_url(one) for one in delivered.message_ids)
    return f"""
  Files in S3 (size and sha256 match the record):
{files}
  Emails:   {emails}
            {len(delivered.recipients)} recipients, {len(delivered.attachments)} attachments
  Leaving:  {delivered.leave}
  Page:     {page}
  Reports:  {airflow.url}/plugin/scheduled-reports
  Door:     {stack.door} (the links in the emails; without a login)
  Login:    admin / {airflow.passwords["admin"]}
  Database: {stack.reports_dsn}
"""


if __name__ == "__main__":
    sys.exit(main())
