"""Read files and mails with programs that did not write them: SheetJS, ExcelJS, mailparser, caniemail, on Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
#: Made by the Makefile once the packages are complete.
MADE = HERE / "node_modules" / ".made"


def sheetjs(content: bytes) -> dict[str, Any]:
    """Read a workbook with SheetJS: `names`, `sheets` (rows by name), `shown` (as text), `formulas` (their cells)."""
    return _read("sheetjs.mjs", content, ".xlsx")


def exceljs(content: bytes) -> dict[str, Any]:
    """Read a workbook with ExcelJS: `names`, `sheets` (rows by name), `images` (their number by sheet)."""
    return _read("exceljs.mjs", content, ".xlsx")


def mailparser(content: bytes) -> dict[str, Any]:
    """Read a message with mailparser; see mail.mjs for the names."""
    return _read("mail.mjs", content, ".eml")


def caniemail(page: str, *clients: str) -> dict[str, dict[str, list[str]]]:
    """Find features of a page that mail clients support not at all or in part: `unsupported`, `partial`, by client."""
    found: dict[str, dict[str, list[str]]] = _read("caniemail.mjs", page.encode(), ".html", *clients)
    return found


def require_node() -> None:
    """Fail the test if Node.js or the readers' packages are not installed."""
    if shutil.which("node") is None or not MADE.exists():
        pytest.fail("Node.js or its packages are not installed; run `make test`", pytrace=False)


def _read(script: str, content: bytes, suffix: str, *options: str) -> dict[str, Any]:
    require_node()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"content{suffix}")
        path.write_bytes(content)
        done = subprocess.run(
            ["node", script, path, *options],
            cwd=HERE,
            # A time zone far from UTC: no value may depend on the local zone.
            env={"PATH": os.environ["PATH"], "TZ": "Pacific/Auckland"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
