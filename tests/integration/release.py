"""A released version of the product: its schema, its statements, and runs that it left open.

`python -m tests.integration.release NAME` writes today's version to tests/integration/releases/NAME.  Run it once,
when a version is released; the tests of later versions upgrade from it and go back to it.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from demo import postgres as server
from include.scheduled_reports import sample_data
from include.scheduled_reports.adapters.postgres import sql
from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.migrate import migrate
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.postgres.sql.prisma import script
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices
from include.scheduled_reports.testing.storage import MemoryStaging, MemoryStore
from tests.contract.tables import add_people, add_report, execute

if TYPE_CHECKING:
    from collections.abc import Mapping

RELEASES = Path(__file__).with_name("releases")
NEOLITH = Path(sample_data.__file__).with_name("neolith.sql")
MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
FORMATS = (Format.CSV, Format.JSON)
#: The stage that each open run has completed, in order; the last run died while it sent its mail.
DONE = ("query", "render", "upload", "email", "claim")
#: Statements of the schema itself, and of the import of old schedules, which an operator runs once.
NOT_ASKED = {"application", "reporting", "triggers", "adopt", "inventory", "exportjobs"}
TABLES = ("organizations", "workspaces", "users", "workspace_members", "channels", "messages", "scheduled_reports",
          "report_executions")  # fmt: skip
MESSAGES = """
INSERT INTO channels (id, name, slug, workspace_id, updated_at) VALUES ('c1', 'general', 'general', 'ws1', now());
INSERT INTO messages (id, content, channel_id, author_id, created_at, updated_at) VALUES
    ('x1', 'first', 'c1', 'u1', '2026-05-04 10:00', now()), ('x2', 'second', 'c1', 'u1', '2026-05-05 10:00', now());
"""


@dataclass(frozen=True)
class Release:
    """The stored parts of one version."""

    folder: Path

    def __str__(self) -> str:
        return self.folder.name

    @property
    def schema(self) -> str:
        """Return the script that brings a database to the schema of this version."""
        return (self.folder / "schema.sql").read_text()

    @property
    def statements(self) -> Mapping[str, str]:
        """Return every statement that this version runs, by file and name."""
        found = {}
        for path in sorted((self.folder / "statements").glob("*.sql")):
            parts = re.split(r"^-- name: (\w+)\n", path.read_text(), flags=re.MULTILINE)
            bodies = zip(parts[1::2], parts[2::2], strict=True) if len(parts) > 1 else [("all", parts[0])]
            found |= {f"{path.stem}.{name}": body for name, body in bodies}
        return found

    def load(self, dsn: str) -> tuple[MemoryStaging, MemoryStore]:
        """Bring Neolith's database to this version, with its open runs; return their staging and their bucket."""
        kept = json.loads((self.folder / "runs.json").read_text())
        with psycopg.connect(dsn) as connection:
            connection.execute(self.schema.encode())
            # As in a restored dump, no trigger may run.
            connection.execute("SET LOCAL session_replication_role = replica")
            for table, rows in kept["rows"].items():
                connection.execute(f"DELETE FROM {table}".encode())
                values = f"SELECT * FROM json_populate_recordset(NULL::{table}, %s)"
                statement = f"INSERT INTO {table} OVERRIDING SYSTEM VALUE {values}"
                connection.execute(statement.encode(), [json.dumps(rows)])
        staging, bucket = ({name: b64decode(one) for name, one in kept[part].items()} for part in ("staging", "bucket"))
        return MemoryStaging(staging, dict.fromkeys(staging, MONDAY)), MemoryStore(files=bucket)


def services(dsn: str, staging: MemoryStaging, store: MemoryStore) -> MemoryServices:
    """Make the services of a run with PostgreSQL as the database."""
    made = MemoryServices(
        source=PostgresSource(dsn),
        settings=Settings(mail_mode="live", mail_from="reports@acme.example"),
        definitions=PostgresDefinitions(dsn),
        staging=staging,
        store=store,
        moment=MONDAY + timedelta(seconds=5),
    )
    made.runs, made.ledger = PostgresRuns(dsn), PostgresLedger(dsn)
    return made


def trigger(report_id: str) -> Trigger:
    """Return the trigger of a report's run."""
    key = RunKey(report_id=report_id, run_id="scheduled__2026-05-11T07:00:00+00:00")
    return Trigger(key=key, kind=RunKind.SCHEDULED, scheduled_for=MONDAY, conf={}, user=None, clear_number=0)


def go_on(made: MemoryServices, started: Trigger, done: str | None, until: str = "email") -> None:
    """Run the stages after *done* up to *until*."""
    stages = {
        "query": lambda: pipeline.query(made, started),
        "render": lambda: [pipeline.render(made, started.key, one) for one in FORMATS],
        "upload": lambda: [pipeline.upload(made, started.key, one) for one in FORMATS],
        "email": lambda: pipeline.email(made, started.key),
    }
    names = list(stages)
    for name in names[0 if done is None else names.index(done) + 1 : names.index(until) + 1]:
        stages[name]()


class DiedInTheCallError(BaseException):
    """Not caught by the product, so that it ends a run as a kill does."""


def write(folder: Path, dsn: str) -> None:
    """Write today's version to a folder; *dsn* is an empty database."""
    with psycopg.connect(dsn) as connection:
        connection.execute(NEOLITH.read_bytes())
    migrate(dsn)
    add_people(dsn)
    execute(dsn, MESSAGES)
    made = services(dsn, MemoryStaging(), MemoryStore())
    for done in DONE:
        add_report(dsn, id=done, name=f"Done: {done}", export_formats=[str(one) for one in FORMATS])
        made.mailer.error = DiedInTheCallError() if done == "claim" else None  # type: ignore[assignment]
        with suppress(DiedInTheCallError):
            go_on(made, trigger(done), None, until="email" if done == "claim" else done)
    (folder / "statements").mkdir(parents=True)
    (folder / "schema.sql").write_text(script())
    for path in sql.FOLDER.glob("*.sql"):
        if path.stem not in NOT_ASKED:
            (folder / "statements" / path.name).write_text(path.read_text())
    kept = {
        "rows": _rows(dsn),
        "staging": _texts(made.staging.files),
        "bucket": _texts(made.store.files),
    }
    (folder / "runs.json").write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def _rows(dsn: str) -> dict[str, list[Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        ours = connection.execute(
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'reporting' "
            "AND table_name <> 'migrations' ORDER BY 1"
        ).fetchall()
        names = [*TABLES, *(f"reporting.{one['name']}" for one in ours)]
        found = {
            name: connection.execute(f"SELECT row_to_json(t) AS row FROM {name} t".encode()).fetchall()
            for name in names
        }
    return {name: [one["row"] for one in rows] for name, rows in found.items() if rows}


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: b64encode(content).decode() for name, content in files.items()}


def main(name: str) -> None:
    """Write today's version under this name."""
    with tempfile.TemporaryDirectory() as folder:
        for running in server.running(Path(folder) / "data"):
            write(RELEASES / name, running.create_database("release"))


if __name__ == "__main__":
    main(sys.argv[1])
