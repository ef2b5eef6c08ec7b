"""The doctor's checks with fakes: clocks, time zones, links, and a check that fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from include.scheduled_reports.diagnosis import clock, storage
from include.scheduled_reports.diagnosis.checks import Check, findings
from include.scheduled_reports.domain.errors import TransientError
from include.scheduled_reports.domain.finding import Level, fault, ok, warning, worst
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices, MemorySource

NOW = datetime(2026, 5, 11, 7, tzinfo=UTC)


class Database:
    """Port `Database` with a clock and rules of time zones of its own."""

    def __init__(self, ahead=timedelta(), rules=None):
        self.ahead, self.rules = ahead, rules or {}

    def findings(self):
        return []

    def now(self):
        return NOW + self.ahead

    def offsets(self, zones, moments):
        return {zone: self.rules[zone](moments) if zone in self.rules else offsets(zone, moments) for zone in zones}


def offsets(zone, moments):
    return [int(moment.astimezone(ZoneInfo(zone)).utcoffset().total_seconds()) for moment in moments]


@pytest.fixture
def services():
    return MemoryServices(source=MemorySource({}), moment=NOW)


@pytest.mark.parametrize(
    ("seconds", "level"),
    [(0, Level.OK), (4, Level.OK), (-4, Level.OK), (5, Level.WARNING), (-59, Level.WARNING), (60, Level.FAULT),
     (-3600, Level.FAULT)],
)  # fmt: skip
def test_clocks_that_differ_are_named_in_either_direction(services, seconds, level):
    (found,) = clock.clocks(services, Database(timedelta(seconds=seconds)))

    assert found.level is level


def test_zones_with_the_same_rules_agree(services):
    (found,) = clock.time_zones(services, Database(), ["America/New_York", "Australia/Lord_Howe", "UTC"])

    assert (found.level, found.text) == (Level.OK, "Python and PostgreSQL agree on all 3 in use")


def test_a_zone_whose_rule_changes_is_named_with_the_day_from_which_on_they_differ(services):
    # A server whose tzdata has no summer time in New York, which the real one leaves on 1 November 2026.
    rules = {"America/New_York": lambda moments: [-5 * 3600 if one.month >= 11 else -4 * 3600 for one in moments]}
    rules |= {"Asia/Nowhere": lambda _: None}
    found = list(clock.time_zones(services, Database(rules=rules), ["America/New_York", "Asia/Nowhere", "UTC"]))

    assert [one.level for one in found] == [Level.WARNING] * 2
    assert "America/New_York from 2027-01-01 on" in found[0].text or "from 2026-11-01 on" in found[0].text
    assert "does not know Asia/Nowhere" in found[1].text


def test_a_link_that_ends_with_the_credentials_is_worth_a_warning(services, monkeypatch):
    services.store.lifetime = lambda _: timedelta(hours=1)
    monkeypatch.setattr(storage, "urlopen", lambda *_, **__: Answer())
    told = [one for one in storage.bucket(services) if one.level is not Level.OK]

    assert [one.text for one in told] == [
        "links in emails work for 3600 of 604800 seconds: they end with the credentials"
    ]
    services.settings = Settings(link_base="https://r.example", link_keys="1:" + "A" * 43 + "=")
    assert [one for one in storage.bucket(services) if one.level is not Level.OK] == []


class Answer:
    """The answer to a presigned link."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def read(self):
        return storage.CONTENT


def test_a_check_that_fails_is_a_finding_and_stops_no_other(caplog):
    def away():
        raise TransientError("the server did not answer")

    def broken():
        yield ok("first", "half of it")
        raise RuntimeError("password=hunter2")

    checks = [
        Check("one", away, "wait"),
        Check("two", broken, "look"),
        Check("three", lambda: [ok("three", "fine")], ""),
    ]
    found = list(findings(checks))

    assert [(one.level, one.subject) for one in found] == [
        (Level.FAULT, "one"), (Level.OK, "first"), (Level.FAULT, "two"), (Level.OK, "three")
    ]  # fmt: skip
    assert [one.remedy for one in found] == ["wait", "", "look", ""]
    assert "hunter2" not in repr(found) + caplog.text


def test_the_worst_finding_decides():
    assert worst([]) is Level.OK
    assert worst([ok("a", ""), warning("b", "", "")]) is Level.WARNING
    assert worst([warning("b", "", ""), fault("c", "", ""), ok("a", "")]) is Level.FAULT
