"""Divide recipients into envelopes; remove repeated addresses."""

from __future__ import annotations

from ..domain.report import Recipients


def envelopes(recipients: Recipients, limit: int) -> tuple[Recipients, ...]:
    """Cut the envelope into parts of at most *limit* addresses, each address in exactly one part."""
    everyone = [
        *(("to", address) for address in recipients.to),
        *(("cc", address) for address in recipients.cc),
        *(("bcc", address) for address in recipients.bcc),
    ]
    parts = [everyone[first : first + limit] for first in range(0, len(everyone), limit)]
    return tuple(
        Recipients(**{kind: tuple(address for one, address in part if one == kind) for kind in ("to", "cc", "bcc")})
        for part in parts
    )


def without_repeats(recipients: Recipients) -> Recipients:
    """Each address once, whatever its case, where it stands first: to before cc before bcc."""
    seen: set[str] = set()

    def fresh(addresses: tuple[str, ...]) -> tuple[str, ...]:
        kept = []
        for address in addresses:
            if address.lower() not in seen:
                seen.add(address.lower())
                kept.append(address)
        return tuple(kept)

    return Recipients(to=fresh(recipients.to), cc=fresh(recipients.cc), bcc=fresh(recipients.bcc))
