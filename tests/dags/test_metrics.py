"""Metrics through Airflow's StatsD and OpenTelemetry clients, each in a separate process as in a task."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
#: The start of a task runner, then the metrics of a run.
TELL = """
from airflow.sdk._shared.observability.metrics import stats
from airflow.sdk.configuration import conf
from airflow.sdk.observability.metrics import stats_utils
stats.initialize(
    factory=stats_utils.get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on")
)
from include.scheduled_reports.orchestration.metrics import AirflowMetrics
metrics = AirflowMetrics()
metrics.count("run", 1, outcome="success", kind="scheduled", type="custom")
metrics.timing("stage", 1.5, stage="render", format="csv", outcome="success")
metrics.gauge("lag", 12.5)
metrics.count("rows", 1234567, format="csv", type="dotted.type")
print("told")
"""


def tell(*, code=TELL, **metrics):
    """Send some metrics from a new process with these settings; return its output."""
    env = {**os.environ, **{f"AIRFLOW__METRICS__{name.upper()}": value for name, value in metrics.items()}}
    env |= {"PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "told" in done.stdout.splitlines()
    return done.stdout + done.stderr


@contextmanager
def statsd():
    """Run a StatsD server; yield its port and a function that waits for a number of lines."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)

        def heard(count):
            # UDP on loopback loses nothing; a missing line ends in a time-out.
            lines = []
            while len(lines) < count:
                line = server.recv(65536).decode()
                if line.startswith("airflow.scheduled_reports."):
                    lines.append(line)
            return sorted(lines)

        yield str(server.getsockname()[1]), heard


def test_plain_statsd_has_the_tags_as_parts_of_the_name():
    with statsd() as (port, heard):
        tell(statsd_on="True", statsd_host="127.0.0.1", statsd_port=port)

        assert heard(4) == [
            "airflow.scheduled_reports.lag:12.5|g",
            "airflow.scheduled_reports.rows.csv.dotted_type:1234567|c",
            "airflow.scheduled_reports.run.success.scheduled.custom:1|c",
            "airflow.scheduled_reports.stage.render.csv.success:1500.000000|ms",
        ]


def test_statsd_that_knows_tags_gets_them_as_tags():
    with statsd() as (port, heard):
        tell(statsd_on="True", statsd_host="127.0.0.1", statsd_port=port, statsd_influxdb_enabled="True")

        lines = heard(4)
    assert "airflow.scheduled_reports.run,outcome=success,kind=scheduled,type=custom:1|c" in lines
    assert "airflow.scheduled_reports.lag:12.5|g" in lines


@pytest.fixture
def collector():
    """Run an OTLP receiver over HTTP; yield its port and the received requests."""
    came, arrived = [], threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            arrived.set()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield str(server.server_address[1]), came, arrived
    finally:
        server.shutdown()
        server.server_close()


def test_opentelemetry_gets_tags_as_attributes(collector):
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    port, came, arrived = collector
    tell(otel_on="True", otel_host="127.0.0.1", otel_port=port, otel_interval_milliseconds="60000")

    assert arrived.wait(30)
    found = {}
    for _, body in came:
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                found |= {metric.name: metric for metric in scope.metrics if metric.WhichOneof("data")}
    run = found["airflow.scheduled_reports.run"].sum.data_points[-1]
    stage = found["airflow.scheduled_reports.stage"].exponential_histogram.data_points[-1]
    assert {one.key: one.value.string_value for one in run.attributes} == {
        "outcome": "success", "kind": "scheduled", "type": "custom",
    }  # fmt: skip
    assert (run.as_int or run.as_double, stage.sum) == (1, 1500)
    assert found["airflow.scheduled_reports.lag"].gauge.data_points[-1].as_double == 12.5
    assert {path for path, _ in came} == {"/v1/metrics"}


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"statsd_on": "True", "statsd_host": "nowhere.invalid", "statsd_port": "1"},
        {"statsd_on": "True", "statsd_host": "127.0.0.1", "statsd_port": "1"},
        {"otel_on": "True", "otel_host": "127.0.0.1", "otel_port": "1", "otel_interval_milliseconds": "60000"},
    ],
    ids=["none", "a name that nobody knows", "nobody listens", "no collector"],
)
def test_a_monitoring_that_is_away_never_hurts(monkeypatch, metrics):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")  # seconds until the client gives up; the default is 10
    tell(**metrics)


def test_a_monitoring_that_is_broken_costs_a_line_in_the_log():
    broken = TELL.replace(
        "metrics = AirflowMetrics()",
        "stats.incr = None\nimport airflow.sdk.observability.stats as s\ndel s.incr\nmetrics = AirflowMetrics()",
    )
    said = tell(code=broken, statsd_on="True", statsd_host="127.0.0.1", statsd_port="1")

    assert "cannot send the metric run: AttributeError" in said
