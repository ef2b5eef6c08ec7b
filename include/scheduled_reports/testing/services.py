"""All in-memory ports in one object."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from ..mail.plan import CurrentNow
from ..ports.source import Scope
from ..settings import Settings
from .assets import MemoryAssetEvents
from .brands import MemoryBrands
from .feedback import MemoryFeedback
from .mail import MemoryLedger, MemoryMailer
from .metrics import MemoryMetrics
from .readers import MemoryReaders, MemorySendRate
from .reports import MemoryDefinitions, changed_at
from .retention import MemoryRetention
from .runs import MemoryRuns
from .stages import MemoryStages
from .storage import MemoryStaging, MemoryStore
from .upkeep import MemoryUpkeepStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from ..ports.feedback import EventQueue
    from ..ports.metrics import Metrics
    from ..ports.reports import Definitions
    from ..ports.retention import Retention
    from ..ports.source import Source
    from ..ports.storage import Staging
    from ..ports.upkeep import UpkeepStore


@dataclass
class MemorySource:
    """Port `Source`: answers each query by calling *answer* with the query and its scope."""

    answer: Callable[[str, Scope], pa.Table]

    @contextmanager
    def stream(self, sql: str, scope: Scope) -> Iterator[pa.RecordBatchReader]:
        yield self.answer(sql, scope).to_reader()

    def columns(self, sql: str) -> pa.Schema:
        moment = datetime(2026, 5, 10, tzinfo=UTC)
        nothing = Scope(workspace_id="", start=moment, end=moment, timezone="UTC", parameters={})
        return self.answer(sql, nothing).schema


@dataclass
class MemoryServices:
    """All ports, in memory."""

    source: Source
    settings: Settings = field(default_factory=Settings)
    definitions: Definitions = field(default_factory=MemoryDefinitions)
    staging: Staging = field(default_factory=MemoryStaging)
    store: MemoryStore = field(default_factory=MemoryStore)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    metrics: Metrics = field(default_factory=MemoryMetrics)
    asset_events: MemoryAssetEvents = field(default_factory=MemoryAssetEvents)
    runs: MemoryRuns = field(init=False)
    stages: MemoryStages = field(init=False)
    readers: MemoryReaders = field(init=False)
    brands: MemoryBrands = field(default_factory=MemoryBrands)
    feedback: MemoryFeedback = field(init=False)
    event_queue: EventQueue | None = None
    send_rate: MemorySendRate = field(init=False)
    upkeep_store: UpkeepStore = field(init=False)
    retention: Retention = field(init=False)
    #: How much time there is for sending, at any moment.
    mail_time: timedelta = timedelta(minutes=12)
    moment: datetime = datetime(2026, 5, 10, 9, 0, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.ledger.current = partial(CurrentNow, self)
        self.runs = MemoryRuns(self.ledger, now=self.now, effective=self._effective, brand=self.brands.of)
        self.stages = MemoryStages(self.runs)
        self.feedback = MemoryFeedback(self.ledger, self._workspace, now=self.now)
        self.readers = MemoryReaders(self.now, suppressed=self._suppressed)
        self.send_rate = MemorySendRate(self.now)
        if isinstance(self.staging, MemoryStaging):
            self.staging.now = self.now
        rows = self.definitions if isinstance(self.definitions, MemoryDefinitions) else MemoryDefinitions()
        self.upkeep_store = MemoryUpkeepStore(rows, self.now, record=self.runs, due=self.runs.due)
        self.retention = MemoryRetention(self.runs, rows, self.now, self.readers)

    @property
    def mail_until(self) -> datetime:
        return self.moment + self.mail_time

    def now(self) -> datetime:
        return self.moment

    def wait(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def _workspace(self, report_id: str) -> str | None:
        row = self.definitions.row(report_id)
        return row["workspace_id"] if row else None

    def _suppressed(self, report_id: str) -> frozenset[str]:
        return self.feedback.suppressed(self._workspace(report_id) or "")

    def _effective(self, report_id: str) -> datetime:
        row = self.definitions.row(report_id)
        return datetime.fromisoformat(changed_at(row)) if row else datetime.min.replace(tzinfo=UTC)
