"""Pair neighbours that fit side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


def paired(items: Iterable[T], fit: Callable[[T, T], bool]) -> Iterator[tuple[T, ...]]:
    """Yield *items* in rows of two neighbours that *fit*, or of one; the order stays."""
    waiting = list(items)
    while waiting:
        count = 2 if len(waiting) > 1 and fit(*waiting[:2]) else 1
        yield tuple(waiting[:count])
        del waiting[:count]
