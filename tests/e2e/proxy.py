"""A TCP proxy between Airflow and the reports database that can be cut, as if the database went away and came back."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Forward bytes to a port of 127.0.0.1 until it is cut."""

    target: int
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    open: bool = True
    pairs: list[socket.socket] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def start(cls, target: int) -> Proxy:
        """Listen on a free port."""
        proxy = cls(target)
        threading.Thread(target=proxy._accept, daemon=True).start()
        return proxy

    @property
    def port(self) -> int:
        """Return the port of the proxy."""
        return int(self.listener.getsockname()[1])

    def cut(self) -> None:
        """Close every connection and refuse new ones."""
        with self.lock:
            self.open = False
            for one in self.pairs:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self.pairs.clear()

    def mend(self) -> None:
        """Accept connections again."""
        with self.lock:
            self.open = True

    def _accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            with self.lock:
                if not self.open:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target))
                self.pairs += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
