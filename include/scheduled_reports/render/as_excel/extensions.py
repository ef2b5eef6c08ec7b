"""What Excel added to workbooks after 2007 and openpyxl does not write: small charts in cells, plain bars.

Readers that do not know an extension skip it. It has its place at the end of a worksheet ([MS-XLSX] 2.3.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from openpyxl.formatting.rule import DataBar, FormatObject, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

_X14: Final = 'xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"'
_XM: Final = 'xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"'
#: The identifiers that Excel gives to the three extensions.
_BAR_ID: Final = "{B025F937-C7B1-47D3-B67F-A62EFF666E3E}"
_FORMATS: Final = "{78C0D931-6437-407d-A8EE-F0AAD7539E65}"
_SPARKLINES: Final = "{05C60535-1F16-4fd2-B633-F4F36F0B64E0}"
#: The height of a small chart, in highest bars.
_ROOM: Final = 1.25
#: The colour of a bar whose rule has no identifier yet.
_PLACEHOLDER: Final = "FF0BADBA"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """Bars in the *cells* of a column; *sheet* and *number* tell it apart from all others of the workbook."""

    cells: str
    colour: str
    sheet: int
    number: int

    @property
    def id(self) -> str:
        """Its unique identifier."""
        return f"{{5EAD0000-0000-4000-8000-{self.sheet:04X}{self.number:08X}}}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sparkline:
    """A small chart in *cell* of the cells *source*, the largest of which is *most*."""

    cell: str
    source: str
    most: float


def bar_rule() -> Rule:
    """Make the rule of a bar. Excel 2007 draws it, with shades; later versions draw what the extension says."""
    bar = DataBar(cfvo=[FormatObject("num", val=0), FormatObject("max")], color=_PLACEHOLDER)
    return Rule(type="dataBar", dataBar=bar)


def extended(tail: bytes, *, bars: Sequence[Bar] = (), texts: str = "", lines: bytes = b"") -> bytes:
    """Add extensions to the end of a worksheet; in the cells *texts* Excel is silent about numbers that are text."""
    for bar in bars:
        tail = _identified(tail, bar)
    found = _bar_formats(bars) + lines
    ignored = f'<ignoredErrors><ignoredError sqref="{texts}" numberStoredAsText="1"/></ignoredErrors>' if texts else ""
    end = ignored.encode() + (b"<extLst>%s</extLst>" % found if found else b"")
    return tail.replace(b"</worksheet>", end + b"</worksheet>")


def sparklines(lines: Sequence[Sparkline], colour: str) -> bytes:
    """Encode small charts of bars in *colour*, each in a group of its own: its highest bar leaves a gap above."""
    if not lines:
        return b""
    groups = "".join(_group(line, colour) for line in lines)
    return f'<ext {_X14} uri="{_SPARKLINES}"><x14:sparklineGroups {_XM}>{groups}</x14:sparklineGroups></ext>'.encode()


def _group(line: Sparkline, colour: str) -> str:
    colours = "".join(
        f'<x14:color{part} rgb="FF{colour}"/>'
        for part in ("Series", "Negative", "Axis", "Markers", "First", "Last", "High", "Low")
    )
    return (
        f'<x14:sparklineGroup manualMax="{line.most * _ROOM:.12g}" manualMin="0" type="column" '
        'displayEmptyCellsAs="gap" minAxisType="custom" maxAxisType="custom">'
        f"{colours}<x14:sparklines><x14:sparkline><xm:f>{escape(line.source)}</xm:f>"
        f"<xm:sqref>{line.cell}</xm:sqref></x14:sparkline></x14:sparklines></x14:sparklineGroup>"
    )


def _identified(tail: bytes, bar: Bar) -> bytes:
    """Give the rule of a bar its colour, and the identifier by which the extension knows it."""
    extension = f'<extLst><ext {_X14} uri="{_BAR_ID}"><x14:id>{bar.id}</x14:id></ext></extLst>'
    return re.sub(
        rb'<color rgb="%s"\s*/></dataBar>' % _PLACEHOLDER.encode(),
        f'<color rgb="FF{bar.colour}"/></dataBar>{extension}'.encode(),
        tail,
        count=1,
    )


def _bar_formats(bars: Sequence[Bar]) -> bytes:
    if not bars:
        return b""
    formats = "".join(
        f'<x14:conditionalFormatting {_XM}><x14:cfRule type="dataBar" id="{bar.id}">'
        '<x14:dataBar minLength="0" maxLength="100" gradient="0">'
        '<x14:cfvo type="num"><xm:f>0</xm:f></x14:cfvo><x14:cfvo type="max"/>'
        f'<x14:negativeFillColor rgb="FF{bar.colour}"/><x14:axisColor rgb="FF{bar.colour}"/>'
        f"</x14:dataBar></x14:cfRule><xm:sqref>{bar.cells}</xm:sqref></x14:conditionalFormatting>"
        for bar in bars
    )
    found = f"<x14:conditionalFormattings>{formats}</x14:conditionalFormattings>"
    return f'<ext {_X14} uri="{_FORMATS}">{found}</ext>'.encode()
