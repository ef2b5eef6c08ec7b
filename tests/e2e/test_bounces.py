"""What became of mails, on a running Airflow: upkeep reads the events of SES from their queue."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from demo.aws import BOUNCING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REPORT = "e2e-bounces"
DAG = f"scheduled_report_{REPORT}"
ANN, GONE = "ann@neolith.example", f"{BOUNCING}@neolith.example"
INSERT = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, timezone, export_formats, parameters, email_enabled, email_recipients,
     email_cc_recipients, email_bcc_recipients, workspace_id, created_by_id, updated_at)
SELECT %s, 'Bounces', 'channel-analytics', '0 3 1 1 *', 'UTC', '{csv}',
       '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}', true, %s, '{}', '{}',
       workspace_id, user_id, now()
FROM workspace_members WHERE workspace_id = 'demo-workspace-nordlicht' AND role = 'OWNER' ORDER BY user_id LIMIT 1
"""
WORKSPACE = "/scheduled-reports/api/workspaces/core:demo-workspace-nordlicht/reports"


@pytest.fixture(scope="module")
def reported(running):
    """Add the report."""
    running.rows(INSERT, REPORT, [ANN, GONE])
    running.api.wait_for_dag(DAG, seconds=120)
    return running


def call(here, method, path, **body):
    address = f"{here.stack.airflow.url}{WORKSPACE}{path}"
    answer = here.api.session.request(method, address, json=body or None, timeout=60)
    assert answer.ok, answer.text
    return answer.json()


def run(here):
    """Run the report; return what its only message says of itself in the API."""
    run_id = here.api.trigger(DAG, {})
    assert here.api.wait_for_run(DAG, run_id, seconds=300)["state"] == "success"
    return f"/scheduled/{REPORT}/runs/{quote(run_id, safe='')}"


def outcomes(here, path):
    (delivery,) = call(here, "GET", f"{path}/deliveries")["deliveries"]
    return {one["address"]: one["state"] for one in delivery["outcomes"]}


def suppressed(here):
    found = call(here, "GET", "/suppressions")["suppressions"]
    return [one["address"] for one in found if one["liftedAt"] is None]


def test_an_address_that_bounces_is_left_out_until_somebody_lifts_it(reported):
    first = run(reported)
    reported.wait(
        lambda: outcomes(reported, first) == {ANN: "delivered", GONE: "bounced"},
        seconds=180,
        what="upkeep to read the events",
    )
    assert suppressed(reported) == [GONE]

    second = run(reported)
    assert outcomes(reported, second).keys() == {ANN}
    assert call(reported, "GET", second)["mail"]["suppressed"] == [GONE]

    call(reported, "POST", "/suppressions/lift", address=GONE, reason="The mailbox exists again.")
    assert suppressed(reported) == []
    assert outcomes(reported, run(reported)).keys() == {ANN, GONE}
