"""The timetable of a report: a pure function of its cron, its zone and the moment its schedule became effective."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from ..domain.cron import Cron
from ..domain.schedule import Schedule

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction
    from airflow.utils.types import DagRunType
    from pendulum import DateTime


class ReportTimetable(Timetable):
    """Fires at every tick after *effective_from*; asks no clock, so that no parse and no restart can lose a tick."""

    def __init__(self, cron: str, timezone: str, effective_from: str, jitter: int = 0) -> None:
        self.schedule = Schedule(
            cron=Cron.parse(cron), zone=ZoneInfo(timezone), effective_from=datetime.fromisoformat(effective_from)
        )
        self.jitter = jitter

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ReportTimetable:
        """The timetable of *data*; the same object for the same data, since Airflow asks a dozen times per parse."""
        return _cached(data["cron"], data["timezone"], data["effective_from"], data["jitter"])

    def serialize(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "cron": self.schedule.cron.expression,
            "timezone": self.schedule.zone.key,
            "effective_from": self.schedule.effective_from.isoformat(),
            "jitter": self.jitter,
        }

    @property
    def summary(self) -> str:
        """What the list of DAGs shows."""
        return f"{self.schedule.cron.expression} ({self.schedule.zone.key})"

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """A run by hand covers the period that ends with it; the window comes from `run_after`."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The tick after the last one, after the effective moment; a backfill asks for the past and gets it."""
        moments = [last_automated_data_interval.end] if last_automated_data_interval else []
        # `earliest` is inclusive, a tick comes strictly after the moment asked for.
        if restriction.earliest is not None:
            moments.append(restriction.earliest.subtract(microseconds=1))
        after = max(moments, default=self.schedule.effective_from)
        backfill = restriction.catchup and restriction.earliest is not None
        tick = pendulum.instance(self.schedule.next_after(after, backfill=backfill))
        # A backfill goes on until the timetable says that it is over.
        if restriction.latest is not None and tick > restriction.latest:
            return None
        return DagRunInfo(run_after=tick.add(seconds=self.jitter), data_interval=DataInterval.exact(tick))

    def generate_run_id(
        self, *, run_type: DagRunType, run_after: DateTime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """A run is named after its tick, not after the moment the jitter moved it to."""
        named = run_after if data_interval is None else data_interval.end
        return super().generate_run_id(run_type=run_type, run_after=named, data_interval=data_interval, **extra)


class RestingTimetable(Timetable):
    """Never fires: for a DAG that only lets its open runs end.

    Not `None`, because a DAG without a timetable has to take runs by hand.
    """

    periodic = False

    @property
    def summary(self) -> str:
        """What the list of DAGs shows."""
        return "gone"

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """As of any run by hand; there are none but those that were queued before."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,  # noqa: ARG002
        restriction: TimeRestriction,  # noqa: ARG002
    ) -> DagRunInfo | None:
        """Nothing comes."""
        return None


@lru_cache(maxsize=20_000)
def _cached(cron: str, timezone: str, effective_from: str, jitter: int) -> ReportTimetable:
    return ReportTimetable(cron, timezone, effective_from, jitter)
