"""What upkeep reads and writes in PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ...domain import naming
from ...domain.run import RunKey
from ...ports.upkeep import CalendarInUse, Health, Tombstone
from .connection import transaction
from .encoding import in_encoding
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    import psycopg

    from ...domain.calendar import CountryCalendar
    from ...ports.upkeep import Decision


#: Columns that are not edits of a report: those we write, and time stamps.
OURS = ["status", "is_active", "last_run", "last_run_status", "next_run", "run_count", "success_count",
        "failure_count", "last_error", "created_at", "updated_at"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class PostgresUpkeepStore:
    """Port `UpkeepStore`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=20)

    def health(self, *, stuck_before: datetime, since: datetime) -> Health:
        (found,) = self._read("health", stuck_before=stuck_before, since=since)
        return Health(**found)

    def last_ticks(self, report_ids: Collection[str]) -> Mapping[str, datetime]:
        return {row["id"]: row["scheduled_for"] for row in self._read("last_ticks", ids=list(report_ids))}

    def set_next_runs(self, next_runs: Mapping[str, datetime | None]) -> int:
        return self._run("set_next_runs", ids=list(next_runs), ticks=list(next_runs.values()))

    def reject(self, rejections: Mapping[str, str], *, without_owner: Collection[str] = ()) -> int:
        keep_ticks = [report_id in without_owner for report_id in rejections]
        return self._run("reject", ids=list(rejections), reasons=list(rejections.values()), keep_ticks=keep_ticks)

    def untold_rejections(self, *, limit: int) -> Mapping[str, str | None]:
        return {row["report_id"]: row["notice"] for row in self._read("untold", limit=limit)}

    def name_notice(self, report_ids: Collection[str], notice: str) -> None:
        self._run("name_notice", ids=sorted(report_ids), notice=notice)

    def told(self, report_ids: Collection[str]) -> None:
        self._run("told", ids=sorted(report_ids))

    def readmit(self, report_ids: Collection[str]) -> int:
        with self._transaction() as connection:
            ids = {"ids": sorted(report_ids)}
            kept = connection.execute(statements("upkeep")["kept_ticks"], ids).fetchall()
            changed = connection.execute(statements("upkeep")["readmit"], ids).rowcount
            connection.execute(statements("upkeep")["forget_cause"], ids)
            connection.execute(statements("upkeep")["forget_rejected"], ids)
            moments = ("effective_from", "checked_to", "caught_up_to")
            values = {name: [row[name] for row in kept] for name in moments}
            connection.execute(statements("upkeep")["keep_ticks"], values | {"ids": [row["report_id"] for row in kept]})
        return changed

    def give_up(self, report_id: str) -> bool:
        return self._run("give_up", report_id=report_id, ours=OURS) > 0

    def resume_edited(self) -> int:
        return self._run("resume_edited", ours=OURS)

    def calendars_in_use(self) -> list[CalendarInUse]:
        return [CalendarInUse(**row) for row in self._read("calendars_in_use")]

    def keep_calendar(self, calendar: CountryCalendar) -> None:
        values = asdict(calendar) | {"weekend": list(calendar.weekend), "dates": list(calendar.dates)}
        self._run("keep_calendar", **values)

    def tombstones(self, *, limit: int) -> list[Tombstone]:
        return [Tombstone(**row) for row in self._read("tombstones", limit=limit)]

    def lift(self, report_ids: Collection[str]) -> None:
        self._run("lift", ids=sorted(report_ids))

    def correct_effective(self) -> int:
        return self._run("correct_effective")

    def checked(self) -> Mapping[str, datetime]:
        return {row["report_id"]: row["checked_to"] for row in self._read("checked")}

    def decided(self, since: Mapping[str, datetime]) -> Mapping[str, frozenset[datetime]]:
        found: dict[str, set[datetime]] = {}
        for row in self._read("decided", ids=list(since), since=list(since.values())):
            found.setdefault(row["id"], set()).add(row["tick"])
        return {report_id: frozenset(ticks) for report_id, ticks in found.items()}

    def set_checked(self, ticks: Mapping[str, datetime]) -> None:
        self._run("set_checked", ids=list(ticks), ticks=list(ticks.values()))

    def unbegun(self, report_ids: Collection[str]) -> frozenset[str]:
        return frozenset(row["report_id"] for row in self._read("unbegun", ids=sorted(report_ids)))

    def decide(self, decision: Decision) -> bool:
        values = {
            "report_id": decision.report_id,
            "effective_from": decision.effective_from,
            "checked_to": decision.checked_to,
            "caught_up_to": decision.checked_to if decision.catches_up else None,
            "run_ids": [naming.late_run_id(tick) for tick in decision.due],
            "ticks": list(decision.due),
        }
        with self._transaction() as connection:
            if not connection.execute(statements("upkeep")["hold_schedule"], values).fetchone():
                return False
            connection.execute(statements("upkeep")["add_due"], values)
            if (missed := decision.missed) is not None:
                of_missed = {"first": missed.first, "last": missed.last, "count": missed.ticks}
                of_missed |= {"policy": decision.policy, "made": len(decision.due)}
                connection.execute(statements("upkeep")["add_missed"], values | of_missed)
        return True

    def waiting(self, *, limit: int, each: int) -> Sequence[tuple[RunKey, datetime]]:
        self._run("drop_void")
        rows = self._read("waiting", limit=limit, each=each)
        return [(RunKey(report_id=row["report_id"], run_id=row["run_id"]), row["tick"]) for row in rows]

    def mark_started(self, keys: Collection[RunKey]) -> None:
        for report_id, of_report in groupby(sorted(keys, key=_report_id), _report_id):
            self._run("mark_started", report_id=report_id, run_ids=[key.run_id for key in of_report])

    def _read(self, name: str, **values: object) -> list[dict[str, Any]]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return connection.execute(statements("upkeep")[name], values).fetchall()

    def _run(self, name: str, **values: object) -> int:
        with self._transaction() as connection:
            return connection.execute(statements("upkeep")[name], in_encoding(connection, values)).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """A transaction whose edits appear in the audit trail with the actor `system`."""
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            connection.execute("SELECT set_config('reporting.actor', 'system', true)")
            yield connection


def _report_id(key: RunKey) -> str:
    return key.report_id
