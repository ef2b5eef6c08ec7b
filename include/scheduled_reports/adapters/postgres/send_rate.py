"""The rate at which all tasks together send mail: reporting.send_rates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from .connection import transaction
from .sql import statements


@dataclass(frozen=True, slots=True)
class PostgresSendRate:
    """Port `SendRate`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def reserve(self, service: str, recipients: int) -> float | None:
        values = {"service": service, "recipients": recipients}
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            found = connection.execute(statements("send_rate")["reserve"], values).fetchone()
        return float(found["seconds"]) if found else None

    def learn(self, service: str, per_second: float) -> None:
        values = {"service": service, "per_second": per_second}
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            connection.execute(statements("send_rate")["learn"], values)
