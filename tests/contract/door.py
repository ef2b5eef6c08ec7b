"""A public door on PostgreSQL and S3 over real HTTP, with one run whose files are in S3 and three readers."""

from __future__ import annotations

import io
import secrets
import threading
import time
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import uvicorn

from demo.processes import free_port
from include.scheduled_reports.adapters.postgres.readers import PostgresReaders
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.s3 import S3Store
from include.scheduled_reports.domain.link_token import LinkToken, Purpose
from include.scheduled_reports.domain.reader import Addressee, reader_message
from include.scheduled_reports.serving import SERVER
from include.scheduled_reports.settings.links import read_keys
from tests.contract.runs_suite import CSV, KEY, PDF, artifact, new_run
from tests.contract.tables import add_people, add_report, execute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from include.scheduled_reports.domain.formats import Format

ADA, GUEST, JO = "Ada@acme.example", "guest+1@partner.example", "Jo+news@BÜCHER.example"
CONTENT = b"channel,messages\r\ngeneral,7\r\n"


def new_key(number: int) -> str:
    """Return a random key as the setting LINK_KEYS has it."""
    return f"{number}:{b64encode(secrets.token_bytes(32)).decode()}"


@dataclass(frozen=True)
class Scene:
    """The database and its readers: two of the report's row, one of this run only, and one row without an address."""

    dsn: str
    ada: UUID
    jo: UUID
    guest: UUID
    all: UUID

    @classmethod
    def make(cls, dsn: str) -> Scene:
        """Ada gets r1 and, as a blind copy, r2 of her workspace; r3 is for others, and r9 another workspace's."""
        add_people(dsn)
        add_report(dsn, id="r1", email_recipients=["ada@acme.example", "jo+news@xn--bcher-kva.example"])
        add_report(dsn, id="r2", name="Ärger & <Co>", email_recipients=[], email_bcc_recipients=["ADA@Acme.example"])
        add_report(dsn, id="r3", name="Of others", email_recipients=["bob@acme.example"])
        add_report(dsn, id="r9", name="Elsewhere", workspace_id="ws2", created_by_id="u3")
        runs = PostgresRuns(dsn)
        runs.open(new_run())
        for chosen in (PDF, CSV):
            runs.uploaded(KEY, artifact(chosen, size=len(CONTENT)))
        addressees = {
            "ada": Addressee(message=reader_message(ADA), address=ADA),
            "jo": Addressee(message=reader_message(JO), address=JO),
            "guest": Addressee(message=reader_message(GUEST), address=GUEST, of_report=False),
            "all": Addressee(message="report", address=None),
        }
        handles = PostgresReaders(dsn).enlist(KEY, "ws1", list(addressees.values()))
        return cls(dsn, **{name: handles[one.message] for name, one in addressees.items()})

    def execute(self, statement: str, *values: Any) -> None:
        """Run a statement as the owner of the database."""
        execute(self.dsn, statement, *values)

    def query(self, statement: str, *values: Any) -> Any:
        """Return the rows of a statement."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def openings(self, reader: UUID) -> tuple[int, int]:
        """Return how often a reader opened a file, and how often a program did."""
        (found,) = self.query("SELECT openings, automatic FROM reporting.readers WHERE handle = %s", reader)
        return found

    def opt_outs(self) -> list[tuple[Any, ...]]:
        """Return report, mailbox, how, and whether it was taken back, of every opt-out."""
        return self.query("SELECT report_id, mailbox, how, returned_at IS NOT NULL FROM reporting.opt_outs ORDER BY id")


def put_file(client: Any, chosen: Format = CSV) -> None:
    """Upload the file of the run's artifact."""
    S3Store(client, "reports").put(
        artifact(chosen).object_key, io.BytesIO(CONTENT), content_type="text/plain", file_name="Ärger.csv"
    )


@dataclass(frozen=True)
class Visitor:
    """A client of a running door, and the keys that sign its links."""

    http: httpx.Client
    keys: str

    def token(
        self,
        purpose: Purpose,
        reader: UUID,
        chosen: Format | None = None,
        *,
        expires: datetime | None = None,
        keys: str | None = None,
    ) -> str:
        """Sign a token as a mail has it, for a day."""
        return read_keys(keys or self.keys).sign(
            LinkToken(purpose, reader, expires or datetime.now(UTC) + timedelta(days=1), chosen)
        )

    def file(self, reader: UUID, chosen: Format = CSV, **options: Any) -> str:
        """Return the path of a file."""
        return f"/files/{self.token(Purpose.FILES, reader, chosen, **options)}"

    def leave(self, reader: UUID, **options: Any) -> str:
        """Return the path of the page of leaving."""
        return f"/leave/{self.token(Purpose.LEAVE, reader, **options)}"

    def manage(self, reader: UUID, **options: Any) -> str:
        """Return the path of the page of all reports."""
        return f"/manage/{self.token(Purpose.MANAGE, reader, **options)}"


@contextmanager
def serving(app: Any, keys: str) -> Iterator[Visitor]:
    """Serve an app with the server's real options, in a thread of its own."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", **SERVER))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
            yield Visitor(client, keys)
    finally:
        server.should_exit = True
        thread.join()
