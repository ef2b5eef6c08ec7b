"""Write the gallery page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .scenes import Scene

HEAD = """# Gallery

Every report type as its readers receive it.
Made by `make gallery` from the sample data of a fixed day; run it after a change of what is shown.
PDFs are drawn by PDFium, HTML and emails by Chromium; workbooks are printed by LibreOffice, which cannot print emoji.
Above an email stands what an inbox lists of it: sender, subject and the text beside the subject.
Long pictures are cut.
The pages in Airflow have [their own gallery](pages/README.md).
"""
TITLES = {
    "mail": "Email", "mail-phone": "Email on a phone", "pdf": "PDF", "excel": "Excel",
    "html": "HTML", "html-dark": "HTML, dark mode", "html-phone": "HTML on a phone",
}  # fmt: skip
WIDTHS = {"mail-phone": 240, "html-phone": 240}


def write_page(folder: Path, scenes: Sequence[Scene]) -> None:
    """Write README.md for the existing pictures."""
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
