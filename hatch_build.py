"""The part of the wheel's metadata that needs a change on its way from the files of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class WheelMetadata(MetadataHookInterface):
    """Make the README readable without the files it links to."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README as the description."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": standalone(text)}


def standalone(text: str) -> str:
    """Remove the pictures, and turn every link to a file of the repository into its plain text."""
    without_pictures = re.sub(r'<a href="(?!https?:)[^"]*">.*?</a>\n*', "", text, flags=re.DOTALL)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]*\)", r"\1", without_pictures)
