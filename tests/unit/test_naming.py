"""Names visible outside: DAG ids, object keys, file names, subjects."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain import naming
from include.scheduled_reports.domain.bidi import isolated
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report import DateRange
from include.scheduled_reports.domain.run import RunKey
from include.scheduled_reports.domain.window import window
from tests.unit.rows import report

WEEK = window(DateRange(), datetime(2026, 5, 10, 9, tzinfo=UTC), ZoneInfo("UTC"))
#: Characters that Airflow allows in a DAG id.
DAG_ID = re.compile(r"[A-Za-z0-9_.-]{1,250}")
HOSTILE = "\x00\r\n\t\x1b\x85\u2028\u2029\u202a\u202b\u202c\u202d\u202e"

any_text = st.text(st.characters(), max_size=60)


def file_name(name):
    return naming.file_name(report(name=name), WEEK, "pdf")


# DAG ids


@pytest.mark.parametrize(
    ("report_id", "dag_id"),
    [
        ("cmaq0v1k20000356c8xkz7h1d", "scheduled_report_cmaq0v1k20000356c8xkz7h1d"),
        ("a_b-C9", "scheduled_report_a_b-C9"),
        ("a.b", "scheduled_report_a.2eb"),
        ("a/../b", "scheduled_report_a.2f.2e.2e.2fb"),
        ("é", "scheduled_report_.c3.a9"),
        ("", "scheduled_report_"),
    ],
)
def test_a_dag_id_spells_out_what_airflow_does_not_allow(report_id, dag_id):
    assert naming.dag_id(report_id) == dag_id
    assert naming.report_id_of(dag_id) == report_id


@pytest.mark.parametrize(
    "dag_id",
    [
        "example_dag",
        "scheduled_reports_upkeep",
        "scheduled_report",
        "scheduled_report_a.2",
        "scheduled_report_a.b",
        "scheduled_report_a.2E",
        "scheduled_report_a.41",  # an A needs no escape
        "scheduled_report_.ff",
        "scheduled_report_a b",
        "scheduled_report_é",
    ],
)
def test_a_dag_that_is_not_ours_has_no_report(dag_id):
    assert naming.report_id_of(dag_id) is None


@given(any_text)
def test_the_report_can_always_be_read_back_from_its_dag_id(report_id):
    assert naming.report_id_of(naming.dag_id(report_id)) == report_id


@given(any_text)
def test_an_escaped_text_is_safe_in_dag_ids_keys_and_folders(text):
    escaped = naming.escape(text)

    assert re.fullmatch(r"[A-Za-z0-9_.-]*", escaped)
    assert escaped not in {".", ".."}


@given(any_text)
def test_reading_back_never_raises_whatever_the_dag_is_called(text):
    found = naming.report_id_of(f"scheduled_report_{text}")

    assert found is None or naming.dag_id(found) == f"scheduled_report_{text}"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_the_id_of_an_accepted_report_fits_into_airflows_250_characters(report_id):
    fits = len(naming.escape(report_id)) <= naming.LONGEST_ESCAPED_ID

    assert fits == bool(DAG_ID.fullmatch(naming.dag_id(report_id)))


# Execution ids


def test_an_execution_id_looks_like_one_of_prismas_and_is_the_same_every_time():
    key = RunKey(report_id="r1", run_id="scheduled__2026-05-10T09:00:00+00:00")

    assert re.fullmatch(r"c[0-9a-z]{24}", naming.execution_id(key, Format.PDF))
    assert naming.execution_id(key, Format.PDF) == naming.execution_id(key, Format.PDF)


def test_execution_ids_differ_by_report_run_and_format():
    ids = {
        naming.execution_id(RunKey(report_id=report_id, run_id=run_id), chosen)
        for report_id in ("r", "r1", "r12")
        for run_id in ("1", "2", "21", "")
        for chosen in Format
    }

    assert len(ids) == 3 * 4 * 5


@given(st.sets(st.tuples(any_text, any_text), min_size=2, max_size=20))
def test_no_two_runs_share_an_execution_id(keys):
    safe = {(a.replace("\0", ""), b.replace("\0", "")) for a, b in keys}  # PostgreSQL cannot store NUL
    safe = {(a, b) for a, b in safe if _encodes(a + b)}
    ids = {naming.execution_id(RunKey(report_id=a, run_id=b), Format.CSV) for a, b in safe}

    assert len(ids) == len(safe)
    assert all(re.fullmatch(r"c[0-9a-z]{24}", one) for one in ids)


def _encodes(text):
    return not any(unicodedata.category(character) == "Cs" for character in text)


# Object keys


def test_an_object_key_is_made_of_ids():
    found = report(id="r1", workspace_id="ws1", name="Any name")

    assert naming.object_key(found, naming.run_key("manual__2026-05-10T09:00:00+00:00"), "pdf") == (
        "ws1/r1/manual__2026-05-10T09.3a00.3a00.2b00.3a00/workspace-activity.pdf"
    )


@pytest.mark.parametrize("hostile", ["../../etc", "/", "a/b", "..", "", "a\\b", "a?b#c", "%2e%2e%2f"])
def test_no_id_breaks_out_of_its_folder(hostile):
    found = report(id=hostile or "r1", workspace_id=hostile)
    parts = naming.object_key(found, naming.run_key(hostile), "pdf").split("/")

    assert len(parts) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]*", part) for part in parts)
    assert not {".", ".."} & set(parts)


# File names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Weekly activity", "Weekly activity 2026-05-03 to 2026-05-09.pdf"),
        ("تقرير أسبوعي", "تقرير أسبوعي 2026-05-03 to 2026-05-09.pdf"),
        ("週次レポート", "週次レポート 2026-05-03 to 2026-05-09.pdf"),
        ("Отчёт №1", "Отчёт №1 2026-05-03 to 2026-05-09.pdf"),
        ("👩‍👩‍👧 family 🚀", "👩‍👩‍👧 family 🚀 2026-05-03 to 2026-05-09.pdf"),
        ("می‌خواهم", "می‌خواهم 2026-05-03 to 2026-05-09.pdf"),  # with the joiner that Persian needs
        ("../../etc/passwd", "-..-etc-passwd 2026-05-03 to 2026-05-09.pdf"),
        ('a/b\\c:d*e?f"g<h>i|j', "a-b-c-d-e-f-g-h-i-j 2026-05-03 to 2026-05-09.pdf"),
        ("a\r\nb\tc", "a b c 2026-05-03 to 2026-05-09.pdf"),
        ("fdp.\u202egnissalc", "fdp. gnissalc 2026-05-03 to 2026-05-09.pdf"),
        ("...", "workspace-activity 2026-05-03 to 2026-05-09.pdf"),
        ("x" * 200, "x" * 120 + " 2026-05-03 to 2026-05-09.pdf"),
    ],
)
def test_a_file_is_called_what_the_report_is_called_and_its_period(name, expected):
    assert file_name(name) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(HOSTILE), min_size=1, max_size=200))
def test_a_file_name_stays_in_its_folder_on_one_line_and_in_its_direction(name):
    found = naming.file_name(report(name=f"x{name}"[:200]), WEEK, "pdf")

    assert found.endswith(" 2026-05-03 to 2026-05-09.pdf")
    assert not found.startswith((".", " "))
    assert not set(found) & {*'\\/:*?"<>|', *HOSTILE}
    assert len(found.encode()) <= 4 * 120 + 30


def test_a_file_name_says_when_a_period_begins_or_ends_within_a_day():
    at, since = datetime(2026, 5, 10, 9, tzinfo=UTC), datetime(2026, 5, 9, 8, 30, tzinfo=UTC)

    for kind, period in (
        ("month-to-date", " 2026-05-01 to 2026-05-10 0900.pdf"),
        ("since-last-run", " 2026-05-09 0830 to 2026-05-10 0900.pdf"),
    ):
        covered = window(DateRange(type=kind), at, ZoneInfo("UTC"), since=since)
        assert naming.file_name(report(name="דוח"), covered, "pdf") == f"דוח{period}"
        assert naming.shown_file_name(f"דוח{period}") == f"{isolated('דוח')}{period}"


# Subjects


def test_a_subject_of_its_own_is_used_as_it_is():
    assert naming.subject(report(email_subject="KW 19: Zahlen für Ünal 🚀"), WEEK) == "KW 19: Zahlen für Ünal 🚀"


@pytest.mark.parametrize("subject", [None, "", "  ", "\r\n"])
def test_without_a_subject_of_its_own_a_report_says_what_when_and_where(subject):
    found = report(name="Weekly activity", workspace_name="Acme", email_subject=subject)

    assert naming.subject(found, WEEK) == "Weekly activity: 3\N{EN DASH}9 May 2026 (Acme)"


def test_a_subject_that_is_made_up_says_that_nothing_happened():
    quiet = report(name="Weekly activity", workspace_name="Acme")

    assert naming.subject(quiet, WEEK, is_quiet=True) == "Weekly activity: 3\N{EN DASH}9 May 2026, no activity (Acme)"
    assert naming.subject(report(email_subject="Numbers"), WEEK, is_quiet=True) == "Numbers"


def test_a_subject_that_is_made_up_says_what_changed_where_there_is_room():
    weekly = report(name="Workflows", workspace_name="Acme", email_subject=None)
    long = f"5 of 30 executions failed, {'x' * 40}."

    assert naming.subject(weekly, WEEK, lead="5 of 30 executions failed, up from 3.") == (
        "Workflows: 5 of 30 executions failed, up from 3 (3\N{EN DASH}9 May 2026, Acme)"
    )
    assert naming.subject(weekly, WEEK, lead=long) == "Workflows: 3\N{EN DASH}9 May 2026 (Acme)"
    assert naming.subject(weekly, WEEK, lead="x" * 58) == f"Workflows: {'x' * 58} (3\N{EN DASH}9 May 2026, Acme)"
    assert naming.subject(weekly, WEEK, lead="x" * 59) == f"Workflows: {'x' * 59} (3\N{EN DASH}9 May 2026)"
    assert naming.subject(weekly, WEEK, lead="x" * 64) == f"Workflows: {'x' * 64} (3\N{EN DASH}9 May 2026)"
    assert naming.subject(weekly, WEEK, lead="x" * 65) == "Workflows: 3\N{EN DASH}9 May 2026 (Acme)"
    assert naming.subject(replace(weekly, name="Anything new?"), WEEK) == "Anything new? 3\N{EN DASH}9 May 2026 (Acme)"
    assert naming.subject(report(email_subject="Numbers"), WEEK, lead="5 failed.") == "Numbers"
    assert naming.subject(weekly, WEEK, lead="Nothing happened.", is_quiet=True) == (
        "Workflows: 3\N{EN DASH}9 May 2026, no activity (Acme)"
    )


def test_a_subject_cannot_add_a_header():
    hostile = report(email_subject="Hello\r\nBcc: eve@evil.example\r\n\r\nbody")

    assert naming.subject(hostile, WEEK) == "Hello Bcc: eve@evil.example body"


def test_neither_the_name_of_a_report_nor_of_its_workspace_can_add_a_header():
    hostile = report(name="A\nBcc: e@evil.example", workspace_name="B\r\nCc: f@evil.example")

    assert naming.subject(hostile, WEEK) == ("A Bcc: e@evil.example: 3\N{EN DASH}9 May 2026 (B Cc: f@evil.example)")


@given(any_text)
def test_one_line_is_one_line_for_every_reader_of_lines(text):
    found = naming.one_line(text + HOSTILE + text)

    assert len(found.splitlines()) <= 1
    assert not set(found) & set(HOSTILE)
    assert found == naming.one_line(found)
    found.encode()


class TestTheNameOfARunsFolder:
    def test_is_its_escaped_id(self):
        assert naming.run_key("scheduled__2026-05-11T07:00:00+00:00") == "scheduled__2026-05-11T07.3a00.3a00.2b00.3a00"

    @pytest.mark.parametrize("run_id", ["x" * 250, ":" * 250, "é" * 250, "a" * 86 + ":" * 164])
    def test_fits_into_a_file_systems_name_whatever_airflow_allows(self, run_id):
        assert len(naming.run_key(run_id)) <= 120
        assert re.fullmatch(r"(?:[A-Za-z0-9_-]|\.[0-9a-f]{2})+", naming.run_key(run_id))

    def test_differs_for_run_ids_that_begin_alike(self):
        assert len({naming.run_key("x" * 249 + end) for end in "abc"}) == 3
