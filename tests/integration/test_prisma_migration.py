"""The Prisma migration: run by hand or by Prisma's engine, before or after `migrate`, and the models to paste."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres import sql
from include.scheduled_reports.adapters.postgres.migrate import migrate
from tests.conftest import copied
from tests.integration.database import NEOLITH, ROWS, dump
from tests.integration.node import PRISMA, answer, diff, execute, require

if TYPE_CHECKING:
    from demo.postgres import Postgres

FOLDER = Path(__file__).parents[2] / "prisma"
(ADDED,) = FOLDER.glob("migrations/*_add_scheduled_reports")
FRAGMENT = (FOLDER / "scheduled_reports.prisma").read_text()
NUMBERED = sorted(path.stem for path in (sql.FOLDER / "migrations").glob("*.sql"))
PIECE = re.compile(r"^// Into `(model|enum) (\w+)`.*:\n((?://   .+\n)+)", flags=re.MULTILINE)


@pytest.fixture(scope="module", autouse=True)
def _prisma_is_installed() -> None:
    require()


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, neolith_template: str) -> Path:
    """A folder with the application's schema of today: ours without the three additions."""
    schema = tmp_path_factory.mktemp("today") / "schema"
    shutil.copytree(PRISMA / "schema", schema)
    (schema / "seed.prisma").unlink()
    neolith = (schema / "neolith.prisma").read_text()
    without = re.sub(r"^  (scheduledReports +ScheduledReport\[\]|PDF|EXCEL|HTML)\n", "", neolith, flags=re.MULTILINE)
    assert len(neolith.splitlines()) - len(without.splitlines()) == 5
    (schema / "neolith.prisma").write_text(without)
    with copied(postgres, neolith_template) as dsn:
        assert diff(dsn, SCHEMA=str(schema)) == ""
    return schema


@pytest.fixture
def pasted(tmp_path: Path, today: Path) -> Path:
    """A folder with the application's schema after pasting the fragment according to its instructions."""
    schema = tmp_path / "pasted"
    shutil.copytree(today, schema)
    neolith = (schema / "neolith.prisma").read_text()
    for kind, name, lines in PIECE.findall(FRAGMENT):
        body = re.compile(rf"^{kind} {name} {{\n(?:.*\n)*?}}\n", flags=re.MULTILINE).search(neolith)[0]
        before, blank, attributes = body.removesuffix("}\n").partition("\n\n  @@")
        fuller = f"{before.rstrip()}\n{lines.replace('//   ', '  ')}{blank}{attributes}}}\n"
        neolith = neolith.replace(body, fuller)
    (schema / "neolith.prisma").write_text(neolith)
    (schema / "reports.prisma").write_text(FRAGMENT)
    return schema


@pytest.fixture(scope="module")
def init(postgres: Postgres, today: Path) -> str:
    """Return the application's first migration, as Prisma writes it."""
    with copied(postgres, "template1") as dsn:
        return diff(dsn, "from-empty", SCHEMA=str(today))


@pytest.fixture
def history(tmp_path: Path, init: str) -> Path:
    """A folder with the application's migration and ours."""
    folder = tmp_path / "migrations"
    first = folder / "20250101000000_init"
    first.mkdir(parents=True)
    (first / "migration.sql").write_text(init)
    shutil.copytree(ADDED, folder / ADDED.name)
    return folder


def test_the_folder_makes_what_migrate_makes_to_the_letter(neolith_dsn, migrated_dsn):
    deploy_by_hand(neolith_dsn)

    assert dump(neolith_dsn, "--schema-only") == dump(migrated_dsn, "--schema-only")
    assert applied(neolith_dsn) == applied(migrated_dsn) == NUMBERED
    assert rows_of_ours(neolith_dsn) == rows_of_ours(migrated_dsn)


def test_migrate_has_nothing_to_do_after_the_folder(neolith_dsn):
    deploy_by_hand(neolith_dsn)
    before = dump(neolith_dsn)

    assert migrate(neolith_dsn) == ("nothing to do",)
    assert dump(neolith_dsn) == before


def test_the_folder_changes_nothing_after_migrate(migrated_dsn):
    before = dump(migrated_dsn)

    deploy_by_hand(migrated_dsn)

    assert dump(migrated_dsn) == before


@pytest.mark.parametrize("count", range(1, len(NUMBERED)))
def test_the_folder_goes_on_where_an_older_migrate_stopped(neolith_dsn, migrated_dsn, count):
    with psycopg.connect(neolith_dsn) as connection:
        for name in ("reporting", "application", *(f"migrations/{name}" for name in NUMBERED[:count])):
            connection.execute(sql.text(name))
        for name in NUMBERED[:count]:
            connection.execute("INSERT INTO reporting.migrations (name) VALUES (%s)", [name])

    deploy_by_hand(neolith_dsn)

    assert dump(neolith_dsn, "--schema-only") == dump(migrated_dsn, "--schema-only")


def test_after_prisma_has_reset_the_applications_schema_the_folder_makes_it_again(migrated_dsn, neolith_dsn):
    deploy_by_hand(neolith_dsn)
    with psycopg.connect(neolith_dsn) as connection:  # as `prisma migrate reset` does; it leaves other schemas alone
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute(NEOLITH.encode())

    deploy_by_hand(neolith_dsn)

    ours, theirs = (dump(dsn, "--schema-only") for dsn in (neolith_dsn, migrated_dsn))
    # pg_dump lists the schema public only if it differs from initdb's.
    assert {name: text for name, text in ours.items() if not re.match(r"(SCHEMA )?public; Type:", name)} == theirs


def test_prismas_engine_deploys_it_and_finds_nothing_left_to_do(bare_dsn, migrated_dsn, history, pasted):
    deployed = engine(bare_dsn, history, "deploy", pasted)
    again = engine(bare_dsn, history, "deploy", pasted)

    assert deployed["appliedMigrationNames"] == ["20250101000000_init", ADDED.name]
    assert again["appliedMigrationNames"] == []
    assert diff(bare_dsn, SCHEMA=str(pasted)) == ""
    ours, theirs = (dump(dsn, "--schema-only", "--exclude-table=_prisma*") for dsn in (bare_dsn, migrated_dsn))
    assert ours == theirs


def test_prisma_migrate_dev_sees_neither_drift_nor_a_change_to_make(bare_dsn, history, pasted):
    engine(bare_dsn, history, "deploy", pasted)

    next_step = engine(bare_dsn, history, "dev", pasted)

    assert next_step["action"] == {"tag": "createMigration"}  # and not `reset`
    assert next_step["migrationScript"].strip() == "-- This is an empty migration."


def test_prisma_migrate_dev_sees_no_drift_where_migrate_went_first(bare_dsn, history, pasted):
    only_init = history.with_name("init")
    shutil.copytree(history / "20250101000000_init", only_init / "20250101000000_init")
    engine(bare_dsn, only_init, "deploy", pasted)
    migrate(bare_dsn)

    assert engine(bare_dsn, history, "deploy", pasted)["appliedMigrationNames"] == [ADDED.name]
    assert engine(bare_dsn, history, "dev", pasted)["action"] == {"tag": "createMigration"}


def test_a_deployment_that_fails_leaves_nothing_and_can_be_repeated(bare_dsn, migrated_dsn, history, pasted):
    only_init = history.with_name("init")
    shutil.copytree(history / "20250101000000_init", only_init / "20250101000000_init")
    engine(bare_dsn, only_init, "deploy", pasted)
    clean = dump(bare_dsn, "--exclude-table=_prisma*")
    with psycopg.connect(bare_dsn) as connection:
        connection.execute("CREATE TABLE scheduled_reports (id text PRIMARY KEY)")

    failed = execute(bare_dsn, "migrate.mjs", "deploy", str(history), SCHEMA=str(pasted))
    with psycopg.connect(bare_dsn) as connection:
        connection.execute("DROP TABLE scheduled_reports")
    assert failed.returncode != 0
    assert "workspace_id" in failed.stderr
    assert dump(bare_dsn, "--exclude-table=_prisma*") == clean

    engine(bare_dsn, history, "rolled-back", pasted, ADDED.name)
    assert engine(bare_dsn, history, "deploy", pasted)["appliedMigrationNames"] == [ADDED.name]
    assert dump(bare_dsn, "--schema-only", "--exclude-table=_prisma*") == dump(migrated_dsn, "--schema-only")


def test_reports_that_are_there_already_are_effective_from_the_deployment(migrated_dsn):
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute("DROP SCHEMA reporting CASCADE")
        connection.execute(ROWS)
        connection.execute(
            """INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, workspace_id, created_by_id,
            updated_at) VALUES ('r1', 'Weekly', 'workspace-activity', '0 9 * * 1', 'w1', 'u1', now())"""
        )
        (earliest,) = connection.execute("SELECT clock_timestamp()").fetchone()

    deploy_by_hand(migrated_dsn)

    with psycopg.connect(migrated_dsn) as connection:
        (moment, now) = connection.execute(
            "SELECT effective_from, clock_timestamp() FROM reporting.report_options WHERE report_id = 'r1'"
        ).fetchone()
    assert earliest <= moment <= now


def test_a_table_in_use_makes_the_folder_give_up_instead_of_holding_the_application_up(migrated_dsn):
    quick = script().replace("SET LOCAL lock_timeout = '10s'", "SET LOCAL lock_timeout = '100ms'")
    with psycopg.connect(migrated_dsn) as application:
        application.execute("LOCK TABLE scheduled_reports IN ROW EXCLUSIVE MODE")
        with (
            psycopg.connect(migrated_dsn, autocommit=True) as connection,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            connection.execute(quick)


def test_the_fragment_pasted_into_todays_schema_fits_the_migrated_database(migrated_dsn, pasted):
    assert len(PIECE.findall(FRAGMENT)) == 3
    assert diff(migrated_dsn, SCHEMA=str(pasted)) == ""


@pytest.mark.parametrize(
    ("part", "instead", "remedy"),
    [
        ("  @@index([nextRun])\n", "", 'DROP INDEX "scheduled_reports_next_run_idx"'),
        ('  lastError      String?    @map("last_error")\n', "", 'DROP COLUMN "last_error"'),
        (
            "references: [id], onDelete: Cascade)\n  createdById",
            "references: [id])\n  createdById",
            "ON DELETE RESTRICT",
        ),
        ("  HTML\n", "", 'CREATE TYPE "ExportFormat_new"'),
    ],
)
def test_a_schema_that_lacks_a_part_of_it_does_not_fit(migrated_dsn, pasted, part, instead, remedy):
    for path in pasted.iterdir():
        path.write_text(path.read_text().replace(part, instead))

    assert remedy in diff(migrated_dsn, SCHEMA=str(pasted))


def test_the_fragments_models_are_the_seeds_field_by_field():
    seed = (PRISMA / "schema" / "seed.prisma").read_text()

    assert declarations(FRAGMENT) == declarations(seed)


def script() -> str:
    return (ADDED / "migration.sql").read_text()


def deploy_by_hand(dsn: str) -> None:
    """Run the script as Prisma's engine does: as one text, without a surrounding transaction."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(script())


def engine(dsn: str, migrations: Path, command: str, schema: Path, *names: str):
    """Return the answer of Prisma's schema engine."""
    return answer(dsn, "migrate.mjs", command, str(migrations), *names, SCHEMA=str(schema))


def applied(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM reporting.migrations ORDER BY name")]


def rows_of_ours(dsn: str) -> dict[str, int]:
    """Return the number of rows in each of our tables."""
    with psycopg.connect(dsn) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'reporting' ORDER BY 1"
        ).fetchall()
        return {name: connection.execute(f"SELECT count(*) FROM reporting.{name}").fetchone()[0] for (name,) in names}


def declarations(schema: str) -> list[str]:
    """Return the declarations of a schema, without comments and with single spaces."""
    lines = (" ".join(line.partition("//")[0].split()) for line in schema.splitlines())
    return [line for line in lines if line]
