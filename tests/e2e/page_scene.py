"""Reports for the tests of the pages: running ones, one with attacks in every text, long names, ten thousand more."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.naming import execution_id
from include.scheduled_reports.domain.reader import reader_message
from include.scheduled_reports.domain.run import RunKey
from tests.e2e.visitors import ROOT

RUN, FAIL = "pages-run", "pages-fail"
#: The time limit for a run on a busy machine, in seconds; no wait is longer than necessary.
PATIENCE = 120
WORKSPACE = "demo-workspace-acme"
#: `core` is the slug of two of the sample's workspaces.
LABEL = f"core:{WORKSPACE}"
WEEK = {"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}
#: Text that an attacker might enter.  Each attack that is executed sets `canary`.
ATTACKS = (
    "<script>window.canary=1</script>",
    '"><img src=x onerror="window.canary=2">',
    "'><svg onload='window.canary=3'>",
    "javascript:window.canary=4",
    "</textarea></option></select></title></style><img src=x onerror=window.canary=5>",
    '{{ 7 * 7 }}${7*7}<iframe srcdoc="<script>parent.canary=6</script>"></iframe>',
    "&lt;script&gt;window.canary=7&lt;/script&gt;",
    '" autofocus onfocus="window.canary=8',
)
ATTACK = " ".join(ATTACKS)
LONG = "Vierteljahresabschlusszusammenfassung" * 5
ARABIC = "تقرير النشاط الأسبوعي لجميع الفرق " * 5
HOSTILE_PAGE = b"""<!DOCTYPE html><title>A file</title><h1 id=shown>Numbers</h1>
<script>parent.canary = 9; window.canary = 10; document.getElementById("shown").textContent = "Taken over";
fetch("/scheduled-reports/api/health?stolen");</script><img src=x onerror="parent.canary=11">"""


def owner(running):
    """Return id and address of an OWNER of the workspace."""
    (row,) = running.rows(
        """SELECT m.user_id, u.email FROM workspace_members m JOIN users u ON u.id = m.user_id
           WHERE m.workspace_id = %s AND m.role = 'OWNER' AND u.status <> 'SUSPENDED' ORDER BY 1 LIMIT 1""",
        WORKSPACE,
    )
    return row["user_id"], row["email"]


def add(running, report_id, **columns):
    """Add a report that never fires by itself, as the application would write it."""
    user_id, _ = owner(running)
    values = {
        "id": report_id, "name": report_id, "reportType": "task-completion", "cron_expression": "0 3 1 1 *",
        "timezone": "UTC", "is_active": True, "status": "ACTIVE", "export_formats": ["csv"], "parameters": Jsonb(WEEK),
        "tags": ["pages"], "email_enabled": False, "workspace_id": WORKSPACE, "created_by_id": user_id,
        "updated_at": datetime(2026, 5, 1, tzinfo=UTC), **columns,
    }  # fmt: skip
    statement = sql.SQL("INSERT INTO scheduled_reports ({}) VALUES ({})").format(
        sql.SQL(", ").join(sql.Identifier(name) for name in values),
        sql.SQL(", ").join(sql.Placeholder(name) for name in values),
    )
    with psycopg.connect(running.stack.reports_dsn) as connection:
        connection.execute(statement, values)


def add_hostile(running):
    """Add a report with an attack in every text that comes from a person, the database or a server."""
    running.rows(
        """INSERT INTO workspaces (id, name, slug, organization_id, updated_at)
           SELECT 'hostile', %s, 'hostile', organization_id, now() FROM workspaces WHERE id = %s""",
        ATTACK, WORKSPACE,
    )  # fmt: skip
    running.rows(
        "INSERT INTO users (id, email, name, status, updated_at) VALUES ('hostile', %s, %s, 'ACTIVE', now())",
        "hostile@acme.example", ATTACK,
    )  # fmt: skip
    running.rows(
        "INSERT INTO workspace_members (id, workspace_id, user_id, role) VALUES ('h', 'hostile', 'hostile', 'OWNER')"
    )
    fields = {
        "name": ATTACK[:200], "description": ATTACK, "tags": [one[:50] for one in ATTACKS], "email_enabled": True,
        "email_subject": ATTACK[:200], "workspace_id": "hostile", "created_by_id": "hostile",
    }  # fmt: skip
    add(running, "pages-hostile", **fields, email_recipients=["hostile@acme.example"])
    # This one is rejected, and the reasons quote its values.
    filters = Jsonb({"dateRange": {"type": ATTACK}, "customFilters": ATTACK, ATTACK: ATTACK})
    add(
        running, "pages-rejected", **fields, email_recipients=[ATTACK], email_cc_recipients=list(ATTACKS),
        reportType=ATTACK, cron_expression=ATTACK, timezone=ATTACK, export_formats=[ATTACK], parameters=filters,
    )  # fmt: skip
    _add_hostile_run(running)
    running.rows(
        """INSERT INTO reporting.audit (report_id, workspace_id, action, actor, acting_user, before, after)
           VALUES ('pages-hostile', 'hostile', 'changed', %s, %s, %s, %s)""",
        ATTACK, ATTACK, Jsonb({ATTACK: ATTACK}), Jsonb({ATTACK: ATTACK}),
    )  # fmt: skip


def _add_hostile_run(running):
    key = RunKey(report_id="pages-hostile", run_id="manual__2026-05-08T10:00:00+00:00")
    running.rows(
        """INSERT INTO reporting.runs (report_id, run_id, run_key, kind, state, reason, scheduled_for, triggered_by,
               clear_number, counted, mail_error, settled_at, frozen)
           VALUES (%s, %s, 'hostile', 'manual', 'failed', %s, '2026-05-08 10:00Z', %s, 0, 'failed', %s, now(), '{}')""",
        key.report_id, key.run_id, ATTACK, ATTACK, ATTACK,
    )  # fmt: skip
    running.rows(
        """INSERT INTO report_executions (id, scheduled_report_id, status, triggered_by, format, scheduled_for, error,
               email_error) VALUES (%s, %s, 'FAILED', %s, 'CSV', '2026-05-08 10:00', %s, %s)""",
        execution_id(key, Format.CSV), key.report_id, ATTACK, ATTACK, ATTACK,
    )  # fmt: skip
    for state in ("now()", "NULL"):
        running.rows(
            f"""INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how, returned_by,
                   return_reason, returned_at) VALUES (%s, 'hostile', %s, %s, 'page', %s, %s, {state})""",
            key.report_id, ATTACK, ATTACK, ATTACK, ATTACK,
        )  # fmt: skip
    running.rows(
        """INSERT INTO reporting.suppressions (workspace_id, mailbox, address, cause, reason, report_id, run_id,
               told_at) VALUES ('hostile', %s, %s, 'complaint', %s, %s, %s, now())""",
        ATTACK, ATTACK, ATTACK, key.report_id, key.run_id,
    )  # fmt: skip
    s3 = running.stack.aws.client("s3")
    s3.put_object(Bucket=running.stack.bucket, Key="hostile/page.html", Body=HOSTILE_PAGE, ContentType="text/html")
    running.rows(
        """INSERT INTO reporting.artifacts (report_id, run_id, format, execution_id, file_name, content_type, bucket,
               object_key, bytes, sha256, rows, total_rows)
           VALUES (%s, %s, 'html', 'none', %s, 'text/html; charset=utf-8', %s, 'hostile/page.html', %s, %s, 5, 7)""",
        key.report_id, key.run_id, f"{ATTACK}.html", running.stack.bucket, len(HOSTILE_PAGE),
        hashlib.sha256(HOSTILE_PAGE).hexdigest(),
    )  # fmt: skip
    for state, message in (("unknown", "report"), ("refused", "report/2"), ("sent", "notice/failed")):
        running.rows(
            """INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats,
                   error) VALUES (%s, %s, %s, %s, %s, %s, 'attach', '{csv}', %s)""",
            key.report_id, key.run_id, message, state, ATTACK, Jsonb({"to": [ATTACK], "cc": [], "bcc": []}), ATTACK,
        )  # fmt: skip
    running.rows(
        """INSERT INTO reporting.recipients (report_id, run_id, message, mailbox, address, state, at, reason, detail)
           VALUES (%s, %s, 'report', %s, %s, 'complained', now(), %s, %s)""",
        key.report_id, key.run_id, ATTACK, ATTACK, ATTACK, ATTACK,
    )  # fmt: skip


def add_readers(running, report_id):
    """Add a run that was mailed to one reader with links, who opened them and then left the report."""
    address, run_id = "ada@acme.example", "manual__2026-05-08T10:00:00+00:00"
    running.rows(
        """INSERT INTO reporting.runs (report_id, run_id, run_key, workspace_id, kind, state, scheduled_for,
               triggered_by, clear_number, settled_at)
           VALUES (%s, %s, 'left', %s, 'manual', 'success', '2026-05-08 10:00Z', 'airflow:admin', 0, now())""",
        report_id, run_id, WORKSPACE,
    )  # fmt: skip
    running.rows(
        """INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats)
           VALUES (%s, %s, %s, 'sent', 'Numbers', %s, 'link', '{csv}')""",
        report_id, run_id, reader_message(address), Jsonb({"to": [address]}),
    )  # fmt: skip
    running.rows(
        """INSERT INTO reporting.readers (report_id, run_id, message, workspace_id, address, mailbox, spellings,
               of_report, openings, last_opened_at)
           VALUES (%s, %s, %s, %s, %s, %s, ARRAY[%s], true, 3, now())""",
        report_id, run_id, reader_message(address), WORKSPACE, address, address, address,
    )  # fmt: skip
    running.rows(
        """INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how)
           VALUES (%s, %s, %s, %s, 'one-click')""",
        report_id, WORKSPACE, address, address,
    )  # fmt: skip


def add_bounce(running, report_id):
    """Add a run whose email to one reader came back."""
    address, run_id = "ada@acme.example", "manual__2026-05-08T10:00:00+00:00"
    key = (report_id, run_id, reader_message(address))
    running.rows(
        """INSERT INTO reporting.runs (report_id, run_id, run_key, workspace_id, kind, state, scheduled_for,
               triggered_by, clear_number, settled_at)
           VALUES (%s, %s, 'bounced', %s, 'manual', 'success', '2026-05-08 10:00Z', 'airflow:admin', 0, now())""",
        report_id, run_id, WORKSPACE,
    )  # fmt: skip
    running.rows(
        """INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats,
               feedback_id) VALUES (%s, %s, %s, 'sent', 'Numbers', %s, 'link', '{csv}', gen_random_uuid())""",
        *key, Jsonb({"to": [address]}),
    )  # fmt: skip
    reason = "there is no such mailbox"
    running.rows(
        """INSERT INTO reporting.recipients (report_id, run_id, message, mailbox, address, state, at, reason, detail)
           VALUES (%s, %s, %s, %s, %s, 'bounced', now(), %s, 'smtp; 550 5.1.1 user unknown')""",
        *key, address, address, reason,
    )  # fmt: skip
    running.rows(
        """INSERT INTO reporting.suppressions (workspace_id, mailbox, address, cause, reason, report_id, run_id,
               told_at) VALUES (%s, %s, %s, 'bounce', %s, %s, %s, now())""",
        WORKSPACE, address, address, reason, report_id, run_id,
    )  # fmt: skip


def add_many(dsn):
    """Add ten thousand reports to the sample's workspaces, each with thirty runs."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            """INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, timezone, is_active, status,
                   export_formats, parameters, tags, workspace_id, created_by_id, updated_at, last_run,
                   last_run_status, next_run)
               SELECT 'many-' || n, 'Report number ' || n, 'task-completion', n % 60 || ' 3 * * *', 'UTC', n % 7 > 0,
                      CASE WHEN n % 501 = 0 THEN 'DISABLED' ELSE 'ACTIVE' END::"ScheduledReportStatus", '{csv}', '{}',
                      ARRAY['shard-' || n % 10], m.workspace_id, m.user_id, now(), now() - n * interval '1 minute',
                      CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'success' END, now() + n * interval '1 minute'
               FROM generate_series(1, 10000) AS n
               CROSS JOIN (SELECT workspace_id, user_id FROM workspace_members WHERE role = 'OWNER'
                           ORDER BY id LIMIT 1) m
            """
        )
        connection.execute(
            """INSERT INTO reporting.runs (report_id, run_id, run_key, kind, state, scheduled_for, triggered_by,
                   clear_number, counted, started_at, settled_at)
               SELECT 'many-' || n, 'run-' || day, 'run-' || day, 'scheduled', 'success', moment, 'system', 0,
                      'success', moment, moment
               FROM generate_series(1, 10000) AS n, generate_series(1, 30) AS day,
                    LATERAL (SELECT now() - day * interval '1 day') AS at (moment)"""
        )
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE")


def run_path(report_id, run_id):
    """Return the API's path of a run."""
    base = f"/scheduled-reports/api/workspaces/{LABEL}/reports/scheduled"
    return f"{base}/{report_id}/runs/{quote(run_id, safe='')}"


def run(running, report_id, **asked):
    dag_id = f"scheduled_report_{report_id}"
    answer = running.api.request(
        "POST", f"{ROOT}/api/workspaces/{LABEL}/reports/scheduled/{report_id}/trigger", body=asked
    )
    running.api.wait_for_run(dag_id, answer.json()["runId"])
    return answer.json()["runId"]


def error_of(running, report_id):
    (row,) = running.rows("SELECT last_error FROM scheduled_reports WHERE id = %s", report_id)
    return row["last_error"]


def column(running, statement, *values):
    return [next(iter(row.values())) for row in running.rows(statement, *values)]


def names(page):
    """Return the names of the reports in the list, from top to bottom."""
    return page.locator(".reports td.name > a").all_inner_texts()


def subjects(running, report_id):
    return [message_from_bytes(mail.raw, policy=default)["Subject"] for mail in running.mails_of(report_id)]


def unfold(run):
    """Open the details of a run, if they are folded."""
    if run.get_attribute("open") is None:
        run.locator("summary").click()


@contextmanager
def locked(running, table):
    """Lock a table during the block: every reader waits."""
    with psycopg.connect(running.stack.reports_dsn) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def away(running, table):
    """Make a table unavailable during the block."""
    running.rows(f"ALTER TABLE {table} RENAME TO {table}_away")
    try:
        yield
    finally:
        running.rows(f"ALTER TABLE {table}_away RENAME TO {table}")


def add_reports(running):
    """Add the reports that the tests of the pages share, once for each database."""
    if running.rows("SELECT 1 FROM scheduled_reports WHERE id = %s", RUN):
        return
    _, email = owner(running)
    mail = {"email_enabled": True, "email_recipients": [email]}
    add(running, RUN, name="Tasks of a week", export_formats=["html", "pdf", "csv"], **mail)
    add(running, FAIL, name="Tasks that will fail", reportType="task-completion", **mail)
    add(running, "pages-long", name=LONG[:200], description=LONG, tags=[LONG[:50]])
    add(running, "pages-arabic", name=ARABIC[:200].strip(), description=ARABIC, tags=["أسبوعي"])
    add_hostile(running)
    running.api.wait_for_dag(f"scheduled_report_{RUN}", seconds=PATIENCE)
    running.wait(lambda: error_of(running, "pages-rejected"), seconds=PATIENCE, what="the rejections to be written")
