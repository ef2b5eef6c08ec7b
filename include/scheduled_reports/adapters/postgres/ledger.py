"""The ledger of messages: reporting.deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from ...domain.delivery import Delivery, DeliveryState
from ...domain.errors import MailStoppedError
from ...domain.formats import Format
from ...domain.report import Recipients
from .conditions import keep_state
from .connection import transaction
from .encoding import in_encoding
from .reports import current_row, members_of, unwanted
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager

    import psycopg

    from ...domain.reader import Unwanted
    from ...domain.report import Row
    from ...domain.run import RunKey
    from ...ports.mail import CurrentReport

    Connection = psycopg.Connection[dict[str, Any]]

STOPPED = "all mail is stopped: `enabled` in reporting.switches; clear this task when it is on again"


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    """Port `Ledger` on reporting.deliveries."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def claim(self, delivery: Delivery, confirm: Callable[[CurrentReport], None] | None = None) -> Delivery | None:
        key = {**key_values(delivery.key), "message": delivery.message}
        values = {
            "subject": delivery.subject,
            "recipients": Jsonb(delivery.recipients.as_json()),
            "mode": delivery.mode,
            "formats": [str(chosen) for chosen in delivery.formats],
            "requested_by": delivery.requested_by,
            "resend_of": delivery.resend_of,
            "feedback_id": delivery.feedback_id,
        }
        with self._transaction() as connection:
            if connection.execute(statements("ledger")["mail_is_stopped"]).fetchone():
                raise MailStoppedError(STOPPED)
            if connection.execute(statements("ledger")["claim"], in_encoding(connection, key | values)).fetchone():
                if confirm is not None:
                    confirm(ReportInTransaction(connection, delivery.key.report_id))
                return None
            return next(one for one in deliveries(connection, delivery.key) if one.message == delivery.message)

    def finish(self, delivery: Delivery) -> None:
        values = {
            **key_values(delivery.key),
            "message": delivery.message,
            "state": delivery.state,
            "message_id": delivery.message_id,
            "error": delivery.error,
            "refused": list(delivery.refused),
        }
        with self._transaction() as connection:
            found = connection.execute(statements("ledger")["finish"], in_encoding(connection, values)).fetchone()
            if found and found["has_candidate"]:
                keep_state(connection, delivery.key)
            if not delivery.is_notice:
                connection.execute(statements("ledger")["reopen"], key_values(delivery.key))

    def of(self, key: RunKey) -> tuple[Delivery, ...]:
        with self._transaction() as connection:
            return deliveries(connection, key)

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)


@dataclass(frozen=True, slots=True)
class ReportInTransaction:
    """Port `CurrentReport` in the transaction of a claim."""

    connection: Connection
    report_id: str

    @property
    def row(self) -> Row | None:
        return current_row(self.connection, self.report_id)

    @property
    def unwanted(self) -> Unwanted:
        return unwanted(self.connection, self.report_id)

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        return members_of(self.connection, workspace_id, addresses)

    def deliveries(self, key: RunKey) -> tuple[Delivery, ...]:
        return deliveries(self.connection, key)

    def mail_plan(self, key: RunKey) -> Mapping[str, Any] | None:
        return mail_plan(self.connection, key)


def mail_plan(connection: Connection, key: RunKey) -> Mapping[str, Any] | None:
    """The plan of a run's mail; None if there is none."""
    found = connection.execute(statements("runs")["mail_plan"], key_values(key)).fetchone()
    return found["mail"] if found else None


def key_values(key: RunKey) -> dict[str, str]:
    """A run's key as statement parameters."""
    return {"report_id": key.report_id, "run_id": key.run_id}


def deliveries(connection: Connection, key: RunKey) -> tuple[Delivery, ...]:
    """The messages of a run, ordered by message."""
    rows = connection.execute(statements("ledger")["of"], key_values(key)).fetchall()
    return tuple(_read(key, row) for row in rows)


def _read(key: RunKey, row: dict[str, Any]) -> Delivery:
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
        refused=tuple(row["refused"]),
        requested_by=row["requested_by"],
        resend_of=row["resend_of"],
        feedback_id=row["feedback_id"],
    )
