"""Judge the conditions of a report (`sendIf`) on the rows that its files are made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import orjson

from ..domain.lead import Sentence
from ..domain.run import RunKind
from ..domain.send_if import (
    Candidate,
    ChangeCondition,
    ChangedCondition,
    FigureCondition,
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
    from zoneinfo import ZoneInfo

    from ..domain.report_type import ReportType
    from ..domain.run import Run
    from ..domain.send_if import Finding, SendCondition, SendIf
    from ..ports.services import Services
    from ..render.document import Figure
    from .staging import RunFiles

#: A lead has at most so many sentences, with those that name what was met; of these at most two.
MOST_SENTENCES, MOST_NAMED = 3, 2
#: What stands before the colon of the reason why a run is not mailed is in logs; the values after it are not.
NOT_MET: Final = "the condition is not met"
MET_ALREADY: Final = "the condition was met already"


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """The staged rows of a run, and how many rows with data each dataset has."""

    kind: ReportType
    files: RunFiles
    data_rows: Mapping[str, int]
    zone: ZoneInfo


def judge(
    services: Services, run: Run, kind: ReportType, files: RunFiles, data_rows: Mapping[str, int]
) -> Verdict | None:
    """Judge and record the conditions of a run; None if it has none, or is of a past period.

    *data_rows* counts the rows with data of each dataset.
    """
    send_if = run.report.send_if
    if send_if is None or run.kind is RunKind.BACKFILL or run.request.period:
        return None
    state = services.runs.mailed_state(run.report.id, run.report.workspace.id) or MailedState()
    staged = Staged(kind=kind, files=files, data_rows=data_rows, zone=run.report.timezone)
    verdict, candidate = decide(send_if, staged, state)
    candidate = replace(candidate, pending=not verdict.why or bool(run.request.mail))
    return services.runs.note_verdict(run.key, verdict, candidate if is_remembered(run) else None)


def is_remembered(run: Run) -> bool:
    """Whether later runs are compared with this one: not with a test, nor with one that is mailed to other people."""
    return not (run.request.test or run.request.recipients or run.recipients_kept)


def decide(send_if: SendIf, staged: Staged, state: MailedState) -> tuple[Verdict, Candidate]:
    """The verdict on the staged rows, and what becomes the state if the run is mailed."""
    digest, keys = _fingerprints(send_if, staged, state)
    asks_figures = any(isinstance(one, FigureCondition | ChangeCondition) for one in send_if.conditions)
    judged = _Judged(
        staged=staged,
        state=state,
        figures=_figures(staged) if asks_figures else {},
        differs=digest != state.digest,
        new_rows=keys.new_rows if keys else 0,
    )
    findings = tuple(map(judged.finding, send_if.conditions))
    met = (all if send_if.match == "all" else any)(finding.met for finding in findings)
    condition = identity(send_if)
    why = ""
    if not met:
        why = f"{NOT_MET}: {_in_one(finding for finding in findings if not finding.met)}"
    elif send_if.repeat == "once" and state.met_since is not None and state.condition == condition:
        when = words.moment_words(state.met_since.astimezone(staged.zone))
        why = f"{MET_ALREADY}: mailed on {when}, and not again until a run does not meet it"
    candidate = Candidate(
        condition=condition,
        met=met,
        digest=digest,
        key_column=send_if.key_column,
        keys=keys.packed() if keys else None,
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
    named = [Sentence(text=finding.text, tone=finding.tone) for finding in met[:MOST_NAMED]]
    if len(met) > MOST_NAMED:
        named[1:] = [Sentence(text=f"{len(met) - 1} more conditions are met.")]
    return (*named, *lead)[:MOST_SENTENCES]


def _fingerprints(send_if: SendIf, staged: Staged, state: MailedState) -> tuple[str | None, KeyHashes | None]:
    """What is compared with later runs, from one reading of the main dataset; None for what no condition asks for."""
    main, column = staged.kind.main, send_if.key_column
    digest = TableDigest(main.columns) if send_if.compares_rows else None
    known = state.keys if state.keys and state.key_column == column else b""
    keys = KeyHashes(column, known) if column is not None else None
    if digest is not None or keys is not None:
        for batch in document.main_batches(staged.files, staged.kind, staged.zone.key):
            if digest is not None:
                digest.update(batch)
            if keys is not None:
                keys.update(batch.column(column))
    return digest.hexdigest() if digest else None, keys


def _figures(staged: Staged) -> Mapping[str, Figure]:
    return {figure.spec.column.name: figure for figure in document.staged_figures(staged.kind, staged.files)}


def _in_one(findings: Iterable[Finding]) -> str:
    return "; ".join(finding.text.removesuffix(".") for finding in findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judged:
    """What the conditions of a run are judged by."""

    staged: Staged
    state: MailedState
    figures: Mapping[str, Figure]
    differs: bool
    new_rows: int

    def finding(self, condition: SendCondition) -> Finding:
        """Whether one condition is met."""
        main = self.staged.kind.main
        match condition:
            case RowsCondition(dataset=name):
                (title,) = (one.title for one in self.staged.kind.datasets if one.name == name)
                return words.judge_rows(condition, title, self.staged.data_rows[name])
            case FigureCondition():
                return words.judge_figure(condition, self.figures[condition.figure])
            case ChangeCondition():
                return words.judge_change(condition, self.figures[condition.figure])
            case ChangedCondition():
                mailed_at = self._mailed_at() if self.state.digest is not None else None
                return words.judge_changed(main.title, mailed_at, differs=self.differs)
            case NewRowsCondition(column=column):
                mailed_at = self._mailed_at() if self.state.key_column == column else None
                return words.judge_new_rows(main.title, mailed_at, self.new_rows)

    def _mailed_at(self) -> datetime | None:
        return self.state.mailed_at and self.state.mailed_at.astimezone(self.staged.zone)
