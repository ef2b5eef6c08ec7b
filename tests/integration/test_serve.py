"""The command `serve`: the public door in a process of its own, without Airflow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from demo import aws
from demo.airflow_home import INHERITED
from demo.processes import Child, free_port, wait_until
from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.serving import make
from tests.contract.door import Scene, Visitor, new_key

ROOT = Path(__file__).parents[2]
KEYS = new_key(7)


def environment(dsn, **changes):
    """Return what the door is told: settings, and AWS credentials for boto3's default chain."""
    told = {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        **aws.environment(),
        "SCHEDULED_REPORTS__LINK_BASE": "https://reports.acme.example/door",
        "SCHEDULED_REPORTS__LINK_KEYS": KEYS,
        "SCHEDULED_REPORTS__PUBLIC_DSN": dsn,
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
    except httpx.TransportError:
        return None


def test_the_command_serves_the_door_logs_no_token_and_ends_with_a_signal(migrated_dsn, tmp_path):
    scene, port = Scene.make(migrated_dsn), free_port()
    command = [sys.executable, "-m", "include.scheduled_reports", "serve", "--port", str(port)]
    door = Child.start("door", command, log=tmp_path / "log", env=environment(migrated_dsn), cwd=ROOT)
    try:
        wait_until(lambda: answers(port), seconds=30, what="the public door", alive=door)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            visitor = Visitor(client, KEYS)
            paths = [visitor.file(scene.ada), f"/door{visitor.leave(scene.ada)}"]
            assert [client.get(path).status_code for path in paths] == [302, 200]
            # A WebSocket is not spoken; its address must not be logged either.
            upgrade = {
                "connection": "upgrade",
                "upgrade": "websocket",
                "sec-websocket-key": "x",
                "sec-websocket-version": "13",
            }
            assert client.get(paths[1], headers=upgrade).status_code == 200
            scene.execute("DROP FUNCTION reporting.door_reader")
            assert client.get(paths[1]).status_code == 503
        door.process.send_signal(signal.SIGTERM)
        assert door.process.wait(20) in {0, -signal.SIGTERM}
    finally:
        door.stop()
    log = (tmp_path / "log").read_text()
    assert "a request failed: ConfigurationError (UndefinedFunction)" in log
    assert not any(path.rpartition("/")[2] in log for path in paths)


def test_airflow_and_what_only_reports_need_are_not_loaded(migrated_dsn):
    script = (
        "import os, sys; from include.scheduled_reports.serving import make; make(os.environ); "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'airflow', 'pandas', 'pyarrow', 'fastapi'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(migrated_dsn), cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"SCHEDULED_REPORTS__LINK_BASE": None}, r"SCHEDULED_REPORTS__LINK_BASE is not set"),
        ({"SCHEDULED_REPORTS__LINK_KEYS": None}, r"SCHEDULED_REPORTS__LINK_KEYS: \S+ must be set with LINK_BASE"),
        ({"SCHEDULED_REPORTS__LINK_KEYS": "1:c2hvcnQ="}, r"SCHEDULED_REPORTS__LINK_KEYS: .* are not keys"),
        ({"SCHEDULED_REPORTS__PUBLIC_DSN": None}, r"no database is named"),
        ({"SCHEDULED_REPORTS__PUBLIC_DSN": "host=x planted"}, r"the DSN of the public door is not valid for libpq$"),
        ({"AWS_REGION": None, "AWS_DEFAULT_REGION": None}, r"no AWS region is set"),
        ({"AWS_ACCESS_KEY_ID": None}, r"no AWS credentials are found"),
    ],
)
def test_it_does_not_start_without_what_it_needs(monkeypatch, changes, told):
    for name in [one for one in os.environ if one.startswith(("AWS_", "PG", "SCHEDULED_REPORTS", "AIRFLOW_CONN_"))]:
        monkeypatch.delenv(name)
    for name, value in environment("postgresql://localhost/x", **changes).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=told) as refused:
        make(os.environ)
    assert "planted" not in str(refused.value)
    assert "c2hvcnQ" not in str(refused.value)


def test_the_database_may_be_named_as_for_the_other_commands(migrated_dsn):
    told = environment(None, SCHEDULED_REPORTS_DSN=migrated_dsn)
    scene = Scene.make(migrated_dsn)
    script = (
        "import os, sys; from uuid import UUID; from include.scheduled_reports.serving import make; "
        "print(make(os.environ).door.reader(UUID(sys.argv[1])).report)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(scene.ada)], env=told, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout == "Weekly activity\n", done.stderr
