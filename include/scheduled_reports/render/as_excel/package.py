"""Write the parts of a workbook so that programs with simple readers open it too."""

from __future__ import annotations

import re
import struct
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO, Final
from zipfile import ZIP64_LIMIT, ZIP_DEFLATED, ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

_DRAWING: Final = b"http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
#: A local file header before its name: signature, versions, flags, …, CRC, sizes, lengths of name and extra field.
_HEADER: Final = struct.Struct("<4s5H3L2H")
#: What fills the place of a ZIP64 field: a growth hint of Open Packaging Conventions, made for such room.
_GROWTH_HINT: Final = struct.pack("<4H12x", 0xA220, 16, 0xA028, 0)


class Package:
    """A zip file of parts, written one after the other."""

    def __init__(self, archive: ZipFile, out: BinaryIO) -> None:
        self._archive, self._out = archive, out

    def write(self, name: str, content: bytes) -> None:
        """Write a small part."""
        self._archive.writestr(
            _entry(name), with_prefix(content) if name.startswith("xl/drawings/drawing") else content
        )

    @contextmanager
    def streaming(self, name: str) -> Iterator[IO[bytes]]:
        """Write a part of unknown size.

        Its header has room for the sizes of a part beyond 2 GB (ZIP64). A smaller part, which is almost every one, gets
        a plain header: SheetJS and others do not know ZIP64.
        """
        entry = _entry(name)
        with self._archive.open(entry, "w", force_zip64=True) as part:
            yield part
        if max(entry.file_size, entry.compress_size) <= ZIP64_LIMIT and self._out.seekable():
            self._make_plain(entry)

    def _make_plain(self, entry: ZipInfo) -> None:
        entry.create_version = entry.extract_version = 20
        name = entry.filename.encode("ascii")
        end = self._out.tell()
        self._out.seek(entry.header_offset)
        self._out.write(
            _HEADER.pack(
                b"PK\x03\x04", entry.extract_version, entry.flag_bits, entry.compress_type, 0, _DATE,
                entry.CRC, entry.compress_size, entry.file_size, len(name), len(_GROWTH_HINT),
            ) + name + _GROWTH_HINT
        )  # fmt: skip
        self._out.seek(end)


#: A constant date, 1980-01-01, so that the same data gives the same file.
_DATE: Final = (1 << 5) + 1


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = ZIP_DEFLATED
    return entry


def with_prefix(drawing: bytes) -> bytes:
    """Give the elements of a drawing the prefix that Excel gives them: ExcelJS looks for `xdr:wsDr`."""
    drawing = drawing.replace(b' xmlns="%s"' % _DRAWING, b' xmlns:xdr="%s"' % _DRAWING, 1)
    return re.sub(rb"<(/?)(\w+)(?=[\s/>])", rb"<\1xdr:\2", drawing)
