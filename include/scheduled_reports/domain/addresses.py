"""Validate email addresses, convert their domains to ASCII, and say which of them are one mailbox."""

from __future__ import annotations

import re
from unicodedata import normalize

#: SES accepts only ASCII local parts; a domain in another script is sent in its ASCII form.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"


LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"


LOCAL = re.compile(rf"(?=.{{1,64}}\Z)(?!=\?){ATOM}(?:\.{ATOM})*")
DOMAIN = re.compile(rf"(?:{LABEL}\.)*(?:[A-Za-z]{{2,63}}|[Xx][Nn]--[A-Za-z0-9-]{{2,59}})")
#: Full stops of other scripts, which UTS 46 maps to a dot; a person who types them does not mean a domain.
OTHER_DOTS = re.compile("[\u3002\uff0e\uff61]")


def is_address(text: str) -> bool:
    """Whether *text* is one plain email address."""
    local, at, domain = text.rpartition("@")
    if not at or LOCAL.fullmatch(local) is None or domain.endswith("."):
        return False
    try:
        plain = ascii_domain(domain)
    except UnicodeError:
        return False
    return "." in plain and len(f"{local}@{plain}") <= 254


def ascii_address(address: str) -> str:
    """*address* with an ASCII domain, as mail servers require; UnicodeError if the domain has no ASCII form."""
    local, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{local}@{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """The A-labels of *domain*, in lower case and without the root's dot; UnicodeError if it is not a domain.

    `bücher.example` and `XN--BCHER-KVA.example` are one domain (RFC 5890, 2.3.2.4).
    """
    found = domain.removesuffix(".").lower()
    if not found.isascii():
        if OTHER_DOTS.search(found):
            raise UnicodeError("the domain has a full stop of another script")
        # The standard library's codec follows IDNA 2003, which turns straße.de into strasse.de, another domain.
        from idna import encode  # noqa: PLC0415 - rarely needed and large

        found = encode(normalize("NFC", found), uts46=True).decode("ascii")
    if DOMAIN.fullmatch(found) is None or len(found) > 253:
        raise UnicodeError("the text is not a domain")
    return found


def mailbox(address: str) -> str:
    """*address* in the form in which addresses are compared: case is ignored, and a domain has one spelling.

    Text that is not an address is only turned into lower case.
    """
    local, at, domain = address.rpartition("@")
    try:
        return f"{local.lower()}{at}{ascii_domain(domain)}"
    except UnicodeError:
        return address.lower()


def spellings(address: str) -> frozenset[str]:
    """*address* in lower case with each spelling of its domain, for a search among addresses as people wrote them."""
    plain = mailbox(address)
    local, at, domain = plain.rpartition("@")
    if "xn--" not in domain:
        return frozenset({address.lower(), plain})
    from idna import IDNAError, decode  # noqa: PLC0415

    try:
        return frozenset({address.lower(), plain, f"{local}{at}{decode(domain)}"})
    except IDNAError:
        return frozenset({address.lower(), plain})
