"""All ports of one process, bundled for the functions that use several.

Every adapter raises TransientError where a retry may help, and PermanentError where it cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from ..settings import Settings
    from .assets import AssetEvents
    from .brands import Brands
    from .feedback import EventQueue, FeedbackStore
    from .mail import Ledger, Mailer, SendRate
    from .metrics import Metrics
    from .readers import Readers
    from .reports import Definitions
    from .retention import Retention
    from .runs import Runs
    from .source import Source
    from .stages import Stages
    from .storage import Staging, Store
    from .upkeep import UpkeepStore


class Services(Protocol):
    """The ports of one process, each created on first use."""

    @property
    def settings(self) -> Settings:
        """The deployment's settings."""

    @property
    def definitions(self) -> Definitions:
        """Port `Definitions`."""

    @property
    def source(self) -> Source:
        """Port `Source`."""

    @property
    def staging(self) -> Staging:
        """Port `Staging`."""

    @property
    def store(self) -> Store:
        """Port `Store`."""

    @property
    def mailer(self) -> Mailer:
        """Port `Mailer`."""

    @property
    def runs(self) -> Runs:
        """Port `Runs`."""

    @property
    def stages(self) -> Stages:
        """Port `Stages`."""

    @property
    def upkeep_store(self) -> UpkeepStore:
        """Port `UpkeepStore`."""

    @property
    def retention(self) -> Retention:
        """Port `Retention`."""

    @property
    def ledger(self) -> Ledger:
        """Port `Ledger`."""

    @property
    def readers(self) -> Readers:
        """Port `Readers`."""

    @property
    def brands(self) -> Brands:
        """Port `Brands`."""

    @property
    def feedback(self) -> FeedbackStore:
        """Port `FeedbackStore`."""

    @property
    def event_queue(self) -> EventQueue | None:
        """Port `EventQueue`; None if the mail service's events are not read."""

    @property
    def send_rate(self) -> SendRate:
        """Port `SendRate`."""

    @property
    def metrics(self) -> Metrics:
        """Port `Metrics`."""

    @property
    def asset_events(self) -> AssetEvents:
        """Port `AssetEvents`."""

    @property
    def mail_until(self) -> datetime:
        """Until when messages are sent: a task ends at its time-out, an upkeep round has other work."""

    def now(self) -> datetime:
        """The current time, in UTC."""

    def wait(self, seconds: float) -> None:
        """Sleep for *seconds*."""
