"""Everything that can go wrong, sorted by what the caller can do about it.

::

    ReportsError
    ├── PermanentError          trying again changes nothing
    │   ├── RejectedError       a row of scheduled_reports breaks the rules; carries every problem
    │   ├── RequestError        a run was asked for with wrong values
    │   ├── ReportTypeError     a report type's folder is broken
    │   ├── ConfigurationError  a setting or a connection is wrong
    │   ├── MailStoppedError    somebody has switched all mail off
    │   ├── StagingMissingError what an earlier stage left is gone: clear the run from `query`
    │   └── RecipientRefusedError the mail service refuses a call because of single addresses: nobody got it
    ├── TransientError          a server was away or busy: try again
    │   ├── ThrottledError      the mail service asks to slow down: certainly not sent
    │   ├── BusyError           a run of the report is under way
    │   └── NoDagError          Airflow has no DAG of the report, or not yet
    ├── SkipRunError            this tick must not run; the reason is recorded
    └── DeliveryUnknownError    the mail may or may not have left: never try again by itself
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .report import Problem


class ReportsError(Exception):
    """The root of every error this product raises on purpose."""


class PermanentError(ReportsError):
    """Trying again changes nothing."""


class RejectedError(PermanentError):
    """A row of scheduled_reports breaks the rules."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class RequestError(PermanentError):
    """A run was asked for with wrong values."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class ReportTypeError(PermanentError):
    """A report type's folder is broken."""


class ConfigurationError(PermanentError):
    """A setting or a connection is wrong."""


class StagingMissingError(PermanentError):
    """What an earlier stage left on staging is gone."""


class MailStoppedError(PermanentError):
    """Somebody has switched all mail off."""


class RecipientRefusedError(PermanentError):
    """The mail service refuses a call because of single addresses; nobody got it.  No address stands in the text."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = tuple(addresses)
        super().__init__(f"{len(self.addresses)} recipients are refused")


class TransientError(ReportsError):
    """A server was away or busy."""


class ThrottledError(TransientError):
    """The mail service asks to slow down; certainly not sent."""


class BusyError(TransientError):
    """A run of the report is under way."""


class NoDagError(TransientError):
    """Airflow has no DAG of the report, or not yet."""


class SkipRunError(ReportsError):
    """This tick must not run."""


class DeliveryUnknownError(ReportsError):
    """The mail may or may not have left."""
