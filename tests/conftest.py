"""A PostgreSQL for each process that runs tests, and a database of its own for every test that asks for one.

`make test` runs two such processes (pytest-xdist).  Each has its own server and not only its own databases, because
roles belong to a server: tests make them, and a test that looks at all sessions of a server must not see another's.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest

from demo import postgres as server
from include.scheduled_reports import sample_data
from include.scheduled_reports.adapters.postgres.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

NEOLITH = Path(sample_data.__file__).with_name("neolith.sql")


#: Where there is that much of it, the data of the tests lies in memory: a thousand databases are copied in a session.
#: At any moment the servers of two workers took less than 1 GB of it.
MEMORY, ENOUGH = Path("/dev/shm"), 2 * 2**30  # noqa: S108 - the data goes into a folder of its own


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Postgres]:
    """A server that lives as long as the session; under xdist each worker has one."""
    if not (MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH):
        yield from server.running(tmp_path_factory.mktemp("postgres") / "data")
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="scheduled-reports-tests-") as folder:
        yield from server.running(Path(folder) / "data")


@pytest.fixture(scope="session")
def neolith_template(postgres: server.Postgres) -> str:
    """The name of a database with today's Neolith tables, to be copied."""
    with psycopg.connect(postgres.create_database("neolith")) as connection:
        connection.execute(NEOLITH.read_bytes())
    return "neolith"


@pytest.fixture(scope="session")
def migrated_template(postgres: server.Postgres, neolith_template: str) -> str:
    """The name of a database that migrate brought from today's Neolith to ours, to be copied."""
    migrate(postgres.create_database("migrated", template=neolith_template))
    return "migrated"


@pytest.fixture
def bare_dsn(postgres: server.Postgres) -> Iterator[str]:
    """An empty database."""
    with copied(postgres, "template1") as dsn:
        yield dsn


@pytest.fixture
def neolith_dsn(postgres: server.Postgres, neolith_template: str) -> Iterator[str]:
    """A database with today's Neolith tables and no rows."""
    with copied(postgres, neolith_template) as dsn:
        yield dsn


@pytest.fixture
def migrated_dsn(postgres: server.Postgres, migrated_template: str) -> Iterator[str]:
    """A migrated database with Neolith's tables and no rows."""
    with copied(postgres, migrated_template) as dsn:
        yield dsn


@contextmanager
def copied(postgres: server.Postgres, template: str) -> Iterator[str]:
    """The DSN of a copy of *template* that is dropped afterwards."""
    name = f"test_{uuid4().hex}"
    try:
        yield postgres.create_database(name, template=template)
    finally:
        postgres.drop_database(name)


#: The files whose tests share the running Airflow of a session; a second one would cost more than it gives.
ON_ONE_AIRFLOW = frozenset(
    f"tests/e2e/test_{name}.py" for name in ("a_row_becomes_a_mail", "api", "application_routes", "commands", "pages")
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--name-flaky` is for the second run of slow tests that failed."""
    parser.addoption("--name-flaky", action="store_true", help="name the tests that pass this time as flaky")


#: What takes longest goes first, so that the workers end at the same time.
FIRST = ("tests/e2e/", "tests/dags/", "tests/unit/test_render_pdf.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by `FIRST`, and put together what shares an Airflow, in whatever order the files were named."""
    items.sort(
        key=lambda item: (item.nodeid.partition("::")[0] not in ON_ONE_AIRFLOW, not item.nodeid.startswith(FIRST))
    )


def pytest_collection_finish() -> None:
    """Spare the collector what lives to the end, modules and tests: it took 5 % of the time to look through them."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`, a worker gets whole files: the tests of a file share what is expensive to start."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return "one Airflow" if path in ON_ONE_AIRFLOW else path

    config.option.loadscopereorder = False  # else the files with most tests go first, which are not the slow ones
    return ByFile(config, log)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name what failed before and passes now, so that it is mended and not forgotten."""
    if config.getoption("--name-flaky"):
        for report in terminalreporter.stats.get("passed", ()):
            terminalreporter.write_line(f"FLAKY {report.nodeid}: it failed, and passed when run by itself")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure: what was not run has not passed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line(f"{len(reporter.stats['skipped'])} skipped, which CI does not accept")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
