"""Schedules in words; the expected texts are written by hand."""

from __future__ import annotations

import pytest

from include.scheduled_reports.domain.cron_words import words


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Days of the week.
        ("0 9 * * *", "Daily at 09:00"),
        ("0 9 * * 0-6", "Daily at 09:00"),
        ("0 9 * * 1", "Mondays at 09:00"),
        ("0 9 * * MON", "Mondays at 09:00"),
        ("0 9 * * 0", "Sundays at 09:00"),
        ("0 9 * * 7", "Sundays at 09:00"),
        ("0 9 * * 1,4", "Mondays and Thursdays at 09:00"),
        ("0 9 * * 0,2,4", "Tuesdays, Thursdays and Sundays at 09:00"),
        ("0 9 * * 1-5", "Weekdays at 09:00"),
        ("0 9 * * 6,0", "Weekends at 09:00"),
        ("0 9 * * 1-6", "Monday to Saturday at 09:00"),
        ("0 9 * * 1-3", "Monday to Wednesday at 09:00"),
        # Times.
        ("15 9,17 * * *", "Daily at 09:15 and 17:15"),
        ("0 8,12,18 * * 1-5", "Weekdays at 08:00, 12:00 and 18:00"),
        ("10 * * * *", "Hourly, at :10"),
        ("0 *,1-5/2 * * *", "Hourly, at :00"),
        ("5 * * * 1-5", "Weekdays, hourly, at :05"),
        ("30 */2 * * *", "Every 2 hours from 00:30"),
        ("0 */6 * * *", "Every 6 hours from 00:00"),
        ("0 */6 * * 1", "Mondays, every 6 hours from 00:00"),
        ("0 */12 * * *", "Daily at 00:00 and 12:00"),
        ("0 8-18 * * *", "Daily, hourly from 08:00 to 18:00"),
        ("30 8-17 * * 1-5", "Weekdays, hourly from 08:30 to 17:30"),
        # Days of the month.
        ("30 14 1 * *", "Monthly, on the 1st at 14:30"),
        ("0 6 1,15 * *", "Monthly, on the 1st and 15th at 06:00"),
        ("0 6 2,3,11 * *", "Monthly, on the 2nd, 3rd and 11th at 06:00"),
        ("0 6 12,13,21,22 * *", "Monthly, on the 12th, 13th, 21st and 22nd at 06:00"),
        ("0 6 23,31 * *", "Monthly, on the 23rd and 31st at 06:00"),
        # Months.
        ("0 12 1 1,4,7,10 *", "Quarterly, on the 1st at 12:00"),
        ("0 12 1 */3 *", "Quarterly, on the 1st at 12:00"),
        ("30 7 1 1 *", "Yearly, on 1 January at 07:30"),
        ("0 0 29 FEB *", "Yearly, on 29 February at 00:00"),
        ("0 8 1 1,7 *", "On the 1st of January and July at 08:00"),
        ("0 8 1 2,5,8,11 *", "On the 1st of February, May, August and November at 08:00"),
        # A day of the month or a day of the week: either matches, and a field with all days names every day.
        ("0 9 1-31 * 1", "Daily at 09:00"),
        ("0 9 1 * 0-6", "Daily at 09:00"),
    ],
)
def test_the_usual_schedules_have_short_words(expression, expected):
    assert words(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 9 2 * 1", "At 09:00, on day 2 of the month, or on Monday"),
        ("0 9 * 1 *", "At 09:00, every day, only in January"),
    ],
)
def test_other_schedules_are_described_by_cron_descriptor(expression, expected):
    assert words(expression) == expected


def test_the_words_are_english_whatever_the_locale_of_the_system(monkeypatch):
    monkeypatch.setattr("locale.getlocale", lambda *_: ("de_DE", "UTF-8"))
    words.cache_clear()

    assert words("0 9 2 * 1") == "At 09:00, on day 2 of the month, or on Monday"


@pytest.mark.parametrize("expression", ["0 *,1-5/2 2 * 1", "every Monday", ""])
def test_a_schedule_without_words_is_shown_as_it_is(expression):
    assert words(expression) == expression
