"""From Airflow's connections to the mailer and the staging."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from demo import aws as server
from include.scheduled_reports import __main__ as command
from include.scheduled_reports.adapters.ses import SesMailer
from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.orchestration import dag_spec, factory, upkeep
from include.scheduled_reports.orchestration.connections import NOTICE_TIME, AirflowServices
from include.scheduled_reports.upkeep.feedback import CALLS
from tests.e2e import faults

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/report-events"


@pytest.fixture
def by_smtp(monkeypatch):
    """Configure mail by SMTP; call it with the connection, as JSON or as a URI."""
    monkeypatch.setenv("SCHEDULED_REPORTS__MAIL_VIA", "smtp")

    def through(connection):
        text = connection if isinstance(connection, str) else json.dumps({"conn_type": "smtp"} | connection)
        monkeypatch.setenv("AIRFLOW_CONN_REPORTS_SMTP", text)
        return AirflowServices().mailer

    return through


def test_a_connection_is_read_as_airflows_own_smtp_hook_reads_it(by_smtp):
    found = by_smtp(
        {
            "host": "smtp.sendgrid.net",
            "port": 587,
            "login": "apikey",
            "password": "SG.key/+=",
            "extra": {"disable_ssl": True, "disable_tls": False, "timeout": 12},
        }
    )

    assert (found.host, found.port, found.login, found.password) == ("smtp.sendgrid.net", 587, "apikey", "SG.key/+=")
    assert (found.tls, found.timeout) == ("starttls", 12)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("smtp://resend:key@smtp.resend.com:465", ("implicit", 465)),
        ("smtp://resend:key@smtp.resend.com:2587?disable_ssl=true&timeout=60", ("starttls", 2587)),
        ("smtp://relay.example:25?disable_ssl=true&disable_tls=true", ("none", 25)),
        ("smtp://relay.example", ("starttls", 587)),
    ],
)
def test_a_connection_may_be_a_uri(by_smtp, uri, expected):
    found = by_smtp(uri)

    assert (found.tls, found.port) == expected


def test_what_is_wrong_with_the_connection_is_told_with_its_name(by_smtp):
    with pytest.raises(ConfigurationError, match="the connection reports_smtp: timeout is 'soon'"):
        by_smtp({"host": "relay.example", "extra": {"timeout": "soon"}})


def test_a_connection_that_is_missing_is_a_matter_of_configuration(monkeypatch):
    monkeypatch.setenv("SCHEDULED_REPORTS__MAIL_VIA", "smtp")
    monkeypatch.delenv("AIRFLOW_CONN_REPORTS_SMTP", raising=False)

    with pytest.raises(ConfigurationError, match="the connection reports_smtp is not defined"):
        _ = AirflowServices().mailer


def test_ses_is_the_usual_door_and_never_repeats_a_call(monkeypatch):
    monkeypatch.setenv("SCHEDULED_REPORTS__CONFIGURATION_SET", "reports")
    aws = {"conn_type": "aws", "login": "key", "password": "secret", "extra": {"region_name": "eu-central-1"}}
    monkeypatch.setenv("AIRFLOW_CONN_REPORTS_AWS", json.dumps(aws))

    found = AirflowServices().mailer

    assert isinstance(found, SesMailer)
    assert found.configuration_set == "reports"
    assert found.client.meta.config.retries["total_max_attempts"] == 1
    asking = found.impatient().meta.config
    assert (asking.retries["total_max_attempts"], asking.connect_timeout, asking.read_timeout) == (1, 2, 3)


def test_events_are_read_with_the_connection_of_aws_and_only_if_there_is_a_queue(monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_REPORTS_AWS",
        json.dumps({
            "conn_type": "aws", "login": "key", "password": "secret",
            "extra": {"region_name": "eu-west-1", "endpoint_url": "http://127.0.0.1:9"},
        }),
    )  # fmt: skip
    assert AirflowServices().event_queue is None

    monkeypatch.setenv("SCHEDULED_REPORTS__FEEDBACK_QUEUE", QUEUE)
    found = AirflowServices().event_queue
    assert found.url == QUEUE
    assert (found.client.meta.region_name, found.client.meta.endpoint_url) == ("eu-west-1", "http://127.0.0.1:9")
    assert found.client.meta.config.max_pool_connections >= CALLS


@pytest.mark.parametrize("seconds", [1, 600, 7_200])
def test_the_time_for_sending_leaves_the_task_some_minutes_and_begins_with_the_first_message(monkeypatch, seconds):
    monkeypatch.setenv("SCHEDULED_REPORTS__QUERY_SECONDS", str(seconds))
    services = AirflowServices()
    built = factory.build(dag_spec.DagSpec(report_id="r1", display_name="r1"), services.settings)
    began = services.now()

    until = services.mail_until

    assert timedelta(minutes=2) <= until - began <= built.get_task("email").execution_timeout - timedelta(minutes=2)
    assert services.mail_until == until


def test_a_round_of_upkeep_sends_for_a_part_of_its_time():
    services = AirflowServices(NOTICE_TIME)

    assert services.mail_until - services.now() < upkeep.ROUND_TIMEOUT / 2


@pytest.fixture
def slow_s3(tmp_path, monkeypatch):
    """Put staging into an S3 that takes four seconds per write; return the received requests."""
    aws = server.start(tmp_path)
    proxy = faults.HttpProxy(aws.url)
    try:
        aws.create_bucket("staging")
        fields = aws.connection()
        fields["extra"]["endpoint_url"] = proxy.url
        monkeypatch.setenv("AIRFLOW_CONN_REPORTS_AWS", json.dumps(fields))
        monkeypatch.setenv("SCHEDULED_REPORTS__STAGING", "s3://staging/runs")
        yield proxy.faults.add("r1", "rendered", faults.slow(4))
    finally:
        proxy.stop()
        aws.child.stop()


def test_a_busy_s3_is_waited_for_and_a_small_file_is_one_request(slow_s3):
    staging = AirflowServices().staging

    staging.put("r1/run1/report.csv", io.BytesIO(b"a;b\r\n"))

    with staging.open("r1/run1/report.csv") as file:
        assert file.read() == b"a;b\r\n"
    assert len(slow_s3.ports) == 1


# The database


@pytest.fixture
def database(monkeypatch):
    """Create a Postgres connection with a name."""

    def make(name, login):
        fields = {"conn_type": "postgres", "host": "db", "login": login, "password": "p", "schema": "neolith"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))

    return make


def user_of(dsn):
    return conninfo_to_dict(dsn)["user"]


def test_the_data_is_read_through_the_connection_of_everything_else_unless_another_is_named(database, monkeypatch):
    database("reports_db", "writer")
    database("replica", "reader")
    usual = AirflowServices()
    assert (user_of(usual.source.dsn), user_of(usual.runs.dsn)) == ("writer", "writer")

    monkeypatch.setenv("SCHEDULED_REPORTS__DATA_CONNECTION", "replica")
    services = AirflowServices()

    assert user_of(services.source.dsn) == user_of(services.data_dsn) == "reader"
    for port in (services.runs, services.ledger, services.definitions, services.upkeep_store, services.retention):
        assert user_of(port.dsn) == "writer"


def test_every_connection_has_the_id_of_its_setting(database, monkeypatch):
    database("neolith", "writer")
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", "aws://AKIACLOUD:s@/?region_name=eu-central-1")
    monkeypatch.setenv("AIRFLOW_CONN_RELAY", "smtp://postman:p@relay.example:587")
    for name, value in {"DATABASE": "neolith", "AWS": "cloud", "SMTP": "relay"}.items():
        monkeypatch.setenv(f"SCHEDULED_REPORTS__{name}_CONNECTION", value)
    services = AirflowServices()

    assert {user_of(services.dsn), user_of(services.data_dsn)} == {"writer"}
    assert services.store.client._request_signer._credentials.access_key == "AKIACLOUD"
    monkeypatch.setenv("SCHEDULED_REPORTS__MAIL_VIA", "smtp")
    assert AirflowServices().mailer.login == "postman"


def test_a_data_connection_that_is_missing_is_told_by_its_name(database, monkeypatch):
    database("reports_db", "writer")
    monkeypatch.setenv("SCHEDULED_REPORTS__DATA_CONNECTION", "nowhere")

    with pytest.raises(ConfigurationError, match="the connection nowhere is not defined"):
        _ = AirflowServices().source


def test_a_command_finds_a_connection_of_the_environment_and_says_where_it_looked(database, monkeypatch, capsys):
    database("reports_db", "writer")
    seen = []
    monkeypatch.setattr(
        "include.scheduled_reports.adapters.postgres.migrate.migrate", lambda dsn: seen.append(user_of(dsn)) or ["done"]
    )

    assert command.main(["migrate", "--conn-id", "reports_db"]) == 0
    assert seen == ["writer"]
    assert command.main(["migrate", "--conn-id", "elsewhere"]) == 1
    assert (
        "error: the connection elsewhere is not defined in the environment (AIRFLOW_CONN_ELSEWHERE) or the secrets "
        "backend; one in Airflow's own database is known only inside Airflow\n"
    ) in capsys.readouterr().err


BACKEND = """
from airflow.sdk import Connection
from airflow.sdk.bases.secrets_backend import BaseSecretsBackend

class Vault(BaseSecretsBackend):
    def get_connection(self, conn_id, team_name=None):
        known = {"reports_db": "postgres://vault:p@db/x", "reports_aws": "aws://AKIAVAULT:s@/?region_name=eu-central-1",
                 "reports_smtp": "smtp://vault:p@relay.example:587"}
        return Connection.from_uri(known[conn_id], conn_id=conn_id) if conn_id in known else None
"""
ASK = """
from include.scheduled_reports.orchestration.connections import AirflowServices, _smtp
services = AirflowServices()
key = services.store.client._request_signer._credentials.access_key
print("found", *sorted(services.dsn.split()), key, _smtp("reports_smtp").login, sep="|")
"""


def test_a_secrets_backend_of_ones_own_is_asked_for_every_connection(tmp_path):
    (tmp_path / "my_vault.py").write_text(BACKEND)
    env = {**os.environ, "AIRFLOW__SECRETS__BACKEND": "my_vault.Vault"}
    env |= {"PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{tmp_path}"}
    done = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("found"))
    assert line.split("|") == ["found", "dbname=x", "host=db", "password=p", "user=vault", "AKIAVAULT", "vault"]
