"""The command `next-runs`: the ticks of a cron expression, or the error in it."""

from __future__ import annotations

import pytest

from include.scheduled_reports.__main__ import main


def test_ticks_after_the_moment_are_printed_in_the_zone(capsys):
    options = ["--timezone", "Europe/Berlin", "--from", "2026-05-11T07:00Z", "--count", "2"]

    assert main(["next-runs", "0 9 * * 1", *options]) == 0
    assert capsys.readouterr().out.split() == ["2026-05-18T09:00:00+02:00", "2026-05-25T09:00:00+02:00"]


def test_a_wrong_expression_is_named_with_what_to_do(capsys):
    assert main(["next-runs", "*/5 * * * *"]) == 1
    assert capsys.readouterr().err == (
        'error: "*/5 * * * *" runs more than once an hour; name exactly one minute in the minute field\n'
    )


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "Europe", "posix/UTC", "right/UTC", "localtime", "Factory", "../UTC", "x" * 300, ""]
)
def test_what_is_not_a_zone_is_named_as_in_a_rejection(zone, capsys):
    assert main(["next-runs", "0 9 * * 1", "--timezone", zone]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f'error: "{zone[:100]}')
    assert told.endswith(" is not an IANA time zone; use one such as Europe/Berlin\n")


def printed(capsys, cron, *options):
    assert main(["next-runs", cron, "--timezone", "Europe/Berlin", "--from", "2026-12-20T00:00Z", *options]) == 0
    return [line[:10] for line in capsys.readouterr().out.split()]


@pytest.mark.parametrize(
    ("on_closed", "days"),
    [
        # 25 December 2026 and 1 January 2027 are Fridays.
        ("skip", ["2027-01-08", "2027-01-15"]),
        ("before", ["2026-12-24", "2026-12-31"]),
        ("after", ["2026-12-28", "2027-01-04"]),
    ],
)
def test_runs_on_holidays_are_skipped_or_moved(capsys, on_closed, days):
    assert printed(capsys, "0 9 * * 5", "--count", "2", "--calendar", "DE-BY", "--on-closed", on_closed) == days


def test_runs_between_two_days_are_printed(capsys):
    assert printed(capsys, "0 9 L * *", "--starts-on", "2027-02-01", "--ends-on", "2027-03-31") == [
        "2027-02-28", "2027-03-31",
    ]  # fmt: skip


def test_an_unknown_calendar_is_named_with_a_guess(capsys):
    assert main(["next-runs", "0 9 * * 1", "--calendar", "de-by"]) == 1
    assert capsys.readouterr().err == (
        'error: "de-by" is not a country or region; use one such as DE-BY or US (did you mean DE-BY?)\n'
    )
