"""The page that shows the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .scenes import Scene

HEAD = """# What arrives

Every report type as its reader gets it.
Made by `make gallery` from the sample data alone, always of the same day; run it after a change of what is shown.
PDFium shows the PDF, Chromium HTML and mails; LibreOffice prints the workbooks, without emoji, which it cannot print.
What is long is cut.
The pages in Airflow have [a gallery of their own](pages/README.md).
"""
TITLES = {
    "mail": "The mail", "mail-phone": "The mail on a phone", "pdf": "PDF", "excel": "Excel",
    "html": "HTML", "html-dark": "HTML, dark", "html-phone": "HTML on a phone",
}  # fmt: skip
WIDTHS = {"mail-phone": 240, "html-phone": 240}


def write_page(folder: Path, scenes: Sequence[Scene]) -> None:
    """Write README.md for the pictures that are there."""
    (folder / "README.md").write_text("\n".join([HEAD, *(line for scene in scenes for line in _scene(folder, scene))]))


def _scene(folder: Path, scene: Scene) -> Iterator[str]:
    yield f"## {scene.title}\n\n{scene.about}\n"
    for kind, title in TITLES.items():
        pictures = [path for path in sorted((folder / scene.name).glob("*.png")) if _kind(path) == kind]
        for number, path in enumerate(pictures, start=1):
            what = title if len(pictures) == 1 else f"{title}, {'sheet' if kind == 'excel' else 'page'} {number}"
            width = WIDTHS.get(kind, 480)
            yield f'<img src="{scene.name}/{path.name}" width="{width}" alt="{scene.title}: {what}">'
    yield ""


def _kind(path: Path) -> str:
    stem, _, last = path.stem.rpartition("-")
    return stem if last.isdigit() else path.stem
