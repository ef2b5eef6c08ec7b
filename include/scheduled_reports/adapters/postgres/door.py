"""What the public door may do in the database: call the functions of `sql/door.sql`, each with a reader's handle."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...domain.naming import objects_of
from ...domain.reader import LeftBy
from ...ports.readers import DoorFile, DoorReader, DoorReport
from .connection import transaction
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from ...domain.formats import Format


@dataclass(frozen=True, slots=True)
class PostgresDoor:
    """Port `Door`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=5)

    def file(self, reader: UUID, chosen: Format, *, is_opening: bool) -> DoorFile | None:
        rows = self._rows("file", {"reader": reader, "format": chosen, "is_opening": is_opening})
        if not rows:
            return None
        row = rows[0]
        folder = objects_of(row.pop("workspace_id"), row.pop("report_id"))
        # Whoever can write the record cannot make a file of another report reachable with it.
        return DoorFile(**row) if row["object_key"].startswith(folder) else None

    def reader(self, reader: UUID) -> DoorReader | None:
        rows = self._rows("reader", {"reader": reader})
        # A workspace without a name, or without a name in its brand.
        return (
            DoorReader(**{**rows[0], **{one: rows[0][one] or "" for one in ("workspace", "brand")}}) if rows else None
        )

    def leave(self, reader: UUID, how: LeftBy) -> bool:
        return self._switch(reader, None, how)

    def come_back(self, reader: UUID) -> bool:
        return self._switch(reader, None, None)

    def reports(self, reader: UUID) -> Sequence[DoorReport]:
        return tuple(DoorReport(**row) for row in self._rows("reports", {"reader": reader}))

    def switch(self, reader: UUID, report_id: str, *, receives: bool) -> bool:
        return self._switch(reader, report_id, None if receives else LeftBy.MANAGE)

    def _switch(self, reader: UUID, report_id: str | None, how: LeftBy | None) -> bool:
        rows = self._rows("switch", {"reader": reader, "report_id": report_id, "how": how})
        return bool(rows[0]["done"])

    def _rows(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return connection.execute(statements("door_calls")[name], values).fetchall()
