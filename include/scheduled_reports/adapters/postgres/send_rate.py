"""The rate at which all tasks together send mail: reporting.send_rates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from ...domain.delivery import Turn, pause_after
from .connection import transaction
from .sql import statements


@dataclass(frozen=True, slots=True)
class PostgresSendRate:
    """Port `SendRate`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def reserve(self, service: str, recipients: int, *, per_second: float, longest: float) -> Turn:
        sql = statements("send_rate")
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            found = connection.execute(sql["look"], {"service": service}).fetchone()
            if found is None:
                connection.execute(sql["begin"], {"service": service})
                return Turn(seconds=0, is_old=True)
            rate = per_second or found["per_second"]
            if not rate:
                return Turn(seconds=0, is_old=found["is_old"])
            if found["seconds"] > longest:
                return Turn(seconds=None, is_old=found["is_old"])
            values = {"service": service, "start": found["start"], "pause": pause_after(recipients, rate)}
            connection.execute(sql["take"], values)
        return Turn(seconds=found["seconds"], is_old=found["is_old"])

    def ask(self, service: str) -> bool:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return connection.execute(statements("send_rate")["ask"], {"service": service}).fetchone() is not None

    def learn(self, service: str, per_second: float) -> None:
        values = {"service": service, "per_second": per_second}
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            connection.execute(statements("send_rate")["learn"], values)
