"""The sample, before it is written to a database."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import available_timezones

import pytest

from include.scheduled_reports.sample_data.cast import actors, rooms, sites
from include.scheduled_reports.sample_data.history import History, share
from include.scheduled_reports.sample_data.reports import FIRST, scheduled_reports
from include.scheduled_reports.sample_data.seed import activity

HISTORY = History(date(2026, 3, 2))
#: The number of reports written by hand; the others are generated.
WRITTEN = 13
# Rules from the application's documentation.
TYPES = {
    "workspace-activity", "channel-analytics", "user-engagement", "task-completion", "workflow-execution",
    "security-audit", "export-summary", "custom",
}  # fmt: skip
FORMATS = {"pdf", "csv", "json", "excel", "html"}
ONE_MINUTE = re.compile(r"[0-5]?\d( \S+){4}")


def test_a_share_adds_up_and_follows_the_weights():
    assert share(10, [1, 1, 2]) == [2, 3, 5]
    assert sum(share(9_999, [0.3, 7, 0, 2.2, 1e-6])) == 9_999


def test_the_same_date_tells_the_same_story_and_another_date_another_one():
    first, again, other = (
        list(islice(activity(History(day), 500), 400)) for day in (date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 3))
    )

    assert first == again
    assert first != other


@pytest.mark.parametrize("until", [date(2026, 3, 6), date(2025, 10, 20)])  # no clock change in the 120 days before
def test_moments_lie_on_the_local_day_and_before_the_end(until):
    history = History(until)
    chance = history.chance("test")
    found = [(slot, moment) for slot in history.slots(sites(), 5_000) for moment in history.moments(slot, chance)]

    assert len(found) == 5_000
    assert {moment.replace(tzinfo=UTC).astimezone(slot.site.zone).date() - slot.day for slot, moment in found} == {
        timedelta(0)
    }
    assert max(moment for _, moment in found) < datetime(until.year, until.month, until.day)  # noqa: DTZ001 - as stored


def test_things_are_counted_up_to_the_beginning_of_a_day():
    total = 5_000
    before = HISTORY.before(sites(), total)
    last = {slot.site.key: slot.count for slot in HISTORY.slots(sites(), total) if slot.days_ago == 1}

    assert {before[site.key, 120] for site in sites()} == {0}
    assert sum(before[site.key, 1] + last[site.key] for site in sites()) == total


def test_a_valid_report_keeps_the_rules_of_the_application():
    found = [row for _, row in scheduled_reports(HISTORY, 200) if not row["name"].startswith("Broken:")]

    assert len(found) == 200
    for row in found:
        assert row["reportType"] in TYPES
        assert ONE_MINUTE.fullmatch(row["cron_expression"])
        assert row["timezone"] in available_timezones()
        assert 1 <= len(row["export_formats"]) == len(set(row["export_formats"]) & FORMATS)
        assert 1 <= len(row["name"]) <= 200
        assert len(row["email_recipients"]) in (range(1, 51) if row["email_enabled"] else range(1))
        assert len(row["email_subject"] or "") <= 200


def test_the_written_ones_cover_every_type_and_every_way_not_to_be_scheduled():
    found = [row for _, row in islice(scheduled_reports(HISTORY, WRITTEN), WRITTEN)]

    assert {row["reportType"] for row in found} == TYPES
    assert {(row["is_active"], row["status"]) for row in found} == {
        (True, "ACTIVE"), (False, "ACTIVE"), (True, "PAUSED"), (True, "DISABLED"),
    }  # fmt: skip
    assert {row["reportType"] for row in found if row["is_active"] and row["status"] == "ACTIVE"} >= TYPES
    assert len({row["timezone"] for row in found}) >= 6
    assert any(row["email_send_only_if_data"] for row in found)
    assert any(not row["email_enabled"] for row in found)


def test_the_report_of_the_demo_asks_for_everything():
    _, row = next(scheduled_reports(HISTORY, 1))

    assert row["id"] == FIRST == "demo-report-weekly-activity"
    assert (row["reportType"], row["cron_expression"], row["timezone"]) == (
        "workspace-activity", "0 9 * * 1", "Europe/Berlin",
    )  # fmt: skip
    assert set(row["export_formats"]) == FORMATS
    assert [len(row[f"email_{kind}recipients"]) for kind in ("", "cc_", "bcc_")] == [2, 1, 1]
    assert row["email_subject"] is None
    assert row["email_include_attachment"]


def test_each_broken_report_breaks_what_its_name_says():
    broken = {row["id"].removeprefix("demo-report-broken-"): row for _, row in scheduled_reports(HISTORY, 0)}

    assert all(row["name"].startswith("Broken:") for row in broken.values())
    assert broken.keys() == {"cron", "zone", "format", "mail", "type"}
    assert broken["cron"]["cron_expression"] == "*/5 * * * *"
    assert broken["zone"]["timezone"] == "Mars/Olympus"
    assert "docx" in broken["format"]["export_formats"]
    assert (broken["mail"]["email_recipients"], len(broken["mail"]["email_subject"])) == ([], 250)
    assert broken["type"]["reportType"] == "sales-forecast"


def test_numbered_reports_spread_over_minutes_hours_and_zones():
    found = [row for _, row in scheduled_reports(HISTORY, 2_000 + WRITTEN) if row["tags"] == ["numbered"]]
    minutes, hours = zip(*(row["cron_expression"].split()[:2] for row in found), strict=True)

    assert len(found) == len({row["id"] for row in found}) == 2_000
    assert found[0]["id"] == f"demo-report-{WRITTEN + 1:06d}"
    assert set(map(int, minutes)) == set(range(60))
    assert set(map(int, hours)) == set(range(24))
    assert len({row["timezone"] for row in found}) == 11


@pytest.mark.parametrize("names", [[actor.name or "" for actor in actors()], [room.name for room in rooms()]])
def test_names_come_in_many_scripts(names):
    scripts = {unicodedata.name(letter, "").split()[0] for letter in "".join(names) if letter.isalpha()}

    assert scripts >= {"LATIN", "CYRILLIC", "GREEK", "HEBREW", "CJK", "DEVANAGARI", "KATAKANA"}


def test_people_have_emoji_quotes_and_formulas_in_their_names():
    names = "".join(f"{actor.name}{actor.display_name}" for actor in actors())

    assert set("🚀\"'<=&") <= set(names)


def test_people_and_channels_are_about_as_many_as_a_small_company_has():
    assert 40 <= len(actors()) <= 50
    assert {room.type for room in rooms()} == {"PUBLIC", "PRIVATE", "DM", "HUDDLE"}
    assert all(room.members for room in rooms())
    assert any(room.archived for room in rooms())
