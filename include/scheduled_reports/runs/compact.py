"""A compact run: its stages one after the other in one process, the body of the task `report`.

Each stage commits its own outcome, as in a staged run.  The attempts at each are recorded as well, so that the next
attempt of the task does only what is missing.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from ..domain.errors import DeliveryUnknownError, PermanentError, ReportsError, SkipRunError, StagingMissingError
from ..domain.stage import StageAttempt, StageName, StageResult
from . import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ..domain.formats import Format
    from ..domain.run import RunKey, Trigger
    from ..ports.services import Services

#: A format that the process did not survive this often is left out.
KILLS = 2
KILLED = "the process ended while this file was made: it was killed, perhaps for lack of memory, or took too long"
FINAL = (PermanentError, SkipRunError, DeliveryUnknownError)


class GivenUpError(PermanentError):
    """A stage has failed in its last attempt."""


def report(
    services: Services,
    trigger: Trigger,
    *,
    attempt: int = 1,
    last: bool = False,
    section: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> str:
    """Do what is missing of a run's stages, in their order; return the result of `email`.

    A stage has as many attempts as its task has in a staged run.  What fails in the *last* attempt of `report` is given
    up as well.  *section* surrounds each stage in the log.

    Raises PermanentError if a file or the email is given up.
    """
    run = _Attempt(services, trigger, attempt, last, section, _past(services, trigger))
    formats = run.query()
    errors = {chosen: error for chosen in formats if (error := run.make(chosen)) is not None}
    for error in errors.values():
        if not isinstance(error, PermanentError):  # the email waits for this file
            raise error
    given_up = GivenUpError("; ".join(f"{chosen}: {error}" for chosen, error in errors.items()))
    if len(errors) == len(formats):
        raise given_up
    told = run.email()
    if errors:
        raise given_up
    return told


def _past(services: Services, trigger: Trigger) -> Sequence[StageAttempt]:
    """The earlier attempts that this one continues; none for a run that is new, was cleared, or has lost its data.

    Without its data all files of a run are made anew, so that they show the same rows.
    """
    key = trigger.key
    if not services.runs.is_open(key, trigger.clear_number):
        return ()
    past = services.stages.of(key) or _done_by_tasks(services, key)
    if not _is_done(past, StageName.QUERY):
        return past
    formats = services.runs.load(key).formats
    if all(_is_done(past, StageName.UPLOAD, one) for one in formats) or pipeline.is_staged(services, key):
        return past
    if any(not one.is_notice for one in services.ledger.of(key)):
        raise StagingMissingError("the data of this run is no longer on staging: clear the run")
    services.stages.forget(key)
    return ()


def _done_by_tasks(services: Services, key: RunKey) -> Sequence[StageAttempt]:
    """What the tasks of a staged run have done before RUN_MODE was changed, recorded as attempt 0."""
    if services.runs.load(key).mail_summary is None:
        return ()
    now = services.now()
    uploads = [(StageName.UPLOAD, one.format) for one in services.runs.artifacts(key)]
    done = [
        StageAttempt(stage=stage, format=chosen, attempt=0, started_at=now, ended_at=now, result=StageResult.SUCCESS)
        for stage, chosen in [(StageName.QUERY, None), *uploads]
    ]
    for one in done:
        services.stages.note(key, one)
    return done


def _is_done(past: Sequence[StageAttempt], stage: StageName, chosen: Format | None = None) -> bool:
    return any((one.stage, one.format, one.result) == (stage, chosen, StageResult.SUCCESS) for one in past)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt of the task `report`, and what the *past* ones have done."""

    services: Services
    trigger: Trigger
    number: int
    is_last: bool
    section: Callable[[str], AbstractContextManager[object]]
    past: Sequence[StageAttempt]

    def query(self) -> Sequence[Format]:
        """Stage the data; return the formats to make."""
        if _is_done(self.past, StageName.QUERY):
            return self.services.runs.load(self.trigger.key).formats
        with self._recorded(StageName.QUERY):
            return pipeline.query(self.services, self.trigger, attempt=self.number)

    def make(self, chosen: Format) -> Exception | None:
        """Render and upload one format; return the error, which costs only this format."""
        key = self.trigger.key
        try:
            if _is_done(self.past, StageName.UPLOAD, chosen):
                return None
            self._must_be_worth_it(chosen)
            if not _is_done(self.past, StageName.RENDER, chosen):
                with self._recorded(StageName.RENDER, chosen):
                    pipeline.render(self.services, key, chosen, attempt=self.number)
            with self._recorded(StageName.UPLOAD, chosen):
                pipeline.upload(self.services, key, chosen, attempt=self.number)
        except Exception as error:
            return error
        finally:
            # So that a format does not begin with the memory of the one before.
            gc.collect()
            pa.default_memory_pool().release_unused()
        return None

    def email(self) -> str:
        """Mail the files; no message is sent twice."""
        with self._recorded(StageName.EMAIL) as is_last:
            return pipeline.email(self.services, self.trigger.key, conf=self.trigger.conf, last=is_last)

    def _must_be_worth_it(self, chosen: Format) -> None:
        """Raise GivenUpError for a format that was given up, or that the process did not survive."""
        results = [one.result for one in self.past if one.format == chosen]
        if StageResult.REFUSED in results:
            raise GivenUpError("given up in an earlier attempt")
        if results.count(None) >= (1 if self.is_last else KILLS):
            self.services.runs.fail(self.trigger.key, chosen, KILLED)
            raise GivenUpError(KILLED)

    @contextmanager
    def _recorded(self, stage: StageName, chosen: Format | None = None) -> Iterator[bool]:
        """Record an attempt at a stage; yield whether it is the last one, whose error becomes a GivenUpError."""
        failures = [one for one in self.past if one.result is not StageResult.SUCCESS]
        failed = sum((one.stage, one.format) == (stage, chosen) for one in failures)
        is_last = self.is_last or failed >= self.services.settings.retries
        begun = StageAttempt(stage=stage, format=chosen, attempt=self.number, started_at=self.services.now())
        self.services.stages.note(self.trigger.key, begun)
        try:
            with self.section(f"{stage} {chosen}" if chosen else stage):
                yield is_last
        except Exception as error:
            is_final = is_last or isinstance(error, FINAL)
            with suppress(ReportsError):  # the error of the stage says more
                self._note_end(begun, StageResult.REFUSED if is_final else StageResult.FAILED)
            if is_final and not isinstance(error, FINAL):
                raise GivenUpError(pipeline.in_words(error)).with_traceback(error.__traceback__) from None
            raise
        self._note_end(begun, StageResult.SUCCESS)

    def _note_end(self, begun: StageAttempt, result: StageResult) -> None:
        self.services.stages.note(self.trigger.key, replace(begun, ended_at=self.services.now(), result=result))
