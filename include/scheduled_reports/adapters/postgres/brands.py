"""The brands of workspaces, in reporting.brands."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from ...domain.brand import Brand, read_brand
from .connection import transaction
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from ...domain.run import AuditAction

#: Logos are long, and the audit trail only has to say that they were changed.
LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True)
class PostgresBrands:
    """Port `Brands`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def of(self, workspace_id: str) -> Brand | None:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            found = connection.execute(statements("brands")["of"], {"workspace_id": workspace_id}).fetchone()
        return read_brand(found["brand"]) if found else None

    def save(self, workspace_id: str, brand: Brand, act: AuditAction) -> bool:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return save_brand(connection, workspace_id, brand, act)


def save_brand(
    connection: psycopg.Connection[dict[str, Any]], workspace_id: str, brand: Brand, act: AuditAction
) -> bool:
    """As the port's `save`, in a transaction of the caller."""
    sql, values = statements("brands"), {"workspace_id": workspace_id}
    connection.execute(sql["hold"], values)
    found = connection.execute(sql["of"], values).fetchone()
    before = read_brand(found["brand"]) if found else Brand()
    if before == brand:
        return False
    connection.execute(sql["end"], values)
    if not brand.is_empty:
        connection.execute(sql["add"], {**values, "brand": Jsonb(_kept(brand))})
    changed = {name for name, value in asdict(brand).items() if value != getattr(before, name)}
    note = {
        **values,
        "action": act.action,
        "actor": act.actor.name,
        "acting_user": act.actor.acting_user,
        "before": Jsonb(_noted(before, changed)),
        "after": Jsonb(_noted(brand, changed)),
    }
    connection.execute(sql["note"], note)
    return True


def _kept(brand: Brand) -> Mapping[str, str]:
    return {name: value for name, value in asdict(brand).items() if value}


def _noted(brand: Brand, names: set[str]) -> Mapping[str, str]:
    """The changed values for the audit trail; ASCII alone is added to them, which every encoding can store."""
    values = ((name, str(value)) for name, value in asdict(brand).items() if name in names)
    return {name: value if len(value) <= LONGEST_NOTE else f"{value[:LONGEST_NOTE]}..." for name, value in values}
