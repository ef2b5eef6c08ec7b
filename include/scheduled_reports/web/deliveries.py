"""The messages of a run as people see them: what the ledger holds, and what became of their links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import serializers

if TYPE_CHECKING:
    from ..domain.run import RunKey
    from .access import Access


def deliveries_of(access: Access, key: RunKey) -> list[dict[str, Any]]:
    """Return the messages of a run, each with its reader if its links lead to the public door."""
    readers = {one.message: one for one in access.ports.core.readers.of(key)}
    return [serializers.delivery(one, readers.get(one["message"])) for one in access.ports.reports.deliveries(key)]
