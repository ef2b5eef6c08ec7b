"""Whatever dies on the way: at most one mail, a true record, whole files; on a running Airflow.

A case is a fault and what it leaves behind.  They are played side by side; docs/operate.md shows them as a table.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e import faults
from tests.e2e.fault_scene import ACME, NORDLICHT, opened
from tests.e2e.fault_table import CASES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

SIDE_BY_SIDE = 5
#: Played last and alone, because it stops the mail of all.
STOPPED = "all mail stopped by the switch"
PLAYS = {}


def plays(name):
    """The function that plays a case; it returns the run whose remains are looked at."""

    def keep(function):
        PLAYS[name] = function
        return function

    return keep


def http_kill(scene, report_id, service, act, *, parent=False):
    """Trigger, wait until the service is asked, kill the task, let everything through again."""
    fault = scene.http.add(report_id, service, act, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    if act is faults.dropped_after:
        scene.wait(lambda: scene.mails(report_id), "SES to accept the mail")
    fault.kill(parent=parent)
    scene.http.end(fault)
    return run_id


def postgres_kill(scene, report_id, where, act, *, until=None):
    """The same for what is said to PostgreSQL."""
    fault = scene.postgres.add(report_id, where, act, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    if until is not None:
        scene.wait(until, "PostgreSQL to have done it")
    fault.kill()
    scene.postgres.end(fault)
    return run_id


def over_http(scene, report_id, service, act, times=1_000_000):
    """Trigger with a fault of S3 or SES, and wait until the run is over."""
    fault = scene.http.add(report_id, service, act, times)
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.http.end(fault)
    return run_id


# A task dies


@plays("killed in the middle of a query")
def _(scene, report_id):
    # Its workspace is its own, so that its queries can be told from the others'.
    fault = scene.postgres.add(NORDLICHT, (b"COPY",), faults.pg_hold, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    fault.kill()
    scene.postgres.end(fault)
    return run_id


@plays("killed in the middle of rendering")
def _(scene, report_id):
    run_id = scene.trigger(report_id, period="2017-01-01/2026-05-01", mail=True)

    def at_work():
        rows = scene.running.executions(report_id)
        return any(row["format"] == "PDF" and row["progress"] == 30 for row in rows)

    scene.running.wait(at_work, seconds=120, what="the PDF to be under way")
    scene.kill_runner(scene.task(report_id, run_id, "formats.render", 0)["id"])
    return run_id


@plays("killed in the middle of an upload")
def _(scene, report_id):
    return http_kill(scene, report_id, "s3", faults.dropped_before)


@plays("worker killed in the middle of an upload")
def _(scene, report_id):
    return http_kill(scene, report_id, "s3", faults.dropped_before, parent=True)


@plays("killed before the claim")
def _(scene, report_id):
    return postgres_kill(scene, report_id, (b"INSERT INTO reporting.deliveries",), faults.pg_hold)


@plays("killed after the claim, before the call")
def _(scene, report_id):
    return http_kill(scene, report_id, "ses", faults.dropped_before)


@plays("killed when SES had accepted, before its answer")
def _(scene, report_id):
    return http_kill(scene, report_id, "ses", faults.dropped_after)


@plays("killed when the answer was recorded")
def _(scene, report_id):
    def recorded():
        return any(one["state"] == "sent" for one in scene.deliveries(report_id))

    said = (b"UPDATE reporting.deliveries", b"COMMIT")
    return postgres_kill(scene, report_id, said, faults.pg_hold_answers, until=recorded)


@plays("killed while the run is recorded")
def _(scene, report_id):
    return postgres_kill(scene, report_id, (b"FOR UPDATE",), faults.pg_hold)


# The database goes away


@plays("PostgreSQL away during the query")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, (), faults.pg_cut, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.ended(report_id, run_id)
    scene.postgres.end(fault)
    return run_id


@plays("PostgreSQL away while the run is recorded")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, (b"FOR UPDATE",), faults.pg_cut, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.ended(report_id, run_id)
    scene.postgres.end(fault)
    return run_id


@plays("PostgreSQL away just after SES has accepted")
def _(scene, report_id):
    fault = scene.postgres.add(report_id, (b"UPDATE reporting.deliveries",), faults.pg_cut, times=2)
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.postgres.end(fault)
    return run_id


@plays("PostgreSQL away for the whole run")
def _(scene, report_id):
    dag_id = scene.dag(report_id)
    fault = scene.postgres.add(report_id, (), faults.pg_cut)
    run_id = scene.api.trigger(dag_id)
    scene.ended(report_id, run_id)
    scene.postgres.end(fault)
    return run_id


# S3


@plays("S3 answers 500 for a while")
def _(scene, report_id):
    return over_http(scene, report_id, "s3", faults.answers(500, "InternalError"), times=6)


@plays("S3 answers 503 for a while")
def _(scene, report_id):
    return over_http(scene, report_id, "s3", faults.answers(503, "SlowDown"), times=6)


@plays("S3 is slow")
def _(scene, report_id):
    return over_http(scene, report_id, "s3", faults.slow(4))


@plays("S3 cuts uploads off")
def _(scene, report_id):
    return over_http(scene, report_id, "s3", faults.cut_off, times=6)


@plays("S3 refuses one file for good")
def _(scene, report_id):
    def act(request, forward, _fault):
        refused = faults.answers(403, "AccessDenied")
        return refused(request, forward, _fault) if request.path.partition("?")[0].endswith(".json") else forward()

    return over_http(scene, report_id, "s3", act)


# The mail service


@plays("SES asks to slow down")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", faults.answers(429, "TooManyRequestsException"), times=2)


@plays("SES refuses one address")
def _(scene, report_id):
    why = "Email address is not verified. The following identities failed the check in region US-EAST-1: {}"
    refusal = faults.answers(400, "MessageRejected", why.format("bob@neolith.example"))
    return over_http(scene, report_id, "ses", refusal, times=1)


@plays("SES refuses the message for good")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", faults.answers(400, "MessageRejected", "Illegal content"))


@plays("SES answers 500")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", faults.answers(500, "InternalFailure"))


@plays("SES accepts and never answers")
def _(scene, report_id):
    return over_http(scene, report_id, "ses", faults.dropped_after, times=1)


# The disk


@plays("disk full on staging for a while")
def _(scene, report_id):
    run_id = "manual__full-disk"
    full = scene.staging(report_id, run_id) / "dataset-channels.parquet"
    full.parent.mkdir(parents=True)
    full.symlink_to("/dev/full")
    scene.dag(report_id)
    scene.api.trigger(scene.dag(report_id), dag_run_id=run_id)
    scene.wait(lambda: scene.task(report_id, run_id, "query")["try_number"] > 1, "the first try to fail")
    full.unlink()
    return run_id


@plays("disk full on staging for good")
def _(scene, report_id):
    run_id = "manual__full-disk"
    full = scene.staging(report_id, run_id) / "dataset-channels.parquet"
    full.parent.mkdir(parents=True)
    full.symlink_to("/dev/full")
    scene.api.trigger(scene.dag(report_id), dag_run_id=run_id)
    scene.ended(report_id, run_id)
    full.unlink()
    return run_id


# Airflow


@plays("cut off by a run time-out")
def _(scene, report_id):
    fault = scene.http.add(report_id, "s3", faults.dropped_before)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.ended(report_id, run_id)
    scene.http.end(fault)
    return run_id


@plays("marked failed by hand in mid-run")
def _(scene, report_id):
    fault = scene.http.add(report_id, "s3", faults.dropped_before)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.api.patch(scene.path(report_id, run_id), {"state": "failed"})
    scene.ended(report_id, run_id)
    scene.http.end(fault)
    return run_id


@plays("deleted in Airflow in mid-run")
def _(scene, report_id):
    fault = scene.http.add(report_id, "s3", faults.dropped_before)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.api.patch(scene.path(report_id, run_id), {"state": "failed"})
    scene.api.request("DELETE", f"/api/v2{scene.path(report_id, run_id)}")
    scene.http.end(fault)
    return run_id


@plays("paused in Airflow for hours, then resumed")
def _(scene, report_id):
    fault = scene.http.add(report_id, "s3", faults.held_before)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.api.patch(f"/dags/{scene.dag(report_id)}", {"is_paused": True})
    scene.http.end(fault)
    scene.settled(report_id, run_id, "failed", seconds=240)
    scene.api.patch(f"/dags/{scene.dag(report_id)}", {"is_paused": False})
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, "success")
    return run_id


@plays("one task cleared after a failure")
def _(scene, report_id):
    def act(request, forward, fault):
        refused = faults.answers(403, "AccessDenied")
        return refused(request, forward, fault) if request.path.partition("?")[0].endswith(".json") else forward()

    run_id = over_http(scene, report_id, "s3", act)
    scene.settled(report_id, run_id, "failed")
    scene.clear(report_id, run_id, ("formats.upload", 1))
    scene.settled(report_id, run_id, "success", seconds=240)
    return run_id


@plays("the whole run cleared after a success")
def _(scene, report_id):
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, "success")
    scene.clear(report_id, run_id)
    scene.wait(lambda: scene.run(report_id, run_id)["clear_number"] == 1, "query to freeze the run anew")
    scene.ended(report_id, run_id)
    return run_id


@plays("the whole run cleared after an unknown mail")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "ses", faults.answers(500, "InternalFailure"), times=1)
    scene.settled(report_id, run_id, "failed")
    scene.clear(report_id, run_id)
    scene.wait(lambda: scene.run(report_id, run_id)["clear_number"] == 1, "query to freeze the run anew")
    scene.ended(report_id, run_id)
    return run_id


@plays("the same run started twice at once")
def _(scene, report_id):
    """The worker's supervisor dies, so Airflow starts the mail again while the first attempt is still sending it."""
    fault = scene.http.add(report_id, "ses", faults.held_before, times=1)
    run_id = scene.trigger(report_id)
    fault.wait_reached()
    scene.clear(report_id, run_id, "email")  # a restart of the running task: Airflow ends it, and begins another
    scene.wait(lambda: scene.task(report_id, run_id, "email")["try_number"] > 1, "the second attempt")
    scene.ended(report_id, run_id)
    scene.http.end(fault)
    return run_id


# Acts of people


@plays("sent again after an unknown mail")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "ses", faults.answers(500, "InternalFailure"), times=1)
    scene.settled(report_id, run_id, "failed")
    again = scene.trigger(report_id, resend=run_id)
    scene.ended(report_id, again)
    return again


@plays("failing as often as the limit allows")
def _(scene, report_id):
    for _ in range(2):
        run_id = over_http(scene, report_id, "ses", faults.answers(400, "MessageRejected", "Illegal content"))
        scene.settled(report_id, run_id, "failed")
    return run_id


@plays("failing, then well again")
def _(scene, report_id):
    run_id = over_http(scene, report_id, "ses", faults.answers(400, "MessageRejected", "Illegal content"))
    scene.settled(report_id, run_id, "failed")
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    return run_id


# All of it


def slug(name):
    """The id of a case's report."""
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).replace("--", "-")


def formats_of(name):
    return ("pdf", "csv") if "rendering" in name else ("csv", "json")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("faults")) as scene, ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        for case in CASES:
            if case.name != STOPPED:
                workspace = NORDLICHT if case.name == "killed in the middle of a query" else ACME
                scene.add(slug(case.name), formats=formats_of(case.name), workspace=workspace)
        # Those that wait longest come first.
        order = sorted(CASES, key=lambda case: not case.slow)
        yield {case.name: threads.submit(play, scene, case) for case in order if case.name != STOPPED}, scene
        threads.shutdown(cancel_futures=True)


def play(scene, case):
    """Play a case, and say what it has left once all is settled and told."""
    report_id = slug(case.name)
    run_id = PLAYS[case.name](scene, report_id)
    if case.airflow != "deleted":
        scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, case.counted, seconds=240)
    scene.wait(lambda: len(scene.notices(report_id)) >= len(case.told), f"the owner of {report_id} to be told", 120)
    return scene.left(report_id, run_id)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whatever_dies_the_mail_goes_out_at_most_once_and_the_record_is_true(played, case):
    futures, scene = played
    left = stop_all_mail(scene, futures, case) if case.name == STOPPED else futures[case.name].result()

    assert left.mails == case.mails
    assert left.ledger == case.ledger
    assert left.executions == dict(zip(sorted(left.executions), case.executions, strict=True))
    assert left.counted == case.counted
    assert left.counts == case.counts
    assert left.airflow == case.airflow
    assert left.told == case.told
    assert left.staged is case.staged
    assert left.status == case.status
    assert (left.reason is None) == (case.counted == "success")
    assert case.reason in (left.reason or "")
    assert all(left.files.values())
    assert len(left.files) == case.executions.count("COMPLETED")


def stop_all_mail(scene, futures, case):
    for future in futures.values():
        future.exception()
    report_id = slug(case.name)
    scene.add(report_id)
    scene.rows("UPDATE reporting.switches SET enabled = false WHERE name = 'mail'")
    run_id = scene.trigger(report_id)
    scene.ended(report_id, run_id)
    assert scene.mails(report_id) == []
    scene.settled(report_id, run_id, "failed")
    scene.rows("UPDATE reporting.switches SET enabled = true WHERE name = 'mail'")
    scene.clear(report_id, run_id, "email")
    scene.settled(report_id, run_id, "success", seconds=240)
    scene.wait(lambda: len(scene.notices(report_id)) >= len(case.told), "the owner to be told", 120)
    return scene.left(report_id, run_id)
