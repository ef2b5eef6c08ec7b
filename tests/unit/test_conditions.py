"""Conditions of emails on the fakes: who is mailed, what the record says, and what later runs are compared with."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.scheduled_reports.domain.errors import PermanentError, RecipientRefusedError, TransientError
from include.scheduled_reports.domain.run import RunKey, RunKind, RunState
from include.scheduled_reports.domain.send_if import ChangedCondition, FigureCondition, Finding, SendIf, Verdict
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.runs.conditions import identity
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from tests.unit.rows import row
from tests.unit.run_helpers import LIVE, MEMBERS, MONDAY, TRIGGER, Answers, days, edit, mails, make, text_of, walk

ABOVE_THREE = {"kind": "figure", "figure": "messages", "operator": ">", "value": 3}
ABOVE_TEN = {"kind": "figure", "figure": "messages", "operator": ">", "value": 10}
CHANGED = {"kind": "changed"}
NEW_DAYS = {"kind": "newRows", "column": "day"}
WEEK = timedelta(days=7)


def services_with(*conditions, answers=None, changes=None, **rest):
    """Return services with one report that has these conditions."""
    options = {"sendIf": {"conditions": list(conditions), **rest}}
    rows = [row(id="r1", export_formats=["json"], options=options, **(changes or {}))]
    answers = answers or Answers()
    services = MemoryServices(
        source=MemorySource(answers), settings=LIVE, definitions=MemoryDefinitions(rows, MEMBERS), moment=MONDAY
    )
    services.answers = answers
    return services


def tick(number=0, kind=RunKind.SCHEDULED, name=None, **conf):
    """Return the trigger of a run at 9:00 of the Monday *number* weeks later."""
    moment = MONDAY + number * WEEK
    key = RunKey(report_id="r1", run_id=name or f"{kind}__{moment.isoformat()}")
    return replace(TRIGGER, key=key, kind=kind, scheduled_for=moment, conf=conf)


def run(services, trigger):
    """Run all stages of a run that is on time; return how many emails it sent."""
    services.moment = max(services.moment, trigger.scheduled_for + timedelta(seconds=5))
    before = len(mails(services))
    outcome = walk(services, trigger)
    assert outcome.state is RunState.SUCCESS, outcome.reason
    return len(mails(services)) - before


def verdict(services, trigger):
    return services.runs.load(trigger.key).verdict


def messages(services, count):
    """Let the figure `messages` be *count*."""
    figures = services.answers.by_name["figures"]
    place = figures.schema.get_field_index("messages")
    services.answers.by_name["figures"] = figures.set_column(place, "messages", pa.array([count], pa.int64()))


def show(services, numbers, *, count=1):
    """Let the main dataset have a row for each of the days with these numbers."""
    table = days(len(numbers), messages=count)
    of = [date(2025, 1, 1) + timedelta(days=number) for number in numbers]
    services.answers.by_name["days"] = table.set_column(0, "day", pa.array(of, pa.date32()))


# Both ways


@pytest.mark.parametrize(
    ("condition", "met", "text"),
    [
        (ABOVE_THREE, True, "Messages at 5, above 3."),
        (ABOVE_TEN, False, "Messages at 5, not above 10."),
        ({"kind": "rows", "dataset": "people", "is": "any"}, True, "1 row in Most active people."),
        ({"kind": "rows", "dataset": "people", "is": "none"}, False, "1 row in Most active people, not none."),
        ({"kind": "rows", "dataset": "days", "is": "at-least", "count": 8}, False,
         "7 rows in Activity by day, fewer than 8."),
        ({**ABOVE_THREE, "kind": "change", "unit": "amount"}, False,
         "Messages at 5, a change of 0 from 5, not above 3."),
        ({**ABOVE_THREE, "kind": "change", "operator": "<=", "unit": "percent"}, True,
         "Messages at 5, a change of 0.0% from 5, at most 3%."),
        ({**ABOVE_THREE, "figure": "other_messages"}, True, "Messages outside public channels at 5, above 3."),
        (CHANGED, True, "No earlier email to compare Activity by day with."),
        (NEW_DAYS, True, "7 rows in Activity by day, and no earlier email to compare with."),
    ],
)  # fmt: skip
def test_a_run_is_mailed_if_its_condition_is_met(condition, met, text):
    services = services_with(condition)

    assert run(services, tick()) == met
    found = verdict(services, tick())
    assert [(one.met, one.text) for one in found.findings] == [(met, text)]
    assert found.met == met
    assert found.why == ("" if met else f"the condition is not met: {text.removesuffix('.')}")
    assert [one.format for one in services.runs.artifacts(tick().key)] == ["json"]  # made and kept in any case


def test_rows_of_zeros_are_no_rows():
    services = services_with({"kind": "rows", "dataset": "days", "is": "none"})
    services.answers.by_name["days"] = days(messages=0)

    assert run(services, tick()) == 1
    assert verdict(services, tick()).findings[0].text == "No rows in Activity by day."


@pytest.mark.parametrize(("match", "sent"), [("all", 0), ("any", 1)])
def test_all_or_any_of_the_conditions_must_be_met(match, sent):
    assert run(services_with(ABOVE_THREE, ABOVE_TEN, match=match), tick()) == sent


def test_every_condition_that_is_not_met_is_the_reason():
    services = services_with(ABOVE_TEN, ABOVE_THREE, {"kind": "rows", "dataset": "people", "is": "none"})

    run(services, tick())

    assert services.runs.runs[tick().key].row["mail"]["why"] == (
        "the condition is not met: Messages at 5, not above 10; 1 row in Most active people, not none"
    )


def test_a_log_has_the_reason_without_the_values():
    services = services_with(ABOVE_TEN)
    make(services, tick())

    assert pipeline.email(services, tick().key) == "the condition is not met"


def test_only_if_data_goes_on_meaning_what_it_means():
    services = services_with(ABOVE_THREE, changes={"email_send_only_if_data": True})
    services.answers.by_name["days"] = days(messages=0)

    assert run(services, tick()) == 0
    assert services.runs.runs[tick().key].row["mail"]["why"] == "no data"


def test_a_query_that_fails_is_a_failure_and_not_a_table_without_rows():
    services = services_with({"kind": "rows", "dataset": "people", "is": "none"})
    services.answers.errors["people"] = PermanentError("canceling statement due to statement timeout")

    outcome = walk(services, tick())

    assert outcome.state is RunState.FAILED
    assert "statement timeout" in outcome.reason
    assert mails(services) == []


def test_a_report_without_conditions_reads_and_writes_no_state(make_services, monkeypatch):
    services = make_services()
    for name in ("mailed_state", "note_verdict"):
        monkeypatch.setattr(services.runs, name, None)

    walk(services)

    assert len(mails(services)) == 1
    assert services.runs.load(TRIGGER.key).verdict is None


# What readers see


def test_subject_and_lead_name_what_was_met():
    services = services_with(ABOVE_THREE)
    plain = services_with({"kind": "rows", "dataset": "people", "is": "any"}, changes={"email_subject": "Numbers"})

    run(services, tick())
    run(plain, tick())

    (mail,), (other,) = mails(services), mails(plain)
    assert mail["Subject"] == "Weekly activity: Messages at 5, above 3 (4\N{EN DASH}10 May 2026, Acme)"
    assert "Messages at 5, above 3." in text_of(mail)
    assert other["Subject"] == "Numbers"  # the owner's own
    assert "1 row in Most active people." in text_of(other)


def test_of_many_conditions_the_lead_names_the_first_and_counts_the_others():
    services = services_with(
        ABOVE_THREE, {**ABOVE_THREE, "figure": "replies"}, {**ABOVE_THREE, "figure": "new_members"}
    )

    run(services, tick())

    lead = [sentence.text for sentence in services.runs.load(tick().key).mail_summary.lead]
    assert lead[:2] == ["Messages at 5, above 3.", "2 more conditions are met."]
    assert len(lead) == 3


def test_a_report_that_is_sent_because_nothing_happened_says_why():
    services = services_with({"kind": "rows", "dataset": "days", "is": "none"})
    services.answers.by_name["days"] = days(messages=0)

    run(services, tick())

    assert mails(services)[0]["Subject"].startswith("Weekly activity: No rows in Activity by day (")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (ABOVE_TEN, "It is not met now: Messages at 5, not above 10."),
        (ABOVE_THREE, "It is met now: Messages at 5, above 3."),
    ],
)
def test_a_test_ignores_the_condition_and_says_so(condition, said):
    services = services_with(condition)

    assert run(services, tick(kind=RunKind.MANUAL, test=True, recipients=["bob@acme.example"])) == 1
    text = " ".join(text_of(mails(services)[0]).split())
    assert f"A test ignores the condition under which the report is sent. {said}" in text


# Runs by hand, of the past, and again


def test_a_run_by_hand_is_subject_to_the_condition_unless_its_email_is_asked_for():
    services = services_with(ABOVE_TEN)

    assert run(services, tick(0, RunKind.MANUAL)) == 0
    assert run(services, tick(1, RunKind.MANUAL, mail=True)) == 1
    assert run(services, tick(2, RunKind.MANUAL, recipients=["bob@acme.example"])) == 1


def test_a_run_of_a_past_period_has_no_condition():
    services = services_with(ABOVE_TEN)

    assert run(services, tick(0, RunKind.BACKFILL)) == 0
    assert run(services, tick(1, RunKind.BACKFILL, mail=True)) == 1
    assert run(services, tick(2, RunKind.MANUAL, period="last-30-days", mail=True)) == 1
    assert verdict(services, tick(0, RunKind.BACKFILL)) is None


def test_a_resend_is_sent_whatever_the_condition_found():
    services = services_with(ABOVE_TEN)
    run(services, tick())

    assert run(services, tick(1, RunKind.MANUAL, resend=tick().key.run_id)) == 1


def test_a_retry_of_the_email_says_the_same_whatever_has_changed_meanwhile():
    services = services_with(ABOVE_TEN)
    make(services, tick())
    messages(services, 50)
    edit(services, options={})

    assert [pipeline.email(services, tick().key) for _ in range(2)] == ["the condition is not met"] * 2
    assert pipeline.record(services, tick()).state is RunState.SUCCESS


def test_a_run_that_is_cleared_is_judged_anew():
    services = services_with(ABOVE_TEN)
    run(services, tick())
    messages(services, 50)

    assert run(services, replace(tick(), clear_number=1)) == 1
    assert verdict(services, tick()).met


def test_a_run_that_was_mailed_keeps_its_verdict_when_it_is_cleared():
    services = services_with(CHANGED)
    run(services, tick())
    before = verdict(services, tick())

    assert run(services, replace(tick(), clear_number=1)) == 0
    assert verdict(services, tick()) == before == Verdict(met=True, why="", findings=before.findings)


# What later runs are compared with


@pytest.mark.parametrize("condition", [CHANGED, NEW_DAYS])
def test_the_same_rows_are_mailed_once(condition):
    services = services_with(condition)

    assert [run(services, tick(number)) for number in range(3)] == [1, 0, 0]
    assert "Mon 11 May 2026, 09:00" in verdict(services, tick(2)).why


def test_a_table_without_rows_has_no_new_rows():
    services = services_with(NEW_DAYS)
    show(services, [])

    assert run(services, tick()) == 0
    assert verdict(services, tick()).findings[0].text == "No rows in Activity by day."


def test_another_key_column_is_compared_with_nothing():
    services = services_with(NEW_DAYS)
    run(services, tick())
    edit(services, options={"sendIf": {"conditions": [{"kind": "newRows", "column": "messages"}]}})

    assert run(services, tick(1)) == 1


def test_more_keys_than_can_be_kept_fail_the_run_and_name_the_column(monkeypatch):
    monkeypatch.setattr("include.scheduled_reports.runs.row_digest.MOST_KEYS", 3)
    services = services_with(NEW_DAYS)

    with pytest.raises(PermanentError, match="column day has more than 3 different values"):
        pipeline.query(services, tick())
    assert pipeline.record(services, tick()).state is RunState.FAILED


@pytest.mark.parametrize(
    "trigger",
    [
        tick(1, RunKind.MANUAL, test=True, recipients=["bob@acme.example"]),
        tick(1, RunKind.MANUAL, recipients=["bob@acme.example"]),
        tick(1, RunKind.MANUAL, resend=tick().key.run_id),
        tick(1, RunKind.MANUAL, period="last-30-days", mail=True),
        tick(1, RunKind.BACKFILL, mail=True),
    ],
    ids=["test", "to others", "resend", "past period", "backfill"],
)
def test_nothing_is_compared_with_what_the_recipients_did_not_get_as_the_newest(trigger):
    services = services_with(CHANGED)
    run(services, tick())
    show(services, [1, 2])

    assert run(services, trigger) == 1
    assert run(services, tick(2)) == 1  # still new to the report's recipients


def test_an_email_that_everybody_was_refused_counts_for_nothing():
    services = services_with(CHANGED)
    services.mailer.error = RecipientRefusedError([], "no")
    assert walk(services, tick()).state is RunState.FAILED
    services.mailer.error = None

    assert run(services, tick(1)) == 1


def test_an_older_run_that_is_mailed_late_does_not_replace_a_newer_one():
    services = services_with(CHANGED)
    show(services, [1])
    services.mailer.error = TransientError("SES is away")
    walk(services, tick(0))
    services.mailer.error = None
    show(services, [1, 2])
    run(services, tick(1))

    assert pipeline.email(services, tick(0).key) == "sent"
    assert run(services, tick(2)) == 0  # compared with the rows of the newer one


def test_rows_of_another_workspace_are_not_compared_with():
    services = services_with(CHANGED)
    run(services, tick())
    edit(services, workspace_id="ws2")
    services.definitions.addresses = {**MEMBERS, "ws2": MEMBERS["ws1"]}

    assert run(services, tick(1)) == 1


steps = st.lists(
    st.tuples(
        st.lists(st.sampled_from([1, 2, 3]), unique=True, max_size=3),
        st.sampled_from(["scheduled", "scheduled", "scheduled", "test", "mail off", "by hand"]),
    ),
    max_size=7,
)


@settings(max_examples=12)
@given(steps, st.sampled_from([CHANGED, NEW_DAYS]))
def test_each_run_is_compared_with_the_last_one_that_was_mailed(sequence, condition):
    services = services_with(condition)
    last = None  # by hand: the rows that were last mailed

    for number, (rows, how) in enumerate(sequence):
        show(services, rows)
        services.settings = replace(LIVE, mail_mode="off") if how == "mail off" else LIVE
        asked = {"test": True, "recipients": ["bob@acme.example"]} if how == "test" else {}
        kind = RunKind.SCHEDULED if how in ("scheduled", "mail off") else RunKind.MANUAL
        sent = run(services, tick(number, kind, **asked))
        met = last != rows if condition is CHANGED else bool(set(rows) - set(last or ()))
        if how == "test":
            assert sent == 1
            continue
        assert sent == (met and how != "mail off")
        last = rows if sent else last


# Once


@settings(max_examples=12)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["live", "live", "off", "test"])), max_size=8))
def test_once_means_once_until_a_run_did_not_meet_it(sequence):
    services = services_with(ABOVE_TEN, repeat="once")
    mailed = False  # by hand: whether the streak of runs that meet it has been mailed

    for number, (meets, how) in enumerate(sequence):
        messages(services, 11 if meets else 10)
        services.settings = replace(LIVE, mail_mode="off") if how == "off" else LIVE
        if how == "test":
            assert run(services, tick(number, RunKind.MANUAL, test=True, recipients=["bob@acme.example"])) == 1
            continue
        assert run(services, tick(number)) == (meets and not mailed and how == "live")
        mailed = meets and (mailed or how == "live")


def test_once_says_when_it_was_mailed():
    services = services_with(ABOVE_THREE, repeat="once")

    assert [run(services, tick(number)) for number in range(2)] == [1, 0]
    assert verdict(services, tick(1)) == Verdict(
        met=True,
        why="the condition was met already: mailed on Mon 11 May 2026, 09:00, "
        "and not again until a run does not meet it",
        findings=(Finding(met=True, text="Messages at 5, above 3."),),
    )


def test_other_conditions_begin_anew():
    services = services_with(ABOVE_THREE, repeat="once")
    run(services, tick())
    edit(services, options={"sendIf": {"repeat": "once", "conditions": [{**ABOVE_THREE, "value": 4}]}})

    assert [run(services, tick(1)), run(services, tick(2))] == [1, 0]


def test_conditions_are_the_same_in_any_order_and_after_an_upgrade():
    """A digest that changes with the code would mail every report with `once` again."""
    figure = FigureCondition(figure="overdue", operator=">", value=10)

    one = SendIf(conditions=(figure, ChangedCondition()))
    other = SendIf(conditions=(ChangedCondition(), figure), repeat="once")

    assert identity(one) == identity(other)
    assert identity(one) == "e0699bf6566a36fe167db232952326b5a0cf228b0c31baec0bdbb989771c95b1"
    assert identity(replace(one, match="any")) != identity(one)


def test_an_older_run_that_is_judged_again_does_not_end_a_streak():
    services = services_with(ABOVE_TEN, repeat="once")
    run(services, tick(0))
    messages(services, 50)
    assert run(services, tick(1)) == 1
    messages(services, 1)
    run(services, replace(tick(0), clear_number=1))
    messages(services, 50)

    assert run(services, tick(2)) == 0
