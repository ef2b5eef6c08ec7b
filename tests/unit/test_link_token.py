"""Tokens of the public door."""

from __future__ import annotations

import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.link_token import (
    FILE_NUMBERS,
    InvalidTokenError,
    LinkKey,
    LinkKeys,
    LinkToken,
    Purpose,
)
from include.scheduled_reports.domain.reader import reader_message

NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
READER = UUID("9d3b6a52-6f1c-4b53-8f55-0f6f7c3a1e10")
OLD, NEW = LinkKey(1, b"o" * 32), LinkKey(2, b"n" * 32)
KEYS = LinkKeys((NEW, OLD))
FILE = LinkToken(Purpose.FILES, READER, NOW + timedelta(days=90), Format.PDF)
LEAVE = LinkToken(Purpose.LEAVE, READER, NOW + timedelta(days=400))


def test_a_token_is_the_bytes_and_the_signature_that_its_description_says():
    body = struct.pack(">B16sBI", 2, READER.bytes, 1, int(FILE.expires.timestamp()))
    signature = hmac.new(b"n" * 32, b"scheduled-reports link 1\0files\0" + body, hashlib.sha256).digest()

    assert KEYS.sign(FILE) == urlsafe_b64encode(body + signature).decode()


@given(
    purpose=st.sampled_from([Purpose.LEAVE, Purpose.MANAGE]),
    reader=st.uuids(),
    seconds=st.integers(1, 10**9),
    chosen=st.sampled_from([None, *Format]),
)
def test_what_is_signed_is_read_back(purpose, reader, seconds, chosen):
    token = LinkToken(Purpose.FILES if chosen else purpose, reader, NOW + timedelta(seconds=seconds), chosen)

    assert KEYS.read(token.purpose, KEYS.sign(token), NOW) == token


@given(place=st.integers(0, 53), bit=st.integers(0, 7))
def test_a_token_of_which_one_bit_was_changed_is_invalid(place, bit):
    raw = bytearray(urlsafe_b64decode(KEYS.sign(FILE)))
    raw[place] ^= 1 << bit

    with pytest.raises(InvalidTokenError):
        KEYS.read(Purpose.FILES, urlsafe_b64encode(raw).decode(), NOW)


TEXT = KEYS.sign(FILE)


@pytest.mark.parametrize(
    "text", ["", "a", "é" * 72, TEXT[:-1], TEXT + "A", TEXT + "=", " " + TEXT, TEXT + "\n", "+" + TEXT[1:]]
)
def test_any_other_text_is_invalid(text):
    with pytest.raises(InvalidTokenError):
        KEYS.read(Purpose.FILES, text, NOW)


@pytest.mark.parametrize("purpose", [Purpose.FILES, Purpose.LEAVE, Purpose.MANAGE])
def test_a_token_is_valid_for_its_purpose_alone(purpose):
    for token in (FILE, LEAVE):
        if token.purpose is not purpose:
            with pytest.raises(InvalidTokenError):
                KEYS.read(purpose, KEYS.sign(token), NOW)


def test_a_token_without_a_file_opens_none():
    with pytest.raises(InvalidTokenError):
        KEYS.read(Purpose.FILES, KEYS.sign(LinkToken(Purpose.FILES, READER, FILE.expires)), NOW)


def test_a_token_ends_at_its_expiry():
    text = KEYS.sign(FILE)

    assert KEYS.read(Purpose.FILES, text, FILE.expires - timedelta(seconds=1)) == FILE
    with pytest.raises(InvalidTokenError):
        KEYS.read(Purpose.FILES, text, FILE.expires)


def test_a_new_key_signs_while_the_old_one_still_verifies():
    before, after = LinkKeys((OLD,)).sign(FILE), KEYS.sign(FILE)

    assert before != after
    assert KEYS.read(Purpose.FILES, before, NOW) == KEYS.read(Purpose.FILES, after, NOW) == FILE


@pytest.mark.parametrize(
    "keys", [LinkKeys((OLD,)), LinkKeys((LinkKey(2, b"x" * 32),)), LinkKeys((LinkKey(1, b"n" * 32),))]
)
def test_a_key_that_was_removed_or_replaced_verifies_nothing(keys):
    with pytest.raises(InvalidTokenError):
        keys.read(Purpose.FILES, KEYS.sign(FILE), NOW)


def test_the_longest_time_is_the_last_second_of_four_bytes():
    far = LinkToken(Purpose.LEAVE, READER, datetime(9999, 1, 1, tzinfo=UTC))

    assert KEYS.read(Purpose.LEAVE, KEYS.sign(far), NOW).expires == datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)


def test_every_format_has_a_number_of_its_own():
    assert set(FILE_NUMBERS) == set(Format)
    assert sorted(FILE_NUMBERS.values()) == [1, 2, 3, 4, 5]


def test_no_secret_is_shown_by_the_keys():
    assert "nnn" not in repr(KEYS)


def test_the_message_to_a_reader_has_one_name_however_the_address_is_spelled():
    names = {reader_message(one) for one in ("Ada@BÜCHER.example", "ada@xn--bcher-kva.example")}

    assert names == {"reader/" + hashlib.sha256(b"ada@xn--bcher-kva.example").hexdigest()[:32]}
    assert reader_message("ada+reports@acme.example") != reader_message("ada@acme.example")
