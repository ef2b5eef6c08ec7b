"""The lead of a report: which sentence is chosen, and that each number in it is a figure of the report."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.lead import Condition, LeadRule, LeadSpec, Message
from include.scheduled_reports.render.lead import lead
from tests.unit.documents import figure

FAILED = LeadSpec(
    nothing="No executions in this period.",
    sentences=(
        (
            LeadRule(
                say=Message(
                    other="{failed} of {finished} executions failed, up from {failed.before}.",
                    one="1 of {finished} executions failed, up from {failed.before}.",
                    count="failed",
                ),
                when=(Condition(figure="failed", at_least=1, rises=0),),
                tone="bad",
            ),
            LeadRule(say=Message(other="All {finished} executions succeeded."), tone="good"),
        ),
        (
            LeadRule(
                say=Message(other="The success rate fell by {rate.change}."),
                when=(Condition(figure="rate", falls=0.05),),
                tone="bad",
            ),
        ),
    ),
)


def named(name, value, previous, kind="integer", scale=0, **changes):
    made = figure(name.capitalize(), value, previous, kind=kind, scale=scale)
    return replace(made, spec=replace(made.spec, **changes))


def said(spec, *figures, has_data=True, rows=3):
    return [(one.text, one.tone) for one in lead(spec, figures, has_data=has_data, rows=rows)]


def executions(failed, before, finished=30, rate=(0.8, 0.8)):
    return named("failed", failed, before), named("finished", finished, 28), named("rate", *rate, kind="percent")


def test_the_first_rule_that_holds_gives_the_sentence():
    assert said(FAILED, *executions(5, 3)) == [("5 of 30 executions failed, up from 3.", "bad")]
    assert said(FAILED, *executions(0, 3)) == [("All 30 executions succeeded.", "good")]


def test_a_sentence_agrees_with_the_figure_it_counts():
    assert said(FAILED, *executions(1, 0)) == [("1 of 30 executions failed, up from 0.", "bad")]


def test_a_second_sentence_follows_if_its_rule_holds():
    assert said(FAILED, *executions(5, 3, rate=(0.833, 0.909)))[1] == ("The success rate fell by 7.6 points.", "bad")
    assert len(said(FAILED, *executions(5, 3, rate=(0.88, 0.909)))) == 1


def test_a_rule_about_a_change_needs_a_value_before():
    assert said(FAILED, *executions(5, None)) == [("All 30 executions succeeded.", "good")]


def test_a_report_without_data_says_only_that():
    assert said(FAILED, *executions(0, 0, finished=0, rate=(None, 0.9)), has_data=False) == [
        ("No executions in this period.", "neutral")
    ]


def test_rows_of_zeros_are_no_activity_whatever_a_figure_counts_beside_them():
    assert said(FAILED, *executions(5, 3), has_data=False, rows=2) == [("No executions in this period.", "neutral")]
    assert said(FAILED, *executions(5, 3), has_data=False, rows=0) == [("5 of 30 executions failed, up from 3.", "bad")]


def test_a_report_without_data_says_what_there_was_before():
    figures = [named("messages", 0, 953), named("people", 0, 25)]

    assert said(FAILED, *figures, has_data=False) == [
        ("No executions in this period.", "neutral"),
        ("Messages in the period before: 953.", "neutral"),
    ]


def test_without_rules_the_first_figure_and_the_one_that_got_worst_are_said():
    assert said(None, named("messages", 969, 953), named("files", 22, 27), named("people", 25, 25)) == [
        ("Messages rose by 1.7%, from 953 to 969.", "good"),
        ("Files fell by 18.5%, from 27 to 22.", "bad"),
    ]


@pytest.mark.parametrize(
    ("figures", "text"),
    [
        ([named("messages", 7, None)], "Messages: 7, with no earlier data to compare with."),
        ([named("messages", 7, 0)], "Messages: 7, after none in the period before."),
        ([named("messages", 7, 7)], "Messages: 7, the same as in the period before."),
        ([named("messages", 7, 7), named("people", 2, 2)], "No figure changed since the period before."),
        ([], "3 rows match."),
    ],
)
def test_without_rules_the_lead_says_what_there_is_to_compare(figures, text):
    assert [one for one, _ in said(None, *figures)] == [text]


def test_a_hidden_figure_is_not_said_without_rules():
    assert said(None, named("messages", 969, 953), named("files", 22, 27, hidden=True)) == [
        ("Messages rose by 1.7%, from 953 to 969.", "good")
    ]


COUNTS = st.one_of(st.none(), st.integers(0, 30), st.integers(0, 10**12))
SHARES = st.one_of(st.none(), st.floats(0, 1))
DURATIONS = st.one_of(st.none(), st.floats(0, 1e6))
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@given(counts=st.tuples(COUNTS, COUNTS), others=st.tuples(COUNTS, COUNTS), shares=st.tuples(SHARES, SHARES))
def test_each_number_of_a_lead_is_a_figure_of_the_report(counts, others, shares):
    """Every number is a value, a value before, or the change between them, computed here anew."""
    figures = [named("failed", *counts), named("finished", *others), named("rate", *shares, kind="percent", scale=1)]
    for spec in (FAILED, None):
        for sentence in lead(spec, figures, has_data=True, rows=3):
            for number in NUMBER.findall(sentence.text):
                assert any(_is_close(number, known) for known in [*_known(counts, shares, others)]), sentence.text


def _known(counts, shares, others):
    yield 3  # rows of the table
    yield from (one * 100 for one in shares if one is not None)
    yield from (one for one in (*counts, *others) if one is not None)
    for value, before in (counts, others):
        if value is not None and before is not None:
            yield abs(value - before)
            yield abs(value / before - 1) * 100 if before else 0
    if None not in shares:
        yield abs(shares[0] - shares[1]) * 100


def _is_close(text, known):
    digits = len(text.partition(".")[2])
    return abs(float(text.replace(",", "")) - known) <= 0.5000001 * 10**-digits + 1e-12 * abs(known)
