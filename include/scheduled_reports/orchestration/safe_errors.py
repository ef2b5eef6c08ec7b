"""What goes to a task's log of an error: our own words, never a stranger's.

The text of a driver's error holds what the server said, and with it rows, addresses and keys; Airflow writes an
exception's whole chain to the log.  So the chain ends here: a stranger's kind and place are kept, its text is not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException

from ..domain.errors import ReportsError

if TYPE_CHECKING:
    from collections.abc import Iterator


class UnexpectedError(Exception):
    """An error that nobody has thought of."""


@contextmanager
def shield() -> Iterator[None]:
    """Let nothing through but errors of Airflow and of this product, each without what caused it."""
    try:
        yield
    except (ReportsError, AirflowException) as error:
        error.__cause__ = None  # which keeps the context from being shown, too
        raise
    except Exception as error:
        message = f"{type(error).__name__}; what it says may hold values of a row and is left out"
        raise UnexpectedError(message).with_traceback(error.__traceback__) from None
