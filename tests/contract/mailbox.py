"""A real SMTP server that keeps accepted messages and refuses what a test tells it to refuse."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from demo.processes import free_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


@dataclass
class Mailbox:
    """The handler of the server: *answers* maps an address, or `DATA`, to the reply that replaces 250."""

    port: int = 0
    taken: list[Any] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def open(
        cls,
        *,
        starttls: ssl.SSLContext | None = None,
        implicit: ssl.SSLContext | None = None,
        password: str | None = None,
    ) -> Iterator[Mailbox]:
        """Run a server until the block ends."""
        box = cls(free_port())
        options: dict[str, Any] = {"data_size_limit": 50_000_000}
        if password is not None:
            options |= {"auth_required": True, "authenticator": _knows(password)}
        if starttls is not None:
            options |= {"tls_context": starttls, "require_starttls": True}
        server = Controller(box, hostname="127.0.0.1", port=box.port, ssl_context=implicit, **options)
        server.start()
        try:
            yield box
        finally:
            server.stop()

    async def handle_RCPT(  # noqa: N802 - name given by aiosmtpd
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Accept or refuse a recipient."""
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        """Accept or refuse a message."""
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.taken.append(envelope)
        return f"250 OK queued as Q{len(self.taken):04}"


def _knows(password: str) -> Any:
    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == password.encode(), handled=False)

    return authenticate
