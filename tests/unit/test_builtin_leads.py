"""What the leads of the built-in report types say, worked out by hand, and that each number in them is a figure."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.render.document import Figure
from include.scheduled_reports.render.lead import lead
from include.scheduled_reports.render.values import format_value
from include.scheduled_reports.reports.types.catalog import report_types

KINDS = {kind.id: kind for kind in report_types().values() if kind.lead}
#: Figures of a type (value, value before; others are 0 in both periods), and what is said.
SAID = [
    ("workspace-activity", {}, "Nothing happened: no messages, no files and no new members."),
    ("workspace-activity", {"messages": (969, 953), "active_people": (25, 25), "files_shared": (22, 27)},
     "A steady period: 969 messages, 1.7% more than before. Files shared fell from 27 to 22."),
    ("workspace-activity", {"messages": (969, 700), "active_people": (25, 20), "files_shared": (40, 27)},
     "A busy period: 969 messages, 38.4% more than before. Active people rose from 20 to 25."),
    ("workspace-activity", {"messages": (500, 953), "active_people": (12, 25)},
     "A quiet period: 500 messages, 47.5% fewer than before. Active people fell from 25 to 12."),
    ("workspace-activity", {"messages": (0, 953), "active_people": (0, 25), "new_members": (1, 0)},
     "No messages were written. Active people fell from 25 to 0."),
    ("workspace-activity", {"messages": (1, 0), "new_members": (1, 0)},
     "1 message was written, after none in the period before. 1 new member joined."),
    ("workspace-activity", {"messages": (50, 50), "active_people": (5, 5)},
     "A steady period: 50 messages, as many as before."),
    ("channel-analytics", {"messages": (984, 943), "public_channels": (12, 12), "quiet_channels": (3, 1),
                           "public_share": (0.869, 0.846)},
     "3 of 12 public channels were quiet, 2 more than before. 984 messages were written, 4.3% more than before."),
    ("channel-analytics", {"messages": (984, 943), "public_channels": (12, 12), "public_share": (0.763, 0.846)},
     "All 12 public channels were active. The share in public channels fell by 8.3 points, from 84.6% to 76.3%."),
    ("channel-analytics", {"messages": (500, 943), "public_channels": (12, 11), "quiet_channels": (1, 0)},
     "1 of 12 public channels has gone quiet. Messages fell by 47.0%, from 943 to 500."),
    ("channel-analytics", {"messages": (0, 12), "public_channels": (4, 4), "quiet_channels": (4, 0)},
     "No messages were written: all 4 public channels were quiet. Messages in the period before: 12."),
    ("channel-analytics", {"public_channels": (1, 1), "quiet_channels": (1, 1)},
     "No messages were written: 1 public channel was quiet."),
    ("channel-analytics", {}, "Nothing happened: no messages in any channel."),
    ("user-engagement", {"members": (25, 24), "silent_members": (2, 0), "engaged_people": (23, 25),
                         "activities_per_person": (211.3, 166.2), "days_per_person": (22, 21.6)},
     "2 of 25 members were inactive, 2 more than before. Activities per person rose by 27.1%, from 166.2 to 211.3."),
    ("user-engagement", {"members": (25, 25), "engaged_people": (25, 24), "silent_members": (0, 1),
                         "activities_per_person": (40.0, 41.0), "days_per_person": (5.0, 5.1)},
     "All 25 members were active. 25 people were active, with 40.0 messages and reactions each on average."),
    ("user-engagement", {"members": (25, 25), "engaged_people": (0, 24), "silent_members": (25, 1)},
     "None of the 25 members was active."),
    ("task-completion", {"completed": (88, 69), "open_tasks": (38, 38), "overdue": (15, 11),
                         "on_time_share": (0.791, 0.754)},
     "15 tasks are overdue, 4 more than before. 88 tasks were completed, 27.5% more than before."),
    ("task-completion", {"completed": (9, 12), "open_tasks": (4, 4), "overdue": (1, 2), "on_time_share": (0.9, 0.95)},
     "1 task is overdue, 1 fewer than before. 9 tasks were completed, 3 fewer than before."),
    ("task-completion", {"completed": (9, 12), "open_tasks": (4, 4), "on_time_share": (0.5, 0.75)},
     "4 tasks are open, and none is overdue. "
     "50.0% of the tasks with a due date were completed on time, down from 75.0%."),
    ("task-completion", {"completed": (0, 3), "open_tasks": (2, 2), "overdue": (2, 2)},
     "2 tasks are overdue, as many as before. No tasks were completed, after 3 in the period before."),
    ("workflow-execution", {"executions": (35, 30), "finished": (30, 28), "failed": (5, 3),
                            "median_seconds": (1076.3, 1323.5)},
     "5 of 30 finished executions failed or timed out, up from 3. "
     "Half of the completed executions took 17 min 56 s or less."),
    ("workflow-execution", {"executions": (28, 30), "finished": (28, 28), "median_seconds": (2.0, 1.0)},
     "All 28 finished executions succeeded. The median duration rose from 1.0 s to 2.0 s."),
    ("workflow-execution", {"executions": (3, 30), "finished": (3, 28), "failed": (2, 0), "unfinished": (1, 0)},
     "2 of 3 finished executions failed or timed out, after none in the period before. 1 execution is still running."),
    ("workflow-execution", {"executions": (9, 0), "finished": (9, 0), "median_seconds": (2.0, None)},
     "All 9 finished executions succeeded. 9 executions started, after none in the period before."),
    ("workflow-execution", {"executions": (0, 30), "finished": (0, 28), "failed": (0, 2)},
     "Nothing happened: no workflow was executed. Executions in the period before: 30."),
    ("security-audit", {"events": (131, 123), "critical": (5, 1), "serious": (13, 9), "failed": (3, 4)},
     "5 events were critical, 4 more than before. 3 actions failed or were denied, 1 fewer than before."),
    ("security-audit", {"events": (131, 123), "serious": (7, 9), "new_addresses": (4, 1)},
     "No event was critical, and 7 were warnings. "
     "4 new IP addresses were used by known actors, 3 more than before."),
    ("security-audit", {"events": (131, 123)},
     "No warnings and no critical events. 131 events were logged, and none failed or was denied."),
    ("export-summary", {"exports": (19, 0), "finished": (18, 0), "failed": (5, 0), "unfinished": (1, 0)},
     "5 of 18 finished exports failed, after none in the period before. 1 export has not finished."),
    ("export-summary", {"exports": (4, 2), "finished": (4, 2), "records": (1_500, 20), "bytes": (2_100_000, 1)},
     "All 4 finished exports succeeded. 1,500 records were exported, 2.1 MB in all."),
    ("export-summary", {"exports": (1, 0), "finished": (1, 0), "failed": (1, 0)}, "The only finished export failed."),
]  # fmt: skip
NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")


def figures(kind, values):
    return [
        Figure(spec=spec, value=value, previous=before)
        for spec in KINDS[kind].figures
        for value, before in [values.get(spec.column.name, _nothing(spec))]
    ]


def _nothing(spec):
    """Counts of nothing are zero, shares and averages are missing."""
    return (0, 0) if spec.column.type in ("integer", "decimal") else (None, None)


def said(kind, values):
    return [one.text for one in lead(KINDS[kind].lead, figures(kind, values), has_data=False, rows=0)]


@pytest.mark.parametrize(("kind", "values", "expected"), SAID)
def test_the_lead_says_what_changed_and_whether_to_care(kind, values, expected):
    assert " ".join(said(kind, values)) == expected


COUNTS = st.one_of(st.integers(0, 3), st.integers(0, 2_000))
VALUES = {
    "integer": COUNTS,
    "decimal": COUNTS,
    "percent": st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 0.873, 1.0])),
    "number": st.one_of(st.none(), st.integers(0, 10_000_000).map(lambda hundredths: hundredths / 100)),
}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_lead_is_one_or_two_whole_sentences_whose_numbers_are_figures(kind, data):
    values = {
        spec.column.name: tuple(data.draw(VALUES[spec.column.type]) for _ in range(2)) for spec in KINDS[kind].figures
    }
    shown = figures(kind, values)

    sentences = lead(KINDS[kind].lead, shown, has_data=True, rows=3)

    assert 1 <= len(sentences) <= 2
    known = {number for figure in shown for number in _numbers(figure)}
    for sentence in sentences:
        assert sentence.text[0].isupper() or sentence.text[0].isdigit()
        assert sentence.text.endswith(".")
        assert not set("{}") & set(sentence.text)
        assert set(NUMBER.findall(sentence.text)) <= known, sentence.text


def _numbers(figure):
    """Every number that may be said of a figure, as it is written: values, their difference, and their change."""
    column, value, before = figure.spec.column, figure.value, figure.previous
    for one in (value, before):
        yield from NUMBER.findall(format_value(one, column))
    if value is None or before is None:
        return
    difference = abs(Decimal(str(value)) - Decimal(str(before)))
    yield from NUMBER.findall(format_value(difference, column))
    yield from NUMBER.findall(format_value(abs(value - before), column))
    yield _tenth(difference * 100)
    if before:
        yield _tenth(difference / Decimal(str(before)) * 100)


def _tenth(number):
    return f"{number.quantize(Decimal('0.1'), ROUND_HALF_UP):,}"
