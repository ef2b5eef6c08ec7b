"""The setting REPORT_URL: the page to which reports link.  Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from ..domain.run import Run

_NAMES: Final = ("report", "workspace", "run")
_REASON: Final = (
    "is not the URL of a page; use one such as https://app.example/reports/{report}, in which {report}, {workspace} "
    "and {run} are replaced by their ids"
)


def read_url(text: str) -> str:
    """The URL, or nothing; ValueError for anything else."""
    plain = _filled(text, dict.fromkeys(_NAMES, "1"))
    parts = urlsplit(plain)
    if text and (parts.scheme not in {"https", "http"} or not parts.hostname or not re.fullmatch(r"[!-~]+", plain)):
        raise ValueError(_REASON)
    if re.search(r"[<>\"{}]", plain):
        raise ValueError(_REASON)
    return text


def link_of(template: str, run: Run) -> str:
    """The page of a run; empty without a *template*."""
    report = run.report
    return _filled(template, {"report": report.id, "workspace": report.workspace.id, "run": run.key.run_id})


def _filled(template: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", quote(value, safe=""))
    return template
