"""From a run to its readers: each is mailed, opens a file by a link of their own, and leaves without a login."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections import Counter

import pytest
import requests

from demo import aws
from demo.airflow_home import COMPONENTS, INHERITED
from demo.processes import Child, free_port, wait_until
from demo.stack import CHECKOUT
from tests.e2e.fault_readers import ADDRESSES, LINK_BASE, PREFIX, SETTINGS
from tests.e2e.fault_scene import opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REPORT = f"{PREFIX}links"
ANN, BOB, EVE = ADDRESSES.values()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("links"), mode="compact", components=COMPONENTS) as found:
        found.add(REPORT, ("csv", "json"))
        yield found


@pytest.fixture(scope="module")
def door(scene, tmp_path_factory):
    """Start the public door; return a function that requests a link from it, as a proxy before it does."""
    port = free_port()
    stack = scene.running.stack
    told = {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        **aws.environment(),
        **SETTINGS,
        "AWS_ENDPOINT_URL": stack.aws.url,
        "SCHEDULED_REPORTS__PUBLIC_DSN": stack.reports_dsn,
    }
    command = [sys.executable, "-m", "include.scheduled_reports", "serve", "--port", str(port)]
    child = Child.start("door", command, log=tmp_path_factory.mktemp("door") / "log", env=told, cwd=CHECKOUT)
    session = requests.Session()
    session.trust_env = False

    def visit(address, method="GET", **options):
        here = address.replace(LINK_BASE, f"http://127.0.0.1:{port}")
        return session.request(method, here, timeout=30, **options)

    def answers():
        try:
            return visit(LINK_BASE)
        except requests.ConnectionError:
            return None

    try:
        wait_until(answers, seconds=60, what="the public door", alive=child)
        yield visit
    finally:
        child.stop()


def run(scene):
    """Run the report; return its mails by reader."""
    before = len(scene.mails(REPORT))
    run_id = scene.trigger(REPORT)
    assert scene.ended(REPORT, run_id) == "success"
    mails = scene.mails(REPORT)[before:]
    assert Counter(address for mail in mails for address in mail.recipients).most_common(1)[0][1] == 1
    return {mail.recipients[0]: mail.message for mail in mails}


def links(message, purpose):
    """Return the links of a mail's text to a page of the door."""
    text = message.get_body(("plain",)).get_content()
    return re.findall(rf"{LINK_BASE}/{purpose}/[\w-]+", text)


def openings(scene):
    """Return how often each reader's files were opened, whether or not right after the mail was sent."""
    rows = scene.rows("SELECT address, openings, automatic FROM reporting.readers WHERE report_id = %s", REPORT)
    return {row["address"]: row["openings"] + row["automatic"] for row in rows}


def test_each_reader_opens_the_files_and_one_leaves_with_the_button_of_their_mail_program(scene, door):
    first = run(scene)
    assert set(first) == {ANN, BOB, EVE}

    made = {row["sha256"] for row in scene.rows("SELECT sha256 FROM reporting.artifacts WHERE report_id = %s", REPORT)}
    for message in first.values():
        answers = [door(link) for link in links(message, "files")]
        assert {hashlib.sha256(one.content).hexdigest() for one in answers} == made
    assert openings(scene) == dict.fromkeys((ANN, BOB, EVE), 2)

    assert first[BOB]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = re.search(r"<(https:[^>]+)>", first[BOB]["List-Unsubscribe"].replace(" ", ""))[1]
    assert BOB in door(leave).text  # looking changes nothing
    assert scene.rows("SELECT * FROM reporting.opt_outs") == []
    left = door(leave, "POST", data={"List-Unsubscribe": "One-Click"})
    assert (left.status_code, left.history) == (200, [])

    assert set(run(scene)) == {ANN, EVE}
    # A file that was sent stays theirs.
    assert door(links(first[BOB], "files")[0]).status_code == 200
