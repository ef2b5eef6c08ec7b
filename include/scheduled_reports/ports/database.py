"""Port: what the doctor asks of the reports database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from ..domain.finding import Finding


class Database(Protocol):
    """The reports database, examined as a whole."""

    def findings(self) -> Iterable[Finding]:
        """The server, our tables and triggers, and the privileges of the connection's role."""

    def now(self) -> datetime:
        """The server's clock."""

    def offsets(self, zones: Sequence[str], moments: Sequence[datetime]) -> Mapping[str, Sequence[int] | None]:
        """The offset from UTC of each zone at each moment, in seconds; None for a zone it does not know."""
