"""Validate email addresses and convert their domains to ASCII."""

from __future__ import annotations

import re

#: SES accepts only ASCII local parts; a domain in another script is sent in its ASCII form.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"


LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"


ADDRESS = re.compile(
    rf"(?=[^@]{{1,64}}@)(?!=\?){ATOM}(?:\.{ATOM})*@(?:{LABEL}\.)+(?:[^\W\d_]{{2,63}}|xn--[A-Za-z0-9-]{{2,59}})"
)


def is_address(text: str) -> bool:
    """Whether *text* is one plain email address."""
    try:
        return ADDRESS.fullmatch(text) is not None and len(ascii_address(text)) <= 254
    except UnicodeError:
        return False


def ascii_address(address: str) -> str:
    """*address* with an ASCII domain, as mail servers require; UnicodeError if the domain has no ASCII form."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    # The standard library's codec follows IDNA 2003, which turns straße.de into strasse.de, another domain.
    from idna import encode  # noqa: PLC0415 - rarely needed and large

    return f"{local}@{encode(domain, uts46=True).decode('ascii')}"
