"""Links of the public door outlive the credentials that sign the addresses of S3."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from demo import aws
from include.scheduled_reports.serving import make
from tests.contract import rclone
from tests.contract.door import CONTENT, Scene, new_key, put_file, serving

SESSIONS = {"first-session": "first-secret", "second-session": "second-secret"}


@pytest.fixture
def store(tmp_path):
    """Start an S3 that checks signatures and their time, and knows the keys of two sessions."""
    with rclone.serving(tmp_path / "rclone", rclone.KEYS | SESSIONS) as running:
        put_file(running.client("s3"))
        yield running


@pytest.mark.slow
def test_a_link_works_on_when_the_credentials_that_signed_its_first_click_have_ended(
    store, migrated_dsn, monkeypatch, tmp_path
):
    """boto3 gets a session from a program, as it gets one from an instance or a pod, and renews it in the same way."""
    scene, keys, answer = Scene.make(migrated_dsn), new_key(1), tmp_path / "answer.json"
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {answer}\n")
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", aws.REGION)
    settings = {"LINK_BASE": "https://reports.acme.example", "LINK_KEYS": keys, "PUBLIC_DSN": migrated_dsn}

    def begin(session, seconds):
        values = {"AccessKeyId": session, "SecretAccessKey": SESSIONS[session], "SessionToken": f"token of {session}"}
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        answer.write_text(json.dumps({**values, "Version": 1, "Expiration": ends.isoformat()}))

    begin("first-session", seconds=5)
    with serving(make({f"SCHEDULED_REPORTS__{name}": value for name, value in settings.items()}), keys) as visitor:
        link = visitor.file(scene.ada)
        first = httpx.URL(visitor.http.get(link).headers["location"])
        assert httpx.get(first, trust_env=False).content == CONTENT
        begin("second-session", seconds=3_600)
        time.sleep(5)
        second = httpx.URL(visitor.http.get(link).headers["location"])

    refused = httpx.get(first, trust_env=False)
    assert (refused.status_code, "exceeds the maximum allowed" in refused.text) == (400, True)
    assert httpx.get(second, trust_env=False).content == CONTENT
    signed = [one.params["X-Amz-Credential"].partition("/")[0] for one in (first, second)]
    assert signed == list(SESSIONS)
    # What a session signs is not promised for longer than the session.
    assert [int(one.params["X-Amz-Expires"]) <= 5 for one in (first, second)] == [True, False]
