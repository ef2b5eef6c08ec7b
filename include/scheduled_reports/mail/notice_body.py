"""Compose the subject and the two bodies of a notice to a report's owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..domain.bidi import isolated
from . import templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.feedback import Suppression

_SUBJECTS: Final[Mapping[str, str]] = {
    "failed": "Report failed: {}",
    "stopped": "Report stopped after repeated failures: {}",
    "recovered": "Report works again: {}",
    "confirmed": "Email was sent after all: {}",
    "suppressed": "Address is not mailed any more: {}",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A notice; *kind* is `failed`, `stopped`, `recovered`, `confirmed` or `suppressed`."""

    kind: str
    name: str
    workspace: str
    run_id: str
    #: Why the report failed, and how many times in a row.
    reason: str = ""
    streak: int = 0
    #: The addresses that are not mailed any more.
    suppressions: tuple[Suppression, ...] = ()

    @property
    def subject(self) -> str:
        """The subject of the mail."""
        return f"{_SUBJECTS[self.kind].format(isolated(self.name))} ({isolated(self.workspace)})"


def bodies(notice: Notice) -> tuple[str, str]:
    """Compose the notice as text and as HTML."""
    text = templates.TEMPLATES.get_template("notice.txt.j2").render(notice=notice, isolated=isolated)
    return text, templates.TEMPLATES.get_template("notice.html.j2").render(notice=notice, isolated=isolated)
