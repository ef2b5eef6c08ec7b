"""Port: which stages of a compact run were attempted, and how each attempt ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.run import RunKey
    from ..domain.stage import StageAttempt


class Stages(Protocol):
    """The attempts at the stages of compact runs: reporting.stages.  Airflow has those of staged runs, as tasks."""

    def note(self, key: RunKey, attempt: StageAttempt) -> None:
        """Record an attempt when it begins, and again when it ends; nothing before the run itself is recorded."""

    def of(self, key: RunKey) -> Sequence[StageAttempt]:
        """The recorded attempts of a run, in the order in which they began."""

    def forget(self, key: RunKey) -> None:
        """Forget the attempts of a run: it begins anew."""

    def resume(self, key: RunKey, clear_number: int) -> bool:
        """Let the run go on after its next clear, which has this number, with what is done; forget what failed.

        Returns False, and changes nothing, for a run that has no data yet or is not compact: it begins anew.
        """
