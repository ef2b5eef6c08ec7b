"""The settings ALLOWED_DOMAINS and RECIPIENT_DOMAINS: domains of addresses, in either spelling.  Pure."""

from __future__ import annotations

from ..domain.addresses import ascii_domain
from ..domain.problem import shown


def read_domains(text: str) -> frozenset[str]:
    """The domains in the setting, as A-labels in lower case; ValueError names every one that is wrong."""
    found, wrong = set(), []
    for name in filter(None, map(str.strip, text.split(","))):
        try:
            found.add(ascii_domain(name))
        except UnicodeError:
            wrong.append(shown(name))
    if wrong:
        raise ValueError(
            f"is not a list of domains: {', '.join(wrong)}; use names such as acme.example, separated by commas"
        )
    return frozenset(found)
