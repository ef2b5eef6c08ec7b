"""An owner leaves the workspace: the administrators are told, and after a hand-over the report goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest

from tests.e2e import page_scene as scene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REPORT = "owners-hourly"
API = f"/scheduled-reports/api/workspaces/{scene.LABEL}/reports"
READER = "reader@acme.example"
#: A round of upkeep begins every minute.
ROUNDS = 150


@pytest.fixture(scope="module")
def leaver(running):
    """A member who owns an hourly report, whose last tick was ten minutes ago."""
    running.rows("INSERT INTO users (id, email, name, status, updated_at) "
                 "VALUES ('leaver', 'leaver@acme.example', 'Lea Leaver', 'ACTIVE', now())")  # fmt: skip
    running.rows(
        "INSERT INTO workspace_members (id, workspace_id, user_id, role) VALUES ('leaver', %s, 'leaver', 'MEMBER')",
        scene.WORKSPACE,
    )
    minute = (datetime.now(UTC) - timedelta(minutes=10)).minute
    scene.add(
        running, REPORT, name="Hourly of Lea", cron_expression=f"{minute} * * * *", created_by_id="leaver",
        email_enabled=True, email_recipients=[READER],
    )  # fmt: skip
    running.api.wait_for_dag(f"scheduled_report_{REPORT}")
    yield "leaver"
    running.rows("DELETE FROM scheduled_reports WHERE id = %s", REPORT)


def status(running):
    (row,) = running.rows("SELECT status::text FROM scheduled_reports WHERE id = %s", REPORT)
    return row["status"]


def sent(running):
    """Return the report's mails, without notices about it."""
    return [mail for mail in running.mails_of(REPORT) if READER in mail.recipients]


def notices(running):
    """Return the notices about rejected reports that name the report."""
    mails = [message_from_bytes(mail.raw, policy=default) for mail in running.stack.aws.mails()]
    told = [mail for mail in mails if mail["X-Scheduled-Report-Notice"] == "rejected"]
    return [mail for mail in told if "Hourly of Lea" in mail.get_body(("plain",)).get_content()]


def test_a_report_whose_owner_leaves_stops_is_told_of_once_and_goes_on_after_a_hand_over(running, leaver):
    running.rows("DELETE FROM workspace_members WHERE user_id = %s", leaver)
    running.wait(lambda: status(running) == "ERROR", seconds=ROUNDS, what="upkeep to reject the report")
    running.wait(lambda: notices(running), seconds=ROUNDS, what="the administrators to be told")
    (told,) = notices(running)
    assert "Lea Leaver is suspended or has left the workspace" in told.get_body(("plain",)).get_content()
    owner, address = scene.owner(running)
    assert address in told["To"]
    assert sent(running) == []
    # It has been effective for longer, so that ticks have passed while nobody owned it.
    running.rows(
        "UPDATE reporting.report_options SET effective_from = now() - interval '90 minutes' WHERE report_id = %s",
        REPORT,
    )

    api = running.stack.airflow.api("op")
    answer = api.session.post(
        f"{running.stack.airflow.url}{API}/hand-over", json={"fromUser": leaver, "toUser": owner}, timeout=60
    )

    assert answer.json() == {"results": [{"id": REPORT, "changed": True, "error": None}], "changed": 1}
    running.wait(lambda: status(running) == "ACTIVE", seconds=ROUNDS, what="upkeep to readmit the report")
    running.wait(lambda: sent(running), seconds=ROUNDS, what="the newest missed run to be sent")
    assert [mail.recipients for mail in sent(running)] == [(READER,)]
    assert len(notices(running)) == 1
