"""Take screenshots with a headless Chromium over its DevTools protocol: whole pages, any width, light or dark."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from websockets.sync.client import connect

from ..processes import Child, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

COMMAND = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--remote-debugging-port=0", "about:blank",
)  # fmt: skip
#: The least and greatest height of a screenshot; a longer page is cut.
SHORTEST, TALLEST = 300, 16_000


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The viewport of a screenshot; a page longer than *height* is cut."""

    width: int
    height: int = TALLEST
    dark: bool = False
    phone: bool = False
    scale: float = 1


class Browser:
    """A running browser with one tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._tab = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self._call("Page.enable", {}, self._tab)

    @classmethod
    @contextmanager
    def started(cls, scratch: Path) -> Iterator[Browser]:
        """Start a browser with a temporary profile; it ends with the block."""
        profile = scratch / "profile"
        child = Child.start("chromium", [*COMMAND, f"--user-data-dir={profile}"], log=scratch / "chromium.log")
        try:
            port = profile / "DevToolsActivePort"
            wait_until(lambda: port.exists() and port.read_text().count("\n"), seconds=60, what="Chromium", alive=child)
            number, path = port.read_text().split("\n")[:2]
            with connect(f"ws://127.0.0.1:{number}{path}", max_size=None, proxy=None) as socket:
                yield cls(socket)
        finally:
            child.stop()

    def picture(self, page: Path, view: View) -> bytes:
        """Take a screenshot of the whole page as PNG."""
        self.open(page, view)
        height = min(int(self.evaluate("document.documentElement.scrollHeight")), view.height)
        self._resize(view, height)
        clip = {"x": 0, "y": 0, "width": view.width, "height": height, "scale": 1}
        taken = self._call("Page.captureScreenshot", {"format": "png", "clip": clip}, self._tab)
        return b64decode(taken["data"])

    def open(self, page: Path, view: View) -> None:
        """Open a page and wait until it is loaded."""
        self._call(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": "dark" if view.dark else "light"}]},
            self._tab,
        )
        self._resize(view, SHORTEST)
        self._call("Page.navigate", {"url": page.as_uri()}, self._tab)
        self._await("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """Evaluate a JavaScript expression on the open page."""
        found = self._call("Runtime.evaluate", {"expression": expression, "returnByValue": True}, self._tab)
        return found["result"]["value"]

    def _resize(self, view: View, height: int) -> None:
        metrics = {"width": view.width, "height": height, "deviceScaleFactor": view.scale, "mobile": view.phone}
        self._call("Emulation.setDeviceMetricsOverride", metrics, self._tab)

    def _call(self, method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self._socket.send(json.dumps(message))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                found: dict[str, Any] = answer["result"]
                return found

    def _await(self, event: str) -> None:
        while json.loads(self._socket.recv(timeout=60)).get("method") != event:
            pass
