"""The API and the pages about what became of emails, suppressed addresses, and brands."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.scheduled_reports.domain.brand import Brand
from include.scheduled_reports.domain.feedback import Event, Outcome, RecipientState
from tests.contract.api import ACME, SCHEDULED
from tests.contract.tables import execute

ADA, BOB = "ada@acme.example", "Bob@BÜCHER.example"
RUN = "manual__2026-05-11T07:30:00+00:00"
ID = UUID(int=7)
AT = datetime(2026, 5, 11, 7, 31, tzinfo=UTC)
DELIVERIES = f"{SCHEDULED}/r1/runs/{RUN}/deliveries"
SUPPRESSIONS, LIFT, BRAND = f"{ACME}/suppressions", f"{ACME}/suppressions/lift", f"{ACME}/brand"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10"/></svg>'
LOGO = f"data:image/svg+xml;base64,{b64encode(SVG.encode()).decode()}"


@pytest.fixture
def mailed(api, dsn):
    """Return a function that adds a run whose message has a state, and whether its events are read."""

    def add(state="sent", *, events=True, claimed="2026-05-11 07:30+00"):
        execute(
            dsn,
            "INSERT INTO reporting.runs (report_id, run_id, run_key, workspace_id, kind, state, scheduled_for, "
            "triggered_by, clear_number, settled_at, mail) VALUES ('r1', %s, 'k', 'ws1', 'manual', 'success', "
            "'2026-05-11 07:30+00', 'airflow:ann', 0, now(), %s)",
            RUN, Jsonb({"wanted": True, "why": None, "suppressed": ["eve@acme.example"]}),
        )  # fmt: skip
        execute(
            dsn,
            "INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats, "
            "message_id, feedback_id, claimed_at) VALUES ('r1', %s, 'report', %s, 'Numbers', %s, 'link', '{csv}', %s, "
            "%s, %s)",
            RUN, state, Jsonb({"to": [ADA], "cc": [BOB], "bcc": []}), "m-1" if state == "sent" else None,
            ID if events else None, claimed,
        )  # fmt: skip

    return add


def tell(api, state, address=ADA, reason="there is no such mailbox"):
    outcome = Outcome(address=address, state=RecipientState(state), reason=reason, detail="550 5.1.1 user unknown")
    api.ports.core.feedback.apply([Event(delivery=ID, message_id="m-1", at=AT, outcomes=(outcome,))])


def delivery(api):
    (found,) = api.get(DELIVERIES).json()["deliveries"]
    return found


def page(api):
    return api.get("/reports/r1").text


# --- what became of an email


def test_without_events_everybody_is_accepted_and_no_more_is_known(api, mailed):
    mailed(events=False)

    found = delivery(api)
    assert found["hasEvents"] is False
    assert [(one["address"], one["state"]) for one in found["outcomes"]] == [(ADA, "accepted"), (BOB, "accepted")]
    assert "Whether it arrived is not known." in page(api)


def test_events_say_what_became_of_it_at_each_recipient(api, mailed):
    mailed()
    tell(api, "delivered", "bob@xn--bcher-kva.example", reason="")
    tell(api, "bounced")

    found = {one["address"]: one for one in delivery(api)["outcomes"]}
    assert found[ADA] == {
        "address": ADA, "state": "bounced", "isPermanent": True, "at": "2026-05-11T07:31:00.000Z",
        "reason": "there is no such mailbox", "detail": "550 5.1.1 user unknown",
    }  # fmt: skip
    assert (found[BOB]["state"], found[BOB]["isPermanent"], found[BOB]["reason"]) == ("delivered", None, None)
    shown = page(api)
    assert "1 bounced, 1 delivered" in " ".join(shown.split())
    assert "there is no such mailbox" in shown
    assert "is not known" not in shown


def test_a_temporary_bounce_says_so(api, mailed):
    mailed()
    tell(api, "soft-bounced", reason="the mailbox is full")

    (found,) = (one for one in delivery(api)["outcomes"] if one["address"] == ADA)
    assert (found["state"], found["isPermanent"]) == ("bounced", False)


@pytest.mark.parametrize(
    ("claimed", "drained", "events", "expected"),
    [
        ("07:30", "08:31", True, True),
        ("07:30", "08:29", True, False),  # the hour is not over
        ("07:30", None, True, False),  # the queue was never read to its end
        ("07:30", "08:31", False, False),  # its events are not read
    ],
)
def test_an_unknown_message_without_an_event_was_almost_certainly_not_sent(
    api, mailed, claimed, drained, events, expected
):
    mailed("unknown", events=events, claimed=f"2026-05-11 {claimed}+00")
    if drained:
        api.ports.core.feedback.note_drained(0, drained_at=datetime.fromisoformat(f"2026-05-11T{drained}+00:00"))

    assert delivery(api)["almostCertainlyNotSent"] is expected
    assert ("Almost certainly not sent" in page(api)) is expected
    assert ("It may have arrived." in page(api)) is not expected


def test_a_confirmed_message_says_when(api, mailed):
    mailed("unknown")
    tell(api, "accepted")

    found = delivery(api)
    assert (found["state"], found["messageId"]) == ("sent", "m-1")
    assert found["confirmedAt"]
    assert "until the mail service reported it" in page(api)


def test_a_run_says_whom_it_left_out(api, mailed):
    mailed()

    run = api.get(f"{SCHEDULED}/r1/runs/{RUN}").json()
    assert run["mail"]["suppressed"] == ["eve@acme.example"]
    assert "Left out, because earlier emails bounced" in page(api)


# --- suppressed addresses


def test_suppressed_addresses_are_listed_with_why(api, mailed):
    mailed()
    tell(api, "bounced")
    api.ports.core.feedback.note_drained(0, drained_at=AT + timedelta(hours=1))

    (found,) = api.get(SUPPRESSIONS).json()["suppressions"]
    assert found["since"]
    assert {name: found[name] for name in ("address", "cause", "reason", "reportId", "reportName", "liftedAt")} == {
        "address": ADA, "cause": "bounce", "reason": "there is no such mailbox", "reportId": "r1",
        "reportName": "Weekly activity", "liftedAt": None,
    }  # fmt: skip
    assert 'id="suppressions"' in page(api)


def test_a_suppressed_address_is_mailed_again_for_a_reason_that_stays_on_record(api, dsn, mailed):
    mailed()
    tell(api, "bounced")
    why = {"address": "ADA@ACME.example", "reason": "The mailbox works again."}

    assert api.post(LIFT, json=why).status_code == 200
    assert api.post(LIFT, json=why).status_code == 409
    (found,) = api.get(SUPPRESSIONS).json()["suppressions"]
    assert (found["liftedBy"], found["liftReason"]) == ("airflow:admin", "The mailbox works again.")
    with psycopg.connect(dsn) as connection:
        noted = connection.execute("SELECT action, actor, after FROM reporting.audit ORDER BY id DESC").fetchone()
    assert noted == ("lifted", "airflow:admin", {"address": ADA, "reason": "The mailbox works again."})


def test_lifting_takes_an_address_and_a_reason(api):
    details = api.post(LIFT, json={"address": " "}).json()["details"]

    assert set(details) == {"address", "reason"}


@pytest.mark.parametrize(("member", "status"), [("u1", 200), ("u2", 403)])
def test_lifting_takes_an_administrator_of_the_workspace(api, mailed, member, status):
    mailed()
    tell(api, "bounced")
    body = {"address": ADA, "reason": "The mailbox works again.", "actingUserId": member}

    assert api.post(LIFT, json=body).status_code == status


def test_another_workspace_has_its_own_suppressions(api, mailed):
    mailed()
    tell(api, "bounced")

    assert api.get(SUPPRESSIONS.replace("acme", "zeta")).json() == {"suppressions": []}


# --- brands


def test_a_workspace_without_a_brand_has_the_deployments(api):
    assert set(api.get(BRAND).json()["brand"].values()) == {None}


def test_a_brand_is_changed_field_by_field(api):
    assert api.put(BRAND, json={"name": " Acme ", "colour": "#AABBCC", "logo": LOGO}).status_code == 200
    assert api.put(BRAND, json={"footer": "Acme Ltd", "colour": None}).status_code == 200

    found = api.get(BRAND).json()["brand"]
    assert (found["name"], found["colour"], found["footer"], found["senderName"]) == ("Acme", None, "Acme Ltd", None)
    assert found["logo"].startswith("data:image/svg+xml;base64,")
    kept = api.ports.core.brands.of("ws1")
    assert kept == Brand(name="Acme", logo=found["logo"], footer="Acme Ltd")
    assert api.ports.core.brands.of("ws2") is None


def test_every_wrong_field_is_named(api):
    body = {"colour": "blue", "logo": "/etc/passwd", "replyTo": "x", "name": "a\nb", "colr": "#112233"}
    answer = api.put(BRAND, json=body)

    assert answer.status_code == 400
    assert set(answer.json()["details"]) == {"colour", "logo", "replyTo", "name", "colr"}
    assert api.ports.core.brands.of("ws1") is None


@pytest.mark.parametrize(
    ("verified", "status"), [(frozenset(), 400), (frozenset({"own@acme.example"}), 200), (None, 200)]
)
def test_a_sender_must_be_verified_where_the_mail_service_tells(api, verified, status):
    api.ports.core.mailer.verified = verified
    answer = api.put(BRAND, json={"senderAddress": "own@acme.example"})

    assert answer.status_code == status
    if status == 400:
        assert "is not verified in SES" in answer.json()["details"]["senderAddress"][0]


@pytest.mark.parametrize(("member", "status"), [("u1", 200), ("u2", 403)])
def test_only_an_administrator_of_the_workspace_changes_its_brand(api, member, status):
    assert api.put(BRAND, json={"name": "Acme", "actingUserId": member}).status_code == status


def test_two_logos_of_the_largest_size_fit_into_a_request_and_no_more(api):
    padding = "<!--" + "x" * 199_000 + "-->"
    large = f"data:image/svg+xml;base64,{b64encode((padding + SVG).encode()).decode()}"

    assert api.put(BRAND, json={"logo": large, "logoDark": large}).status_code == 200
    assert api.put(BRAND, json={"logo": large * 3}).status_code == 413
    assert api.post(LIFT, json={"address": "x" * 70_000}).status_code == 413


def test_the_page_of_the_brand_shows_what_is_kept(api):
    api.put(BRAND, json={"name": "<b>Acme</b>", "senderAddress": "own@acme.example"})
    shown = api.get("/brand?workspace=acme").text

    assert 'value="&lt;b&gt;Acme&lt;/b&gt;"' in shown
    assert 'value="own@acme.example"' in shown
    assert api.get("/brand?workspace=acme", user="viewer").status_code == 403


# --- the email in a preview


def test_the_email_of_a_report_can_be_looked_at(api):
    api.put(BRAND, json={"name": "Acme & Co", "senderName": "Numbers"})
    found = api.get(f"{SCHEDULED}/r1/preview?format=mail").json()

    assert set(found) == {"from", "subject", "html", "text"}
    assert found["from"].startswith('"Numbers" <')
    assert "Acme &amp; Co" in found["html"]
    assert "<script" not in found["html"]


def test_a_change_of_the_words_is_seen_before_it_is_saved(api):
    body = {"format": "mail", "options": {"subject": "Ours: {name}"}}
    found = api.post(f"{SCHEDULED}/r1/preview", json=body).json()

    assert found["subject"].startswith("Ours: ")
    wrong = api.post(f"{SCHEDULED}/r1/preview", json={"format": "mail", "options": {"subject": "{nam}"}})
    assert list(wrong.json()["details"]) == ["options.subject"]
