"""Strip third-party messages, which may contain row values, from task logs.

A driver's error contains the server's message, and with it rows, addresses and keys, and Airflow logs the whole chain
of an exception. Of a third-party error only the type and the traceback are logged.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException

from ..domain.errors import ReportsError

if TYPE_CHECKING:
    from collections.abc import Iterator


class UnexpectedError(Exception):
    """A third-party error without its message."""


@contextmanager
def shield() -> Iterator[None]:
    """Pass on errors of Airflow and of this product without their cause, and replace all others."""
    try:
        yield
    except (ReportsError, AirflowException) as error:
        error.__cause__ = None  # also keeps the context from being logged
        raise
    except Exception as error:
        message = f"{type(error).__name__}; its message is left out, because it may contain row values"
        raise UnexpectedError(message).with_traceback(error.__traceback__) from None
