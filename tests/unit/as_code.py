"""A folder of files and an in-memory database with two workspaces, for the tests of reports as code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.scheduled_reports.as_code import work
from include.scheduled_reports.domain.run import Actor
from include.scheduled_reports.ports.as_code import Key
from include.scheduled_reports.ports.web import WorkspaceInfo
from include.scheduled_reports.reports.fields import DEFAULTS
from include.scheduled_reports.testing.as_code import MemoryCodeStore
from tests.unit.rows import row

if TYPE_CHECKING:
    from pathlib import Path

ACME = WorkspaceInfo(id="ws1", name="Acme", slug="acme")
ZETA = WorkspaceInfo(id="ws2", name="Zeta", slug="zeta")
ADA = {name: value for name, value in row().items() if name.startswith("creator_")}
ADMIN = Actor(user="ci", source="apply")
WEEKLY = Key("ws1", "report", "weekly")
#: A valid report with only the keys that every report needs.
SMALL = """\
id: weekly
name: Weekly activity
reportType: workspace-activity
cronExpression: 0 9 * * 1
exportFormats: [pdf]
createdBy: u1
"""


def record(**changes: Any) -> dict[str, Any]:
    """The columns of a valid report, as the database holds them."""
    return {name: row(**changes)[name] for name in DEFAULTS}


def database(**reports: dict[str, Any]) -> MemoryCodeStore:
    """A database with reports of Acme, by id."""
    return MemoryCodeStore(
        places=(ACME, ZETA),
        creators={("ws1", "u1"): ADA},
        content={Key("ws1", "report", name): columns for name, columns in reports.items()},
    )


def put(root: Path, path: str, text: str) -> None:
    """Write a file of the folder."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def scope(root: Path, **options: Any) -> work.Scope:
    """The whole folder."""
    return work.Scope(root=root, **options)


def texts(root: Path) -> dict[str, bytes]:
    """The content of every file of the folder, by path."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
