"""What Airflow logs of an error that a task ends with."""

from __future__ import annotations

import traceback

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.scheduled_reports.errors import TransientError
from include.scheduled_reports.orchestration.shield import UnexpectedError, shield

ADDRESS = "ada@acme.example"


def logged(error):
    """An error with all that Python would show of it."""
    return "".join(traceback.format_exception(error))


def test_our_own_error_goes_on_without_what_caused_it():
    with pytest.raises(TransientError) as raised, shield():
        try:
            raise psycopg.OperationalError(f"DETAIL: Failing row contains ({ADDRESS})")
        except psycopg.Error as error:
            raise TransientError("the reports database did not answer") from error

    assert "the reports database did not answer" in logged(raised.value)
    assert ADDRESS not in logged(raised.value)


def test_an_error_within_an_error_goes_too():
    with pytest.raises(TransientError) as raised, shield():
        try:
            raise KeyError(ADDRESS)
        except KeyError:
            raise TransientError("later")  # noqa: B904 - the context is what is asked about

    assert ADDRESS not in logged(raised.value)


def test_of_a_strangers_error_kind_and_place_are_kept_and_its_text_is_not():
    def read_a_row():
        raise LookupError(ADDRESS)

    with pytest.raises(UnexpectedError) as raised, shield():
        read_a_row()

    assert str(raised.value) == "LookupError; what it says may hold values of a row and is left out"
    assert "in read_a_row" in logged(raised.value)
    # The line of the source is there, and says the name of the value.
    assert ADDRESS not in logged(raised.value)


@pytest.mark.parametrize("kind", [AirflowFailException, AirflowSkipException])
def test_what_airflow_has_to_understand_stays_what_it_is(kind):
    with pytest.raises(kind, match="the reason"), shield():
        raise kind("the reason")


def test_nothing_happens_to_what_goes_well():
    with shield():
        done = True

    assert done
