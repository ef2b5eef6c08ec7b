"""Build the wheel as `make wheel` does and extract it into a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

CHECKOUT = Path(__file__).parents[1]


def build(out: Path) -> Path:
    """Build the wheel into *out*."""
    command = ["uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, *command[1:], "--out-dir", out, CHECKOUT], check=True, timeout=120)
    (wheel,) = out.glob("*.whl")
    return wheel


def install(wheel: Path, site: Path) -> Path:
    """Lay the wheel open in *site*, a folder for PYTHONPATH: what is pure Python needs no more to be installed."""
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    return site
