"""The application's routes as documented, called with Node.js on a real database."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg
from psycopg.rows import dict_row

from tests.integration.node import call

WORKSPACE = {"id": "ws1", "name": "Acme", "slug": "acme"}
ADA, BOB = {"id": "u1", "role": "ADMIN"}, {"id": "u2", "role": "MEMBER"}
BODY = {
    "name": "Weekly activity",
    "description": "What happened",
    "reportType": "workspace-activity",
    "cronExpression": "0 9 * * 1",
    "timezone": "Europe/Berlin",
    "exportFormats": ["csv", "json"],
    "emailDelivery": {
        "enabled": True,
        "recipients": ["ada@acme.example"],
        "subject": "Numbers",
        "includeAttachment": True,
        "includeInlinePreview": False,
        "sendOnlyIfData": False,
        "ccRecipients": [],
        "bccRecipients": ["bob@acme.example"],
    },
    "parameters": {"dateRange": {"type": "last-7-days"}},
    "isActive": True,
    "tags": ["weekly"],
}
NOWHERE = {"url": "http://127.0.0.1:9", "token": "none"}  # no process listens on the port `discard`


def create(dsn, caller=ADA, **changes):
    (answer,) = call(dsn, ["createReport", WORKSPACE, caller, BODY | changes])
    assert answer["status"] == 201
    return answer["body"]


def rows(dsn, statement, *values):
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(statement, values).fetchall()


@contextmanager
def airflow(status=200, *, before=lambda _: None):
    """Run a server that answers as Airflow's REST API does; yield its address and the received requests."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"path": self.path, "authorization": self.headers["Authorization"], "body": body})
            before(body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {"url": f"http://127.0.0.1:{server.server_port}", "token": "secret"}, asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
