"""Run checks one after the other: one that fails is a finding and stops no other."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..domain.errors import ReportsError, location
from ..domain.finding import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..domain.finding import Finding

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """Something to examine; *remedy* is what to do if it cannot be examined at all."""

    subject: str
    examine: Callable[[], Iterable[Finding]]
    remedy: str


def findings(checks: Iterable[Check]) -> Iterator[Finding]:
    """What the checks find, in their order."""
    for check in checks:
        try:
            yield from check.examine()
        except ReportsError as error:
            yield fault(check.subject, str(error), check.remedy)
        except Exception as error:  # the last resort: one check stops no other, and its text may hold a secret
            log.warning("the check of %s failed: %s%s", check.subject, type(error).__name__, location(error))
            yield fault(check.subject, f"the check failed: {type(error).__name__}", check.remedy)
