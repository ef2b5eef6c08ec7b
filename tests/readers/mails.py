"""Read many mails at once with two parsers that did not write them: Perl's Email::MIME, and mailparser on Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from . import HERE, require_node

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Each mail has `subject`, `From`, `To`, `Cc`, `Reply-To` (lists of name and address), and `files` (their names).
Mail = dict[str, Any]


def email_mime(mails: Sequence[bytes]) -> list[Mail]:
    """Read mails with Email::MIME."""
    there = shutil.which("perl") and subprocess.run(["perl", "-MEmail::MIME", "-e1"], check=False, capture_output=True)
    if not there or there.returncode != 0:
        pytest.skip("Email::MIME is not installed; run `make test`")
    return _read(["perl", "mails.pl"], mails)


def mailparser(mails: Sequence[bytes]) -> list[Mail]:
    """Read mails with mailparser."""
    require_node()
    return _read(["node", "mails.mjs"], mails)


def _read(command: list[str], mails: Sequence[bytes]) -> list[Mail]:
    content = json.dumps([b64encode(mail).decode() for mail in mails])
    done = subprocess.run(
        command,
        cwd=HERE,
        input=content,
        env={"PATH": os.environ["PATH"], "TZ": "Pacific/Auckland"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[Mail] = json.loads(done.stdout)
    return found
