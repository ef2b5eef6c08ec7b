"""Break table text into lines and draw it with Pango, through WeasyPrint, exactly as on WeasyPrint's own pages."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple, overload

import pydyf
from weasyprint.draw.text import draw_emojis, draw_first_line
from weasyprint.matrix import Matrix
from weasyprint.text.ffi import FROM_UNITS, pango, unicode_to_char_p
from weasyprint.text.line_break import Layout, line_size, split_first_line, strut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from weasyprint.pdf.stream import Stream

#: Unicode line separators: WeasyPrint draws them as boxes, and fails if a space precedes one.
_LINE_ENDS: Final = re.compile("[\u0085\u2028\u2029]")
#: Whitespace that `white-space: pre-line` changes.
_LOOSE: Final = re.compile("[\t\n\r\u0085\u2028\u2029]|  |^ | $")
#: More lines than any paper holds.
_MOST_LINES: Final = 1_000
#: Texts of a column that are kept: all that a report shows again and again, a few MB at most.
_MOST_KNOWN: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a cell as the operators that draw it, empty if it is blank; *baseline* is measured from the top."""

    style: Any
    width: float
    height: float
    baseline: float
    operators: bytes
    emojis: list[Any]


class TextColumn:
    """Breaks the texts of a column into lines, like WeasyPrint with `white-space: pre-line`.

    Names, states and days repeat from row to row; they are shaped once.
    """

    def __init__(self, cell: Any, new_stream: Callable[[], Stream], *, is_right: bool) -> None:
        self.is_right = is_right
        self._width = cell.width
        self._typesetter = Typesetter(cell.style.anonymous_style, new_stream())
        self._known: dict[str, list[Line]] = {}

    def lines(self, text: str) -> list[Line]:
        """Break *text* into lines."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) == _MOST_KNOWN:
                self._known.clear()
            known = self._known[text] = self._set(_collapsed(text))
        return known

    def _set(self, text: str) -> list[Line]:
        if not text:
            return []
        if "\n" not in text:
            line = self._typesetter.line(text, self._width)
            if line:
                return [line]
        return list(islice(self._broken(text), _MOST_LINES))

    def _broken(self, text: str) -> Iterator[Line]:
        while text:
            layout, length, resume, *_ = split_first_line(text, self._typesetter.style, None, self._width, 0)
            yield self._typesetter.line(layout.text if length else "")
            rest = text.encode()[resume:].lstrip(b" ") if resume is not None else b""
            text = rest.decode()
            if resume is not None and len(rest) <= resume:  # probably the last line
                yield from self.lines(text)
                return


class _TextBox(NamedTuple):
    """What WeasyPrint reads of a box of text to draw it."""

    text: str
    style: Any
    pango_layout: Any
    baseline: float


class Typesetter:
    """Sets lines of one style; *scratch* takes their operators, and knows the fonts of the file."""

    def __init__(self, style: Any, scratch: Stream) -> None:
        self.style = style
        self._scratch = scratch
        self._layout = Layout(style)
        self._strut = strut(style)

    @overload
    def line(self, text: str) -> Line: ...
    @overload
    def line(self, text: str, width: float) -> Line | None: ...
    def line(self, text: str, width: float = inf) -> Line | None:
        """Set *text* as one line; None if it is longer than *width*.

        Its height follows CSS: from the text and the first font named.
        """
        layout = self._layout
        layout.text = text  # not set_text, which prepares for line breaks
        pango.pango_layout_set_text(layout.layout, unicode_to_char_p(text)[0], -1)
        first, _ = layout.get_first_line()
        taken, height = line_size(first, self.style)
        if taken > width:
            return None
        line_height, usual_baseline = self._strut
        baseline = pango.pango_layout_get_baseline(layout.layout) * FROM_UNITS + (line_height - height) / 2
        lowest = max(baseline, usual_baseline)
        operators, emojis = self._drawn(_TextBox(text, self.style, layout, lowest))
        return Line(
            style=self.style,
            width=taken,
            height=line_height + abs(baseline - usual_baseline),
            baseline=lowest,
            operators=operators,
            emojis=emojis,
        )

    def _drawn(self, box: _TextBox) -> tuple[bytes, list[Any]]:
        """Let WeasyPrint draw a line, and return the operators that follow those for its place."""
        stream = self._scratch
        stream.stream.clear()
        stream.begin_text()
        emojis = draw_first_line(stream, box, "clip", "none", Matrix(d=-1))
        operators = b"\n".join(stream.stream[2:])
        stream.end_text()
        return operators, emojis


def draw(stream: Stream, line: Line, x: float, y: float) -> None:
    """Draw *line* with its baseline at *y*, in the current colour."""
    stream.begin_text()
    place = pydyf._to_bytes(x), pydyf._to_bytes(y)  # noqa: SLF001
    stream.stream += (b"1 0 0 -1 %s %s Tm" % place, line.operators)
    stream.end_text()
    if line.emojis:
        draw_emojis(stream, line.style, x, y, line.emojis)


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
