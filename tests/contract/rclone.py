"""A second S3 for the contract suites: rclone serves a local folder over S3's HTTP API, and checks signatures."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from demo import aws
from demo.processes import Child, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUCKETS = ("reports", "staging")
KEYS = {aws.ACCESS_KEY: aws.SECRET_KEY}


@contextmanager
def serving(folder: Path, keys: Mapping[str, str] = KEYS) -> Iterator[aws.Aws]:
    """Start the server on an empty folder with our buckets; *keys* are the access keys and their secrets."""
    for bucket in BUCKETS:
        (folder / "data" / bucket).mkdir(parents=True)
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("rclone")), "serve", "s3", "--config", "", "--addr", f"127.0.0.1:{port}",
        "--vfs-cache-mode", "off", *(f"--auth-key={key},{secret}" for key, secret in keys.items()),
        str(folder / "data"),
    ]  # fmt: skip
    child = Child.start("rclone", command, log=folder / "rclone.log")
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url), seconds=20, what="rclone to answer", alive=child)
        yield aws.Aws(url, child)
    finally:
        child.stop()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code < 500
    except requests.ConnectionError:
        return False
