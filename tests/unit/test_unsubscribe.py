"""Unsubscribing from a report, by RFC 2369 and RFC 8058."""

from __future__ import annotations

import pytest

from include.scheduled_reports.mail.headers import unsubscribe_addresses, unsubscribe_headers, unsubscribe_link
from include.scheduled_reports.settings.unsubscribe import read_ways

MAILTO = "mailto:reports@acme.example?subject=unsubscribe%20{report}"
PAGE = "https://acme.example/off?report={report}&who={recipient}"
ADA = ["ada+x@acme.example"]


def out(text, recipients=ADA):
    return unsubscribe_addresses(text, report="weekly/1", recipients=recipients)


def test_nothing_set_is_no_way_and_no_header():
    assert out("") == ()
    assert unsubscribe_headers(()) == {}
    assert unsubscribe_link(()) == ""


def test_report_and_recipient_are_filled_in_as_a_url_wants_them():
    assert out(f"{MAILTO}, {PAGE}") == (
        "mailto:reports@acme.example?subject=unsubscribe%20weekly%2F1",
        "https://acme.example/off?report=weekly%2F1&who=ada%2Bx%40acme.example",
    )


def test_an_address_that_has_to_know_who_clicks_is_only_in_a_message_to_one_person():
    assert out(f"{MAILTO} {PAGE}", ["a@b.example", "c@d.example"]) == (
        "mailto:reports@acme.example?subject=unsubscribe%20weekly%2F1",
    )


def test_the_header_holds_each_way_in_brackets():
    assert unsubscribe_headers(("mailto:a@b.example", "https://c.example/x?y=1"))["List-Unsubscribe"] == (
        "<mailto:a@b.example>, <https://c.example/x?y=1>"
    )


@pytest.mark.parametrize(
    ("ways", "one_click"), [(("mailto:a@b.example",), False), (("https://c.example/x", "mailto:a@b.example"), True)]
)
def test_one_click_is_offered_only_where_it_can_be_a_post(ways, one_click):
    assert unsubscribe_headers(ways).get("List-Unsubscribe-Post") == (
        "List-Unsubscribe=One-Click" if one_click else None
    )


def test_the_message_leads_to_the_page_rather_than_to_a_mail():
    assert unsubscribe_link(("mailto:a@b.example", "https://c.example/x")) == "https://c.example/x"
    assert unsubscribe_link(("mailto:a@b.example",)) == "mailto:a@b.example"


@pytest.mark.parametrize(
    "text",
    [
        "acme.example", "http://acme.example/off", "javascript:alert(1)", "https://", "mailto:", "mailto:nobody",
        "https://acme.example/ü", 'https://acme.example/"x"', "https://acme.example/<x>", "https://a.example/{who}",
        "https://a.example/1, https://b.example/2", "mailto:a@b.example, mailto:c@d.example",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_allowed(text):
    with pytest.raises(
        ValueError, match=r"^is not a way to unsubscribe; use a mailto: address, an https: URL, or both"
    ):
        read_ways(text)
