"""Benchmark a CSV file of `security-audit` by `preview` against pandas, which reads and writes the same rows.

pandas gets a query by hand that knows the workspace's entries beforehand, and classifies nothing.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .measure import Line, compared, in_a_process, timed

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = "bench.audit"
AT = datetime(2026, 5, 1, 9, tzinfo=UTC)
#: Two workspaces; *audit* entries of one of them in the 30 days before May, about resources of many types.
ROWS = """
INSERT INTO organizations (id, name, slug, updated_at) VALUES ('o', 'Org', 'org', now());
INSERT INTO workspaces (id, name, slug, organization_id, updated_at)
VALUES ('w', 'Space', 'w', 'o', now()), ('x', 'Neighbour', 'x', 'o', now());
INSERT INTO users (id, email, name, updated_at)
SELECT 'user-' || n, n || '@neolith.example', 'Person ' || n, now() FROM generate_series(0, 1999) n;
INSERT INTO workspace_members (id, workspace_id, user_id, role, joined_at)
SELECT 'member-' || n, 'w', 'user-' || n, 'ADMIN', '2025-01-01' FROM generate_series(0, 1999) n;
INSERT INTO channels (id, name, slug, type, workspace_id, created_at, updated_at)
SELECT 'channel-' || n, 'channel ' || n, n, (ARRAY['PUBLIC', 'PRIVATE'])[n % 2 + 1]::"ChannelType", 'w', '2025-01-01',
       now()
FROM generate_series(0, 499) n;
INSERT INTO messages (id, content, channel_id, author_id, created_at, updated_at)
SELECT 'message-' || n, 'What was said', 'channel-' || n % 500, 'user-' || n % 2000, '2026-04-01', now()
FROM generate_series(1, {audit} / 5) n;
INSERT INTO files (id, filename, original_name, mime_type, size, s3_key, s3_bucket, workspace_id, uploaded_by_id,
    created_at, updated_at)
SELECT 'file-' || n, 'f', 'f', 'text/plain', n, 'k', 'b', 'w', 'user-' || n % 2000, '2026-04-01', now()
FROM generate_series(1, {audit} / 5) n;
INSERT INTO audit_logs (id, actor_id, actor_type, action, resource_type, resource_id, ip, user_agent, severity,
    created_at)
SELECT 'audit-' || n, 'user-' || n * 7919::bigint % 2000, 'user',
       (ARRAY['session.login', 'session.login_failed', 'channel.updated', 'message.deleted', 'member.role_changed',
              'file.downloaded'])[n % 6 + 1],
       (ARRAY['user', 'session', 'channel', 'message', 'WorkspaceMember', 'file'])[n % 6 + 1],
       (ARRAY['user-' || n % 2000, 'session-' || n, 'channel-' || n % 500, 'message-' || n / 5 + 1,
              'member-' || n % 2000, 'file-' || n / 5 + 1])[n % 6 + 1],
       '192.0.2.' || n % 250, 'Mozilla/5.0 (X11; Linux x86_64) Firefox/' || n % 90,
       CASE WHEN n % 50 = 0 THEN 'critical' ELSE 'info' END,
       timestamp '2026-05-01' - (n::float8 / {audit}) * interval '30 days'
FROM generate_series(1, {audit}) n;
INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, export_formats, parameters, workspace_id,
    created_by_id, updated_at)
VALUES ('audit', 'Audit', 'security-audit', '0 9 1 * *', '{{csv}}', '{{"dateRange": {{"type": "last-30-days"}}}}', 'w',
        'user-0', now());
"""
BY_HAND = """
SELECT a.created_at, u.name, a.action, a.severity, a.resource_type, coalesce(c.name, m.name) AS resource,
       a.resource_id, a.ip, a.user_agent
FROM audit_logs a
LEFT JOIN users u ON u.id = a.actor_id
LEFT JOIN channels c ON c.id = a.resource_id
LEFT JOIN users m ON m.id = a.resource_id
WHERE a.created_at >= '2026-04-01' AND a.created_at < '2026-05-01'
ORDER BY a.created_at DESC, a.id DESC
"""


def ours(dsn: str, folder: Path) -> None:
    """Make the file as the command `preview` does."""
    from include.scheduled_reports.__main__ import main

    options = ["--format", "csv", "--at", AT.isoformat(), "--out", str(folder / "ours.csv")]
    if main(["preview", "audit", "--dsn", dsn, *options]):
        raise RuntimeError("preview failed")


def with_pandas(dsn: str, folder: Path) -> None:
    """Read the rows with pandas and write them."""
    import pandas as pd
    import sqlalchemy

    engine = sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    pd.read_sql(BY_HAND, engine).to_csv(folder / "pandas.csv", index=False)


MODULES = {
    "ours": ("include.scheduled_reports.adapters.postgres.source", "include.scheduled_reports.runs.preview"),
    "pandas": ("pandas", "sqlalchemy", "psycopg"),
}
CASES = {"ours": ours, "pandas": with_pandas}


def lines(folder: Path, size: int, *, repeat: int) -> Iterator[Line]:
    """Compare both on *size* entries of one workspace, one after the other."""
    import psycopg

    from demo import postgres
    from include.scheduled_reports import sample_data
    from include.scheduled_reports.adapters.postgres.migrate import migrate

    for server in postgres.running(folder / "postgres" / "data"):
        dsn = server.create_database("audit")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(Path(sample_data.__file__).with_name("neolith.sql").read_bytes())
        migrate(dsn)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(ROWS.format(audit=size).encode())
            connection.execute("VACUUM ANALYZE")
        found = {name: in_a_process(MODULE, name, dsn, str(folder), repeat=repeat) for name in CASES}
        rows = [(folder / f"{name}.csv").read_bytes().count(b"Firefox") for name in CASES]
        if rows != [size, size]:
            raise RuntimeError(f"the files have {rows} rows")
        yield compared(
            "audit", "security-audit as CSV by preview", size, (found["ours"], "pandas", found["pandas"]), "> 1"
        )


def main() -> int:
    """Run one case and print its cost."""
    name, dsn, folder = sys.argv[1:4]
    for module in MODULES[name]:  # imports are not timed
        import_module(module)
    print(timed(lambda: CASES[name](dsn, Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
