"""Manual run requests: accepted and refused values."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.errors import RequestError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report import DateRange
from include.scheduled_reports.domain.run import Request
from include.scheduled_reports.reports.run_request import (
    REQUEST_KEYS,
    as_the_form_takes_it,
    keys_sent_by,
    parse_request,
)
from tests.unit.rows import reason, report

KNOWN = frozenset({"ada@acme.example", "bob@acme.example"})
KEYS = "formats, recipients, mail, period, resend, triggered_by, test"
MEMBER = "may not be mailed; use the address of a workspace member or of an allowed domain"
PERIODS = (
    "is not a period; use yesterday, last-7-days, last-week, last-30-days, last-month, last-quarter, last-year, "
    "week-to-date, month-to-date, quarter-to-date, year-to-date, since-last-run or two days such as "
    "2026-05-01/2026-05-31"
)
DAYS = "is not a period ({}); use two days such as 2026-05-01/2026-05-31"
ORDER = DAYS.format("the first day must not be after the last, and at most 3660 days before it")


def asked(conf, **changes):
    return parse_request(conf, report(**changes), known=KNOWN)


def problems(conf, **changes):
    with pytest.raises(RequestError) as refused:
        asked(conf, **changes)
    return [(problem.column, reason(problem)) for problem in refused.value.problems]


def test_the_table_has_a_key_for_everything_that_a_request_holds():
    assert list(REQUEST_KEYS) == [field.name for field in fields(Request)]


@pytest.mark.parametrize(
    ("sender", "keys"),
    [
        ("form", ["formats", "recipients", "mail", "period", "resend", "triggered_by"]),
        ("trigger", ["formats", "recipients", "mail", "period"]),
        ("resend", ["formats", "recipients"]),
        ("test", ["formats", "recipients", "period"]),
    ],
)
def test_the_table_says_who_may_send_a_key(sender, keys):
    assert [key.name for key in keys_sent_by(sender)] == keys
    assert all(key.title and key.description for key in keys_sent_by(sender))


@pytest.mark.parametrize(
    "conf",
    [
        {},
        {"formats": None, "recipients": None, "mail": None, "period": None, "triggered_by": None},
        {"formats": [], "recipients": [], "period": "", "triggered_by": ""},
    ],
)
def test_the_defaults_of_the_form_change_nothing(conf):
    assert asked(conf) == Request()


def test_everything_can_be_asked_for_at_once():
    found = asked(
        {
            "formats": ["json", "html"],
            "recipients": ["bob@acme.example", "Ada@Acme.example"],
            "mail": True,
            "period": "last-quarter",
            "triggered_by": "u7",
        }
    )

    assert found == Request(
        formats=(Format.JSON, Format.HTML),
        recipients=("bob@acme.example", "Ada@Acme.example"),
        mail=True,
        period=DateRange(type="last-quarter"),
        triggered_by="u7",
    )


def test_a_format_the_report_does_not_have_may_be_asked_for():
    assert asked({"formats": ["excel"]}, export_formats=["pdf"]).formats == (Format.EXCEL,)


@pytest.mark.parametrize(
    ("formats", "allowed"),
    [
        (["docx"], "unknown format; choose from pdf, csv, json, excel, html"),
        (
            ["pdf", "pdf"],
            "is not a list of different formats; choose from pdf, csv, json, excel, html, each once",
        ),
    ],
)
def test_formats_that_do_not_exist_or_repeat_are_refused(formats, allowed):
    assert problems({"formats": formats}) == [("formats", allowed)]


@pytest.mark.parametrize(("key", "guess"), [("recipient", "recipients"), ("format", "formats"), ("perod", "period")])
def test_an_unknown_key_is_refused_and_guessed(key, guess):
    assert problems({key: "x"}) == [(key, f"unknown key; choose from {KEYS} (did you mean {guess}?)")]


def test_a_key_that_resembles_nothing_is_refused_without_a_guess():
    assert problems({"zzz": "x"}) == [("zzz", f"unknown key; choose from {KEYS}")]


@pytest.mark.parametrize("address", ["eve@evil.example", "ada@acme.example.evil.example", "ada", "", None])
def test_only_members_and_allowed_domains_may_be_mailed(address):
    assert problems({"recipients": ["ada@acme.example", address]}) == [("recipients", MEMBER)]


def test_a_recipient_given_twice_is_mailed_once():
    assert asked({"recipients": ["ada@acme.example", "ada@acme.example"]}).recipients == ("ada@acme.example",)


def test_mail_of_a_report_that_is_not_mailed_needs_recipients():
    message = "needs recipients; add them, because email of this report is disabled"

    assert problems({"mail": True}, email_enabled=False) == [("mail", message)]
    assert asked({"mail": True, "recipients": ["ada@acme.example"]}, email_enabled=False).mail
    assert asked({"mail": False}, email_enabled=False).mail is False


@pytest.mark.parametrize(
    "text",
    ["last-7-days", "last-30-days", "last-quarter", "last-year", "yesterday", "month-to-date", "since-last-run"],
)
def test_a_named_period_may_be_asked_for(text):
    assert asked({"period": text}).period == DateRange(type=text)
    assert re.fullmatch(REQUEST_KEYS["period"].schema["pattern"], text)


def test_a_period_that_airflows_form_does_not_take_has_a_key_of_its_own():
    for taken in ("last-year", "2026-05-01/2026-05-31", None):
        assert as_the_form_takes_it({"period": taken, "mail": True}) == {"period": taken, "mail": True}
    sent = as_the_form_takes_it({"period": "month-to-date", "mail": True})

    assert sent == {"named_period": "month-to-date", "mail": True}
    assert asked(sent).period == DateRange(type="month-to-date")
    assert [column for column, _ in problems({"named_period": "month-to-dat"})] == ["period"]


def test_a_week_that_is_asked_for_begins_as_the_reports_weeks_do_and_on_monday_otherwise():
    sundays = {"period": {"type": "week-to-date", "weekStart": "sunday"}}

    assert asked({"period": "last-week"}, options=sundays).period == DateRange(type="last-week", week_start=6)
    assert asked({"period": "last-month"}, options=sundays).period == DateRange(type="last-month")
    assert asked({"period": "last-week"}).period == DateRange(type="last-week", week_start=0)


def test_two_days_are_a_period_with_both_included():
    assert asked({"period": "2026-05-01/2026-05-31"}).period == DateRange(
        type="custom", start=date(2026, 5, 1), end=date(2026, 5, 31)
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("yesterdy", f"{PERIODS} (did you mean yesterday?)"),
        ("custom", PERIODS),
        ("2026-05-01", PERIODS),
        ("2026-05-31/2026-05-01", ORDER),
        ("2010-01-01/2026-01-01", ORDER),
        ("2026-02-29/2026-03-01", DAYS.format("day is out of range for month")),
        ("2026-13-01/2026-13-02", DAYS.format("month must be in 1..12")),
        ("2026-05-01/", DAYS.format("Invalid isoformat string: ''")),
        ("a/b", DAYS.format("Invalid isoformat string: 'a'")),
    ],
)
def test_a_period_that_is_none_is_refused(text, why):
    assert problems({"period": text}) == [("period", why)]


def test_on_whose_behalf_is_an_id_of_up_to_200_characters():
    assert asked({"triggered_by": "x" * 200}).triggered_by == "x" * 200
    assert problems({"triggered_by": "x" * 201}) == [("triggered_by", "is too long; use at most 200 characters")]


def test_a_test_names_who_tries_it():
    assert asked({"test": True, "recipients": ["ada@acme.example"]}).test is True
    assert asked({}).test is asked({"test": False}).test is asked({"test": None}).test is False
    assert [column for column, _ in problems({"test": True})] == ["recipients"]


@pytest.mark.parametrize("value", ["yes", 1, "true", []])
def test_whether_it_is_a_test_is_true_or_false(value):
    assert problems({"test": value}) == [("test", "is not a boolean; use true or false")]


@pytest.mark.parametrize("beside", [{"resend": "manual__1"}, {"mail": False}])
def test_a_test_is_a_mail_of_a_run_of_its_own(beside):
    wanted = {"test": True, "recipients": ["ada@acme.example"], **beside}

    assert [column for column, _ in problems(wanted)] == ["test"]


def test_every_reason_is_given_at_once():
    found = problems({"format": "pdf", "formats": ["docx"], "recipients": ["eve@evil.example"], "period": "x"})

    assert [column for column, _ in found] == ["format", "formats", "recipients", "period"]


# Airflow checks the values against the form, so that each key is null or has the right type.
forms = st.fixed_dictionaries(
    {},
    optional={
        "formats": st.none() | st.lists(st.sampled_from(Format).map(str) | st.text(), max_size=6),
        "recipients": st.none() | st.lists(st.text() | st.sampled_from(sorted(KNOWN)), max_size=60),
        "mail": st.none() | st.booleans(),
        "period": st.none() | st.text() | st.from_regex(r"\d{4}-\d{2}-\d{2}/\d{4}-\d{2}-\d{2}", fullmatch=True),
        "triggered_by": st.none() | st.text(),
        "unknown": st.text(),
    },
)


@given(forms, st.booleans())
def test_whatever_the_form_lets_through_is_a_request_or_refused_with_reasons(conf, enabled):
    try:
        found = asked(conf, email_enabled=enabled)
    except RequestError as error:
        reasons = [str(problem) for problem in error.problems]
    else:
        reasons = ["none is needed"]
        assert {address.lower() for address in found.recipients or ()} <= KNOWN
        assert "unknown" not in conf

    assert reasons
    assert all(reasons)
