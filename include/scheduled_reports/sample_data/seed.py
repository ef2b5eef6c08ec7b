"""Fill a database with sample workspaces; the result depends on the date only, and no other rows are changed."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING

from ..adapters.postgres.connection import transaction
from ..adapters.postgres.migrate import migrate
from ..domain.errors import ConfigurationError
from . import load, talk, traces, work
from .cast import sites
from .history import DAYS, History
from .places import places
from .reports import FIRST, scheduled_reports

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from datetime import date

    from .rows import Item

LONGEST = timedelta(hours=1)  # for one statement: deleting millions of messages takes minutes


def seed(dsn: str, *, until: date, reports: int = 13, messages: int = 20_000) -> tuple[str, ...]:
    """Fill the database with the days before *until* and return a summary; *reports* is the number of valid reports.

    Raises:
        ConfigurationError: The database has other workspaces, or its tables are not the application's.
        TransientError: The database was unavailable or busy.
    """
    if reports < 0 or messages < 0:
        raise ConfigurationError("the numbers of reports and messages cannot be negative")
    history = History(until)
    with transaction(dsn, statement_timeout=LONGEST) as connection:
        load.refuse_other_workspaces(connection, [site.id for site in sites()])
        load.create_tables(connection)
    migrate(dsn)
    with transaction(dsn, statement_timeout=LONGEST) as connection:
        standing = chain(places(history), scheduled_reports(history, reports))
        written = load.replace(connection, standing, activity(history, messages))
    return tuple(_summary(history, written, reports))


def activity(history: History, total: int) -> Iterator[Item]:
    """Yield all activity, in proportion to *total* messages, with a minimum that keeps every report filled."""
    tasks = max(120, total // 40)
    return chain(
        talk.messages(history, total),
        work.tasks(history, tasks),
        work.executions(history, max(240, total // 12)),
        traces.audit_logs(history, max(360, total // 8), tasks),
        traces.notifications(history, max(240, total // 10)),
        traces.sessions(history),
        traces.export_jobs(history, 40 + total // 1000),
    )


def _summary(history: History, written: Counter[str], valid: int) -> Iterator[str]:
    yield f"{DAYS} days of history, up to {history.until} 00:00 UTC"
    for site in sites():
        yield f"workspace {site.id}: {site.name} (slug {site.slug}, {site.zone.key})"
    broken = written["scheduled_reports"] - valid
    yield f"{valid} valid reports, and {broken} intentionally broken ones"
    yield ", ".join(f"{rows:,} {table}" for table, rows in written.items() if table != "scheduled_reports")
    if valid:
        yield f"start with the report {FIRST}"
