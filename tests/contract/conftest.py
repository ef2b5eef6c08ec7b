"""Local S3, SES and SMTP servers for the suites that also test the real adapters; the API on a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo import aws as server
from tests.contract.api import Api, open_api
from tests.contract.mailbox import Mailbox
from tests.contract.rclone import serving
from tests.contract.runs_suite import Memory, Postgres
from tests.contract.sqs import serving as serving_sqs
from tests.contract.tables import add_people, add_report

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


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Aws]:
    """Start another S3 for the whole session, with the same buckets."""
    with serving(tmp_path_factory.mktemp("rclone")) as running:
        yield running


@pytest.fixture(scope="session")
def sqs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Aws]:
    """Start an SQS for the whole session."""
    with serving_sqs(tmp_path_factory.mktemp("sqs")) as running:
        yield running


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Start an SMTP server without TLS."""
    with Mailbox.open() as running:
        yield running


@pytest.fixture
def dsn(migrated_dsn: str) -> str:
    """Two workspaces: report r1 of Acme belongs to Ada, an ADMIN, and report r9 of Zeta to Eve."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1")
    add_report(
        migrated_dsn, id="r9", name="Of others", workspace_id="ws2", workspace_name="Zeta", workspace_slug="zeta",
        created_by_id="u3", email_recipients=["eve@zeta.example"],
    )  # fmt: skip
    return migrated_dsn


@pytest.fixture
def api(dsn: str) -> Api:
    """The API on that database."""
    return open_api(dsn)


@pytest.fixture
def postgres_record(migrated_dsn: str) -> Postgres:
    """Return the run record in PostgreSQL."""
    return Postgres(migrated_dsn)


@pytest.fixture(params=["memory", "postgres"])
def record(request: pytest.FixtureRequest) -> Memory | Postgres:
    """Return the run record, in memory and in PostgreSQL."""
    return Memory() if request.param == "memory" else request.getfixturevalue("postgres_record")
