"""The actions of each case of the fault suite: the fault, when it happens, and the reaction to it."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from demo.guard import end_session
from tests.e2e import faults

PLAYS = {}
#: A rejection of the message that names no recipient.
REJECTED = faults.answers(400, "MessageRejected", "Illegal content")
ALWAYS = 1_000_000


def register(name):
    """Register the function that plays a case; it returns the id of the run to check."""

    def keep(function):
        PLAYS[name] = function
        return function

    return keep


def http_kill(scene, report_id, kind, act, *, until=None, reader=""):
    """Trigger, wait for the request (and *until*), kill the task, then let all requests through."""
    fault = scene.http.add(report_id, kind, act, times=1, reader=reader)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    if until is not None:
        scene.wait(until, "the service to have done it")
    fault.kill()
    scene.http.end(fault)
    return run_id


def postgres_kill(scene, report_id, where, act, *, until=None):
    """Trigger, wait for the statement (and *until*), kill the task, then let all statements through."""
    fault = scene.postgres.add(report_id, where, act, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    if until is not None:
        scene.wait(lambda: until(run_id), "PostgreSQL to have done it")
    fault.kill()
    scene.postgres.end(fault)
    return run_id


def in_a_query(scene, report_id, act, start, end):
    """Trigger with a fault in the queries, which are recognized by a period that no other case uses."""
    fault = scene.postgres.add(f"{start}T00:00:00", (b"COPY",), act, times=1)
    run_id = scene.trigger(report_id, period=f"{start}/{end}", mail=True)
    fault.wait_reached()
    return fault, run_id


def over_http(scene, report_id, service, act, times=ALWAYS, reader=""):
    """Trigger with a fault of S3 or SES, and wait until the run has ended."""
    fault = scene.http.add(report_id, service, act, times, reader)
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.http.end(fault)
    return run_id


# A task dies


@register("killed in the middle of a query")
def _(scene, report_id):
    fault, run_id = in_a_query(scene, report_id, faults.pg_hold, "2026-04-20", "2026-04-26")
    fault.kill()
    scene.postgres.end(fault)
    return run_id


@register("killed in the middle of rendering")
def _(scene, report_id):
    run_id = scene.trigger(report_id, period="2017-01-01/2026-05-01", mail=True)

    def at_work():
        rows = scene.running.executions(report_id)
        return any(row["format"] == "PDF" and row["progress"] == 30 for row in rows)

    scene.wait(at_work, "the PDF to be under way")
    scene.kill_runner(scene.task(report_id, run_id, "formats.render", 1)["id"])
    return run_id


@register("killed twice in the middle of rendering")
def _(scene, report_id):
    run_id = scene.trigger(report_id, period="2017-01-01/2026-05-01", mail=True)
    for attempt in (1, 2):

        def at_work(attempt=attempt):
            rendering = {"stage": "render", "format": "pdf", "attempt": attempt, "result": None}
            found = scene.rows("SELECT * FROM reporting.stages WHERE report_id = %s", report_id)
            return any(rendering.items() <= one.items() for one in found)

        scene.wait(at_work, "the PDF to be under way")
        scene.kill_runner(scene.task(report_id, run_id, "formats.render")["id"])
    return run_id


@register("killed in the middle of an upload")
def _(scene, report_id):
    return http_kill(scene, report_id, "s3", faults.dropped_before)


@register("killed when S3 had the file, before that was recorded")
def _(scene, report_id):
    def is_there():
        return any(f"/{report_id}/" in key for key in scene.stored())

    return http_kill(scene, report_id, "s3", faults.dropped_after, until=is_there)


@register("worker killed in the middle of an upload")
def _(scene, report_id):
    fault = scene.http.add(report_id, "s3", faults.dropped_before, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    for one in (fault.supervisor, fault.task):
        os.kill(one, signal.SIGKILL)
    scene.http.end(fault)
    return run_id


@register("killed before the claim")
def _(scene, report_id):
    return postgres_kill(scene, report_id, (b"INSERT INTO reporting.deliveries",), faults.pg_hold)


@register("killed after the claim, before the call")
def _(scene, report_id):
    return http_kill(scene, report_id, "ses", faults.dropped_before)


@register("killed when SES had accepted, before its answer")
def _(scene, report_id):
    return http_kill(scene, report_id, "ses", faults.dropped_after, until=lambda: scene.mails(report_id))


@register("killed when SES had accepted, then SES's event comes")
def _(scene, report_id):
    run_id = http_kill(scene, report_id, "ses", faults.dropped_after, until=lambda: scene.mails(report_id))
    scene.settled(report_id, run_id, "failed")
    scene.publish_send(report_id)
    return run_id


@register("killed when the answer was recorded")
def _(scene, report_id):
    def recorded(_run_id):
        return any(one["state"] == "sent" for one in scene.deliveries(report_id))

    said = (b"UPDATE reporting.deliveries", b"COMMIT")
    return postgres_kill(scene, report_id, said, faults.pg_hold_answers, until=recorded)


@register("killed while the run is recorded")
def _(scene, report_id):
    return postgres_kill(scene, report_id, (b"FOR UPDATE",), faults.pg_hold)


@register("killed just after the run was recorded")
def _(scene, report_id):
    def recorded(run_id):
        return scene.run(report_id, run_id)["settled_at"] is not None

    return postgres_kill(scene, report_id, (b"FOR UPDATE", b"COMMIT"), faults.pg_hold_answers, until=recorded)


@register("killed while the owner is told")
def _(scene, report_id):
    refused = scene.http.add(report_id, "ses", REJECTED)
    run_id = http_kill(scene, report_id, "notice", faults.dropped_after, until=lambda: scene.notices(report_id))
    scene.ended(report_id, run_id)
    scene.http.end(refused)
    return run_id


# The database goes away


@register("PostgreSQL away before the query")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, (), faults.pg_cut, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.ended(report_id, run_id)
    scene.postgres.end(fault)
    return run_id


@register("PostgreSQL away in the middle of the data")
def _(scene, report_id):
    fault, run_id = in_a_query(scene, report_id, faults.pg_cut_answers, "2026-04-11", "2026-04-17")
    scene.ended(report_id, run_id)
    scene.postgres.end(fault)
    return run_id


@register("PostgreSQL away just after the claim")
def _(scene, report_id):
    claiming = (b"INSERT INTO reporting.deliveries", b"COMMIT")
    fault = scene.postgres.add(report_id, claiming, faults.pg_lose_answers, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.wait(lambda: scene.deliveries(report_id), "the claim to be written down")
    scene.postgres.end(fault)
    return run_id


@register("PostgreSQL away for long after SES has accepted")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, (b"UPDATE reporting.deliveries",), faults.pg_cut)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.tried_again(report_id, run_id, "email")
    scene.postgres.end(fault)
    return run_id


@register("PostgreSQL away while the run is recorded")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, (b"FOR UPDATE",), faults.pg_cut, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.ended(report_id, run_id)
    scene.postgres.end(fault)
    return run_id


@register("PostgreSQL away just after SES has accepted")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, (b"UPDATE reporting.deliveries",), faults.pg_cut, times=2)
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.postgres.end(fault)
    return run_id


@register("PostgreSQL away for the whole run")
def _(scene, report_id):
    dag_id = scene.dag(report_id)
    fault = scene.postgres.add(report_id, (), faults.pg_cut)
    run_id = scene.api.trigger(dag_id)
    scene.ended(report_id, run_id)
    assert len(scene.notes(report_id)) == 1
    scene.postgres.end(fault)
    return run_id


@contextmanager
def read_only(scene):
    """Make the reports database read-only for every new connection, as while another server takes over."""
    dsn = scene.running.stack.reports_dsn
    set_it = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
    name = sql.Identifier(conninfo_to_dict(dsn)["dbname"])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(set_it.format(name))
        try:
            yield
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))


@register("PostgreSQL read-only while the run begins")
def _(scene, report_id):
    dag_id = scene.dag(report_id)
    with read_only(scene):
        run_id = scene.api.trigger(dag_id)
        scene.tried_again(report_id, run_id, "query")
    return run_id


@register("PostgreSQL read-only from the mail to the record")
def _(scene, report_id):
    fault = scene.http.add(report_id, "download", faults.slow(3), times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    with read_only(scene):
        # The task that mails had its connection before; what follows it has not.
        scene.http.end(fault)
        scene.tried_again(report_id, run_id, "record")
    return run_id


# S3


@register("S3 answers 500 for a while")
def _(scene, report_id):
    return over_http(scene, report_id, "s3", faults.answers(500, "InternalError"), times=6)


@register("S3 answers 503 for a while")
def _(scene, report_id):
    return over_http(scene, report_id, "s3", faults.answers(503, "SlowDown"), times=6)


@register("S3 is slow")
def _(scene, report_id):
    return over_http(scene, report_id, "s3", faults.slow(4))


@register("S3 cuts uploads off")
def _(scene, report_id):
    return over_http(scene, report_id, "s3", faults.cut_off, times=6)


@register("S3 cuts off what is fetched for the mail")
def _(scene, report_id):
    return over_http(scene, report_id, "download", faults.cut_off, times=1)


@register("S3 refuses one file for good")
def _(scene, report_id):
    return over_http(scene, report_id, "s3", refuse_json)


@register("S3 refuses what is fetched for the mail for good")
def _(scene, report_id):
    return over_http(scene, report_id, "download", faults.answers(403, "AccessDenied"))


def refuse_json(request, forward, fault):
    """Accept every file except the JSON."""
    if request.path.partition("?")[0].endswith(".json"):
        return faults.answers(403, "AccessDenied")(request, forward, fault)
    return forward()


# The mail service


@register("SES asks to slow down")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", faults.answers(429, "TooManyRequestsException"), times=2)


@register("SES asks to slow down for good")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", faults.answers(429, "TooManyRequestsException"))


@register("SES refuses one address")
def _(scene, report_id):
    why = "Email address is not verified. The following identities failed the check in region US-EAST-1: {}"
    refusal = faults.answers(400, "MessageRejected", why.format("bob@neolith.example"))
    return over_http(scene, report_id, "ses", refusal, times=1)


@register("SES refuses the message for good")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", REJECTED)


@register("SES answers 500")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", faults.answers(500, "InternalFailure"))


@register("SES cuts the call off")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", faults.hung_up)


@register("SES accepts and never answers")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", faults.dropped_after, times=1)


@register("SES refuses the mail, and the notice to its owner")
def _(scene, report_id):
    notice = scene.http.add(report_id, "notice", REJECTED)
    run_id = over_http(scene, report_id, "ses", REJECTED)
    scene.settled(report_id, run_id, "failed")
    told = {"message": "notice/failed", "state": "refused"}
    scene.wait(lambda: any(told.items() <= one.items() for one in scene.deliveries(report_id)), "the notice")
    scene.http.end(notice)
    return run_id


# The disk


def plant_a_link(folder):
    """Put a link in the place of a file that `query` writes; the folders above it are private, as ours are."""
    for one in (folder.parent.parent, folder.parent, folder):
        one.mkdir(mode=0o700, exist_ok=True)
    link = folder / "dataset-channels.parquet"
    link.symlink_to("/dev/full")
    return link


@register("staging cannot be written for a while")
def _(scene, report_id):
    run_id = "manual__full-disk"
    link = plant_a_link(scene.staging(report_id, run_id))
    scene.api.trigger(scene.dag(report_id), dag_run_id=run_id)
    scene.tried_again(report_id, run_id, "query")
    link.unlink()
    return run_id


@register("staging cannot be written for good")
def _(scene, report_id):
    run_id = "manual__full-disk"
    link = plant_a_link(scene.staging(report_id, run_id))
    scene.api.trigger(scene.dag(report_id), dag_run_id=run_id)
    scene.ended(report_id, run_id)
    link.unlink()
    return run_id


@register("no room for temporary files")
def _(scene, report_id):
    """Simulate a full disk: after its first statement to PostgreSQL, the task can only write very small files."""
    fault = scene.postgres.add(report_id, (), faults.pg_hold, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    psutil.Process(fault.task).rlimit(psutil.RLIMIT_FSIZE, (64, 64))
    scene.postgres.end(fault)
    scene.tried_again(report_id, run_id, "query")
    return run_id


# Airflow


def in_an_upload(scene, report_id, act):
    """Trigger, wait for the upload, act on the run, and wait until Airflow has ended its tasks."""
    fault = scene.http.add(report_id, "s3", faults.dropped_before)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    task = fault.task
    act(run_id)
    scene.wait(lambda: not psutil.pid_exists(task), "Airflow to end the task")
    scene.http.end(fault)
    return run_id


@register("cut off by a run time-out")
def _(scene, report_id):
    return in_an_upload(scene, report_id, lambda _run_id: scene.time_out(report_id))


@register("marked failed by hand in mid-run")
def _(scene, report_id):
    def mark(run_id):
        scene.api.patch(scene.path(report_id, run_id), {"state": "failed"})

    return in_an_upload(scene, report_id, mark)


@register("deleted in Airflow in mid-run")
def _(scene, report_id):
    def delete(run_id):
        scene.api.patch(scene.path(report_id, run_id), {"state": "failed"})
        scene.delete(report_id, run_id)

    return in_an_upload(scene, report_id, delete)


@register("paused in Airflow for hours, then resumed")
def _(scene, report_id):
    fault = scene.http.add(report_id, "s3", faults.held_before)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.api.patch(f"/dags/{scene.dag(report_id)}", {"is_paused": True})
    scene.http.end(fault)
    scene.wait(lambda: scene.task(report_id, run_id, "formats.upload", 0)["state"] == "success", "the upload to end")
    scene.rows("UPDATE reporting.runs SET touched_at = touched_at - interval '7 hours' WHERE report_id = %s", report_id)
    # The task that uploads sends the mail of a compact run, too.
    scene.settled(report_id, run_id, "failed" if scene.mode == "staged" else "success")
    scene.api.patch(f"/dags/{scene.dag(report_id)}", {"is_paused": False})
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, "success")
    return run_id


@register("one task cleared after a failure")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "s3", refuse_json)
    scene.settled(report_id, run_id, "failed")
    scene.clear(report_id, run_id, ("formats.upload", 1))
    scene.settled(report_id, run_id, "success")
    return run_id


@register("the mail's task cleared after a success")
def _(scene, report_id):
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, "success")
    scene.clear(report_id, run_id, "email")
    scene.tried_again(report_id, run_id, "email")
    return run_id


@register("the whole run cleared after a success")
def _(scene, report_id):
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, "success")
    scene.clear(report_id, run_id)
    scene.wait(lambda: scene.run(report_id, run_id)["clear_number"] == 1, "query to freeze the run anew")
    scene.ended(report_id, run_id)
    return run_id


@register("the whole run cleared after an unknown mail")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "ses", faults.answers(500, "InternalFailure"), times=1)
    scene.settled(report_id, run_id, "failed")
    scene.clear(report_id, run_id)
    scene.wait(lambda: scene.run(report_id, run_id)["clear_number"] == 1, "query to freeze the run anew")
    scene.ended(report_id, run_id)
    return run_id


@register("the mail's task cleared while it sends")
def _(scene, report_id):
    """Airflow ends the task and starts another one; the message of the first is still on its way."""
    fault = scene.http.add(report_id, "ses", faults.held_before, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.clear(report_id, run_id, "email")
    scene.tried_again(report_id, run_id, "email")
    scene.ended(report_id, run_id)
    scene.http.end(fault)
    scene.wait(lambda: scene.mails(report_id), "SES to accept the mail")
    return run_id


@register("the mail's task started twice at once")
def _(scene, report_id):
    """The supervisor dies, so Airflow starts the task a second time; the first one is still sending, and comes back."""
    fault = scene.http.add(report_id, "ses", faults.held_before, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    os.kill(fault.supervisor, signal.SIGKILL)
    scene.tried_again(report_id, run_id, "email")
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, "failed")
    scene.http.end(fault)
    return run_id


# The run mode changes


def other_mode(scene, report_id, fault, run_id, *, release_last=False):
    """Change the run mode while a task of the run is held, and back when the run has ended."""
    before = scene.mode
    fault.wait_reached()
    task = fault.task
    scene.switch(report_id, "compact" if before == "staged" else "staged")
    try:
        if not release_last:
            end(scene, fault)
        scene.ended(report_id, run_id)
        scene.wait(lambda: not psutil.pid_exists(task), "Airflow to end the task that is no longer in the DAG")
        end(scene, fault)
    finally:
        scene.switch(report_id, before)
    return run_id


def end(scene, fault):
    """Let everything through."""
    for proxy in (scene.http, scene.postgres):
        proxy.end(fault)


@register("RUN_MODE changed in the middle of a query")
def _(scene, report_id):
    fault, run_id = in_a_query(scene, report_id, faults.pg_hold, "2026-03-20", "2026-03-26")
    return other_mode(scene, report_id, fault, run_id)


@register("RUN_MODE changed in the middle of an upload")
def _(scene, report_id):
    fault = scene.http.add(report_id, "s3", faults.held_before, times=1)
    return other_mode(scene, report_id, fault, scene.trigger(report_id))


@register("RUN_MODE changed while the mail is sent")
def _(scene, report_id):
    fault = scene.http.add(report_id, "ses", faults.held_before, times=1)
    run_id = other_mode(scene, report_id, fault, scene.trigger(report_id), release_last=True)
    scene.wait(lambda: scene.mails(report_id), "SES to accept the mail")
    return run_id


# Actions of users


@register("sent again after an unknown mail")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "ses", faults.answers(500, "InternalFailure"), times=1)
    scene.settled(report_id, run_id, "failed")
    again = scene.trigger(report_id, resend=run_id)
    scene.ended(report_id, again)
    return again


@register("failing as often as the limit allows")
def _(scene, report_id):
    for _ in range(2):
        run_id = over_http(scene, report_id, "ses", REJECTED)
        scene.settled(report_id, run_id, "failed")
    return run_id


@register("failing, then well again")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "ses", REJECTED)
    scene.settled(report_id, run_id, "failed")
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    return run_id


# Faults that affect all reports


@register("all mail stopped by the switch")
def _(scene, report_id):
    scene.rows("UPDATE reporting.switches SET enabled = false WHERE name = 'mail'")
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, "failed")
    assert scene.mails(report_id) == []
    assert "all mail is stopped" in scene.run(report_id, run_id)["reason"]
    scene.rows("UPDATE reporting.switches SET enabled = true WHERE name = 'mail'")
    scene.wait(lambda: scene.notices(report_id), "upkeep to tell the owner")
    scene.clear(report_id, run_id, "email")
    return run_id


@register("a query longer than QUERY_SECONDS")
def _(scene, report_id):
    with psycopg.connect(scene.running.stack.reports_dsn) as somebody:
        somebody.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        run_id = scene.trigger(report_id)
        scene.wait(lambda: "57014" in str(scene.running.executions(report_id)), "the query to be given up")
    return run_id


@register("the machine of one of two schedulers dies in the middle of an upload")
def _(scene, report_id):
    fault = scene.http.add(report_id, "s3", faults.dropped_before, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    end_session(os.getsid(fault.task))  # the scheduler, its workers and their tasks
    scene.http.end(fault)
    return run_id
