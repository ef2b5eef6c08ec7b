"""The words of a report's mail: a subject and an introduction with placeholders."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.wording import filled, unknown_placeholders
from include.scheduled_reports.runs import pipeline
from tests.unit.rows import problems, report
from tests.unit.run_helpers import KEY, LIVE, edit, mails, make, text_of, walk

KNOWN = ("name", "period", "workspace", "lead", "total_messages")


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("{name}: {total_messages} in {period}", []),
        ("no placeholder", []),
        ("{nam}", ["{nam}"]),
        ("{Name} {name }", ["{Name}", "{name }"]),
        ("{name", ["{"]),
        ("name}", ["}"]),
        ("{{name}}", ["{}"]),
        ("{}", ["{}"]),
        ("{name.__class__}", ["{name.__class__}"]),
        ("{0}", ["{0}"]),
    ],
)
def test_what_stands_in_braces_is_a_placeholder_or_wrong(text, unknown):
    assert sorted(unknown_placeholders(text, KNOWN)) == sorted(unknown)


def test_a_value_is_not_filled_again():
    assert filled("{name} {lead}", {"name": "{lead}", "lead": "x"}) == "{lead} x"


@given(st.text(), st.dictionaries(st.sampled_from(KNOWN), st.text()))
def test_filling_never_fails_and_leaves_other_text_as_it_is(text, values):
    found = filled(text, values)
    if not re.search(r"\{[a-z][a-z0-9_]*\}", text):
        assert found == text


# As options of a report


def test_words_are_read_with_the_row():
    found = report(options={"subject": " {name} now ", "introduction": "Hello,\r\n{period}"}).wording

    assert (found.subject, found.introduction) == ("{name} now", "Hello,\n{period}")
    assert (report().wording.subject, report().wording.introduction) == ("", "")


@pytest.mark.parametrize(
    ("options", "column", "words"),
    [
        ({"subject": "{nam}"}, "options.subject", "has {nam}, which is no placeholder; choose from {name}, {period}"),
        ({"introduction": "a { b"}, "options.introduction", "has {, which is no placeholder"),
        ({"subject": "x" * 201}, "options.subject", "is too long; use at most 200 characters"),
        ({"introduction": "x" * 1001}, "options.introduction", "is too long; use at most 1000 characters"),
        ({"subject": "a\nb"}, "options.subject", "has line breaks or control characters"),
        ({"subject": "a\r\nBcc: eve@zeta.example"}, "options.subject", "has line breaks or control characters"),
        ({"introduction": "a\x07b"}, "options.introduction", "has control characters"),
        ({"introduction": "a\u202eb"}, "options.introduction", "U+202E"),
        ({"subject": 7}, "options.subject", "is not a text"),
        ({"introduction": ["a"]}, "options.introduction", "is not a text"),
    ],
)
def test_wrong_words_are_refused_with_what_is_allowed(options, column, words):
    ((found, reason),) = problems(options=options)

    assert found == column
    assert words in reason


# In a mail


@pytest.fixture
def services(make_services):
    return make_services(LIVE)


def test_a_mail_has_the_subject_and_the_introduction_of_its_report(services):
    edit(services, options={
        "subject": "{workspace} · {name} · {period}",
        "introduction": "Good morning,\nhere is {name}.\n{lead}",
    })  # fmt: skip
    walk(services)

    (mail,) = mails(services)
    plain = mail["Subject"].replace("\u2068", "").replace("\u2069", "")
    run = services.runs.load(KEY)
    assert plain.startswith(f"{run.report.workspace.name} · {run.report.name} · ")
    lead = " ".join(one.text for one in run.mail_summary.lead)
    text = re.sub("[\u2066-\u2069\u200e\r]", "", text_of(mail))
    assert text.startswith(f"Good morning,\nhere is {run.report.name}.\n")
    assert lead[:20] in text
    html = mail.get_body(("html",)).get_content()
    assert "Good morning,<br>here is" in html


def test_a_figure_reads_as_in_the_report(services):
    edit(services, options={"subject": "{messages} messages"})
    make(services)
    run = services.runs.load(KEY)
    assert run.mail_summary.figure_texts["messages"]
    pipeline.email(services, KEY)

    (mail,) = mails(services)
    plain = re.sub("[\u2066-\u2069]", "", mail["Subject"])
    assert plain == f"{run.mail_summary.figure_texts['messages']} messages"


def test_markup_is_shown_as_it_is_written(services):
    edit(services, name="<b>Weekly</b>", options={"introduction": "{name} <script>alert(1)</script> & more"})
    walk(services)

    html = mails(services)[0].get_body(("html",)).get_content()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in html
    assert "<b>Weekly</b>" not in html


def test_an_edit_before_the_claim_counts_like_one_of_the_recipients(services):
    make(services)
    edit(services, options={"subject": "Corrected"})
    pipeline.email(services, KEY)

    assert mails(services)[0]["Subject"] == "Corrected"


def test_the_options_subject_comes_before_the_applications(services):
    edit(services, email_subject="Numbers {name}", options={"subject": "Ours"})
    walk(services)

    assert mails(services)[0]["Subject"] == "Ours"


def test_braces_in_the_applications_subject_mean_nothing(services):
    edit(services, email_subject="Numbers {name}")
    walk(services)

    assert mails(services)[0]["Subject"] == "Numbers {name}"
