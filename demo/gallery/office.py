"""Print workbooks to PDF with LibreOffice."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 180


def as_pdf(books: Sequence[Path], scratch: Path) -> Mapping[Path, Path]:
    """Convert workbooks to PDF with a single start of LibreOffice."""
    copies = {book: scratch / f"{number}.xlsx" for number, book in enumerate(books)}
    for book, copy in copies.items():
        shutil.copyfile(book, copy)
    if books:
        command = [
            "soffice", f"-env:UserInstallation={(scratch / 'office').as_uri()}", "--headless", "--convert-to", "pdf",
            "--outdir", str(scratch), *map(str, copies.values()),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
    return {book: copy.with_suffix(".pdf") for book, copy in copies.items()}
