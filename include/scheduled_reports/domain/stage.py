"""The stages of a run, and what is recorded of each attempt at one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from .formats import Format

#: The task of a compact run that does all stages but `record`.
REPORT_TASK = "report"


class StageName(StrEnum):
    """The stages that a compact run records; `record` is a task of its own."""

    QUERY = "query"
    RENDER = "render"
    UPLOAD = "upload"
    EMAIL = "email"


class StageResult(StrEnum):
    """How an attempt at a stage ended."""

    SUCCESS = "success"
    #: It may be tried again.
    FAILED = "failed"
    #: Another attempt would fail in the same way.
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class StageAttempt:
    """One attempt at a stage of a compact run; without a result it is at work, or its process was killed."""

    stage: StageName
    #: The format of `render` and `upload`.
    format: Format | None
    #: The number of the attempt of the task `report`.
    attempt: int
    started_at: datetime
    ended_at: datetime | None = None
    result: StageResult | None = None
