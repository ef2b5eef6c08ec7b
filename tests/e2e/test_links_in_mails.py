"""From a run to its readers: each is mailed, opens files by links of their own, and leaves without a login."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.policy import default

import pytest
import requests

from demo.__main__ import plan
from demo.processes import free_port
from tests.e2e.conftest import ready, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ANN, BOB, EVE = (f"{name}@neolith.example" for name in ("ann", "bob", "eve"))
DAG = "scheduled_report_links"
INSERT = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, timezone, export_formats, parameters, email_enabled, email_recipients,
     email_cc_recipients, email_bcc_recipients, workspace_id, created_by_id, updated_at)
SELECT 'links', 'Links', 'channel-analytics', '0 3 1 1 *', 'UTC', '{csv,json}',
       '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}', true, %s, %s, %s,
       workspace_id, user_id, now()
FROM workspace_members WHERE workspace_id = 'demo-workspace-nordlicht' AND role = 'OWNER' ORDER BY user_id LIMIT 1
"""


@dataclass(frozen=True)
class Mail:
    """A mail to one reader, as they find it in their inbox."""

    reader: str
    message: object

    def links(self, purpose):
        """Return the links of the text to a page of the public door."""
        return re.findall(rf"http://127\.0\.0\.1:\d+/{purpose}/[\w-]+", self._text)

    @property
    def way_out(self):
        """Return the address of the header by which a mail program unsubscribes its reader."""
        return re.search(r"<(http:[^>]+)>", "".join(self.message["List-Unsubscribe"].split()))[1]

    @property
    def _text(self):
        return self.message.get_body(("plain",)).get_content()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Start the demo's stack with its public door, in which runs are compact because that is quicker."""
    base = plan(tmp_path_factory.mktemp("links"), free_port(), door_port=free_port())
    with start(replace(base, env={**base.env, "SCHEDULED_REPORTS__RUN_MODE": "compact"})) as stack:
        yield ready(stack)


@pytest.fixture(scope="module")
def visit():
    """A browser without cookies, proxies and logins."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def run(here):
    """Run the report; return its mails by reader."""
    before = len(here.mails_of("links"))
    here.api.wait_for_dag(DAG, seconds=120)
    run_id = here.api.trigger(DAG, {})
    assert here.api.wait_for_run(DAG, run_id, seconds=300)["state"] == "success"
    mails = [
        Mail(reader, message_from_bytes(mail.raw, policy=default))
        for mail in here.mails_of("links")[before:]
        for reader in mail.recipients
    ]
    found = {mail.reader: mail for mail in mails}
    assert len(found) == len(mails)
    return found


def openings(here):
    """Return how often each reader's files were opened, whether or not right after the mail was sent."""
    rows = here.rows("SELECT address, openings, automatic FROM reporting.readers WHERE report_id = 'links'")
    return {row["address"]: row["openings"] + row["automatic"] for row in rows}


def test_each_reader_opens_the_files_and_one_leaves_with_the_button_of_their_mail_program(here, visit):
    here.rows(INSERT, [ANN], [BOB], [EVE])
    first = run(here)
    assert set(first) == {ANN, BOB, EVE}

    made = {row["sha256"] for row in here.rows("SELECT sha256 FROM reporting.artifacts WHERE report_id = 'links'")}
    for mail in first.values():
        answers = [visit.get(link, timeout=30) for link in mail.links("files")]
        assert {hashlib.sha256(one.content).hexdigest() for one in answers} == made
    assert openings(here) == dict.fromkeys((ANN, BOB, EVE), 2)

    page = visit.get(first[BOB].way_out, timeout=30)
    assert BOB in page.text
    assert here.rows("SELECT FROM reporting.opt_outs") == []  # looking changes nothing
    left = visit.post(first[BOB].way_out, data={"List-Unsubscribe": "One-Click"}, timeout=30)
    assert (left.status_code, left.history) == (200, [])

    assert set(run(here)) == {ANN, EVE}
    # The files that he was sent stay his.
    assert visit.get(first[BOB].links("files")[0], timeout=30).status_code == 200
