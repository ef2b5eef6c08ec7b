"""Proxies that inject faults: before S3 and SES (HTTP), and before the reports database (PostgreSQL's protocol).

A fault is bound to one report by the report's id, which stands in the request: many can be under way side by side.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import psutil

#: What is held is let go after this time at the latest, in seconds: no test may hang.
LONGEST_HOLD = 900
#: The bucket of staging, where it is in S3.
STAGING = "staging"


@dataclass
class Fault:
    """What is done to matching requests, *times* of them; *reached* is set when the first one came."""

    report_id: str
    where: object  # what kind of request (`Request.kind`), or words said to PostgreSQL
    act: object
    times: int = 1_000_000
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    ports: list[int] = field(default_factory=list)

    def wait_reached(self, seconds=120):
        """Wait until a request has come."""
        if not self.reached.wait(seconds):
            raise TimeoutError(f"no request of {self.report_id} has come to {self.where}")

    def hold(self):
        """Keep the caller until the fault is over."""
        self.over.wait(LONGEST_HOLD)

    @property
    def task(self):
        """The task process that holds the newest matching connection."""
        return _holder(self.ports[-1])

    @property
    def supervisor(self):
        """The worker process that watches over it."""
        return psutil.Process(self.task).ppid()

    def kill(self):
        """End the task as the kernel does: at once."""
        os.kill(self.task, signal.SIGKILL)


def _holder(port):
    """The process whose end of a connection has this port."""
    for one in psutil.net_connections("tcp4"):
        if one.laddr and one.laddr.port == port and one.pid not in (None, os.getpid()):
            return one.pid
    raise ProcessLookupError(f"nobody holds port {port}")


@dataclass
class Faults:
    """The faults of one proxy."""

    listed: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, report_id, where, act, times=1_000_000):
        """From now on do *act* to the next *times* requests of a report."""
        fault = Fault(report_id, where, act, times)
        with self.lock:
            self.listed.append(fault)
        return fault

    def end(self, fault):
        """Let through what is held, and all that comes."""
        with self.lock, suppress(ValueError):
            self.listed.remove(fault)
        fault.over.set()

    def take(self, matches, port):
        """The fault for a request, counted down; None where there is none."""
        with self.lock:
            found = next((fault for fault in self.listed if fault.times > 0 and matches(fault)), None)
            if found is not None:
                found.times -= 1
                found.ports.append(port)
        if found is not None:
            found.reached.set()
        return found


# S3 and SES


class HangUpError(Exception):
    """The connection ends here."""


def answers(status, code, message="no"):
    """Answer with an error, as S3 (XML) and SES (JSON) do; the request goes no further."""

    def act(request, _forward, _fault):
        if request.kind in {"s3", "download"}:
            body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            return status, [("Content-Type", "application/xml")], body
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
        return status, headers, json.dumps({"message": message}).encode()

    return act


def held_before(_request, forward, fault):
    """The request waits; when the fault is over it goes on."""
    fault.hold()
    return forward()


def dropped_before(_request, _forward, fault):
    """The request waits, and never goes on."""
    fault.hold()
    raise HangUpError


def dropped_after(_request, forward, fault):
    """The request is carried out; its answer never arrives."""
    forward()
    fault.hold()
    raise HangUpError


def slow(seconds):
    """The request is carried out late."""

    def act(_request, forward, _fault):
        time.sleep(seconds)
        return forward()

    return act


def hung_up(_request, _forward, _fault):
    """The connection ends before an answer, and nothing is carried out."""
    raise HangUpError


def cut_off(request, forward, _fault):
    """The connection ends in the middle: of the bytes that are sent, or of those that are fetched."""
    if request.kind == "download":
        status, headers, body = forward()
        return status, headers, body[: len(body) // 2]
    forward(half=True)
    raise HangUpError


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def kind(self):
        """What it is: a report's mail, a notice, an upload, a download; on staging what `query` or `render` writes."""
        if self.path.startswith("/v2/email"):
            return "notice" if "notice" in self._tags() else "ses"
        if self.path.startswith(f"/{STAGING}/") and self.method in {"PUT", "POST"}:
            return "rendered" if "/report." in self.path else "queried"
        return {"PUT": "s3", "POST": "s3", "GET": "download"}.get(self.method)

    def concerns(self, report_id):
        """Whether it is about a report."""
        return self._tags().get("report") == report_id or f"/{report_id}/" in self.path

    def _tags(self):
        if not self.path.startswith("/v2/email"):
            return {}
        return {tag["Name"]: tag["Value"] for tag in json.loads(self.body or b"{}").get("EmailTags", [])}


class Handler(BaseHTTPRequestHandler):
    """Passes a request on, or does what a fault wants."""

    protocol_version = "HTTP/1.1"
    proxy = None

    def handle_one_request(self):
        """One request; the end of a connection is a reset, as when a machine dies."""
        with suppress(HangUpError, ConnectionError, TimeoutError):
            return super().handle_one_request()
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        return None

    def _pass(self):
        request = Request(self.command, self.path, dict(self.headers), self._body())
        forward = partial(self.proxy.forward, request)
        fault = self.proxy.faults.take(
            lambda one: one.where == request.kind and request.concerns(one.report_id), self.client_address[1]
        )
        self._answer(*(fault.act(request, forward, fault) if fault else forward()))

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815 - http.server's names

    def _answer(self, status, headers, body):
        promised = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if promised is None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body)
        if len(body) < (promised or 0):
            self.wfile.flush()
            raise HangUpError

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_message(self, *_):
        """Quiet."""


class HttpProxy:
    """Before S3 and SES."""

    def __init__(self, target):
        self.faults, self.target = Faults(), urlsplit(target)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"proxy": self}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def forward(self, request, *, half=False):
        """What the server answers; it gets *half* of the bytes that it was promised, and no more."""
        left_out = {"transfer-encoding", "content-length", "expect", "connection"}
        headers = {name: value for name, value in request.headers.items() if name.lower() not in left_out}
        connection = HTTPConnection(self.target.hostname, self.target.port, timeout=LONGEST_HOLD)
        try:
            if half:
                promised = headers | {"Content-Length": str(len(request.body))}
                connection.request(request.method, request.path, request.body[: len(request.body) // 2], promised)
                return None
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        kept = {"transfer-encoding", "connection"}
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in kept]
        return answer.status, headers, body

    def stop(self):
        """Stop listening, and let go of everything."""
        for fault in list(self.faults.listed):
            self.faults.end(fault)
        self.server.shutdown()
        self.server.server_close()


# PostgreSQL


class PostgresProxy:
    """Before the reports database; `where` of a fault is what a client has to say in a transaction about the report."""

    def __init__(self, target):
        self.faults, self.target = Faults(), target
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self):
        """Where it listens."""
        return self.listener.getsockname()[1]

    def stop(self):
        """Stop listening, and let go of everything."""
        for fault in list(self.faults.listed):
            self.faults.end(fault)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            Pair(self.faults, client, server).start()


class Pair:
    """One connection and the bytes its client has said in the transaction so far."""

    def __init__(self, faults, client, server):
        self.faults, self.client, self.server = faults, client, server
        self.port = client.getpeername()[1]
        self.said = b""
        self.answers = threading.Event()
        self.answers.set()
        #: How many bytes of answers get through from now on; None for all.
        self.room = None

    def start(self):
        """Pass on in both directions."""
        for pump in (self._ask, self._answer):
            threading.Thread(target=pump, daemon=True).start()

    def _ask(self):
        with suppress(OSError):
            while data := self.client.recv(65536):
                begun = data.rfind(b"BEGIN")
                self.said = self.said + data if begun < 0 else data[begun:]
                fault = self.faults.take(self._matches, self.port)
                if fault is None or fault.act(self, fault):
                    self.server.sendall(data)
        self.close()

    def _answer(self):
        with suppress(OSError):
            while data := self.server.recv(65536):
                self.answers.wait(LONGEST_HOLD)
                self.client.sendall(data[: self.room])
                if self.room is not None and len(data) > self.room:
                    break
        self.close()

    def _matches(self, fault):
        return fault.report_id.encode() in self.said and all(word in self.said for word in fault.where)

    def close(self):
        """End both sides."""
        for one in (self.client, self.server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def pg_cut(pair, _fault):
    """The server goes away."""
    pair.close()
    return False


def pg_hold(_pair, fault):
    """What is asked waits."""
    fault.hold()
    return True


def pg_hold_answers(pair, fault):
    """What is asked is done; the answer waits."""
    pair.answers.clear()
    threading.Thread(target=lambda: (fault.hold(), pair.answers.set()), daemon=True).start()
    return True


def pg_lose_answers(pair, fault):
    """What is asked is done; the server goes away before it says so."""
    pair.answers.clear()
    threading.Thread(target=lambda: (fault.hold(), pair.close(), pair.answers.set()), daemon=True).start()
    return True


def pg_cut_answers(pair, _fault):
    """The server goes away in the middle of its answer."""
    pair.room = 60
    return True
