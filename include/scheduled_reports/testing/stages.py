"""In-memory record of the stages of compact runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..domain.stage import StageAttempt, StageName, StageResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.formats import Format
    from ..domain.run import RunKey
    from .runs import MemoryRuns


@dataclass
class MemoryStages:
    """Port `Stages` in a dictionary, beside the record of runs."""

    runs: MemoryRuns
    noted: dict[RunKey, dict[tuple[StageName, Format | None, int], StageAttempt]] = field(default_factory=dict)

    def note(self, key: RunKey, attempt: StageAttempt) -> None:
        if key in self.runs.runs:
            self.noted.setdefault(key, {})[attempt.stage, attempt.format, attempt.attempt] = attempt

    def of(self, key: RunKey) -> Sequence[StageAttempt]:
        return sorted(self.noted.get(key, {}).values(), key=lambda one: one.started_at)

    def forget(self, key: RunKey) -> None:
        self.noted.pop(key, None)

    def resume(self, key: RunKey, clear_number: int) -> bool:
        done = {at: one for at, one in self.noted.get(key, {}).items() if one.result is StageResult.SUCCESS}
        if not any(one.stage is StageName.QUERY for one in done.values()):
            return False
        held = self.runs.runs[key]
        held.clear_number = max(held.clear_number, clear_number)
        self.noted[key] = done
        return True
