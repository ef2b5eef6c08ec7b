"""Header fields as they are sent: encoded words by RFC 2047, addresses by RFC 5322, file names by RFC 2231."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.naming import one_line
from include.scheduled_reports.mail.folding import address_header, file_header, text_header

ENCODED = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/=]*)\?=")
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200) | st.lists(
    st.sampled_from(
        ["a", "für", "Zahlen", "週次", "🚀", "عرض", "=?utf-8?b?eA==?=", '"x"', "x" * 90, "—", "\\", "a" * 60]
    ),
    max_size=30,
).map(" ".join)


def lines(field):
    return field.fold(policy=None).removesuffix("\r\n").split("\r\n")


def decoded(text):
    """Decode an unfolded field by hand: whitespace between adjacent encoded words vanishes (RFC 2047, 6.2)."""
    text = re.sub(r"(\?=)[ \r\n]+(?==\?)", r"\1", text)
    return ENCODED.sub(lambda word: base64.b64decode(word.group(1)).decode("utf-8"), text)


@given(TEXT)
def test_a_text_arrives_with_its_spaces_and_no_line_is_too_long(text):
    text = one_line(text)
    found = lines(text_header("Subject", text))

    name, _, value = "".join(found).partition(": ")
    assert name == "Subject"
    assert decoded(value) == text
    assert all(line[0] == " " and line.strip() for line in found[1:])
    assert all(len(line) <= (76 if "=?utf-8" in line else 78) for line in found)
    assert all(len(word.group()) <= 75 for word in ENCODED.finditer(value))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Numbers of May", ["Subject: Numbers of May"]),
        ("", ["Subject: "]),
        # "Zahlen für Mai" in UTF-8 and base64, worked out with `printf … | base64`.
        ("Zahlen für Mai", ["Subject: =?utf-8?b?WmFobGVuIGbDvHIgTWFp?="]),
        ("word " * 15 + "end", ["Subject:" + " word" * 14, " word end"]),
    ],
)
def test_a_text_is_plain_or_encoded_as_a_whole(text, folded):
    assert lines(text_header("Subject", text)) == folded


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("", ["From: a@b.example"]),
        ("Acme Reports", ["From: Acme Reports", " <a@b.example>"]),
        ("Acme, Inc. (Reports): May", ['From: "Acme, Inc. (Reports): May"', " <a@b.example>"]),
        ('The "best" \\ numbers', ['From: "The \\"best\\" \\\\ numbers"', " <a@b.example>"]),
        ("Zürich", ["From: =?utf-8?b?WsO8cmljaA==?=", " <a@b.example>"]),
    ],
)
def test_a_name_is_atoms_a_quoted_string_or_encoded(name, folded):
    assert lines(address_header("From", [(name, "a@b.example")])) == folded


@given(TEXT.filter(one_line))
def test_a_name_is_one_phrase_of_at_most_76_characters_a_line(name):
    name = one_line(name)
    *phrase, address = lines(address_header("From", [(name, "a@b.example")]))

    assert address == " <a@b.example>"
    assert all(len(line) <= 76 for line in phrase)
    text = "".join(phrase).removeprefix("From: ")
    if text.startswith('"'):
        assert re.sub(r"\\(.)", r"\1", text[1:-1]) == name
    else:
        assert decoded(text) == name
        assert re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*", text)


@given(TEXT.filter(one_line))
def test_a_file_name_is_cut_only_between_characters(name):
    name = one_line(name)
    first, *found = lines(file_header("attachment", name))

    assert first == "Content-Disposition: attachment;"
    assert all(len(line) <= 78 for line in found)
    values = [line.strip().removesuffix(";").partition("=")[2] for line in found]
    if found[0].startswith(' filename="'):
        assert re.sub(r"\\(.)", r"\1", values[0][1:-1]) == name
    else:
        pieces = [values[0].removeprefix("utf-8''"), *values[1:]]
        assert "".join(unquote(piece, errors="strict") for piece in pieces) == name
