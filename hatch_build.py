"""The parts of the wheel's metadata that need a change on their way from the files of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: An Astro image brings its own Airflow and refuses any bound in requirements.txt; the wheel can name the tested one.
AIRFLOW = "apache-airflow>=3.3,<3.4"


class WheelMetadata(MetadataHookInterface):
    """Bound Airflow's version, and make the README readable without the files it links to."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Run after the hook that reads requirements.txt; hatchling keeps the order of pyproject.toml."""
        found: list[str] = metadata["dependencies"]
        found[found.index("apache-airflow")] = AIRFLOW
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": standalone(text)}


def standalone(text: str) -> str:
    """Remove the pictures, and turn every link to a file of the repository into its plain text."""
    without_pictures = re.sub(r'<a href="(?!https?:)[^"]*">.*?</a>\n*', "", text, flags=re.DOTALL)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]*\)", r"\1", without_pictures)
