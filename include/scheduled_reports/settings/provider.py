"""What Airflow knows of the wheel: its name, and the section `[scheduled_reports]` with every setting.

Airflow calls `get_provider_info` while it reads its own configuration, in every process.  So this module imports
nothing of Airflow, and the plugin is not named here: its own entry point registers it.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from . import DEFAULTS, SECRET, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

DISTRIBUTION = "scheduled-reports"
TYPES = {str: "string", bool: "boolean", int: "integer", float: "float", timedelta: "float"}
COMMENT = "#: "


def get_provider_info() -> dict[str, Any]:
    """Return the metadata in the form of Airflow's provider_info.schema.json."""
    package = __name__.partition(".settings.")[0]
    return {
        "package-name": DISTRIBUTION,
        "name": "Scheduled reports",
        **_of_distribution(),
        "config": {
            "scheduled_reports": {
                "description": "Settings of scheduled reports; the variables SCHEDULED_REPORTS__<NAME> win over them.",
                "options": _options(),
            }
        },
        "extra-links": [f"{package}.orchestration.task_links.{name}" for name in ("FileLink", "RunLink")],
    }


def default_texts() -> Mapping[str, str]:
    """The default of each setting as an operator writes it, by the name of its field."""
    return {name: _text(value) for name, value in DEFAULTS.items()}


def _text(value: Any) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}" if value < timedelta(seconds=1) else str(round(value.total_seconds()))
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _of_distribution() -> dict[str, Any]:
    """Return version and description; those of the wheel, because a checkout has no distribution."""
    try:
        found = metadata(DISTRIBUTION)
    except PackageNotFoundError:
        return {"versions": [], "description": ""}
    return {"versions": [found["Version"]], "description": found["Summary"]}


def _options() -> dict[str, dict[str, Any]]:
    hints, told, texts = get_type_hints(Settings), _descriptions(), default_texts()
    return {
        name: {
            "description": told.get(name, ""),
            "version_added": None,
            "type": TYPES[hints[name]],
            "example": None,
            "default": texts[name],
            "sensitive": name in SECRET,
        }
        for name in DEFAULTS
    }


def _descriptions() -> dict[str, str]:
    """Return the comment above each field of `Settings`; fields in a row share one."""
    names = {one.name for one in fields(Settings)}
    told: dict[str, str] = {}
    comment: list[str] = []
    is_open = False
    for line in Path(__file__).with_name("__init__.py").read_text(encoding="utf-8").splitlines():
        text = line.strip()
        name = text.partition(":")[0]
        if text.startswith(COMMENT):
            comment = [*comment, text.removeprefix(COMMENT)] if is_open else [text.removeprefix(COMMENT)]
        elif line.startswith("    ") and name in names and comment:
            told.setdefault(name, " ".join(comment))
        is_open = text.startswith(COMMENT)
    return told
