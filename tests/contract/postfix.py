"""Debian's Postfix as the SMTP peer: a private instance on loopback ports, with its own configuration and queue."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.processes import Child, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

DAEMONS = Path("/usr/lib/postfix/sbin")
SECONDS = 30.0

#: One entrance per way of refusing; every restriction is Postfix's own, with its default code and text.
ENTRANCES = {
    "open": "",
    "sender": "-o { smtpd_sender_restrictions = reject }",
    "unknown_sender": "-o { smtpd_sender_restrictions = check_sender_access inline:{ { "
    "reports@acme.example = 450 4.1.8 Not found } } }",
    "helo": "-o { smtpd_helo_restrictions = reject }",
    "client": "-o { smtpd_client_restrictions = reject }",
    "few": "-o smtpd_recipient_limit=2",
    "strict": "-o smtpd_hard_error_limit=1",
    "small": "-o message_size_limit=2000",
}

MAIN = """
compatibility_level = 3.6
mail_owner = postfix
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
myhostname = mx.acme.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = acme.example, xn--bcher-kva.example
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = {recipients}
soft_bounce = no
smtpd_error_sleep_time = 0
default_transport = discard
"""

#: Who has a mailbox.
PEOPLE = ("ada", "bob", "eve", "joe", "reports")
#: `check_recipient_access` answers what Postfix says for a domain without DNS; this machine may have no resolver.
ANSWERS = {
    "lost@nodns.invalid": "450 4.1.2 Recipient address rejected: Domain not found",
    "grey@acme.example": "450 4.2.0 Recipient address rejected: Greylisted",
    "full@acme.example": "452 4.2.2 Mailbox full",
    "busy@acme.example": "451 4.3.0 Temporary lookup failure",
}
RECIPIENTS = "check_recipient_access inline:{{ {answers} }}, reject_unauth_destination"


@dataclass(frozen=True)
class Postfix:
    """A running instance: the port of each entrance, and the mails it has delivered."""

    folder: Path
    ports: dict[str, int]

    def delivered(self, person: str, count: int = 1) -> list[EmailMessage]:
        """Return the mails in a person's mailbox; wait until there are *count*."""
        ends = time.monotonic() + SECONDS
        while len(found := self._files(person)) < count and time.monotonic() < ends:
            time.sleep(0.05)
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in found]

    def _files(self, person: str) -> list[Path]:
        return sorted((self.folder / "mail" / person / "new").glob("*"))

    def is_idle(self) -> bool:
        """Wait until the queue is empty, so that a mailbox that is empty stays so."""
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            queued = [path for name in ("incoming", "active", "deferred", "maildrop")
                      for path in (self.folder / "queue" / name).rglob("*") if path.is_file()]  # fmt: skip
            if not queued:
                return True
            time.sleep(0.05)
        return False

    def log(self) -> str:
        """Return Postfix's own log."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""


@contextmanager
def running() -> Iterator[Postfix]:
    """Run an instance until the block ends; it ends only its own processes."""
    if os.getuid() != 0 or not (DAEMONS / "master").exists():
        pytest.skip("Postfix is not installed, or this is not root")
    with tempfile.TemporaryDirectory(prefix="scheduled-reports-postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        ports = {entrance: free_port() for entrance in ENTRANCES}
        _write(folder, ports)
        command = [DAEMONS / "master", "-c", folder / "etc", "-d"]
        child = Child.start("postfix", [str(part) for part in command], log=folder / "out")
        try:
            made = Postfix(folder, ports)
            _wait(made, child)
            yield made
        finally:
            child.stop()


def _write(folder: Path, ports: dict[str, int]) -> None:
    etc, queue, data, mail = (folder / name for name in ("etc", "queue", "data", "mail"))
    for path in (etc, queue, data, mail):
        path.mkdir()
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
                 "trace"):  # fmt: skip
        (queue / name).mkdir(mode=0o700)
        shutil.chown(queue / name, "postfix")
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (queue / name).mkdir()
        shutil.chown(queue / name, "postfix", "postdrop")
        (queue / name).chmod(mode)
    (queue / "pid").mkdir()
    shutil.chown(data, "postfix")
    shutil.chown(mail, "postfix")
    owner = mail.stat()
    domains = ("acme.example", "xn--bcher-kva.example")
    values = {
        "folder": folder,
        "uid": owner.st_uid,
        "gid": owner.st_gid or 65534,
        "mailboxes": ", ".join(f"{{ {person}@{domain} = {person}/ }}" for person in PEOPLE for domain in domains),
        "recipients": RECIPIENTS.format(answers=", ".join(f"{{ {who} = {told} }}" for who, told in ANSWERS.items())),
    }
    (etc / "main.cf").write_text(MAIN.format(**values))
    services = [f"127.0.0.1:{port} inet n - n - - smtpd\n  -o syslog_name=postfix/{name} {ENTRANCES[name]}"
                for name, port in ports.items()]  # fmt: skip
    services += [
        "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
        "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
        "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap", "error unix - - n - - error",
        "retry unix - - n - - error", "discard unix - - n - - discard", "virtual unix - n n - - virtual",
        "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache", "verify unix - - n - 1 verify",
        "postlog unix-dgram n - n - 1 postlogd", "smtp unix - - n - - smtp", "tlsmgr unix - - n 1000? 1 tlsmgr",
    ]  # fmt: skip
    (etc / "master.cf").write_text("\n".join(services) + "\n")


def _wait(made: Postfix, child: Child) -> None:
    """Wait until every entrance answers."""
    import socket

    ends = time.monotonic() + SECONDS
    for port in made.ports.values():
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                if connection.recv(4) == b"220 ":
                    break
            if time.monotonic() > ends or child.process.poll() is not None:
                raise RuntimeError(f"Postfix did not start: {child.log.read_text()[-2000:]}{made.log()[-3000:]}")
            time.sleep(0.1)
