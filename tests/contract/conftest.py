"""Local S3, SES and SMTP servers for the suites that also test the real adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo import aws as server
from tests.contract.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

SENDER = "reports@acme.example"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Aws]:
    """Start a server for the whole session, with one bucket and one sender."""
    running = server.start(tmp_path_factory.mktemp("aws"))
    running.create_bucket("reports")
    running.create_bucket("staging")
    running.verify_sender(SENDER)
    yield running
    running.child.stop()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Start an SMTP server without TLS."""
    with Mailbox.open() as running:
        yield running
