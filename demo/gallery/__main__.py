"""Run every scene through the pipeline, take screenshots of its files and email, and write the gallery page."""

from __future__ import annotations

import argparse
import sys
from datetime import date, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from include.scheduled_reports.sample_data.seed import seed

from .. import postgres
from ..stack import CHECKOUT
from .browser import Browser
from .office import as_pdf
from .page import write_page
from .pages import paint
from .pictures import of_html, of_mail, of_pdf, of_workbook
from .runs import Arrival, arrival
from .scenes import SCENES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .scenes import Scene

FOLDER = CHECKOUT / "docs" / "gallery"
#: The files themselves, to open them.
FILES = CHECKOUT / ".demo" / "gallery"
#: A fixed day, so that the pictures do not change with the calendar.
UNTIL = date(2026, 5, 10)
#: What can be chosen: the scenes, and the pages in Airflow.
KNOWN, PAGES = tuple(scene.name for scene in SCENES), "pages"


def main() -> int:
    """Make the whole gallery, or only the scenes named."""
    parser = argparse.ArgumentParser(prog="python -m demo.gallery", description=__doc__)
    parser.add_argument("scenes", nargs="*", help=f"some of {', '.join((*KNOWN, PAGES))}; all if none")
    parser.add_argument(
        "--until", type=date.fromisoformat, default=UNTIL, help=f"last day of the sample data ({UNTIL})"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="folder of the pictures")
    chosen = parser.parse_args()
    scenes = [scene for scene in SCENES if not chosen.scenes or scene.name in chosen.scenes]
    if scenes:
        _paint(list(_arrivals(scenes, chosen.until)), chosen.folder)
        write_page(chosen.folder, SCENES)
    if not chosen.scenes or PAGES in chosen.scenes:
        paint(chosen.folder / PAGES)
    return 0


def _arrivals(scenes: Sequence[Scene], until: date) -> Iterator[Arrival]:
    """Run each scene on a temporary database."""
    with TemporaryDirectory() as scratch:
        for server in postgres.running(Path(scratch) / "data"):
            dsn = server.create_database("gallery")
            seed(dsn, until=until + timedelta(days=1))
            for scene in scenes:
                yield arrival(dsn, scene, until, FILES / scene.name)


def _paint(arrivals: Sequence[Arrival], folder: Path) -> None:
    books = [path for one in arrivals for path in one.files if path.suffix == ".xlsx"]
    with TemporaryDirectory() as scratch, Browser.started(Path(scratch)) as browser:
        printed = as_pdf(books, Path(scratch))
        for one in arrivals:
            place = folder / one.scene.name
            rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            for path in one.files:
                if path.suffix == ".pdf":
                    of_pdf(path, place, one.scene)
                elif path.suffix == ".xlsx":
                    of_workbook(printed[path], place, one.scene)
                elif path.suffix == ".html":
                    of_html(browser, path, place, one.scene)
            if one.mail is not None:
                of_mail(browser, one.mail, place, one.scene)
            print(one.scene.name, *sorted(path.name for path in place.iterdir()))


if __name__ == "__main__":
    sys.exit(main())
