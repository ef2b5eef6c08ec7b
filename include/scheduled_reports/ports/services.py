"""What the pipeline needs of the world outside: small protocols, each with a real adapter and a fake.

Every adapter raises TransientError where trying again may help, and PermanentError where it cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from ..settings import Settings
    from .mail import Ledger, Mailer
    from .metrics import Meter
    from .reports import Definitions
    from .retention import Retention
    from .runs import Runs
    from .source import Source
    from .storage import Staging, Store
    from .upkeep import Housekeeping


class World(Protocol):
    """All ports of one process, each made when first used."""

    @property
    def settings(self) -> Settings:
        """The operator's settings."""

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
    def housekeeping(self) -> Housekeeping:
        """Port `Housekeeping`."""

    @property
    def retention(self) -> Retention:
        """Port `Retention`."""

    @property
    def ledger(self) -> Ledger:
        """Port `Ledger`."""

    @property
    def meter(self) -> Meter:
        """Port `Meter`."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def wait(self, seconds: float) -> None:
        """Let some seconds pass."""
