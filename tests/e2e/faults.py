"""Proxies that inject faults in front of S3 and SES (HTTP) and of the reports database (PostgreSQL's protocol).

A fault applies to one report, recognized by the report's id in the request, so that many faults can run in parallel.
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

#: A held request is released after this time at the latest, in seconds, so that no test can hang.
LONGEST_HOLD = 900
#: The bucket of staging, if staging is in S3.
STAGING = "staging"


@dataclass
class Fault:
    """A fault that applies *act* to the next *times* matching requests; *reached* is set by the first one."""

    report_id: str
    where: object  # the kind of request (`Request.kind`), or text of statements to PostgreSQL
    act: object
    times: int = 1_000_000
    #: For mail: only messages to this address.
    reader: str = ""
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    ports: list[int] = field(default_factory=list)

    def wait_reached(self, seconds=120):
        """Wait for the first matching request."""
        if not self.reached.wait(seconds):
            raise TimeoutError(f"no request of {self.report_id} has come to {self.where}")

    def hold(self):
        """Block the caller until the fault is over."""
        self.over.wait(LONGEST_HOLD)

    @property
    def task(self):
        """Return the task process that holds the newest matching connection."""
        return _holder(self.ports[-1])

    @property
    def supervisor(self):
        """Return the worker process that supervises the task."""
        return psutil.Process(self.task).ppid()

    def kill(self):
        """Kill the task immediately, as the kernel does."""
        os.kill(self.task, signal.SIGKILL)


def _holder(port):
    """Return the process that owns the local port of a connection."""
    for one in psutil.net_connections("tcp4"):
        if one.laddr and one.laddr.port == port and one.pid not in (None, os.getpid()):
            return one.pid
    raise ProcessLookupError(f"nobody holds port {port}")


@dataclass
class Faults:
    """The faults of one proxy."""

    listed: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, report_id, where, act, times=1_000_000, reader=""):
        """Apply *act* to the next *times* requests of a report."""
        fault = Fault(report_id, where, act, times, reader)
        with self.lock:
            self.listed.append(fault)
        return fault

    def end(self, fault):
        """Release held requests, and let later ones through."""
        with self.lock, suppress(ValueError):
            self.listed.remove(fault)
        fault.over.set()

    def take(self, matches, port):
        """Return the fault for a request and count it down; None if there is none."""
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
    """Close the connection without an answer."""


def answers(status, code, message="no"):
    """Answer with an error, as S3 (XML) and SES (JSON) do, without forwarding the request."""

    def act(request, _forward, _fault):
        if request.kind in {"s3", "download"}:
            body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            return status, [("Content-Type", "application/xml")], body
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
        return status, headers, json.dumps({"message": message}).encode()

    return act


def held_before(_request, forward, fault):
    """Hold the request until the fault is over, then forward it."""
    fault.hold()
    return forward()


def dropped_before(_request, _forward, fault):
    """Hold the request, and never forward it."""
    fault.hold()
    raise HangUpError


def dropped_after(_request, forward, fault):
    """Forward the request, and drop the answer."""
    forward()
    fault.hold()
    raise HangUpError


def garbled(_request, forward, _fault):
    """Forward the request, and answer with what no client understands."""
    forward()
    return 200, [("Content-Type", "application/json")], b"<html>It works!</html>"


def slow(seconds):
    """Forward the request with a delay."""

    def act(_request, forward, _fault):
        time.sleep(seconds)
        return forward()

    return act


def hung_up(_request, _forward, _fault):
    """Close the connection without forwarding the request."""
    raise HangUpError


def cut_off(request, forward, _fault):
    """Break the connection in the middle of a transfer, of an upload or of a download."""
    if request.kind == "download":
        status, headers, body = forward()
        return status, headers, body[: len(body) // 2]
    forward(half=True)
    raise HangUpError


@dataclass(frozen=True)
class Request:
    """A received request."""

    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def kind(self):
        """Return the kind: report mail, notice, upload, download, or a write to staging by `query` or `render`."""
        if self.path.startswith("/v2/email"):
            return "notice" if "notice" in self._tags() else "ses"
        if self.path.startswith(f"/{STAGING}/") and self.method in {"PUT", "POST"}:
            return "rendered" if "/report." in self.path else "queried"
        return {"PUT": "s3", "POST": "s3", "GET": "download"}.get(self.method)

    def concerns(self, report_id):
        """Return whether it belongs to a report."""
        return self._tags().get("report") == report_id or f"/{report_id}/" in self.path

    def is_to(self, address):
        """Return whether it is a message to an address."""
        return any(address in found for found in json.loads(self.body)["Destination"].values())

    def _tags(self):
        if not self.path.startswith("/v2/email"):
            return {}
        return {tag["Name"]: tag["Value"] for tag in json.loads(self.body or b"{}").get("EmailTags", [])}


class Handler(BaseHTTPRequestHandler):
    """Forward a request, or apply a fault to it."""

    protocol_version = "HTTP/1.1"
    proxy = None

    def handle_one_request(self):
        """Handle one request; end the connection with a reset, as when a machine dies."""
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

        def matches(one):
            is_meant = one.where == request.kind and request.concerns(one.report_id)
            return is_meant and (not one.reader or request.is_to(one.reader))

        fault = self.proxy.faults.take(matches, self.client_address[1])
        self._answer(*(fault.act(request, forward, fault) if fault else forward()))

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815 - names given by http.server

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
        """Log nothing."""


class HttpProxy:
    """A proxy in front of S3 and SES."""

    def __init__(self, target):
        self.faults, self.target = Faults(), urlsplit(target)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"proxy": self}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        """Return the address of the proxy."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def forward(self, request, *, half=False):
        """Return the server's answer; *half* sends only half of the announced bytes."""
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
        """Stop listening, and release all held requests."""
        for fault in list(self.faults.listed):
            self.faults.end(fault)
        self.server.shutdown()
        self.server.server_close()


# PostgreSQL


class PostgresProxy:
    """A proxy in front of the reports database; `where` of a fault is text in a transaction about the report."""

    def __init__(self, target):
        self.faults, self.target = Faults(), target
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self):
        """Return the port of the proxy."""
        return self.listener.getsockname()[1]

    def stop(self):
        """Stop listening, and release all held statements."""
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
    """One connection, and the bytes that the client has sent in the current transaction."""

    def __init__(self, faults, client, server):
        self.faults, self.client, self.server = faults, client, server
        self.port = client.getpeername()[1]
        self.said = b""
        self.answers = threading.Event()
        self.answers.set()
        #: How many more bytes of answers are forwarded; None for no limit.
        self.room = None

    def start(self):
        """Forward in both directions."""
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
        """Close both sides."""
        for one in (self.client, self.server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def pg_cut(pair, _fault):
    """Close the connection, as if the server had gone away."""
    pair.close()
    return False


def pg_hold(_pair, fault):
    """Hold the statement until the fault is over."""
    fault.hold()
    return True


def pg_hold_answers(pair, fault):
    """Execute the statement, but hold the answer."""
    pair.answers.clear()
    threading.Thread(target=lambda: (fault.hold(), pair.answers.set()), daemon=True).start()
    return True


def pg_lose_answers(pair, fault):
    """Execute the statement, then close the connection before the answer."""
    pair.answers.clear()
    threading.Thread(target=lambda: (fault.hold(), pair.close(), pair.answers.set()), daemon=True).start()
    return True


def pg_cut_answers(pair, _fault):
    """Break the connection in the middle of the answer."""
    pair.room = 60
    return True
