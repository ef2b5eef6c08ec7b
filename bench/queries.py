"""`python -m bench.queries`: time the queries of every report type on a big workspace, next to a hand-written query.

The hand-written queries have workspace and days as literals and compute only the main content: they are a lower bound.
Everything is measured twice, without and with the indexes that might be missing.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from demo import postgres
from include.scheduled_reports import sample_data
from include.scheduled_reports.adapters.postgres.migrate import migrate
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_types

HEAD = {"by hand": 10, "figures": 9, "main": 8, "slowest other": 24, "all": 8}
END = datetime(2026, 5, 1, tzinfo=UTC)
#: A workspace of 120 days, and a second one of a tenth of its size; together they have the requested number of rows.
ROWS = """
INSERT INTO organizations (id, name, slug, updated_at) VALUES ('o', 'Org', 'org', now());
INSERT INTO workspaces (id, name, slug, organization_id, updated_at)
VALUES ('w', 'Space', 'w', 'o', now()), ('x', 'Neighbour', 'x', 'o', now());
INSERT INTO users (id, email, name, updated_at)
SELECT 'user-' || n, n || '@neolith.example', 'Person ' || n, now() FROM generate_series(0, 1999) n;
INSERT INTO workspace_members (id, workspace_id, user_id, joined_at)
SELECT 'member-' || n, 'w', 'user-' || n, '2025-01-01' FROM generate_series(0, 1999) n;
INSERT INTO vps (id, discipline, role, user_id, organization_id, updated_at)
VALUES ('vp', 'd', 'r', 'user-0', 'o', now());
INSERT INTO channels (id, name, slug, type, is_archived, workspace_id, created_at, updated_at)
SELECT 'channel-' || n, 'channel ' || n, n,
       (ARRAY['PUBLIC', 'PUBLIC', 'PUBLIC', 'PRIVATE', 'DM'])[n % 5 + 1]::"ChannelType", n % 20 = 7,
       CASE WHEN n % 11 = 0 THEN 'x' ELSE 'w' END, '2025-01-01', now()
FROM generate_series(0, 549) n;
INSERT INTO messages (id, content, type, is_deleted, channel_id, author_id, parent_id, created_at, updated_at)
SELECT 'message-' || n, 'What was said, in a sentence of some length, number ' || n, 'TEXT', n % 97 = 0,
       'channel-' || (n * 7919::bigint + n / 1000) % 550, 'user-' || (n * 104729::bigint + n / 777) % 2000,
       CASE WHEN n % 5 = 0 AND n > 100 THEN 'message-' || n - 100 END, at, at
FROM (SELECT n, timestamp '2026-05-01' - (n::float8 / %(messages)s) * interval '120 days' - interval '1 ms' AS at
      FROM generate_series(1, %(messages)s) n) _;
INSERT INTO reactions (id, emoji, message_id, user_id, created_at)
SELECT 'reaction-' || n, '+1', 'message-' || n * 8, 'user-' || n % 2000,
       timestamp '2026-05-01' - (n * 8::float8 / %(messages)s) * interval '120 days' - interval '1 ms'
FROM generate_series(1, %(messages)s / 8) n;
INSERT INTO files (id, filename, original_name, mime_type, size, s3_key, s3_bucket, status, workspace_id,
    uploaded_by_id, created_at, updated_at)
SELECT 'file-' || n, 'f', 'f', 'text/plain', n, 'k', 'b', 'READY', 'w', 'user-' || n % 2000,
       timestamp '2026-05-01' - (n * 33::float8 / %(messages)s) * interval '120 days' - interval '1 ms', now()
FROM generate_series(1, %(messages)s / 33) n;
INSERT INTO message_attachments (id, message_id, file_id)
SELECT 'attachment-' || n, 'message-' || n * 33, 'file-' || n FROM generate_series(1, %(messages)s / 33) n;
INSERT INTO tasks (id, title, priority, status, vp_id, workspace_id, channel_id, created_by_id, assigned_to_id,
    created_at, updated_at, completed_at, due_date)
SELECT 'task-' || n, 'Task ' || n, (enum_range(NULL::"TaskPriority"))[n % 4 + 1],
       CASE WHEN n % 10 = 0 THEN 'TODO' ELSE 'DONE' END::"TaskStatus", 'vp',
       CASE WHEN n % 11 = 0 THEN 'x' ELSE 'w' END, 'channel-' || n % 550, 'user-0', 'user-' || n % 2000, at, at,
       CASE WHEN n % 10 > 0 THEN at + interval '3 days' END, at + interval '4 days'
FROM (SELECT n, timestamp '2026-05-01' - (n::float8 * 20 / %(messages)s) * interval '120 days' AS at
      FROM generate_series(1, %(messages)s / 20) n) _;
INSERT INTO workflows (id, name, trigger, actions, status, workspace_id, created_by, created_at, updated_at)
SELECT 'workflow-' || n, 'Workflow ' || n, '{}', '[]', 'ACTIVE', CASE WHEN n % 11 = 0 THEN 'x' ELSE 'w' END, 'user-0',
       '2025-01-01', now()
FROM generate_series(0, 109) n;
INSERT INTO workflow_executions (id, status, triggered_by, trigger_type, error, started_at, duration_ms, workflow_id,
    workspace_id)
SELECT 'execution-' || n, CASE WHEN n % 9 = 0 THEN 'FAILED' ELSE 'COMPLETED' END::"WorkflowExecutionStatus",
       'system', 'schedule', CASE WHEN n % 9 = 0 THEN 'error ' || n % 70 END,
       timestamp '2026-05-01' - (n::float8 * 10 / %(messages)s) * interval '120 days', n % 60000,
       'workflow-' || n % 110, CASE WHEN n % 11 = 0 THEN 'x' ELSE 'w' END
FROM generate_series(1, %(messages)s / 10) n;
INSERT INTO export_jobs (id, workspace_id, type, format, status, record_count, file_size, requested_by, created_at,
    completed_at)
SELECT 'export-' || n, CASE WHEN n % 11 = 0 THEN 'x' ELSE 'w' END, (ARRAY['messages', 'tasks', 'files'])[n % 3 + 1],
       'CSV', 'COMPLETED', n, n * 100::bigint, 'user-' || n % 2000, at, at + interval '20 seconds'
FROM (SELECT n, timestamp '2026-05-01' - (n::float8 * 50 / %(messages)s) * interval '120 days' AS at
      FROM generate_series(1, %(messages)s / 50) n) _;
INSERT INTO audit_logs (id, actor_id, actor_type, action, resource_type, resource_id, ip, severity, created_at)
SELECT 'audit-' || n, 'user-' || n % 2000, 'user',
       (ARRAY['session.login', 'session.login_failed', 'channel.updated', 'task.updated'])[n % 4 + 1],
       (ARRAY['user', 'user', 'channel', 'task'])[n % 4 + 1],
       (ARRAY['user-' || n % 2000, 'user-' || n % 2000, 'channel-' || n % 550, 'task-' || n % 1000])[n % 4 + 1],
       '192.0.2.7', CASE WHEN n % 50 = 0 THEN 'critical' ELSE 'info' END,
       timestamp '2026-05-01' - (n::float8 / %(audit)s) * interval '120 days'
FROM generate_series(1, %(audit)s) n;
"""
TALK = """
FROM messages m JOIN channels c ON c.id = m.channel_id
WHERE c.workspace_id = 'w' AND NOT c.is_archived AND m.created_at >= '{start}' AND m.created_at < '{end}'
  AND NOT m.is_deleted AND m.type <> 'SYSTEM'
"""
#: The best hand-written query for the main content of each type.
BY_HAND = {
    "workspace-activity": f"SELECT count(*) AS a, count(m.parent_id) AS b {TALK}",
    "channel-analytics": f"SELECT c.id, count(*) AS a, count(m.parent_id) AS b {TALK} GROUP BY 1",
    "user-engagement": f"SELECT m.author_id, count(*) {TALK} GROUP BY 1",
    "task-completion": """
        SELECT count(*) FILTER (WHERE completed_at >= '{start}' AND completed_at < '{end}'),
               count(*) FILTER (WHERE created_at >= '{start}')
        FROM tasks WHERE workspace_id = 'w' AND created_at < '{end}'""",
    "workflow-execution": """
        SELECT count(*), count(*) FILTER (WHERE status = 'FAILED') FROM workflow_executions
        WHERE workspace_id = 'w' AND NOT is_simulation AND started_at >= '{start}' AND started_at < '{end}'""",
    "export-summary": """
        SELECT count(*), sum(record_count), sum(file_size) FROM export_jobs
        WHERE workspace_id = 'w' AND created_at >= '{start}' AND created_at < '{end}'""",
    "security-audit": """
        SELECT count(*), count(*) FILTER (WHERE severity = 'critical') FROM audit_logs
        WHERE created_at >= '{start}' AND created_at < '{end}'""",
}
#: Indexes that the application's schema might lack; docs/operate.md has the results.
INDEXES = """
CREATE INDEX ON messages (channel_id, created_at);
CREATE INDEX ON reactions (created_at);
CREATE INDEX ON files (workspace_id, created_at);
CREATE INDEX ON workflow_executions (workspace_id, started_at);
CREATE INDEX ON export_jobs (workspace_id, created_at);
CREATE INDEX ON audit_logs (created_at);
"""


def main() -> int:
    """Create the workspace, time every query, print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.queries", description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000_000)
    parser.add_argument("--audit", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, nargs="+", default=[7, 30])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for server in postgres.running(folder / "postgres" / "data"):
            dsn = _filled(server, options.messages, options.audit)
            _measure(dsn, options.days, "as the application has it")
            with psycopg.connect(dsn, autocommit=True) as connection:
                for statement in (*INDEXES.strip().splitlines(), "VACUUM ANALYZE"):
                    connection.execute(statement.encode())
            _measure(dsn, options.days, "with every index that might be missing")
    return 0


def _filled(server: postgres.Postgres, messages: int, audit: int) -> str:
    """Create a database with the rows; indexes are created last, which is faster."""
    dsn = server.create_database("queries")
    statements = Path(sample_data.__file__).with_name("neolith.sql").read_text(encoding="utf-8").split(";\n")
    later = re.compile(r"\s*(CREATE (UNIQUE )?INDEX|ALTER TABLE)")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        for statement in statements:
            if not later.match(statement):
                connection.execute(statement.encode())
        connection.execute(ROWS.replace("%(messages)s", str(messages)).replace("%(audit)s", str(audit)).encode())
        for statement in statements:
            if later.match(statement):
                connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")
    migrate(dsn)
    return dsn


def _measure(dsn: str, windows: list[int], title: str) -> None:
    names = "".join(f"{name:>{width}}" for name, width in HEAD.items())
    print(f"{title}\n{'report type':<20}{'days':>5}{names}")
    source = PostgresSource(dsn)
    for days in windows:
        scope = Scope(workspace_id="w", start=END - timedelta(days=days), end=END, timezone="UTC", parameters={})
        for kind in report_types().values():
            by_hand = BY_HAND.get(kind.id, "SELECT 1 AS x").format(start=scope.start.date(), end=scope.end.date())
            floor = _seconds(source, by_hand, scope)
            figures = _seconds(source, kind.figures_sql, scope)
            main, *others = ((_seconds(source, dataset.sql, scope), dataset.name) for dataset in kind.datasets)
            slowest = max(others, default=(0.0, ""))
            whole = 2 * figures + main[0] + sum(seconds for seconds, _ in others)
            print(
                f"{kind.id:<20}{days:>5}{floor:>10.2f}{figures:>9.2f}{main[0]:>8.2f}"
                f"{slowest[1]:>16}{slowest[0]:>8.2f}{whole:>8.2f}",
                flush=True,
            )


def _seconds(source: PostgresSource, sql: str, scope: Scope) -> float:
    """Return the faster of two runs, in which the data is in memory."""
    taken = []
    for _ in range(2):
        began = time.perf_counter()
        with source.stream(sql, scope) as batches:
            batches.read_all()
        taken.append(time.perf_counter() - began)
    return min(taken)


if __name__ == "__main__":
    sys.exit(main())
