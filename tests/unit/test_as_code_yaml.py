"""YAML that says the same to every reader: what is written, what is read, and what is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.as_code.yaml_text import InvalidYamlError, dump, load

#: What PostgreSQL and YAML can both hold: no NUL, no surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
#: What looks like something else to a version of YAML.
TRAPS = [
    "on", "no", "Yes", "OFF", "y", "N", "~", "null", "Null", "true", "False", "12:30", "12:30:45", "1:2", "0123",
    "0o17", "0x1F", "0b1", "1_000", "1e3", "1.5", "-1", "+1", ".5", "5.", ".inf", "-.INF", ".nan", "2026-12-31",
    "2026-12-31 09:00:00", "2026-12-31T09:00:00Z", "=", "<<", "-", "?", ":", "a: b", "a #b", "#b", "'", '"', "", " a",
    "a ", "a\nb", "a\n", "\na", "a\n\nb", " a\nb", "a\n b", "a \nb", "é\nb", "\t", "a\tb", "[a]", "{a}", "&a", "*a",
    "!a", "%a", "@a", "`a`", "|", ">", "0 9 * * 1", "---", "...", "\ufeff", "\x85", "\u2028", "x" * 500, "word " * 100,
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False)
    | TEXT
    | st.sampled_from(TRAPS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.sampled_from(TRAPS), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("text", TRAPS)
def test_a_text_that_looks_like_something_else_stays_a_text_for_us_and_for_yaml_1_1(text):
    written = dump({"value": text, text or "key": [text]})

    assert load(written)["value"] == text
    assert yaml.safe_load(written) == {"value": text, text or "key": [text]}


@given(st.dictionaries(TEXT, JSON, max_size=5))
def test_what_is_written_is_read_again(document):
    again = load(dump(document))

    assert repr(again) == repr(document)  # types too: 1, 1.0 and true are equal in Python


@given(TEXT)
def test_every_text_is_read_as_that_text_by_a_reader_of_yaml_1_1(text):
    assert yaml.safe_load(dump({"value": text})) == {"value": text}


@pytest.mark.parametrize(
    "text", ["on", "no", "yes", "12:30", "0123", "2026-12-31", "1_000", "0x1F", "+1", "5.", ".nan", "<<", "="]
)
def test_what_people_write_without_quotes_is_the_text_that_they_see(text):
    assert load(f"value: {text}\n") == {"value": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
    ],
)
def test_the_values_of_json_are_read_as_such(text, value):
    assert load(f"value: {text}\n") == {"value": value}


def test_comments_are_allowed():
    assert load("# about\nid: weekly  # ours\n") == {"id": "weekly"}


def test_what_is_written_reads_well():
    document = {
        "id": "weekly",
        "cronExpression": "0 9 * * 1",
        "timezone": "Europe/Berlin",
        "isActive": True,
        "tags": ["2026", "no"],
        "emailDelivery": {"recipients": ["ada@acme.example"]},
        "options": {"introduction": "Good morning,\nhere is {period}.", "jitterSeconds": 0},
        "parameters": {},
    }

    assert dump(document) == (
        "id: weekly\n"
        'cronExpression: "0 9 * * 1"\n'
        "timezone: Europe/Berlin\n"
        "isActive: true\n"
        "tags:\n"
        '  - "2026"\n'
        '  - "no"\n'
        "emailDelivery:\n"
        "  recipients:\n"
        "    - ada@acme.example\n"
        "options:\n"
        "  introduction: |-\n"
        "    Good morning,\n"
        "    here is {period}.\n"
        "  jitterSeconds: 0\n"
        "parameters: {}\n"
    )


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("id: a\nname: b\nid: c\n", 3, 'the key "id" is given twice; remove one'),
        ("a: &x [1]\nb: *x\n", 1, "an alias (*) repeats a value; write the value again"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", 1, "an alias (*) repeats a value; write the value again"),
        ("a: !!timestamp 2026-12-31\n", 1, "is not a text, a number, a boolean, a list or a mapping; put it in quotes"),
        ("a: !!binary aGk=\n", 1, "is not a text, a number, a boolean, a list or a mapping; put it in quotes"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "could not determine a constructor"),
        ("1: a\n", 1, "the key 1 is not a text; put it in quotes"),
        ("? [a]\n: b\n", 1, "unhashable"),
        ("- a\n", 1, "is not a mapping; write keys and values, such as id: weekly"),
        ("", 1, "null is not a mapping"),
        ("id: a\n  name: b\n", 2, "mapping values are not allowed"),
        ("a: " + "[" * 65 + "]" * 65 + "\n", 1, "the values are nested more than 64 levels deep; remove levels"),
        ("a: " + "[" * 20_000, 1, "the file has too many lists and mappings; remove some"),
        ("a: \x07\n", 1, "characters are not allowed"),
        ("a: " + "9" * 5_000 + "\n", 1, "a value looks like a date or a number and is none; put it in quotes"),
    ],
    ids=range(15),
)
def test_what_is_refused_is_named_with_its_line(text, line, reason):
    with pytest.raises(InvalidYamlError) as refused:
        load(text)

    assert refused.value.line == line
    assert reason in refused.value.reason
