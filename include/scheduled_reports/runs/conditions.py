"""Judge the conditions of a report (`sendIf`) on the rows that its files are made of."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import orjson

from ..domain.lead import Sentence
from ..domain.run import RunKind
from ..domain.send_if import (
    Candidate,
    ChangeCondition,
    FigureCondition,
    Finding,
    MailedState,
    NewRowsCondition,
    RowsCondition,
    Verdict,
)
from ..render import send_if_words as words
from . import document
from .row_digest import KeyHashes, TableDigest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from ..domain.report import Report
    from ..domain.report_type import ReportType
    from ..domain.run import Run
    from ..domain.send_if import SendCondition, SendIf
    from ..ports.services import Services
    from ..render.document import Figure
    from .staging import RunFiles

#: A lead has at most so many sentences, with those that name what was met; of these at most two.
MOST_SENTENCES, MOST_NAMED = 3, 2
#: What stands before the colon of the reason why a run is not mailed is in logs; the values after it are not.
NOT_MET: Final = "the condition is not met"
MET_ALREADY: Final = "the condition was met already"


def judge(
    services: Services, run: Run, kind: ReportType, files: RunFiles, data_rows: Mapping[str, int]
) -> Verdict | None:
    """Judge and record the conditions of a run; None if it has none, or is of a past period.

    *data_rows* counts the rows with data of each dataset.  Once a message of the run was sent, its verdict is fixed.
    """
    send_if = run.report.send_if
    if send_if is None or run.kind is RunKind.BACKFILL or run.request.period:
        return None
    state = services.runs.mailed_state(run.report.id, run.report.workspace.id) or MailedState()
    verdict, candidate = decide(run, send_if, kind, files, data_rows, state)
    return services.runs.note_verdict(run.key, verdict, candidate if is_remembered(run) else None)


def is_remembered(run: Run) -> bool:
    """Whether later runs are compared with this one: not with a test, nor with one that other people asked for."""
    return not (run.request.test or run.request.resend or run.request.recipients or run.recipients_kept)


def decide(  # noqa: PLR0913, PLR0917 - what a verdict follows from
    run: Run,
    send_if: SendIf,
    kind: ReportType,
    files: RunFiles,
    data_rows: Mapping[str, int],
    state: MailedState,
) -> tuple[Verdict, Candidate]:
    """The verdict on the staged rows, and what becomes the state if the run is mailed.  Pure but for reading *files*."""
    judged = _Judged(run.report, send_if, kind, files, data_rows, state)
    findings = tuple(map(judged.finding, send_if.conditions))
    met = (all if send_if.match == "all" else any)(finding.met for finding in findings)
    condition = identity(send_if)
    why = ""
    if not met:
        why = f"{NOT_MET}: {_in_one(finding for finding in findings if not finding.met)}"
    elif send_if.repeat == "once" and state.met_since is not None and state.condition == condition:
        when = words.moment_words(state.met_since.astimezone(run.report.timezone))
        why = f"{MET_ALREADY}: mailed on {when}, and not again until a run does not meet it"
    candidate = Candidate(
        condition=condition,
        met=met,
        pending=not why or bool(run.request.mail),
        digest=judged.digest,
        key_column=send_if.key_column,
        keys=judged.keys.packed() if judged.keys else None,
    )
    return Verdict(met=met, why=why, findings=findings), candidate


def identity(send_if: SendIf) -> str:
    """A digest of the conditions, whatever their order and however often they are mailed."""
    parts = sorted(repr(condition) for condition in send_if.conditions)
    return hashlib.sha256(orjson.dumps([send_if.match, *parts])).hexdigest()


def with_reasons(verdict: Verdict | None, lead: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """The lead of a run; what its verdict found to be met stands first."""
    met = [finding for finding in verdict.findings if finding.met] if verdict and verdict.met else []
    if not met:
        return tuple(lead)
    named = [Sentence(text=finding.text) for finding in met[:MOST_NAMED]]
    if len(met) > MOST_NAMED:
        named[1:] = [Sentence(text=f"{len(met) - 1} more conditions are met.")]
    return (*named, *lead)[:MOST_SENTENCES]


def _in_one(findings: Iterable[Finding]) -> str:
    return "; ".join(finding.text.removesuffix(".") for finding in findings)


def _figures(kind: ReportType, files: RunFiles) -> Mapping[str, Figure]:
    return {figure.spec.column.name: figure for figure in document.staged_figures(kind, files)}


class _Judged:
    """The staged rows of a run, read once for all its conditions, and only as far as they ask."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a verdict follows from
        self,
        report: Report,
        send_if: SendIf,
        kind: ReportType,
        files: RunFiles,
        data_rows: Mapping[str, int],
        state: MailedState,
    ) -> None:
        self._report, self._kind, self._state, self._data_rows = report, kind, state, data_rows
        asks_figures = any(isinstance(one, FigureCondition | ChangeCondition) for one in send_if.conditions)
        self._figures: Mapping[str, Figure] = _figures(kind, files) if asks_figures else {}
        self._digest = TableDigest(kind.main.columns) if send_if.compares_rows else None
        self.keys = None
        if send_if.key_column is not None:
            (column,) = (one for one in kind.main.columns if one.name == send_if.key_column)
            self.keys = KeyHashes(column, self._known_keys(send_if.key_column))
        if self._digest is not None or self.keys is not None:
            self._read(files, send_if.key_column or "")
        self.digest = self._digest.hexdigest() if self._digest else None

    def _known_keys(self, column: str) -> bytes:
        return self._state.keys or b"" if self._state.key_column == column else b""

    def _read(self, files: RunFiles, column: str) -> None:
        for batch in document.main_batches(files, self._kind, self._report.timezone.key):
            if self._digest is not None:
                self._digest.update(batch)
            if self.keys is not None:
                self.keys.update(batch.column(column))

    def finding(self, condition: SendCondition) -> Finding:
        """Whether one condition is met."""
        main = self._kind.main
        match condition:
            case RowsCondition():
                (title,) = (one.title for one in self._kind.datasets if one.name == condition.dataset)
                return words.judge_rows(condition, title, self._data_rows[condition.dataset])
            case FigureCondition():
                return words.judge_figure(condition, self._figures[condition.figure])
            case ChangeCondition():
                return words.judge_change(condition, self._figures[condition.figure])
            case NewRowsCondition():
                assert self.keys is not None
                compared = self._state.key_column == condition.column
                return words.judge_new_rows(main.title, self._mailed_at(compared), self.keys.new_rows)
            case _:
                compared = self._state.digest is not None
                differs = self.digest != self._state.digest
                return words.judge_changed(main.title, self._mailed_at(compared), differs=differs)

    def _mailed_at(self, compared: bool) -> datetime | None:  # noqa: FBT001 - read once
        moment = self._state.mailed_at
        return moment.astimezone(self._report.timezone) if compared and moment else None
