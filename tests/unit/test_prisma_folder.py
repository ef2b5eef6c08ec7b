"""The Prisma migration in the repository equals the one made from today's SQL files."""

from pathlib import Path

from include.scheduled_reports.__main__ import main
from include.scheduled_reports.adapters.postgres import sql

ROOT = Path(__file__).parents[2]
(ADDED,) = ROOT.glob("prisma/migrations/*_add_scheduled_reports/migration.sql")
SCRIPT = ADDED.read_text()


def test_the_folder_holds_what_make_prisma_would_write(capsys):
    assert main(["prisma-migration"]) == 0

    assert capsys.readouterr().out == SCRIPT


def test_every_file_that_migrate_runs_stands_in_it_word_for_word_and_in_its_order():
    numbered = sorted((sql.FOLDER / "migrations").glob("*.sql"))
    files = [sql.FOLDER / "reporting.sql", sql.FOLDER / "application.sql", *numbered]
    files += [sql.FOLDER / "triggers.sql", sql.FOLDER / "adopt.sql"]
    places = [SCRIPT.find(path.read_text().strip()) for path in files]

    assert -1 not in places
    assert places == sorted(places)


def test_the_dates_of_prismas_folders_are_fourteen_digits():
    date, _, name = ADDED.parent.name.partition("_")

    assert (len(date), date.isdigit(), name) == (14, True, "add_scheduled_reports")
