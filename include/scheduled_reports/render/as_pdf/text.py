"""Break table text into lines and draw it with Pango, through WeasyPrint, exactly as on WeasyPrint's own pages."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pydyf
from weasyprint.draw.text import draw_emojis, draw_first_line
from weasyprint.matrix import Matrix
from weasyprint.text.ffi import FROM_UNITS, pango, unicode_to_char_p
from weasyprint.text.line_break import Layout, line_size, split_first_line, strut

if TYPE_CHECKING:
    from weasyprint.pdf.stream import Stream

#: Unicode line separators: WeasyPrint draws them as boxes, and fails if a space precedes one.
_LINE_ENDS: Final = re.compile("[\u0085\u2028\u2029]")
#: Whitespace that `white-space: pre-line` changes.
_LOOSE: Final = re.compile("[\t\n\r\u0085\u2028\u2029]|  |^ | $")
#: More lines than any paper holds.
_MOST_LINES: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a cell; WeasyPrint draws *text*, *style*, *pango_layout*; *baseline* is measured from the top."""

    text: str
    style: Any
    pango_layout: Any
    width: float
    height: float
    baseline: float


class TextColumn:
    """Breaks the texts of a column into lines, like WeasyPrint with `white-space: pre-line`."""

    def __init__(self, cell: Any, *, is_right: bool) -> None:
        self.is_right = is_right
        self.style = cell.style.anonymous_style
        self._width = cell.width
        self._strut = strut(self.style)
        self._layouts: list[Layout] = []

    def lines(self, text: str) -> list[Line]:
        """Break *text* into lines, to be drawn before the next call, which reuses their Pango layouts."""
        text = _collapsed(text)
        if not text:
            return []
        if "\n" not in text:
            line = self._line(text, 0)
            if line.width <= self._width:
                return [line]
        return self._broken(text.encode())

    def _broken(self, rest: bytes) -> list[Line]:
        lines: list[Line] = []
        while (rest := rest.lstrip(b" ")) and len(lines) < _MOST_LINES:
            layout, length, resume, *_ = split_first_line(rest.decode(), self.style, None, self._width, 0)
            lines.append(self._line(layout.text if length else "", len(lines)))
            rest = rest[resume:] if resume is not None else b""
        return lines

    def _line(self, text: str, place: int) -> Line:
        if place == len(self._layouts):
            self._layouts.append(Layout(self.style))
        return single_line(text, self.style, self._layouts[place], self._strut)


def single_line(text: str, style: Any, layout: Any = None, usual: Any = None) -> Line:
    """Set *text* as one line of any length; its height follows CSS: from the text and the first font named."""
    layout = layout or Layout(style)
    layout.text = text  # not set_text, which prepares for line breaks
    pango.pango_layout_set_text(layout.layout, unicode_to_char_p(text)[0], -1)
    first, _ = layout.get_first_line()
    width, height = line_size(first, style)
    line_height, usual_baseline = usual or strut(style)
    baseline = pango.pango_layout_get_baseline(layout.layout) * FROM_UNITS + (line_height - height) / 2
    return Line(
        text=text,
        style=style,
        pango_layout=layout,
        width=width,
        height=line_height + abs(baseline - usual_baseline),
        baseline=max(baseline, usual_baseline),
    )


def draw(stream: Stream, line: Line, x: float, y: float) -> None:
    """Draw *line* with its baseline at *y*, in the current colour."""
    stream.begin_text()
    emojis = draw_first_line(stream, line, "clip", "none", Matrix(d=-1, e=x, f=y))
    stream.end_text()
    draw_emojis(stream, line.style, x, y, emojis)


def packed(stream: Stream) -> pydyf.Stream:
    """Compress the content of *stream*."""
    stream.pop_state()
    content = b"\n".join(item if type(item) is bytes else pydyf._to_bytes(item) for item in stream.stream)  # noqa: SLF001
    return pydyf.Stream([zlib.compress(content, 6)], {"Filter": "/FlateDecode"})


def with_plain_ends(text: str) -> str:
    """Replace Unicode line and paragraph separators by line feeds."""
    return _LINE_ENDS.sub("\n", text)


def _collapsed(text: str) -> str:
    """Collapse whitespace as `white-space: pre-line` does."""
    if not _LOOSE.search(text):
        return text
    text = re.sub("\r\n?", "\n", with_plain_ends(text))
    return re.sub("[\t ]+", " ", re.sub("[\t ]*\n[\t ]*", "\n", text)).strip(" ")
