"""The ledger of messages, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from ..model import Delivery, DeliveryState, Format, Recipients
from ..sql import statements
from .postgres import transaction

if TYPE_CHECKING:
    from ..model import RunKey


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    """Port `Ledger` on reporting.deliveries."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def claim(self, delivery: Delivery) -> Delivery | None:
        """Claim a message; None when the claim is ours, otherwise what the ledger holds of it already."""
        key = {**key_values(delivery.key), "message": delivery.message}
        values = {
            "subject": delivery.subject,
            "recipients": Jsonb(delivery.recipients.as_json()),
            "mode": delivery.mode,
            "formats": [str(chosen) for chosen in delivery.formats],
        }
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            if connection.execute(statements("ledger")["claim"], key | values).fetchone():
                return None
            held = connection.execute(statements("ledger")["held"], key).fetchone()
            assert held is not None
            return read_delivery(delivery.key, {**held, "message": delivery.message})

    def finish(self, delivery: Delivery) -> None:
        """Write down how a claimed message ended."""
        values = {
            **key_values(delivery.key),
            "message": delivery.message,
            "state": delivery.state,
            "message_id": delivery.message_id,
            "error": delivery.error,
        }
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            connection.execute(statements("ledger")["finish"], values)


def key_values(key: RunKey) -> dict[str, str]:
    """A run's key as the statements name it."""
    return {"report_id": key.report_id, "run_id": key.run_id}


def read_delivery(key: RunKey, row: dict[str, Any]) -> Delivery:
    """A row of reporting.deliveries."""
    return Delivery(
        key=key,
        message=row["message"],
        state=DeliveryState(row["state"]),
        subject=row["subject"],
        recipients=Recipients(**{kind: tuple(addresses) for kind, addresses in row["recipients"].items()}),
        mode=row["mode"],
        formats=tuple(Format(name) for name in row["formats"]),
        message_id=row["message_id"],
        error=row["error"],
    )
