"""Keep the figures of finished cases until the whole benchmark is finished: one that is interrupted is continued."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(__file__).resolve().parent.parent
#: The files that the figures depend on.
CODE = ("bench/**/*.py", "config/*.py", "dags/*.py", "demo/*.py", "include/**/*.*", "requirements.lock")


@dataclass(frozen=True)
class Progress:
    """The figures so far, in a file for this code and these arguments."""

    path: Path

    @classmethod
    def of(cls, *arguments: object) -> Progress:
        """The progress of the benchmark with *arguments* on the code as it is now."""
        digest = hashlib.sha256(repr(arguments).encode())
        for file in sorted({file for pattern in CODE for file in CHECKOUT.glob(pattern)}):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.read_bytes())
        return cls(CHECKOUT / ".cache" / "bench" / f"{digest.hexdigest()[:16]}.json")

    def case(self, name: str, measure: Callable[[], Any]) -> Any:
        """Return the figures of a case as JSON gives them back; measure it unless that was done before."""
        if not self.has(name):
            figures = measure()  # which may finish cases of its own
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft = self.path.with_suffix(".draft")
            draft.write_text(json.dumps({**self._read(), name: figures}))
            draft.replace(self.path)
        return self._read()[name]

    def has(self, name: str) -> bool:
        """Whether a case was measured before."""
        return name in self._read()

    def finish(self) -> None:
        """Forget everything: the benchmark is finished."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        return json.loads(self.path.read_text()) if self.path.exists() else {}
