"""Jinja templates of reports and notices, in HTML and plain text."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ...render.jinja import environment

TEMPLATES: Final = environment(Path(__file__).parent)
