"""Split recipients into envelopes; remove repeated addresses."""

from __future__ import annotations

from ..domain.report import Recipients


def envelopes(recipients: Recipients, limit: int) -> tuple[Recipients, ...]:
    """Split recipients into envelopes of at most *limit* addresses; each address is in exactly one."""
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
    """Keep the first occurrence of each address, ignoring case: to before cc before bcc."""
    seen: set[str] = set()

    def unseen(addresses: tuple[str, ...]) -> tuple[str, ...]:
        kept = []
        for address in addresses:
            if address.lower() not in seen:
                seen.add(address.lower())
                kept.append(address)
        return tuple(kept)

    return Recipients(to=unseen(recipients.to), cc=unseen(recipients.cc), bcc=unseen(recipients.bcc))
