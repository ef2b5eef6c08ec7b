"""What Airflow logs about an error that ends a task."""

from __future__ import annotations

import traceback

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.scheduled_reports.domain.errors import TransientError
from include.scheduled_reports.orchestration.safe_errors import UnexpectedError, shield

ADDRESS = "ada@acme.example"


def logged(error):
    """Format an error with its whole chain, as Python does."""
    return "".join(traceback.format_exception(error))


def ask(refusal):
    """Convert a driver's error into ours, with the original as the cause."""
    try:
        refusal()
    except psycopg.Error as error:
        raise TransientError("the reports database did not answer") from error
    except LookupError:
        raise TransientError("the reports database did not answer")  # noqa: B904 - this test is about the context


def refuse():
    raise psycopg.OperationalError(f"DETAIL: Failing row contains ({ADDRESS})")


def miss():
    raise LookupError(ADDRESS)


@pytest.mark.parametrize("refusal", [refuse, miss], ids=["its cause", "what it came in the midst of"])
def test_our_own_error_goes_on_without_what_led_to_it(refusal):
    with pytest.raises(TransientError) as unshielded:
        ask(refusal)
    with pytest.raises(TransientError) as raised, shield():
        ask(refusal)

    assert ADDRESS in logged(unshielded.value)
    assert "the reports database did not answer" in logged(raised.value)
    assert ADDRESS not in logged(raised.value)


def test_of_a_strangers_error_kind_and_place_are_kept_and_its_text_is_not():
    with pytest.raises(UnexpectedError) as raised, shield():
        miss()

    assert str(raised.value) == "LookupError; its message is left out, because it may contain row values"
    assert "in miss" in logged(raised.value)
    # The source line is shown, with the name of the value.
    assert ADDRESS not in logged(raised.value)


@pytest.mark.parametrize("kind", [AirflowFailException, AirflowSkipException])
def test_what_airflow_has_to_understand_stays_what_it_is(kind):
    with pytest.raises(kind, match="the reason"), shield():
        raise kind("the reason")


def test_nothing_happens_to_what_goes_well():
    with shield():
        done = True

    assert done
