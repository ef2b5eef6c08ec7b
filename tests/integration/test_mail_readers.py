"""Mails read by two parsers that did not write them: Perl's Email::MIME, and mailparser on Node.js."""

from __future__ import annotations

import random

import pytest

from include.scheduled_reports.domain.naming import one_line
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.mail.folding import text_header
from include.scheduled_reports.mail.message import Attachment, compose
from tests.readers.mails import email_mime, mailparser

WORDS = [
    "Weekly", "report", "für", "Übersicht", "Zahlen", "KW", "19:", "\N{EN DASH}", "—", "4\N{EN DASH}10", "May", "2026",
    "(Acme)", "a", "I",
    "週次レポート", "東京　支社", "تقرير", "أسبوعي", "דוח", "साप्ताहिक", "रिपोर्ट", "отчёт", "รายงาน", "🚀",
    "👩‍👩‍👧", "e\u0301", "ß",
    '"quoted"', "it's", "100%", "a=b", "=?utf-8?q?x?=", "a,b;c", "<tag>", "\\", "x" * 80, "ü" * 60, "=", "?=", "_", "@",
]  # fmt: skip
READERS = [email_mime, mailparser]
CHANCE = random.Random(20_260_504)  # noqa: S311 - test data, the same in every run
SUBJECTS = [one_line(" ".join(CHANCE.choices(WORDS, k=CHANCE.randint(1, 14)))) for _ in range(2_000)]
NAMES = [
    "Acme Reports",
    "Müller, Söhne: Zahlen (Zürich)",
    "A name of seventy letters, with a comma: and a colon (and parentheses) x",
    "株式会社東京支社の週次レポートを毎週月曜日の朝九時に送信する部署の名前です",
    "قسم التقارير الأسبوعية في الشركة العربية المتحدة للتجارة والصناعة",
    'The "best" \\ numbers',
    "=?utf-8?q?not_encoded?=",
    "🚀 Numbers 🚀",
]


def letter(subject="Numbers", *, sender="reports@acme.example", **changes):
    recipients = Recipients(to=("ada@acme.example", "bob@bücher.example"), cc=("eve@acme.example",))
    return compose(sender=sender, recipients=recipients, subject=subject, bodies=("text", "<p>html"), **changes)


@pytest.fixture(scope="module")
def letters():
    """One mail with many subjects: composing the rest of it two thousand times takes long."""
    raw = letter()
    return [
        raw.replace(b"Subject: Numbers\r\n", text_header("Subject", one).fold(policy=None).encode("ascii"))
        for one in SUBJECTS
    ]


def quoted(name):
    return '"' + name.replace("\\", r"\\").replace('"', r"\"") + '"'


@pytest.mark.parametrize("read", READERS)
def test_thousands_of_subjects_arrive_word_by_word(letters, read):
    wrong = [
        (subject, mail["subject"])
        for subject, mail in zip(SUBJECTS, read(letters), strict=True)
        if mail["subject"] != subject
    ]

    assert wrong == []


@pytest.mark.parametrize("read", READERS)
def test_a_senders_name_is_one_phrase(read):
    mails = read([letter(sender=f"{quoted(name)} <reports@bücher.example>") for name in NAMES])

    assert [[one["name"] for one in mail["From"]] for mail in mails] == [[name] for name in NAMES]
    assert {domain(one["address"]) for mail in mails for one in mail["From"]} == {"xn--bcher-kva.example"}


@pytest.mark.parametrize("read", READERS)
def test_addresses_are_those_of_the_envelope_and_have_no_encoded_words(read):
    raw = letter(headers={"Reply-To": "antwort@bücher.example"})
    (mail,) = read([raw])

    assert b"antwort@xn--bcher-kva.example" in raw
    assert [one["address"].partition("@")[0] for one in mail["To"]] == ["ada", "bob"]
    assert [domain(one["address"]) for one in mail["To"]] == ["acme.example", "xn--bcher-kva.example"]
    assert [domain(one["address"]) for one in mail["Reply-To"]] == ["xn--bcher-kva.example"]


@pytest.mark.parametrize("read", READERS)
def test_file_names_arrive_in_every_script(read):
    names = [f"{subject[:100].strip()} 2026-05-04.csv" for subject in SUBJECTS[:300]]
    mails = read([letter(attachments=(Attachment(name, "text/csv", b"a"),)) for name in names])

    assert [mail["files"] for mail in mails] == [[name] for name in names]


def domain(address):
    """Return the A-label of an address's domain; mailparser shows the U-label."""
    return address.rpartition("@")[2].replace("bücher", "xn--bcher-kva")
