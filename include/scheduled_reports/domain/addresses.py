"""E-mail addresses: which are valid, and their ASCII form."""

from __future__ import annotations

import re

#: SES takes ASCII local parts only; a domain in another script is sent as its ASCII form.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"


LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"


ADDRESS = re.compile(
    rf"(?=[^@]{{1,64}}@)(?!=\?){ATOM}(?:\.{ATOM})*@(?:{LABEL}\.)+(?:[^\W\d_]{{2,63}}|xn--[A-Za-z0-9-]{{2,59}})"
)


def is_address(text: str) -> bool:
    """Whether *text* is one plain e-mail address."""
    try:
        return ADDRESS.fullmatch(text) is not None and len(ascii_address(text)) <= 254
    except UnicodeError:
        return False


def ascii_address(address: str) -> str:
    """*address* as mail servers take it: a domain in another script in its ASCII form; UnicodeError without one."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    # The codec of the standard library is of 2003: it makes strasse.de of straße.de, which is somebody else's.
    from idna import encode  # noqa: PLC0415 - needed rarely, and big

    return f"{local}@{encode(domain, uts46=True).decode('ascii')}"
