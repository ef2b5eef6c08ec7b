"""The routes about readers: who has left a report, mailing them again, openings of links and their end."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.scheduled_reports.domain.reader import Addressee, reader_message
from include.scheduled_reports.domain.run import RunKey
from include.scheduled_reports.ports.web import Right
from tests.contract.api import SCHEDULED, FakeCaller
from tests.contract.tables import execute

ADA, BOB = "ada@acme.example", "Bob@BÜCHER.example"
CAROL = "carol@acme.example"
RUN = "manual__2026-05-11T07:30:00+00:00"
KEY = RunKey(report_id="r1", run_id=RUN)
OPT_OUTS = f"{SCHEDULED}/r1/opt-outs"
RETURN = f"{OPT_OUTS}/return"
REVOKE = f"{SCHEDULED}/r1/runs/{RUN}/revoke-links"
WHY = "She asked for it on the phone."


def leave(dsn, address, mailbox, *, how="page", at="2026-05-11 09:12+02", report_id="r1", workspace_id="ws1"):
    """Add an opt-out as the public door does."""
    execute(
        dsn,
        "INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how, left_at) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        report_id, workspace_id, mailbox, address, how, at,
    )  # fmt: skip


def add_run(dsn, workspace_id="ws1"):
    execute(
        dsn,
        "INSERT INTO reporting.runs (report_id, run_id, run_key, workspace_id, kind, state, scheduled_for, "
        "triggered_by, clear_number, settled_at) "
        "VALUES ('r1', %s, 'k', %s, 'manual', 'success', now(), 'airflow:ann', 0, now())",
        RUN, workspace_id,
    )  # fmt: skip


def mail(api, dsn):
    """Add a run that was mailed to Ada and Bob, each on their own, and return their messages."""
    add_run(dsn)
    messages = [reader_message(one) for one in (ADA, BOB)]
    for message, address in zip(messages, (ADA, BOB), strict=True):
        execute(
            dsn,
            "INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats) "
            "VALUES ('r1', %s, %s, 'sent', 'Numbers', %s, 'link', '{csv}')",
            RUN, message, Jsonb({"to": [], "cc": [], "bcc": [], "to" if address == ADA else "bcc": [address]}),
        )  # fmt: skip
    api.ports.core.readers.enlist(
        KEY, "ws1", [Addressee(message=one, address=who) for one, who in zip(messages, (ADA, BOB), strict=True)]
    )
    return messages


# --- who has left


def test_a_report_that_nobody_has_left_has_no_opt_outs(api):
    assert api.get(OPT_OUTS).json() == {"optOuts": []}
    assert api.get(f"{SCHEDULED}/r1").json()["optedOut"] == []


def test_who_left_is_shown_with_when_and_how(api, dsn):
    leave(dsn, ADA, ADA, how="one-click")
    leave(dsn, BOB, "bob@xn--bcher-kva.example", how="manage", at="2026-05-12 10:00+00")
    leave(dsn, "eve@zeta.example", "eve@zeta.example", report_id="r9", workspace_id="ws2")

    nothing = {"returnedAt": None, "returnedBy": None, "returnReason": None}
    assert api.get(OPT_OUTS).json()["optOuts"] == [
        {"address": BOB, "how": "manage", "leftAt": "2026-05-12T10:00:00.000Z", **nothing},
        {"address": ADA, "how": "one-click", "leftAt": "2026-05-11T07:12:00.000Z", **nothing},
    ]
    assert api.get(f"{SCHEDULED}/r1").json()["optedOut"] == [BOB, ADA]


def test_what_the_report_says_of_opt_outs_may_be_sent_back(api, dsn):
    leave(dsn, ADA, ADA)

    assert api.put(f"{SCHEDULED}/r1", json=api.get(f"{SCHEDULED}/r1").json()).status_code == 200
    assert api.ports.core.readers.opted_out("r1") == {ADA}


def test_a_report_that_moved_shows_the_new_workspace_nobody_who_left_before(api, dsn):
    leave(dsn, CAROL, CAROL)
    execute(dsn, "UPDATE scheduled_reports SET workspace_id = 'ws2' WHERE id = 'r1'")
    of_zeta = "/api/workspaces/zeta/reports/scheduled/r1"

    assert api.get(f"{of_zeta}/opt-outs").json() == {"optOuts": []}
    assert api.get(of_zeta).json()["optedOut"] == []
    assert api.post(f"{of_zeta}/opt-outs/return", json={"address": CAROL, "reason": WHY}).status_code == 409
    assert CAROL not in api.get("/reports/r1").text


# --- mailed again


@pytest.mark.parametrize("spelling", [BOB, "bob@xn--bcher-kva.EXAMPLE", "  BOB@bücher.example "])
def test_a_reader_is_mailed_again_for_a_reason_whatever_the_spelling(api, dsn, spelling):
    leave(dsn, BOB, "bob@xn--bcher-kva.example")

    answer = api.post(RETURN, json={"address": spelling, "reason": f" {WHY} ", "actingUserId": "u1"})

    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert api.ports.core.readers.opted_out("r1") == frozenset()
    (shown,) = api.get(OPT_OUTS).json()["optOuts"]
    assert (shown["returnedBy"], shown["returnReason"]) == ("u1", WHY)
    assert shown["returnedAt"] > shown["leftAt"]
    assert api.get(f"{SCHEDULED}/r1").json()["optedOut"] == []


def test_that_a_reader_is_mailed_again_is_in_the_audit_trail(api, dsn):
    leave(dsn, ADA, ADA)
    api.post(RETURN, json={"address": ADA, "reason": WHY}, user="op")

    (entry,) = [one for one in api.get(f"{SCHEDULED}/r1/audit").json()["entries"] if one["action"] == "returned"]
    assert (entry["actor"], entry["actingUserId"]) == ("airflow:op", None)
    assert (entry["before"], entry["after"]) == (None, {"address": ADA, "reason": WHY})
    assert api.get(OPT_OUTS).json()["optOuts"][0]["returnedBy"] == "airflow:op"


def test_who_has_not_left_is_not_mailed_again(api, dsn):
    leave(dsn, ADA, ADA)
    body = {"address": ADA, "reason": WHY}

    assert api.post(RETURN, json={**body, "address": "nobody@acme.example"}).status_code == 409
    assert [api.post(RETURN, json=body).status_code for _ in range(2)] == [200, 409]
    assert "has not left" in api.post(RETURN, json=body).json()["error"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"address", "reason"}),
        ({"address": ADA}, {"reason"}),
        ({"address": ADA, "reason": " \n"}, {"reason"}),
        ({"address": ADA, "reason": "x" * 501}, {"reason"}),
        ({"address": ADA, "reason": "a\0b"}, {"reason"}),
        ({"address": ADA, "reason": None}, {"reason"}),
        ({"address": [ADA], "reason": WHY}, {"address"}),
        ({"address": "", "reason": WHY}, {"address"}),
        ({"address": ADA, "reason": WHY, "force": True}, {"force"}),
    ],
)
def test_without_an_address_and_a_reason_that_can_be_stored_nothing_changes(api, dsn, body, wrong):
    leave(dsn, ADA, ADA)

    answer = api.post(RETURN, json=body)

    assert (answer.status_code, answer.json()["details"].keys()) == (400, wrong)
    assert api.ports.core.readers.opted_out("r1") == {ADA}


# --- openings, and the end of links


def test_a_delivery_says_how_often_its_links_were_opened(api, dsn):
    to_ada, to_bob = mail(api, dsn)
    execute(
        dsn,
        "UPDATE reporting.readers SET openings = 3, automatic = 2, last_opened_at = '2026-12-01 09:12+00' "
        "WHERE message = %s",
        to_ada,
    )

    found = api.get(f"{SCHEDULED}/r1/runs/{RUN}/deliveries").json()["deliveries"]

    assert {one["message"]: one["reader"] for one in found} == {
        to_ada: {
            "address": ADA,
            "openings": 3,
            "automaticOpenings": 2,
            "lastOpenedAt": "2026-12-01T09:12:00.000Z",
            "revokedAt": None,
        },
        to_bob: {"address": BOB, "openings": 0, "automaticOpenings": 0, "lastOpenedAt": None, "revokedAt": None},
    }
    assert api.get(f"{SCHEDULED}/r1/runs/{RUN}").json()["deliveries"] == found


def test_no_answer_has_the_handle_that_a_link_names(api, dsn):
    mail(api, dsn)
    with psycopg.connect(dsn) as connection:
        handles = [str(row[0]) for row in connection.execute("SELECT handle FROM reporting.readers")]

    text = api.get(f"{SCHEDULED}/r1/runs/{RUN}").text + api.get(f"/reports/r1?run={RUN}").text
    assert len(handles) == 2
    assert [one for one in handles if one in text or UUID(one).hex in text] == []


def test_a_message_without_links_to_the_door_has_no_reader(api, dsn):
    mail(api, dsn)
    execute(dsn, "DELETE FROM reporting.readers")

    assert [one["reader"] for one in api.get(f"{SCHEDULED}/r1/runs/{RUN}").json()["deliveries"]] == [None, None]


def test_the_links_of_a_run_are_revoked_once_and_that_is_in_the_audit_trail(api, dsn):
    mail(api, dsn)

    answers = [api.post(REVOKE, user="op") for _ in range(2)]

    assert [(one.status_code, one.json()["revoked"]) for one in answers] == [(200, 2), (200, 0)]
    assert all(one["reader"]["revokedAt"] for one in api.get(f"{SCHEDULED}/r1/runs/{RUN}").json()["deliveries"])
    entries = [one for one in api.get(f"{SCHEDULED}/r1/audit").json()["entries"] if one["action"] == "revoked"]
    assert [(one["actor"], one["runId"], one["after"]) for one in entries] == [("airflow:op", RUN, {"readers": 2})]


def test_the_links_of_a_run_for_another_workspace_are_not_within_reach(api, dsn):
    mail(api, dsn)
    execute(dsn, "UPDATE reporting.runs SET workspace_id = 'ws2'")

    assert api.post(REVOKE).status_code == 404
    assert [one.revoked_at for one in api.ports.core.readers.of(KEY)] == [None, None]


# --- who may


@pytest.fixture
def people(api):
    api.callers["reader"] = FakeCaller("reader", frozenset(), {"r1": frozenset({Right.READ})})
    api.callers["runner"] = FakeCaller("runner", frozenset(), {"r1": frozenset({Right.READ, Right.RUN})})
    api.callers["editor"] = FakeCaller("editor", frozenset(), {"r1": frozenset({Right.READ, Right.CHANGE})})
    api.callers["stranger"] = FakeCaller("stranger", frozenset(), {"r9": frozenset(Right)})
    return api


@pytest.mark.parametrize(
    ("user", "expected"),
    [("reader", [200, 403, 403]), ("runner", [200, 403, 403]), ("editor", [200, 200, 200]), ("stranger", [404] * 3)],
)
def test_who_may_see_a_report_sees_opt_outs_and_who_may_edit_it_changes_them(people, dsn, user, expected):
    mail(people, dsn)
    leave(dsn, ADA, ADA)

    answers = [
        people.get(OPT_OUTS, user=user),
        people.post(RETURN, user=user, json={"address": ADA, "reason": WHY}),
        people.post(REVOKE, user=user),
    ]

    assert [one.status_code for one in answers] == expected


@pytest.mark.parametrize(("acting", "status"), [("u1", 200), ("u2", 403), ("nobody", 404)])
def test_the_role_of_the_acting_user_counts_as_for_every_edit(api, dsn, acting, status):
    """Ada is an ADMIN; Bob is a MEMBER, and the report is not his."""
    mail(api, dsn)
    leave(dsn, ADA, ADA)
    body = {"address": ADA, "reason": WHY, "actingUserId": acting}

    assert api.post(RETURN, json=body).status_code == status
    assert api.post(REVOKE, json={"actingUserId": acting}).status_code == status
