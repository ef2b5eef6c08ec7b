"""The words of a report's mail that people write: a subject and an introduction with placeholders.  Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: What every report can name besides its key figures.
PLACEHOLDERS: Final = ("name", "period", "workspace", "lead")
_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def unknown_placeholders(text: str, known: Collection[str]) -> list[str]:
    """What stands in braces and is no placeholder; a brace on its own counts, too."""
    names = [found[0] for found in _PLACEHOLDER.finditer(text) if found[1] not in known]
    rest = _PLACEHOLDER.sub("", text)
    loose = re.findall(r"\{[^{}]*\}|[{}]", rest)
    return list(dict.fromkeys((*names, *loose)))


def named_placeholders(text: str) -> frozenset[str]:
    """The placeholders in a text."""
    return frozenset(found[1] for found in _PLACEHOLDER.finditer(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """*text* with its placeholders replaced, those in a value not; one without a value becomes nothing."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), text)
