"""The brand of a workspace: what its reports and mails show in place of the deployment's."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.brand import Brand, read_brand
from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.settings.branding import Branding, brand_problems, of_workspace
from include.scheduled_reports.testing.brands import MemoryBrands
from tests.unit.run_helpers import KEY, LIVE, TRIGGER, mails, walk

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10" fill="#0a0"/></svg>'
LOGO = f"data:image/svg+xml;base64,{b64encode(SVG.encode()).decode()}"
DARK = f"data:image/svg+xml;base64,{b64encode(SVG.replace('#0a0', '#fff').encode()).decode()}"
ACME = Brand(
    name="Acme", logo=LOGO, colour="#112233", footer="Acme Ltd, Zürich", sender_name="Acme numbers",
    sender_address="numbers@acme.example", reply_to="help@acme.example",
)  # fmt: skip
OURS = Branding(logo=LOGO, logo_dark=DARK, colour="#2f6fab", footer="Ours", name="Operator")


def reasons(**values):
    return {problem.column: problem.reason for problem in brand_problems(Brand(**values))}


def test_without_a_brand_everything_is_the_deployments():
    assert of_workspace(OURS, None) == OURS
    assert of_workspace(OURS, Brand()) == OURS


def test_what_a_brand_leaves_empty_is_the_deployments():
    found = of_workspace(OURS, Brand(name="Acme", colour="#ABCDEF"))

    assert (found.name, found.colour, found.footer) == ("Acme", "#abcdef", "Ours")
    assert (found.logo, found.logo_dark) == (OURS.logo, OURS.logo_dark)


def test_a_logo_of_its_own_does_not_go_with_the_deployments_dark_one():
    assert of_workspace(OURS, Brand(logo=LOGO)).logo_dark == ""
    assert of_workspace(OURS, Brand(logo=LOGO, logo_dark=DARK)).logo_dark.startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "x" * 61, "is not one line of at most 60 characters"),
        ("name", "Acme\r\nBcc: eve@zeta.example", "is not one line"),
        ("footer", "a\nb", "is not one line of at most 200 characters"),
        ("sender_name", "Acme\nX", "is not one line of at most 60 characters"),
        ("sender_name", "Acme\u202e", "U+202E"),
        ("colour", "blue", "is not a colour"),
        ("logo", "/etc/passwd", "is not an image; use a data: URI"),
        ("logo", "https://acme.example/logo.png", "is not an image"),
        ("logo", "data:image/svg+xml,<svg onload='x()'/>", "is not"),
        ("sender_address", "Acme <numbers@acme.example>", "is not one plain email address"),
        ("sender_address", "numbers@acme.example\r\nBcc: eve@zeta.example", "is not one plain email address"),
        ("reply_to", "a@acme.example, b@acme.example", "is not one plain email address"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(field, value, words):
    found = reasons(**{field: value})

    assert list(found) == [field]
    assert words in found[field]


def test_everything_that_is_wrong_is_told_at_once():
    assert list(reasons(colour="blue", reply_to="x", footer="a\nb")) == ["colour", "footer", "reply_to"]


def test_a_dark_logo_alone_is_of_no_use():
    assert "add one" in reasons(logo_dark=DARK)["logo_dark"]


def test_a_sound_brand_has_no_problem():
    assert reasons(**{name: getattr(ACME, name) for name in Brand.__slots__}) == {}


# In a mail


@pytest.fixture
def branded(make_services):
    """Return a function that makes services whose workspace has a brand."""

    def make_them(brand, settings=LIVE, **changes):
        services = make_services(settings, **changes)
        services.brands.held["ws1"] = brand
        return services

    return make_them


def test_a_mail_has_the_sender_and_the_replies_of_its_workspace(branded):
    services = branded(ACME)
    walk(services)

    (mail,) = mails(services)
    assert parseaddr(str(mail["From"])) == ("Acme numbers", "numbers@acme.example")
    assert mail["Reply-To"] == "help@acme.example"
    assert services.mailer.sent[0][0] == '"Acme numbers" <numbers@acme.example>'
    assert "Acme Ltd, Zürich" in mail.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("brand", "sender", "reply_to"),
    [
        (Brand(name="Acme"), ("Acme", "reports@acme.example"), "ours@acme.example"),
        (Brand(sender_name='The "A" \\ team'), ('The "A" \\ team', "reports@acme.example"), "ours@acme.example"),
        # The deployment's address for replies would get those to another sender.
        (Brand(sender_address="own@acme.example"), ("Reports", "own@acme.example"), None),
        (Brand(colour="#112233"), ("Reports", "reports@acme.example"), "ours@acme.example"),
    ],
)
def test_a_part_of_a_sender_goes_with_the_rest_of_the_deployments(branded, brand, sender, reply_to):
    settings = replace(LIVE, mail_from="Reports <reports@acme.example>", reply_to="ours@acme.example")
    services = branded(brand, settings)
    walk(services)

    (mail,) = mails(services)
    assert parseaddr(str(mail["From"])) == sender
    assert mail["Reply-To"] == reply_to


def test_a_run_keeps_the_brand_that_it_began_with(branded):
    services = branded(ACME)
    walk(services)
    services.brands.held["ws1"] = Brand(name="Another")

    assert services.runs.load(KEY).brand == ACME
    walk(services, replace(TRIGGER, clear_number=1))
    assert services.runs.load(KEY).brand == Brand(name="Another")


def test_a_brand_that_cannot_be_drawn_fails_its_workspaces_reports_with_the_reason(branded):
    services = branded(Brand(colour="blue", footer="a\nb"))
    outcome = walk(services)

    assert outcome.state is RunState.FAILED
    assert "the brand of the workspace cannot be used" in outcome.reason
    assert "colour" in outcome.reason
    assert "footer" in outcome.reason
    assert mails(services) == []


def test_another_workspace_keeps_its_own(make_services):
    services = make_services(LIVE)
    services.brands.held["ws2"] = Brand(colour="blue")

    assert walk(services).state is RunState.SUCCESS


HOSTILE = ["\r\nBcc: eve@zeta.example", '"', "\\", "<x@y.example>", "=?utf-8?q?a?="]
texts = st.text(max_size=12) | st.sampled_from(HOSTILE)


@given(st.fixed_dictionaries({name: texts for name in Brand.__slots__ if not name.startswith("logo")}))
def test_no_brand_adds_a_header_or_a_recipient(values):
    brand = Brand(**values)
    if brand_problems(brand):
        with pytest.raises(ConfigurationError):
            of_workspace(OURS, brand)
        return
    sender = LIVE.sender_of(brand)
    name, address = parseaddr(sender)
    assert "\n" not in sender
    assert "\r" not in sender
    assert address == (brand.sender_address or parseaddr(LIVE.mail_from)[1])
    assert name == (brand.sender_name or brand.name or parseaddr(LIVE.mail_from)[0])


def test_a_brand_from_the_record_is_read_whatever_it_holds():
    assert read_brand({"name": 7, "other": "x", "colour": None}) == Brand(name="7")


def test_saving_the_same_brand_again_is_no_change():
    brands, act = MemoryBrands(), None
    assert brands.save("ws1", ACME, act)
    assert not brands.save("ws1", ACME, act)
    assert brands.save("ws1", Brand(), act)
    assert brands.of("ws1") is None
