"""The errors this product raises, grouped by what the caller can do about them.

::

    ReportsError
    ├── PermanentError          a retry would fail in the same way
    │   ├── RejectedError       a row of scheduled_reports is invalid; carries every problem
    │   ├── RequestError        a run was requested with invalid values
    │   ├── ReportTypeError     a report type's folder is invalid
    │   ├── FilesError          files of reports are invalid; carries every problem
    │   ├── ConfigurationError  a setting or a connection is wrong
    │   │   └── AllRefusedError the mail service refuses every recipient of a call
    │   ├── MailStoppedError    all mail is switched off
    │   ├── StagingMissingError the files of an earlier stage are gone: clear the run from `query`
    │   └── RecipientRefusedError the mail service refuses a call because of some addresses; nothing was sent
    ├── TransientError          a server was unavailable or busy: retry
    │   ├── ThrottledError      the mail service asks to slow down; nothing was sent
    │   ├── MailChangedError    the recipients were changed while the mail was composed; nothing was sent
    │   │   └── NotWantedError  the reader of a message is not to be mailed any more
    │   ├── BusyError           a run of the report is in progress
    │   └── NoDagError          Airflow has no DAG for the report, or not yet
    ├── SkipRunError            this tick must not run; the reason is recorded
    └── DeliveryUnknownError    the mail may or may not have been sent: never retried automatically
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .problem import Problem


class ReportsError(Exception):
    """The base class of every error this product raises on purpose."""


class PermanentError(ReportsError):
    """A retry would fail in the same way."""


class RejectedError(PermanentError):
    """A row of scheduled_reports is invalid.  The text is for logs and names no address; the problems do."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(problem.loggable for problem in self.problems))


class RequestError(PermanentError):
    """A run was requested with invalid values.  The text is for logs and names no address; the problems do."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(problem.loggable for problem in self.problems))


class ReportTypeError(PermanentError):
    """A report type's folder is invalid."""


class FilesError(PermanentError):
    """Files that describe reports, calendars or brands are invalid; a line for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ConfigurationError(PermanentError):
    """A setting or a connection is wrong."""


class AllRefusedError(ConfigurationError):
    """The mail service refuses every recipient of a call; nothing was sent.

    Of a message to several that says nothing about any of them; of one to a single reader, others decide: if they are
    accepted, it is about this reader.
    """


class StagingMissingError(PermanentError):
    """The staged files of an earlier stage are gone."""


class MailStoppedError(PermanentError):
    """All mail is switched off."""


class RecipientRefusedError(PermanentError):
    """The mail service refuses a call because of some addresses; nothing was sent.  The text names no address."""

    def __init__(self, addresses: Sequence[str], codes: Sequence[str] = ()) -> None:
        self.addresses = tuple(addresses)
        super().__init__(_with_codes(f"{len(self.addresses)} recipients are refused", codes))


class TransientError(ReportsError):
    """A server was unavailable or busy."""


class ThrottledError(TransientError):
    """The mail service asks to slow down; nothing was sent.  The text names no address.

    *addresses* are the recipients that it does not accept now, if it accepts others.  *accepted* is how many recipients
    it takes in one call, if that is fewer than it was given.
    """

    def __init__(self, message: str, *, addresses: Sequence[str] = (), accepted: int = 0) -> None:
        self.addresses = tuple(addresses)
        self.accepted = accepted
        super().__init__(message)


class MailChangedError(TransientError):
    """The recipients or the mail's options were changed while the mail was composed; nothing was claimed."""


class NotWantedError(MailChangedError):
    """The reader of a message is not to be mailed any more: they left, or were taken off; nothing was claimed."""


class BusyError(TransientError):
    """A run of the report is in progress."""


class NoDagError(TransientError):
    """Airflow has no DAG for the report, or not yet."""


class SkipRunError(ReportsError):
    """This tick must not run."""


class DeliveryUnknownError(ReportsError):
    """The mail may or may not have been sent."""


def _with_codes(text: str, codes: Sequence[str]) -> str:
    """*text* and the service's codes, such as `550 5.1.1`, each once."""
    return f"{text}: {', '.join(dict.fromkeys(codes))}" if codes else text


def location(error: BaseException) -> str:
    """Return where *error* was raised; its text is left out, because it may contain an address or a row value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" in {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
