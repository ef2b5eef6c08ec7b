"""One PostgreSQL server per test process, and a separate database for every test that needs one.

`make test` runs two processes (pytest-xdist workers).  Each has its own server, not only its own databases: roles
belong to a server, and tests create roles.
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


#: With this much shared memory, test data is kept in it: a session copies about a thousand databases.
#: Two workers never used more than 1 GB of it.
MEMORY, ENOUGH = Path("/dev/shm"), 2 * 2**30  # noqa: S108 - the data goes into a separate folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Postgres]:
    """Start a server for the session; under xdist each worker has one."""
    if not (MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH):
        yield from server.running(tmp_path_factory.mktemp("postgres") / "data")
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="scheduled-reports-tests-") as folder:
        yield from server.running(Path(folder) / "data")


@pytest.fixture(scope="session")
def neolith_template(postgres: server.Postgres) -> str:
    """Return the name of a database with today's Neolith tables, to be copied."""
    with psycopg.connect(postgres.create_database("neolith")) as connection:
        connection.execute(NEOLITH.read_bytes())
    return "neolith"


@pytest.fixture(scope="session")
def migrated_template(postgres: server.Postgres, neolith_template: str) -> str:
    """Return the name of a database that migrate brought from today's Neolith schema to ours, to be copied."""
    migrate(postgres.create_database("migrated", template=neolith_template))
    return "migrated"


@pytest.fixture
def bare_dsn(postgres: server.Postgres) -> Iterator[str]:
    """Create an empty database."""
    with copied(postgres, "template1") as dsn:
        yield dsn


@pytest.fixture
def neolith_dsn(postgres: server.Postgres, neolith_template: str) -> Iterator[str]:
    """Create a database with today's Neolith tables and no rows."""
    with copied(postgres, neolith_template) as dsn:
        yield dsn


@pytest.fixture
def migrated_dsn(postgres: server.Postgres, migrated_template: str) -> Iterator[str]:
    """Create a migrated database with Neolith's tables and no rows."""
    with copied(postgres, migrated_template) as dsn:
        yield dsn


@contextmanager
def copied(postgres: server.Postgres, template: str) -> Iterator[str]:
    """Yield the DSN of a copy of *template* that is dropped afterwards."""
    name = f"test_{uuid4().hex}"
    try:
        yield postgres.create_database(name, template=template)
    finally:
        postgres.drop_database(name)


#: The files whose tests share one running Airflow.  They stay on one worker, because a second Airflow costs more time
#: than it saves.
ON_ONE_AIRFLOW = frozenset(
    f"tests/e2e/test_{name}.py"
    for name in (
        "a_row_becomes_a_mail",
        "api",
        "application_routes",
        "commands",
        "conditions",
        "doctor_in_airflow",
        "bounces",
        "one_user",
        "owners",
        "pages",
        "pages_form",
        "pages_in_airflow",
        "pages_many",
        "readme",
    )
)
#: Files of several minutes each.
LONGEST = frozenset(f"tests/e2e/test_{name}.py" for name in ("faults", "faults_compact", "outages", "schedules"))
#: The slowest tests start first, so that the workers finish at about the same time.
FIRST = ("tests/e2e/", "tests/dags/", "tests/integration/test_pdf_long_tables.py", "tests/unit/test_render_pdf.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--name-flaky`, for the second run of slow tests that failed."""
    parser.addoption("--name-flaky", action="store_true", help="name the tests that pass this time as flaky")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that share an Airflow first and one after another, then the other slow ones."""
    users = {_file(item.nodeid) for item in items if "running" in getattr(item, "fixturenames", ())}
    if missing := users - ON_ONE_AIRFLOW:
        raise pytest.UsageError(f"{min(missing)} uses the fixture `running`; add it to ON_ONE_AIRFLOW in {__file__}")
    items.sort(
        key=lambda item: (
            _file(item.nodeid) not in ON_ONE_AIRFLOW,
            _file(item.nodeid) not in LONGEST,
            not item.nodeid.startswith(FIRST),
        )
    )


def pytest_collection_finish() -> None:
    """Exclude modules and tests from garbage collection: they live to the end, and visiting them takes time (5 %)."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`, give each worker whole files: the tests of a file share fixtures that are expensive to start."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "one Airflow" if _file(nodeid) in ON_ONE_AIRFLOW else _file(nodeid)

    # Keep our order; by default xdist starts the files with the most tests first, and those are not the slow ones.
    config.option.loadscopereorder = False
    return ByFile(config, log)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """List tests that failed before and pass now, so that someone fixes them."""
    if config.getoption("--name-flaky"):
        for report in terminalreporter.stats.get("passed", ()):
            terminalreporter.write_line(f"FLAKY {report.nodeid}: it failed, and passed when run by itself")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail in CI if a test was skipped: a test that did not run has not passed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line(f"{len(reporter.stats['skipped'])} skipped, which CI does not accept")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
