"""The timetable of a report: a pure function of cron expression, time zone, effective moment and closed days."""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from ..domain.calendar import Calendar
from ..domain.cron import Cron
from ..domain.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.timetables.base import TimeRestriction
    from airflow.utils.types import DagRunType
    from pendulum import DateTime

#: The arguments that every timetable has.
BASIC = frozenset({"cron", "timezone", "effective_from", "jitter"})


class ReportTimetable(Timetable):
    """Fires at every tick after *effective_from*; it does not read the clock, so no parse or restart loses a tick."""

    def __init__(self, cron: str, timezone: str, effective_from: str, jitter: int = 0, **options: Any) -> None:
        self.schedule = Schedule(
            cron=Cron.parse(cron),
            zone=ZoneInfo(timezone),
            effective_from=datetime.fromisoformat(effective_from),
            calendar=_calendar(options),
            on_closed=options.get("on_closed", "skip"),
            starts_on=_day(options.get("starts_on")),
            ends_on=_day(options.get("ends_on")),
        )
        self.jitter = jitter
        #: `weekend`, `closed` and `on_closed`, `starts_on`, `ends_on`: only those that the report uses, so that the
        #: stored DAGs of other reports are the same as ever.
        self.options = options

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ReportTimetable:
        """Return the timetable of *data*, cached because Airflow calls this a dozen times per parse."""
        # Lists cannot be part of a key, and a calendar is long, so it is looked up as text.
        options = {name: value for name, value in data.items() if name not in BASIC}
        more = json.dumps(options, sort_keys=True) if options else ""
        return _cached(data["cron"], data["timezone"], data["effective_from"], data["jitter"], more)

    def serialize(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            "cron": self.schedule.cron.expression,
            "timezone": self.schedule.zone.key,
            "effective_from": self.schedule.effective_from.isoformat(),
            "jitter": self.jitter,
            **self.options,
        }

    @property
    def summary(self) -> str:
        """The schedule in the list of DAGs."""
        return f"{self.schedule.cron.expression} ({self.schedule.zone.key})"

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return an empty interval: the window of a manual run is computed from `run_after`."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the first tick after the last one and the effective moment; a backfill may ask for earlier ticks."""
        moments = [last_automated_data_interval.end] if last_automated_data_interval else []
        # `earliest` is inclusive, but `next_after` returns ticks strictly after its argument.
        if restriction.earliest is not None:
            moments.append(restriction.earliest.subtract(microseconds=1))
        after = max(moments, default=self.schedule.effective_from)
        backfill = restriction.catchup and restriction.earliest is not None
        found = self.schedule.next_after(after, backfill=backfill)
        if found is None:  # the schedule has ended
            return None
        tick = pendulum.instance(found)
        # A backfill continues until the timetable returns None.
        if restriction.latest is not None and tick > restriction.latest:
            return None
        return DagRunInfo(run_after=tick.add(seconds=self.jitter), data_interval=DataInterval.exact(tick))

    def generate_run_id(
        self, *, run_type: DagRunType, run_after: DateTime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """Name a run after its tick, without the jitter."""
        named = run_after if data_interval is None else data_interval.end
        return super().generate_run_id(run_type=run_type, run_after=named, data_interval=data_interval, **extra)


class RestingTimetable(Timetable):
    """Never fires; for a DAG that only lets its open runs finish.

    The schedule cannot be None, because a DAG without a schedule must accept manual runs.
    """

    periodic = False

    @property
    def summary(self) -> str:
        """The schedule in the list of DAGs."""
        return "gone"

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return an empty interval, as for every manual run; only runs that were queued before remain."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,  # noqa: ARG002
        restriction: TimeRestriction,  # noqa: ARG002
    ) -> DagRunInfo | None:
        """Return None: there are no more runs."""
        return None


def _calendar(options: Mapping[str, Any]) -> Calendar | None:
    if "weekend" not in options:
        return None
    return Calendar(weekend=frozenset(options["weekend"]), closed=frozenset(map(date.fromisoformat, options["closed"])))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


@lru_cache(maxsize=20_000)
def _cached(cron: str, timezone: str, effective_from: str, jitter: int, options: str) -> ReportTimetable:
    return ReportTimetable(cron, timezone, effective_from, jitter, **json.loads(options or "{}"))
