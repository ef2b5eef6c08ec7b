"""An SQS for the tests: MiniStack, which keeps ten thousand messages apart in a tenth of the time that moto needs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests

from demo import aws
from demo.processes import Child, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def serving(folder: Path) -> Iterator[aws.Aws]:
    """Start the server on 127.0.0.1."""
    port = free_port()
    command = [sys.executable, "-m", "hypercorn", "ministack.app:app", "--bind", f"127.0.0.1:{port}"]
    child = Child.start("ministack", command, log=folder / "ministack.log")
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url), seconds=60, what="MiniStack to answer", alive=child)
        yield aws.Aws(url, child)
    finally:
        child.stop()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/_ministack/health", timeout=2).ok
    except requests.ConnectionError:
        return False
