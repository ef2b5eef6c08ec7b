"""Which texts are addresses, and which of them are one mailbox."""

from __future__ import annotations

import pytest

from include.scheduled_reports.domain.addresses import ascii_address, is_address, mailbox, spellings
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.mail.recipients import without_repeats
from tests.unit.run_helpers import LIVE, envelopes, manual, walk


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x@bücher.example", "x@xn--bcher-kva.example"),
        ("x@bücher.example", "X@XN--BCHER-KVA.EXAMPLE"),
        ("x@b\u00fccher.example", "x@bu\u0308cher.example"),
        ("x@\uff21\uff23\uff2d\uff25.example", "x@acme.example"),  # full width
        ("x@пример.рф", "x@xn--e1afmkfd.xn--p1ai"),
        ("x@उदाहरण.परीक्षा", "x@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g"),  # IANA's test domain
    ],
)
def test_two_spellings_are_one_mailbox(one, other):
    assert is_address(one)
    assert is_address(other)
    assert mailbox(one) == mailbox(other)
    assert without_repeats(Recipients(to=(one,), cc=(other,), bcc=(one,))) == Recipients(to=(one,))
    assert mailbox(other) in spellings(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("x@straße.example", "x@strasse.example"), ("x@a.example", "x@b.example"), ("x.y@a.example", "xy@a.example")],
)
def test_two_mailboxes_stay_two(one, other):
    assert mailbox(one) != mailbox(other)


@pytest.mark.parametrize(
    "text",
    ["x@acme.example.", "x@acme", "x@.example", "x@a..example", "x@☃.example", "x@a_.example", "ü@acme.example", "x",
     "@acme.example", "x@acme.example,y@acme.example", "x@acme.123", "x@[127.0.0.1]", "a b@acme.example", "x@",
     "=?x@acme.example", "x" * 65 + "@acme.example", "x@" + "y" * 64 + ".example"],
)  # fmt: skip
def test_anything_else_is_no_address(text):
    assert not is_address(text)


def test_a_domain_that_only_the_older_standard_allows_stays_as_it_is_written():
    assert is_address("x@xn--i-7iq.example")  # a heart, which IDNA 2008 excludes
    assert ascii_address("x@xn--i-7iq.example") == "x@xn--i-7iq.example"


def test_a_member_may_be_named_in_the_other_spelling(make_services):
    services = make_services(LIVE)
    services.definitions.addresses = {"ws1": frozenset({"zoë@acme.example", "joe@bücher.example"})}

    walk(services, manual(recipients=["joe@xn--bcher-kva.example", "Joe@bücher.example"]))

    assert [envelope.to for envelope in envelopes(services)] == [("joe@xn--bcher-kva.example",)]
