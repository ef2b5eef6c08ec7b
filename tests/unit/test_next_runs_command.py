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
