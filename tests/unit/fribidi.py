"""The order in which a line is seen, by GNU FriBidi, the library that Pango uses."""

from __future__ import annotations

import ctypes
from ctypes.util import find_library

import pytest

LEFT_TO_RIGHT, GUESSED = 272, 64  # FRIBIDI_PAR_LTR, FRIBIDI_PAR_ON


def seen(line, direction=LEFT_TO_RIGHT):
    """*line* from left to right as it is seen, without invisible characters."""
    name = find_library("fribidi")
    if name is None:
        pytest.fail("libfribidi0 is not installed; run `make setup`", pytrace=False)
    library = ctypes.CDLL(name)
    size = len(line)
    given = (ctypes.c_uint32 * size)(*map(ord, line))
    shown = (ctypes.c_uint32 * (size + 1))()
    base = ctypes.c_uint32(direction)
    assert library.fribidi_log2vis(given, size, ctypes.byref(base), shown, None, None, None)
    return "".join(chr(code) for code in shown[:size] if not 0x2066 <= code <= 0x2069 and code not in {0x200E, 0xFEFF})
