"""A workspace that is small enough to count by hand, and a way to run a report type on it as `query` does.

Days are days in Berlin.  The week is 23 to 29 March 2026; its last day has 23 hours.  It starts on the 22nd at
23:00 UTC and ends on the 29th at 22:00 UTC.  Data that no report may show contains SECRET.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger
from include.scheduled_reports.reports.types.catalog import report_type
from include.scheduled_reports.runs import document, pipeline
from include.scheduled_reports.runs.staging import RunFiles
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices
from include.scheduled_reports.testing.storage import MemoryStaging
from tests.unit.rows import row

if TYPE_CHECKING:
    from collections.abc import Sequence

BIG = 2**53 + 1  # the first integer that a float cannot represent
MONDAY_AFTER = "2026-03-30T07:00"  # the last seven days before this run are the week of the data
#: Columns and rows of each table.  `#` in an id or a name stands for the prefix of the workspace.
TABLES: dict[str, tuple[str, Sequence[tuple[Any, ...]]]] = {
    "organizations": ("id name slug updated_at", [("#o", "Org", "#org", "2026-01-01")]),
    "workspaces": ("id name slug organization_id updated_at", [("#w", "#Space", "space", "#o", "2026-01-01")]),
    "users": (
        "id email name display_name is_vp status updated_at",
        [
            ("#ann", "#ann@acme.example", "Ann Long", "#Ann", False, "ACTIVE", "2026-01-01"),
            ("#ben", "#ben@acme.example", "#Ben", None, False, "ACTIVE", "2026-01-01"),
            ("#bot", "#bot@acme.example", "#Bot", None, True, "ACTIVE", "2026-01-01"),
            ("#cleo", "#cleo@acme.example", "#Cleo", None, False, "ACTIVE", "2026-01-01"),
            ("#dan", "#dan@acme.example", None, None, False, "INACTIVE", "2026-01-01"),
            ("#zed", "#zed@acme.example", "#Zed", None, False, "ACTIVE", "2026-01-01"),
        ],
    ),
    "workspace_members": (
        "id role workspace_id user_id joined_at",
        [
            ("#m1", "OWNER", "#w", "#ann", "2026-01-01"),
            ("#m2", "MEMBER", "#w", "#ben", "2026-03-24T09:00"),  # new in the week
            ("#m3", "MEMBER", "#w", "#cleo", "2026-03-17T09:00"),  # new in the week before
            ("#m4", "GUEST", "#w", "#zed", "2026-02-01"),
            ("#m5", "MEMBER", "#w", "#bot", "2026-01-01"),
            # Dan has left the workspace.
        ],
    ),
    "vps": (
        "id discipline role user_id organization_id workspace_id updated_at",
        [("#vp", "Engineering", "Engineer", "#bot", "#o", "#w", "2026-01-01")],
    ),
    "channels": (
        "id name slug type is_archived workspace_id created_at updated_at",
        [
            ("#gen", "#general", "gen", "PUBLIC", False, "#w", "2026-01-01", "2026-01-01"),
            ("#dev", "#dev", "dev", "PUBLIC", False, "#w", "2026-01-01", "2026-01-01"),
            ("#quiet", "#quiet", "quiet", "PUBLIC", False, "#w", "2026-01-01", "2026-01-01"),
            ("#old", "#old", "old", "PUBLIC", True, "#w", "2026-01-01", "2026-01-01"),
            ("#late", "#late", "late", "PUBLIC", False, "#w", "2026-04-02", "2026-04-02"),
            ("#sec", "SECRET plans", "sec", "PRIVATE", False, "#w", "2026-01-01", "2026-01-01"),
            ("#dm", "SECRET pair", "dm", "DM", False, "#w", "2026-01-01", "2026-01-01"),
            ("#hud", "SECRET huddle", "hud", "HUDDLE", False, "#w", "2026-01-01", "2026-01-01"),
        ],
    ),
    "messages": (
        "id channel_id author_id created_at type is_deleted parent_id content updated_at",
        [
            (f"#{name}", f"#{channel}", f"#{author}", at, kind, deleted, parent and f"#{parent}", "SECRET text", at)
            for name, channel, author, at, kind, deleted, parent in (
                # the week before
                ("p0", "gen", "ann", "2026-03-15T22:59:59.999", "TEXT", False, None),  # before its first midnight
                ("p1", "gen", "ann", "2026-03-16T10:00", "TEXT", False, None),
                ("p2", "gen", "cleo", "2026-03-22T22:59:59.999", "TEXT", False, None),
                ("p3", "sec", "cleo", "2026-03-15T23:00", "TEXT", False, None),
                # the week of the report
                ("m1", "gen", "ann", "2026-03-23T08:00", "TEXT", False, None),
                ("m2", "gen", "ben", "2026-03-24T09:00", "TEXT", False, "m1"),
                ("m3", "gen", "ann", "2026-03-24T22:59:59.999", "TEXT", False, None),  # the last moment of the 24th
                ("m4", "dev", "ann", "2026-03-24T23:00", "FILE", False, None),  # the first moment of the 25th
                ("m5", "sec", "ann", "2026-03-26T10:00", "TEXT", False, None),
                ("m6", "dm", "ben", "2026-03-26T11:00", "TEXT", False, None),
                ("m7", "gen", "dan", "2026-03-29T00:59:59.999", "TEXT", False, None),  # before the clocks move
                ("m8", "gen", "ann", "2026-03-29T21:59:59.999", "TEXT", False, None),  # the last moment of the week
                ("m9", "gen", "ann", "2026-03-29T22:00", "TEXT", False, None),  # after the week
                ("m10", "gen", "ann", "2026-03-25T10:00", "TEXT", True, None),
                ("m11", "gen", "bot", "2026-03-25T10:00", "SYSTEM", False, None),
                ("m12", "old", "ann", "2026-03-25T12:00", "TEXT", False, None),
                ("m13", "dev", "bot", "2026-03-27T10:00", "COMMAND", False, None),
            )
        ],
    ),
    "reactions": (
        "id message_id user_id emoji created_at",
        [
            ("#r1", "#m1", "#ben", "+1", "2026-03-23T09:00"),
            ("#r2", "#m1", "#cleo", "+1", "2026-03-25T09:00"),
            ("#r3", "#p1", "#ann", "+1", "2026-03-24T10:00"),  # to a message from the week before
            ("#r4", "#m10", "#ann", "+1", "2026-03-25T10:01"),  # to a deleted message
            ("#r5", "#m5", "#ben", "+1", "2026-03-26T10:30"),
            ("#r6", "#p1", "#cleo", "+1", "2026-03-20T10:00"),
            ("#r7", "#m12", "#cleo", "+1", "2026-03-25T13:00"),  # in an archived channel
        ],
    ),
    "files": (
        "id filename original_name mime_type size s3_key s3_bucket status workspace_id uploaded_by_id created_at"
        " updated_at",
        [
            (f"#{name}", "SECRET", "SECRET", "text/plain", 1, "k", "b", status, "#w", "#ann", at, at)
            for name, status, at in (
                ("f1", "READY", "2026-03-24T23:00"),
                ("f2", "READY", "2026-03-26T10:00"),  # in a private channel
                ("f3", "READY", "2026-03-26T10:00"),  # attached to no message
                ("f4", "READY", "2026-03-25T10:00"),  # in a deleted message
                ("f5", "FAILED", "2026-03-23T08:00"),
                ("f6", "READY", "2026-03-16T10:00"),
            )
        ],
    ),
    "message_attachments": (
        "id message_id file_id",
        [("#a1", "#m4", "#f1"), ("#a2", "#m5", "#f2"), ("#a4", "#m10", "#f4"), ("#a5", "#m1", "#f5"),
         ("#a6", "#p1", "#f6"), ("#a7", "#m1", "#f1")],
    ),
    "tasks": (
        "id title status priority channel_id assigned_to_id created_at updated_at completed_at due_date vp_id"
        " workspace_id created_by_id",
        [
            (f"#{name}", title, status, priority, channel and f"#{channel}", who and f"#{who}", at, ended or at,
             ended if status == "DONE" else None, due, "#vp", "#w", "#ann")
            for name, title, status, priority, channel, who, at, ended, due in (
                ("t1", "One", "DONE", "HIGH", "gen", "ann", "2026-03-10T10:00", "2026-03-24T10:00", "2026-03-25T10:00"),
                ("t2", "Two", "DONE", "MEDIUM", "dev", "ben", "2026-03-24T10:00", "2026-03-29T10:00", "2026-03-28"),
                ("t3", "SECRET", "TODO", "CRITICAL", "sec", "ben", "2026-03-23T10:00", None, "2026-03-26T10:00"),
                ("t4", "Four", "IN_PROGRESS", "LOW", None, "ann", "2026-03-01T10:00", None, "2026-04-15T10:00"),
                ("t5", "Five", "BLOCKED", "LOW", "gen", None, "2026-03-29T21:59:59.999", None, None),
                ("t6", "Six", "CANCELLED", "MEDIUM", "gen", "ann", "2026-03-02T10:00", "2026-03-25T10:00", None),
                # Completed since then, but open and overdue at the end of the week.
                ("t7", "Seven", "DONE", "HIGH", "dev", "ben", "2026-03-20T10:00", "2026-03-30T10:00", "2026-03-29"),
                ("t8", "Eight", "TODO", "LOW", "gen", "ann", "2026-03-29T22:00", None, None),  # after the week
                ("t9", "Nine", "DONE", "LOW", "gen", "ann", "2026-03-02T10:00", "2026-03-17T10:00", None),
                ("t10", "Ten", "TODO", "LOW", "old", "zed", "2026-03-24T10:00", None, None),  # in an archived channel
            )
        ],
    ),
    "workflows": (
        "id name status workspace_id created_by trigger actions created_at updated_at",
        [
            (f"#{name}", title, status, "#w", "#ann", "{}", "[]", at, at)
            for name, title, status, at in (
                ("build", "#Build", "ACTIVE", "2026-01-01"),
                ("mail", "#Mail", "ACTIVE", "2026-01-01"),
                ("gone", "#Gone", "ARCHIVED", "2026-01-01"),
                ("next", "#Next", "ACTIVE", "2026-04-02"),
            )
        ],
    ),
    "workflow_executions": (
        "id workflow_id status started_at duration_ms trigger_type triggered_by error is_simulation workspace_id",
        [
            (f"#{name}", f"#{flow}", status, at, ms, trigger, by, error, simulated, "#w")
            for name, flow, status, at, ms, trigger, by, error, simulated in (
                ("e1", "build", "COMPLETED", "2026-03-23T10:00", 10_000, "manual", "#ann", None, False),
                ("e2", "build", "COMPLETED", "2026-03-24T10:00", 30_000, "schedule", "system", None, False),
                ("e3", "build", "FAILED", "2026-03-24T11:00", 5_000, "schedule", "system", "boom", False),
                ("e4", "build", "TIMEOUT", "2026-03-29T21:59:59.999", 9_000, "schedule", "system", "boom", False),
                ("e5", "build", "CANCELLED", "2026-03-25T10:00", 1_000, "schedule", "system", None, False),
                ("e6", "build", "RUNNING", "2026-03-29T12:00", None, "manual", "#ann", None, False),
                ("e7", "gone", "COMPLETED", "2026-03-25T10:00", 1_000, "schedule", "system", None, False),
                ("e8", "build", "COMPLETED", "2026-03-25T10:00", 1_000, "schedule", "system", None, True),
                ("e9", "build", "COMPLETED", "2026-03-29T22:00", 1_000, "schedule", "system", None, False),
                ("e10", "mail", "COMPLETED", "2026-03-17T10:00", 2_000, "event", "system", None, False),
            )
        ],
    ),
    "export_jobs": (
        "id type format status requested_by created_at completed_at record_count file_size error file_url workspace_id",
        [
            (f"#{name}", kind, form, status, f"#{who}", at, ended, rows, size, error, "https://SECRET.example", "#w")
            for name, kind, form, status, who, at, ended, rows, size, error in (
                ("x1", "messages", "CSV", "COMPLETED", "ann", "2026-03-23", "2026-03-23T00:00:20", 100, 5000, None),
                ("x2", "tasks", "JSON", "COMPLETED", "ben", "2026-03-29T20:00", "2026-03-29T20:00:40", 50, BIG, None),
                ("x3", "messages", "CSV", "FAILED", "ann", "2026-03-24T10:00", "2026-03-24T10:01", None, None, "quota"),
                ("x4", "messages", "JSON", "PENDING", "zed", "2026-03-25T10:00", None, None, None, None),
                ("x5", "files", "CSV", "COMPLETED", "cleo", "2026-03-17T10:00", "2026-03-17T10:00:10", 7, 70, None),
            )
        ],
    ),
}  # fmt: skip


#: The default custom report: number of messages by author and channel.
EVERYBODY = {
    "customFilters": {
        "source": "messages",
        "groupBy": ["author", "channel"],
        "aggregates": ["count"],
        "orderBy": ["count"],
    }
}


@dataclass(frozen=True)
class Answer:
    """The content of a report: key figures (also hidden ones) with their previous values, rows of each table, number of
    data rows; and of its mail the rows of each excerpt, with what is said about them.
    """

    figures: dict[str, tuple[Any, Any]]
    tables: dict[str, list[tuple[Any, ...]]]
    data_rows: int | None
    excerpts: dict[str, tuple[list[tuple[Any, ...]], str]]

    @property
    def now(self) -> dict[str, Any]:
        """Return the key figures without the previous period."""
        return {name: value for name, (value, _) in self.figures.items()}

    @property
    def texts(self) -> list[str]:
        """Return every text that a reader sees."""
        return [cell for rows in self.tables.values() for one in rows for cell in one if isinstance(cell, str)]


def fill(dsn: str, prefix: str = "") -> None:
    """Add the workspace to a database; workspaces with different prefixes differ only in ids and names."""
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        for table, (columns, rows) in TABLES.items():
            names = columns.split()
            statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join([sql.Placeholder()] * len(names)),
            )
            cursor.executemany(statement, [tuple(_named(value, prefix) for value in one) for one in rows])


def ask(
    dsn: str, kind: str, parameters: dict[str, Any] | None = None, *, workspace: str = "w",
    at: str = MONDAY_AFTER, zone: str = "Europe/Berlin",
) -> Answer:  # fmt: skip
    """Return what a run at *at* shows, passed through the gate, the pipeline and the staged files."""
    parameters = parameters or {"custom": EVERYBODY}.get(kind, {})
    key = RunKey(report_id="r1", run_id="manual__1")
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    asked = row(id="r1", reportType=kind, parameters=parameters, timezone=zone, workspace_id=workspace)
    services = MemoryServices(
        source=PostgresSource(dsn), definitions=MemoryDefinitions([asked]), staging=MemoryStaging(), moment=moment
    )
    pipeline.query(
        services, Trigger(key=key, kind=RunKind.MANUAL, scheduled_for=moment, conf={}, user=None, clear_number=0)
    )
    run = services.runs.load(key)
    kind_asked = report_type(run.report)
    shown = document.document(run, kind_asked, RunFiles.of(services.staging, key), Settings())
    mailed = document.document_for_mail(run, kind_asked, Settings())
    return Answer(
        figures={
            figure.spec.column.name: (figure.value, figure.previous)
            for figure in (*shown.figures, *shown.hidden_figures)
        },
        tables={table.name: _rows(table) for table in shown.tables},
        data_rows=run.mail_summary.data_rows if run.mail_summary else None,
        excerpts={excerpt.title: (_rows(excerpt.table), excerpt.note) for excerpt in mailed.excerpts},
    )


def _rows(table: Any) -> list[tuple[Any, ...]]:
    return [tuple(_plain(value) for value in one.values()) for batch in table.batches() for one in batch.to_pylist()]


def _plain(value: Any) -> Any:
    """Convert dates and times to text; times stay in UTC, as in the tables."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    return value.isoformat() if hasattr(value, "isoformat") else value


def _named(value: Any, prefix: str) -> Any:
    return value.replace("#", prefix) if isinstance(value, str) else value
