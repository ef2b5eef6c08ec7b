"""A problem with a value, and the sentences that describe it."""

from __future__ import annotations

from datetime import date

import pytest

from include.scheduled_reports.domain.problem import Problem, shown

ZONE = Problem(
    column="timezone", value="Mars/Olympus", reason="is not an IANA time zone; use one such as Europe/Berlin"
)
FORMAT = Problem(column="export_formats", value="docx", noun="format", reason="choose from pdf, csv")


def test_a_problem_is_a_sentence_that_begins_with_its_column():
    assert str(ZONE) == 'timezone: "Mars/Olympus" is not an IANA time zone; use one such as Europe/Berlin.'
    assert str(FORMAT) == 'export_formats: Unknown format "docx"; choose from pdf, csv.'


def test_where_the_column_is_known_the_sentence_stands_alone():
    assert ZONE.sentence == '"Mars/Olympus" is not an IANA time zone; use one such as Europe/Berlin.'
    assert FORMAT.sentence == 'Unknown format "docx"; choose from pdf, csv.'


def test_a_rule_holds_no_value():
    assert ZONE.rule == "timezone is not an IANA time zone; use one such as Europe/Berlin"
    assert FORMAT.rule == "export_formats: unknown format; choose from pdf, csv"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ('say "hi"', r'"say \"hi\""'),
        ("für 例", '"für 例"'),
        ("two\nlines", r'"two\nlines"'),
        ("\u202egnp\x7f\ud83d", r'"\u202egnp\x7f\ud83d"'),
        (None, "null"),
        (True, "true"),
        ([1, {"a": 2.5}], '[1, {"a": 2.5}]'),
        (date(2026, 5, 1), '"2026-05-01"'),
        ({date(2026, 5, 1): 1}, "{datetime.date(2026, 5, 1): 1}"),
        ("x" * 118, f'"{"x" * 118}"'),
        ("x" * 119, f'"{"x" * 116}...'),
    ],
)
def test_a_value_is_shown_as_json_on_one_line_and_cut_when_it_is_long(value, text):
    assert shown(value) == text


def test_a_value_that_is_too_deep_to_show_is_left_out():
    deep = []
    for _ in range(100_000):
        deep = [deep]

    assert shown(deep) == "…"


def test_a_number_that_python_does_not_print_is_an_ellipsis():
    assert shown(10**5_000) == "…"
