"""The messages of a run as people see them: what the ledger holds, and what became of their links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..domain.reader import READER
from . import serializers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.run import RunKey
    from .access import Access


def deliveries_of(access: Access, key: RunKey) -> list[dict[str, Any]]:
    """Return the messages of a run, each with its reader if its links lead to the public door.

    Messages to one reader each come last, in the order of their addresses.
    """
    readers = {one.message: one for one in access.ports.core.readers.of(key)}
    found = (serializers.delivery(one, readers.get(one["message"])) for one in access.ports.reports.deliveries(key))
    return sorted(found, key=_place)


def only_reader(delivery: Mapping[str, Any]) -> str | None:
    """Return the address of a message to one reader, whose name in the ledger says nothing to people."""
    if not delivery["message"].startswith(READER):
        return None
    return ", ".join(address for kind in ("to", "cc", "bcc") for address in delivery["recipients"].get(kind, ()))


def _place(delivery: Mapping[str, Any]) -> tuple[bool, str]:
    address = only_reader(delivery)
    return address is not None, (address or delivery["message"]).lower()
