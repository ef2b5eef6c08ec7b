"""The files of a message, as one line in HTML and as a list in text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..domain.formats import Format
from ..domain.naming import shown_file_name
from ..render.values import FORMAT_TITLES, file_size, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The formats as readers look for them: to read, to work with, for programs.
_ORDER: Final = (Format.PDF, Format.EXCEL, Format.CSV, Format.HTML, Format.JSON)
#: The formats that show the report itself, the best one first.
_BEST: Final = (Format.PDF, Format.HTML, Format.EXCEL, Format.CSV, Format.JSON)


@dataclass(frozen=True, kw_only=True, slots=True)
class MailFile:
    """A file of the message: *attached* (alone or in the zip file), and behind *link* if there is one."""

    format: Format
    file_name: str
    bytes: int
    rows: int
    total_rows: int
    attached: bool
    link: str | None = None

    @property
    def title(self) -> str:
        """The name of the format."""
        return FORMAT_TITLES[self.format]

    @property
    def name(self) -> str:
        """The file's name as a line of text shows it."""
        return shown_file_name(self.file_name)

    @property
    def facts(self) -> str:
        """Describe the file: `1.2 MB, 40 rows`."""
        return f"{file_size(self.bytes)}, {rows_of(self.rows, self.total_rows)}"

    @property
    def cut(self) -> str:
        """Say that rows are left out: `first 5,000 of 12,000 rows`; empty if none are."""
        return f"first {rows_of(self.rows, self.total_rows)}" if self.rows < self.total_rows else ""


def in_order(files: Iterable[MailFile]) -> tuple[MailFile, ...]:
    """Sort files, PDF first."""
    return tuple(sorted(files, key=lambda file: _ORDER.index(file.format)))


def best_link(files: Iterable[MailFile]) -> str:
    """Find the link of the file that shows the report best; empty if there is no link."""
    linked = sorted((file for file in files if file.link), key=lambda file: _BEST.index(file.format))
    return str(linked[0].link) if linked else ""
