"""Benchmark the mail of one report to 50 readers with 5 MB of files, each with a message of their own.

The record is in PostgreSQL, the file in S3, and the messages are sent by SES's API over HTTP, one after the other.  The
mail stage runs in a process of its own, with the imports of a task but without Airflow.  Its peer composes the whole
message anew for each reader.  `python -m bench.mail` measures both.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from base64 import b64decode
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .compact import KEY, NOW, TRIGGER, fill, services_of
from .measure import Line, Sample, as_json, bounded, compared, in_a_process, timed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from include.scheduled_reports.testing.services import MemoryServices

MODULE = "bench.mail"
READERS = 50
#: Rows of a CSV of 5 MB.
ROWS = 29_000
SENDER = "reports@acme.example"
REPORT = """
INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, timezone, is_active, status, export_formats,
    parameters, email_enabled, email_include_attachment, email_recipients, workspace_id, created_by_id, updated_at)
SELECT 'bench', 'Bench', 'bench-rows', '0 7 * * 1', 'UTC', true, 'ACTIVE', '{csv}', '{}', true, true,
       ARRAY(SELECT 'reader' || n || '@acme.example' FROM generate_series(1, %s) n), m.workspace_id, m.user_id, now()
FROM workspace_members m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = 'demo-workspace-acme' AND m.role = 'OWNER' AND u.status <> 'SUSPENDED'
LIMIT 1
"""


@dataclass
class Inbox:
    """An SES that keeps who was mailed and the digests of the files, not the messages."""

    mailed: dict[str, set[str]] = field(default_factory=dict)

    def take(self, call: Mapping[str, Any]) -> None:
        """Note a message."""
        (reader,) = call["Destination"]["ToAddresses"]
        if reader in self.mailed:
            raise RuntimeError(f"{reader} was mailed twice")
        message = message_from_bytes(b64decode(call["Content"]["Raw"]["Data"]), policy=policy.default)
        self.mailed[reader] = {sha256(part.get_content().encode()).hexdigest() for part in message.iter_attachments()}

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Serve SES's API; yield its address."""
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                inbox.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer(200, b'{"MessageId": "1"}')

            def do_GET(self) -> None:
                self._answer(404, b"{}")  # the account tells no rate

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()


def lines(folder: Path) -> Iterator[Line]:
    """Measure the mail stage, and the peer."""
    from demo import aws, postgres

    local = aws.start(folder / "aws")
    try:
        local.create_bucket("bench")
        for server in postgres.running(folder / "postgres" / "data"):
            dsn = server.create_database("mail")
            fill(dsn, folder, ROWS, REPORT % READERS)
            places = {"dsn": dsn, "folder": str(folder), "s3": local.url, "ses": local.url}
            size = _upload(places)
            ours, anew = (_measured(places, case) for case in ("ours", "anew"))
    finally:
        local.child.stop()
    what = f"a mail with {size / 1e6:.0f} MB of files, a message to each reader"
    note = f"{ours.seconds:.1f} s"
    yield bounded("mail", f"peak memory of {what}", READERS, ours.peak_mb, "MB", "<= 200", note=note)
    mine, theirs = (replace(one, seconds=one.cpu) for one in (ours, anew))
    yield compared("mail", f"CPU of {what}", READERS, (mine, "each composed anew", theirs), ">= 1.5")


def _upload(places: Mapping[str, str]) -> int:
    """Make the run with its file in S3; return the size of the file."""
    from include.scheduled_reports.adapters.s3 import S3Store
    from include.scheduled_reports.domain.formats import Format
    from include.scheduled_reports.runs import pipeline

    services = services_of(places["dsn"], Path(places["folder"]))
    services.store = S3Store(next(_clients(places)), "bench")  # type: ignore[assignment]
    pipeline.query(services, TRIGGER)
    pipeline.render(services, KEY, Format.CSV)
    made = pipeline.upload(services, KEY, Format.CSV)
    assert made is not None
    return made.bytes


def _measured(places: Mapping[str, str], case: str) -> Sample:
    """Run the mail stage in a process of its own, and check what has arrived."""
    import psycopg

    inbox = Inbox()
    with inbox.listening() as ses:
        found = in_a_process(MODULE, case, json.dumps({**places, "ses": ses}))
    with psycopg.connect(places["dsn"]) as connection:
        digests = {one for (one,) in connection.execute("SELECT sha256 FROM reporting.artifacts").fetchall()}
        connection.execute("DELETE FROM reporting.deliveries")
    wrong = [reader for reader, files in inbox.mailed.items() if files != digests]
    if len(inbox.mailed) != READERS or wrong:
        raise RuntimeError(f"{len(inbox.mailed)} readers were mailed, {len(wrong)} with other files")
    return found


def _clients(places: Mapping[str, str]) -> Iterator[Any]:
    """Make the clients of S3 and SES in one session, as in a task."""
    from boto3.session import Session
    from botocore.config import Config

    session = Session("demo", "demo-only", region_name="us-east-1")
    config = Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    for service, place in (("s3", "s3"), ("sesv2", "ses")):
        yield session.client(service, endpoint_url=places[place], config=config)


def _services(places: Mapping[str, str]) -> MemoryServices:
    """What the mail stage needs is real."""
    from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
    from include.scheduled_reports.adapters.postgres.readers import PostgresReaders
    from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
    from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
    from include.scheduled_reports.adapters.postgres.send_rate import PostgresSendRate
    from include.scheduled_reports.adapters.s3 import S3Store
    from include.scheduled_reports.adapters.ses import SesMailer
    from include.scheduled_reports.settings import Settings
    from include.scheduled_reports.testing.services import MemoryServices

    dsn = places["dsn"]
    settings = Settings(
        mail_mode="live",
        mail_from=SENDER,
        link_base="https://reports.acme.example",
        link_keys="1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    )
    rows = PostgresDefinitions(dsn)
    services = MemoryServices(source=None, settings=settings, definitions=rows, moment=NOW)  # type: ignore[arg-type]
    s3, ses = _clients(places)
    services.store, services.mailer = S3Store(s3, "bench"), SesMailer(ses)  # type: ignore[assignment]
    services.ledger, services.runs = PostgresLedger(dsn), PostgresRuns(dsn)  # type: ignore[assignment]
    services.readers, services.send_rate = PostgresReaders(dsn), PostgresSendRate(dsn)  # type: ignore[assignment]
    return services


def _compose_anew() -> None:
    """Compose each message as if it were the only one: charts, figures, tables and files."""
    from include.scheduled_reports.mail import body, message, report_message

    fetched: list[message.Attachment] = []
    encode = message.encode

    def keep(found: Iterator[message.Attachment]) -> message.EncodedAttachments:
        fetched[:] = found
        return message.EncodedAttachments()

    def compose(mail: Any, _: Any, links: Any, recipients: Any) -> bytes:
        written = body.body(mail.document, mail.note(links))
        return message.compose(
            sender=mail.services.settings.sender,
            recipients=recipients,
            subject=mail.plan["subject"],
            bodies=(written.text, written.html),
            attachments=encode(fetched),
        )

    message.encode = keep  # type: ignore[assignment]
    report_message.ReportMail.compose = compose  # type: ignore[method-assign]


def main() -> None:
    """Measure and print the lines; with arguments, run the mail stage in this process."""
    from include.scheduled_reports.runs import pipeline

    if len(sys.argv) == 1:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            Path(name).chmod(0o755)
            print(*(json.dumps(as_json(line)) for line in lines(Path(name))), sep="\n")
        return
    case, places = sys.argv[1], json.loads(sys.argv[2])
    os.environ["SCHEDULED_REPORTS__REPORT_TYPES"] = f"{places['folder']}/types"
    if case == "anew":
        _compose_anew()
    services = _services(places)
    print(timed(lambda: pipeline.email(services, KEY)))


if __name__ == "__main__":
    main()
