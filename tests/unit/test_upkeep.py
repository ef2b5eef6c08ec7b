"""A round of upkeep, on the fakes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.shards import Shard
from include.scheduled_reports.reports.next_run import next_run
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import LONGEST_ERROR, TOMBSTONES, upkeep
from tests.unit.rows import report, row

#: A Sunday; the next Monday at 09:00 in Berlin is at 07:00 UTC.
NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
SPOILED = {"timezone": "Mars/Olympus"}
WHY = 'timezone: "Mars/Olympus" is not an IANA time zone; use one such as Europe/Berlin.'


def services_of(*rows, **settings):
    return MemoryServices(
        source=MemorySource(lambda *_: pytest.fail("upkeep reads no data")),
        settings=Settings(**settings),
        definitions=MemoryDefinitions(list(rows)),
        moment=NOW,
    )


no_runs = MemoryOrchestrator()


def state(services, report_id="r1"):
    """Return status, cause, tombstone, reasons and next run of a report."""
    found, store = services.definitions.row(report_id), services.upkeep_store
    return (
        found["status"],
        found["error_cause"],
        report_id in store.graves,
        store.errors.get(report_id),
        store.next_runs.get(report_id),
    )


# The next run


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, MONDAY),
        ({"is_active": False}, None),
        ({"status": "PAUSED"}, None),
        ({"status": "ERROR"}, None),
        ({"status": "DISABLED"}, None),
        # Effective just after the next tick, and exactly at it.
        ({"effective_from": "2026-05-11T07:00:01+00:00"}, MONDAY + timedelta(days=7)),
        ({"effective_from": "2026-05-11T07:00:00+00:00"}, MONDAY + timedelta(days=7)),
        ({"effective_from": "2026-05-11T06:59:59+00:00"}, MONDAY),
        ({"timezone": "America/New_York"}, datetime(2026, 5, 11, 13, tzinfo=UTC)),
    ],
)
def test_the_coming_run_is_the_first_tick_after_now_of_what_is_scheduled(changes, expected):
    assert next_run(report(**changes), NOW) == expected


def test_the_coming_run_comes_after_now_and_not_at_it():
    assert next_run(report(), MONDAY) == MONDAY + timedelta(days=7)


# A round


def test_a_round_writes_the_coming_run_of_every_report_and_none_where_there_is_none():
    services = services_of(row(id="r1"), row(id="r2", is_active=False), row(id="r3", **SPOILED))
    services.upkeep_store.next_runs = {"r1": NOW, "r2": NOW, "r3": NOW}

    done = upkeep(services, no_runs)

    assert services.upkeep_store.next_runs == {"r1": MONDAY, "r2": None, "r3": None}
    assert done.next_runs == 2  # the third report lost its next run when it was rejected


def test_an_edit_from_outside_shows_in_the_next_round():
    services = services_of(row(id="r1"))
    upkeep(services, no_runs)
    services.definitions.content[0]["cron_expression"] = "0 18 * * *"

    assert upkeep(services, no_runs).next_runs == 1
    assert services.upkeep_store.next_runs["r1"] == datetime(2026, 5, 10, 16, tzinfo=UTC)


def test_a_round_that_finds_all_as_it_should_be_changes_nothing():
    services = services_of(row(id="r1"), row(id="r2", **SPOILED), row(id="r3", status="DISABLED", **SPOILED))
    upkeep(services, no_runs)

    again = upkeep(services, no_runs)

    assert (again.next_runs, again.rejected, again.readmitted, again.lifted) == (0, 0, 0, 0)
    assert str(again) == (
        "0 next_run updated, 0 rejected, 0 valid again, 0 tombstones lifted, 0 runs settled, 0 owner notices processed"
    )


def test_a_row_that_turns_invalid_is_in_error_with_every_reason():
    services = services_of(row(id="r1", timezone="Mars/Olympus", creator_is_member=False, created_by_id="u1"))

    done = upkeep(services, no_runs)

    reasons = f'{WHY} created_by_id: "u1" has left the workspace; choose one of its members.'
    assert state(services) == ("ERROR", "rejected", True, reasons, None)
    assert done.rejected == 1


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED"])
def test_a_row_that_turns_valid_is_what_it_was_before_and_has_its_coming_run_at_once(status):
    services = services_of(row(id="r1", status=status, **SPOILED))
    upkeep(services, no_runs)
    services.definitions.content[0]["timezone"] = "Europe/Berlin"

    done = upkeep(services, no_runs)

    assert state(services) == (status, None, False, None, MONDAY if status == "ACTIVE" else None)
    assert done.readmitted == 1


def test_a_tick_that_passed_while_the_row_was_invalid_is_left_behind():
    services = services_of(row(id="r1", **SPOILED))
    upkeep(services, no_runs)
    services.moment = MONDAY + timedelta(hours=2)
    services.definitions.content[0]["timezone"] = "Europe/Berlin"

    upkeep(services, no_runs)

    assert datetime.fromisoformat(services.definitions.content[0]["effective_from"]) == MONDAY + timedelta(hours=2)
    assert services.upkeep_store.next_runs["r1"] == MONDAY + timedelta(days=7)


@pytest.mark.parametrize(("status", "cause"), [("DISABLED", None), ("ERROR", "failing"), ("ERROR", None)])
@pytest.mark.parametrize("spoiled", [SPOILED, {}])
def test_what_is_disabled_or_failing_stays_so_whether_it_is_valid_or_not_and_has_no_next_run(status, cause, spoiled):
    services = services_of(row(id="r1", status=status, error_cause=cause, **spoiled))
    services.upkeep_store.next_runs = {"r1": NOW}

    upkeep(services, no_runs)

    assert state(services) == (status, cause, False, None, None)


def test_a_status_that_only_a_newer_application_knows_costs_only_its_own_report():
    services = services_of(row(id="r1", status="ARCHIVED"), row(id="r2"))

    upkeep(services, no_runs)

    reason = 'status: "ARCHIVED" is not a known status; choose from ACTIVE, PAUSED, DISABLED, ERROR.'
    assert state(services) == ("ARCHIVED", "rejected", True, reason, None)
    assert services.upkeep_store.next_runs["r2"] == MONDAY
    assert upkeep(services, no_runs).rejected == 0


def test_a_report_that_leaves_a_status_that_only_the_application_knows_is_scheduled_again():
    services = services_of(row(id="r1", status="ARCHIVED"))
    upkeep(services, no_runs)
    services.definitions.row("r1")["status"] = "ACTIVE"

    assert upkeep(services, no_runs).readmitted == 1
    assert state(services) == ("ACTIVE", None, False, None, MONDAY)


def test_many_reasons_are_cut_to_what_a_person_reads():
    services = services_of(row(id="r1", tags=[""] * 3_000))

    upkeep(services, no_runs)

    assert len(services.upkeep_store.errors["r1"]) == LONGEST_ERROR
    assert upkeep(services, no_runs).rejected == 0


def test_a_round_reads_no_more_reports_than_the_operator_allows():
    services = services_of(row(id="r1"), row(id="r2"), row(id="r3"), max_reports=2)

    assert upkeep(services, no_runs).next_runs == 2
    assert services.upkeep_store.next_runs.keys() == {"r1", "r2"}


def test_a_round_over_parts_of_the_reports_does_the_same_as_over_all_at_once():
    def rows():
        return [row(id=f"r{number}", **(SPOILED if number % 3 == 0 else {})) for number in range(40)]

    at_once, in_parts = services_of(*rows(), max_reports=20_000), services_of(*rows(), max_reports=100_000)
    assert len({Shard.holding(one["id"], 5) for one in rows()}) == len(Shard.slices(100_000)) == 5

    first, second = (upkeep(services, MemoryOrchestrator()) for services in (at_once, in_parts))

    assert str(first) == str(second)
    assert first.rejected == 14
    assert at_once.upkeep_store.next_runs == in_parts.upkeep_store.next_runs
    assert at_once.upkeep_store.errors == in_parts.upkeep_store.errors


def test_a_round_names_the_reports_that_have_no_dag(caplog):
    services = services_of(*(row(id=f"r{number}") for number in range(4)), max_reports=2)
    services.upkeep_store.next_runs["r3"] = MONDAY

    done = upkeep(services, no_runs)

    assert done.left_out == 2
    assert "2 reports without a DAG: MAX_REPORTS is reached" in str(done)
    assert "MAX_REPORTS (2) is reached: 2 reports have no DAG, first of all r2, r3" in caplog.text
    assert services.upkeep_store.next_runs["r3"] is None


# Removing the DAGs of deleted reports


@pytest.mark.parametrize(
    ("age", "open_runs", "stays"),
    [
        (timedelta(minutes=5), 0, True),
        (timedelta(minutes=5, seconds=1), 0, False),
        (timedelta(minutes=5, seconds=1), 1, True),
        (timedelta(days=3), 2, True),
        (timedelta(days=3), 0, False),
    ],
)
def test_a_dag_is_let_go_after_its_farewell_once_no_run_is_open(age, open_runs, stays):
    services = services_of(tombstone_seconds=timedelta(minutes=5))
    services.upkeep_store.graves = {"r1": NOW - age}

    done = upkeep(services, MemoryOrchestrator(every=open_runs))

    assert ("r1" in services.upkeep_store.graves) == stays
    assert done.lifted == (not stays)


def test_airflow_is_asked_only_of_those_whose_farewell_is_over():
    services = services_of()
    services.upkeep_store.graves = {"old": NOW - timedelta(hours=1), "young": NOW}
    airflow = MemoryOrchestrator()

    upkeep(services, airflow)

    assert airflow.asked == ["old"]


def test_a_report_that_was_rejected_in_this_round_is_not_let_go_in_it():
    services = services_of(row(id="r1", **SPOILED))
    services.upkeep_store.graves = {"r1": NOW - timedelta(hours=1)}  # from an earlier time

    assert upkeep(services, no_runs).lifted == 0


def test_one_round_lets_go_of_a_bounded_number_the_oldest_first():
    services = services_of()
    services.upkeep_store.graves = {f"r{number:03}": NOW - timedelta(hours=1, seconds=number) for number in range(150)}

    assert upkeep(services, no_runs).lifted == TOMBSTONES
    assert services.upkeep_store.graves.keys() == {f"r{number:03}" for number in range(50)}


# Interrupted anywhere, then repeated


class CutOffError(Exception):
    """The process died."""


def cut_off_at(services, call):
    """Make the *call*-th change of this round fail before it is made."""
    left = [call]

    def dying(change):
        def or_die(*arguments, **named):
            left[0] -= 1
            if left[0] < 0:
                raise CutOffError
            return change(*arguments, **named)

        return or_die

    for name in ("reject", "readmit", "set_next_runs", "lift", "name_notice", "told"):
        setattr(
            services.upkeep_store,
            name,
            dying(getattr(type(services.upkeep_store), name).__get__(services.upkeep_store)),
        )


STATES = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["ACTIVE", "PAUSED", "DISABLED", "ERROR"]),
        "is_active": st.booleans(),
        "timezone": st.sampled_from(["Europe/Berlin", "Mars/Olympus"]),
    }
)


@given(st.lists(STATES, min_size=1, max_size=4), st.lists(STATES, min_size=4, max_size=4), st.integers(0, 4))
def test_a_round_that_was_cut_off_is_made_good_by_the_next(before, after, call):
    def spoiled_and_edited():
        services = services_of(*(row(id=f"r{number}", **changes) for number, changes in enumerate(before)))
        services.upkeep_store.graves = {"gone": NOW - timedelta(hours=1)}
        upkeep(services, MemoryOrchestrator(every=1))
        for found, changes in zip(services.definitions.content, after, strict=False):
            found["timezone"] = changes["timezone"]
            found["is_active"] = changes["is_active"]
        return services

    whole, cut = spoiled_and_edited(), spoiled_and_edited()
    upkeep(whole, no_runs)
    cut_off_at(cut, call)
    try:
        upkeep(cut, no_runs)
    except CutOffError:
        cut_off_at(cut, 100)
        upkeep(cut, no_runs)

    assert [state(cut, found["id"]) for found in cut.definitions.content] == [
        state(whole, found["id"]) for found in whole.definitions.content
    ]
    assert cut.upkeep_store.graves == whole.upkeep_store.graves
