"""Each condition of an email both ways on a running Airflow: a report per case, all triggered at once.

Imports nothing from the product: expected values come from the database, by SQL with literal dates.
"""

import json
from email import message_from_bytes
from email.policy import default

import pytest

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

#: Messages of 20 to 26 April 2026 in Berlin, and of the seven days before.
MESSAGES = """
SELECT count(*) FILTER (WHERE m.created_at >= '2026-04-19 22:00:00') AS now,
       count(*) FILTER (WHERE m.created_at < '2026-04-19 22:00:00') AS before
FROM messages m JOIN channels c ON c.id = m.channel_id
WHERE c.workspace_id = 'demo-workspace-acme' AND NOT c.is_archived AND NOT m.is_deleted AND m.type <> 'SYSTEM'
  AND m.created_at >= '2026-04-12 22:00:00' AND m.created_at < '2026-04-26 22:00:00'
"""
NEW_REPORT = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, timezone, export_formats, parameters, email_enabled, email_recipients,
     email_cc_recipients, email_bcc_recipients, workspace_id, created_by_id, updated_at)
SELECT %s, %s, 'workspace-activity', '7 3 29 2 *', 'Europe/Berlin', '{csv}',
       '{"dateRange": {"type": "custom", "startDate": "2026-04-20", "endDate": "2026-04-26"}}',
       true, '{ann@neolith.example}', '{}', '{}', 'demo-workspace-acme', user_id, now()
FROM workspace_members WHERE workspace_id = 'demo-workspace-acme' AND role = 'OWNER' ORDER BY user_id LIMIT 1
"""
RECORD = "SELECT state, verdict, mail FROM reporting.runs WHERE report_id = %s AND run_id = %s"


def cases(now, before):
    """Return the conditions of each report, whether its first run meets them, and the words of what it found."""
    figure = {"kind": "figure", "figure": "messages"}
    change = {**figure, "kind": "change", "unit": "amount", "value": now - before}
    rows = {"kind": "rows", "dataset": "people"}
    return {
        "rows-any": ([{**rows, "is": "any"}], True, "in Most active people"),
        "rows-none": ([{**rows, "is": "none"}], False, "not none"),
        "figure-met": ([{**figure, "operator": ">=", "value": now}], True, f"at least {now:,}"),
        "figure-unmet": ([{**figure, "operator": ">", "value": now}], False, f"not above {now:,}"),
        "change-met": ([{**change, "operator": "<="}], True, f"from {before:,}, at most"),
        "change-unmet": ([{**change, "operator": "<"}], False, f"from {before:,}, not below"),
        "changed": ([{"kind": "changed"}], True, "No earlier email"),
        "new-rows": ([{"kind": "newRows", "column": "day"}], True, "7 rows"),
        "once": ([{**figure, "operator": ">", "value": 0}], True, "above 0"),
    }


def run_all(running, names, conf=None):
    """Run the reports at the same time; return the record of each run."""
    dags = {name: f"scheduled_report_e2e-if-{name}" for name in names}
    for dag in dags.values():
        running.api.wait_for_dag(dag)
    runs = {name: running.api.trigger(dag, conf or {}) for name, dag in dags.items()}
    for name, run_id in runs.items():
        state = running.api.wait_for_run(dags[name], run_id)["state"]
        assert state == "success", running.api.failures(dags[name], run_id)
    return {name: running.rows(RECORD, f"e2e-if-{name}", run_id)[0] for name, run_id in runs.items()}


def test_each_condition_both_ways(running):
    (found,) = running.rows(MESSAGES)
    reports = cases(found["now"], found["before"])
    for name, (conditions, _, _) in reports.items():
        running.rows(NEW_REPORT, f"e2e-if-{name}", f"If {name}")
        options = {"sendIf": {"conditions": conditions, "repeat": "once" if name == "once" else "every"}}
        running.rows(
            "UPDATE reporting.report_options SET options = %s::jsonb WHERE report_id = %s",
            json.dumps(options), f"e2e-if-{name}",
        )  # fmt: skip

    for name, record in run_all(running, reports).items():
        _, met, words = reports[name]
        assert (record["state"], record["verdict"]["met"], record["mail"]["wanted"]) == ("success", met, met), name
        assert words in record["verdict"]["findings"][0]["text"]
        mails = running.mails_of(f"e2e-if-{name}")
        assert len(mails) == met, name
        for mail in mails:
            message = message_from_bytes(mail.raw, policy=default)
            assert words in " ".join(message.get_body(("plain",)).get_content().split())
        (execution,) = running.executions(f"e2e-if-{name}")
        assert (execution["status"], execution["email_sent"], execution["email_error"]) == ("COMPLETED", met, None)
        assert running.file(execution["file_url"])  # made and kept in any case

    # Nothing has changed since: what was mailed before is not mailed again.
    again = ("changed", "new-rows", "once")
    for name, record in run_all(running, again).items():
        assert (record["state"], record["mail"]["wanted"]) == ("success", False), name
        assert len(running.mails_of(f"e2e-if-{name}")) == 1
    # Somebody asks for it all the same.
    (record,) = run_all(running, ["changed"], {"mail": True}).values()
    assert (record["verdict"]["met"], record["mail"]["wanted"]) == (False, True)
    assert len(running.mails_of("e2e-if-changed")) == 2
