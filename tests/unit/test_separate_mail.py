"""One message per reader: nobody sees another, each has their own links, each is mailed at most once."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.errors import (
    AllRefusedError,
    ConfigurationError,
    DeliveryUnknownError,
    PermanentError,
    ThrottledError,
    TransientError,
)
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.link_token import LinkKey, LinkKeys, Purpose
from include.scheduled_reports.domain.run import Actor, AuditAction, RunState
from include.scheduled_reports.runs import pipeline
from tests.unit.run_helpers import KEY, LIVE, TRIGGER, days, envelopes, mails, make, manual, text_of, walk
from tests.unit.test_deliver import answering
from tests.unit.test_mail_at_the_claim import just_before_the_claim

ADA, BOB, EVE = "ada@acme.example", "bob+reports@acme.example", "eve@acme.example"
SECRET = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="  # 32 times A
SEPARATE = replace(LIVE, messages="separate")
DOOR = replace(LIVE, link_base="https://reports.acme.example/r", link_keys=f"7:{SECRET}")
KEYS = LinkKeys((LinkKey(7, b"A" * 32),))


@pytest.fixture
def three(make_services):
    """Return services whose report goes to Ada, with a copy to Bob and a blind copy to Eve."""

    def make_them(settings=SEPARATE, **changes):
        readers = {"email_recipients": [ADA], "email_cc_recipients": [BOB], "email_bcc_recipients": [EVE]}
        return make_services(settings, **(readers | changes))

    return make_them


def reached(services):
    return [address for envelope in envelopes(services) for address in envelope]


def paths(mail, kind="plain"):
    """Return the links to the public door in one of the bodies, as purpose and token."""
    text = mail.get_body((kind,)).get_content()
    return re.findall(r"https://reports\.acme\.example/r/(\w+)/([\w-]+)", text)


# Who sees whom


def test_each_reader_gets_a_message_that_names_no_other_whatever_the_row_calls_them(three):
    services = three()

    assert walk(services).state is RunState.SUCCESS

    assert [mail["To"] for mail in mails(services)] == [ADA, BOB, EVE]
    assert [envelope.as_json() for envelope in envelopes(services)] == [
        {"to": [one], "cc": [], "bcc": []} for one in (ADA, BOB, EVE)
    ]
    for own, (_, _, raw) in zip((ADA, BOB, EVE), services.mailer.sent, strict=True):
        assert not [other for other in (ADA, BOB, EVE) if other != own and other.encode() in raw]
        assert b"Cc:" not in raw


def test_the_record_keeps_how_the_row_calls_each_reader(three):
    services = three()
    walk(services)

    kinds = {next(iter(one.recipients)): one.recipients.as_json() for one in services.ledger.of(KEY)}
    assert kinds == {
        ADA: {"to": [ADA], "cc": [], "bcc": []},
        BOB: {"to": [], "cc": [BOB], "bcc": []},
        EVE: {"to": [], "cc": [], "bcc": [EVE]},
    }


def test_a_redirected_mail_is_one_message(three):
    services = three(replace(DOOR, mail_mode="redirect:test@acme.example"))
    walk(services)

    (mail,) = mails(services)
    assert mail["To"] == "test@acme.example"
    assert mail["X-Intended-Recipients"] == f"{ADA}, {BOB}, {EVE}"
    assert {purpose for purpose, _ in paths(mail)} == {"files"}
    assert mail["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    ("settings", "count"), [(LIVE, 1), (SEPARATE, 3), (DOOR, 3), (replace(DOOR, messages="together"), 1)]
)
def test_separate_is_the_default_only_with_a_public_door(three, settings, count):
    services = three(settings)
    walk(services)

    assert len(mails(services)) == count


# At most once, and exactly those who did not get it


def test_a_retry_and_a_clear_mail_nobody_again(three):
    services = three()
    walk(services)
    pipeline.email(services, KEY)
    walk(services, replace(TRIGGER, clear_number=1))

    assert reached(services) == [ADA, BOB, EVE]


@pytest.mark.parametrize("error", [TransientError("busy"), KeyboardInterrupt()])
def test_a_retry_reaches_those_who_were_not_mailed(three, error):
    services = three()
    make(services)
    answering(services, None, error)
    with pytest.raises(type(error)):
        pipeline.email(services, KEY)
    assert reached(services) == [ADA]

    with pytest.raises(DeliveryUnknownError) if isinstance(error, KeyboardInterrupt) else nullcontext():
        pipeline.email(services, KEY)

    # The worker that was killed had claimed Bob's message: whether it was sent is not known.
    assert reached(services) == ([ADA, EVE] if isinstance(error, KeyboardInterrupt) else [ADA, BOB, EVE])


def test_a_message_whose_outcome_is_unknown_stops_no_other_and_is_told(three):
    services = three()
    make(services)
    answering(services, None, DeliveryUnknownError("SES did not answer"))

    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)

    assert reached(services) == [ADA, EVE]
    outcome = pipeline.record(services, TRIGGER)
    assert outcome.state is RunState.FAILED
    assert outcome.mail_error == "SES did not answer (for 1 of 3 recipients)"


def test_a_service_that_does_not_answer_twice_in_a_row_is_left_to_a_retry(three):
    services = three()
    make(services)
    answering(services, DeliveryUnknownError("no answer"), DeliveryUnknownError("no answer"))

    with pytest.raises(TransientError, match="the other readers are mailed by a retry"):
        pipeline.email(services, KEY)
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)

    assert reached(services) == [EVE]


def test_a_plan_from_before_there_were_separate_messages_stays_together(three):
    services = three(LIVE)
    make(services)
    answering(services, DeliveryUnknownError("no answer"))
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    plan = services.runs.runs[KEY].row["mail"]
    services.runs.runs[KEY].row["mail"] = {
        name: value for name, value in plan.items() if name not in ("separate", "left")
    }
    services.settings = SEPARATE

    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    assert reached(services) == []


# What a mailbox refuses


def test_a_refused_reader_stops_no_other_and_is_not_tried_again(three):
    services = three()
    make(services)
    answering(services, AllRefusedError("SES refuses every recipient: MessageRejected"))

    assert pipeline.email(services, KEY) == "sent, but refused for 1 of 3 recipients"
    assert pipeline.email(services, KEY) == "sent, but refused for 1 of 3 recipients"

    assert reached(services) == [BOB, EVE]
    outcome = pipeline.record(services, TRIGGER)
    assert (outcome.state, outcome.mail_error) == (RunState.FAILED, "refused for 1 of 3 recipients")


def test_if_every_reader_is_refused_it_is_about_nobody_and_a_clear_tries_all(three):
    services = three()
    make(services)
    answering(services, *[AllRefusedError("SES refuses every recipient: MessageRejected")] * 3)

    with pytest.raises(ConfigurationError):
        pipeline.email(services, KEY)
    assert pipeline.email(services, KEY) == "sent"

    assert reached(services) == [ADA, BOB, EVE]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_a_reader_who_is_put_off_comes_again_after_the_others(three):
    services = three()
    make(services)
    answering(services, ThrottledError("the mail server asks to retry later with every recipient: 451"))

    assert pipeline.email(services, KEY) == "sent"

    assert reached(services) == [BOB, EVE, ADA]
    assert services.now() - TRIGGER.scheduled_for == timedelta(seconds=5)  # nobody waited


def test_a_service_that_throttles_is_given_time(three):
    services = three()
    make(services)
    answering(services, *[ThrottledError("slower")] * 4)

    assert pipeline.email(services, KEY) == "sent"

    assert sorted(reached(services)) == sorted([ADA, BOB, EVE])
    assert services.now() - TRIGGER.scheduled_for > timedelta(seconds=5)


def test_a_service_that_throttles_for_long_is_left_to_a_retry(three):
    services = three()
    make(services)
    services.mailer.error = ThrottledError("slower")

    with pytest.raises(ThrottledError):
        pipeline.email(services, KEY)
    services.mailer.error = None
    assert pipeline.email(services, KEY) == "sent"
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


@pytest.mark.parametrize("error", [PermanentError("SES refused the message: MessageRejected"), TransientError("away")])
def test_a_run_of_which_a_message_was_not_sent_fails_and_says_for_how_many(three, error):
    services = three()
    make(services)
    answering(services, None, error)

    with pytest.raises(type(error)):
        pipeline.email(services, KEY)

    outcome = pipeline.record(services, TRIGGER)
    assert outcome.state is RunState.FAILED
    assert f"{error} (for 1 of 3 recipients)" in outcome.mail_error
    assert "@" not in outcome.mail_error


# Edits while it is sent


def test_a_reader_who_is_taken_off_between_two_messages_gets_none_and_the_run_succeeds(three):
    services = three()
    make(services)
    just_before_the_claim(services, {}, {"email_cc_recipients": []})

    assert pipeline.email(services, KEY) == "sent"

    assert reached(services) == [ADA, EVE]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


@pytest.mark.parametrize("change", [{"status": "DISABLED"}, {"email_enabled": False}, {"deleted": True}])
def test_a_report_that_is_not_to_be_mailed_any_more_mails_nobody_else(three, change):
    services = three()
    make(services)
    just_before_the_claim(services, {}, change)

    pipeline.email(services, KEY)

    assert reached(services) == [ADA]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_a_mail_that_is_edited_between_two_messages_is_finished_as_it_began(three):
    services = three(email_subject="As it was")
    make(services)
    just_before_the_claim(services, {}, {"email_subject": "Corrected"})

    assert pipeline.email(services, KEY) == "sent"

    assert [mail["Subject"] for mail in mails(services)] == ["As it was"] * 3


def test_mail_that_is_switched_off_between_two_attempts_is_missing_in_the_record(three):
    services = three()
    make(services)
    answering(services, None, TransientError("away"))
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    services.settings = replace(SEPARATE, mail_mode="off")

    assert pipeline.email(services, KEY) == "mail_mode is off"
    assert pipeline.record(services, TRIGGER).state is RunState.FAILED


# Opt-outs


@pytest.mark.parametrize("settings", [LIVE, SEPARATE])
def test_a_reader_who_left_is_not_mailed_whoever_asks(three, settings):
    services = three(replace(settings, allowed_domains="acme.example"))
    services.readers.leave("r1", "BOB+reports@ACME.example")
    walk(services)
    for number, conf in enumerate(({"resend": KEY.run_id}, {"recipients": [ADA, BOB], "mail": True})):
        again = replace(manual(**conf), key=replace(KEY, run_id=f"manual__{number}"))
        walk(services, again)

    assert BOB not in reached(services)
    assert reached(services).count(ADA) == 3


def test_a_run_whose_readers_have_all_left_succeeds_and_says_so(three):
    services = three()
    for one in (ADA, BOB, EVE):
        services.readers.leave("r1", one)
    make(services)

    assert pipeline.email(services, KEY) == "nobody left to mail"
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS
    assert mails(services) == []


def test_a_reader_who_leaves_while_the_others_are_mailed_gets_none(three):
    services = three()
    make(services)
    claim = services.ledger.claim

    def late(delivery, confirm=None):
        services.readers.leave("r1", EVE)
        return claim(delivery, confirm)

    services.ledger.claim = late

    assert pipeline.email(services, KEY) == "sent"
    assert reached(services) == [ADA, BOB]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_a_reader_who_came_back_is_mailed_again(three):
    services = three()
    services.readers.leave("r1", BOB)
    act = AuditAction(action="returned", actor=Actor(user="ann"), workspace_id="ws1")
    services.readers.take_back("r1", BOB, act, "Asked for it.")
    walk(services)

    assert reached(services) == [ADA, BOB, EVE]


def test_those_who_left_another_report_are_mailed(three):
    services = three()
    services.readers.leave("r2", BOB)
    walk(services)

    assert reached(services) == [ADA, BOB, EVE]


# Links


def test_every_link_is_the_readers_own(three):
    services = three(DOOR)
    walk(services)

    handles = {one.address: one.handle for one in services.readers.of(KEY)}
    assert set(handles) == {ADA, BOB, EVE}
    seen = []
    for own, mail in zip((ADA, BOB, EVE), mails(services), strict=True):
        for kind in ("plain", "html"):
            found = {Purpose(purpose): token for purpose, token in paths(mail, kind)}
            assert set(found) == set(Purpose)
            for purpose, token in found.items():
                assert KEYS.read(purpose, token, services.now()).reader == handles[own]
        seen += [token for _, token in paths(mail)]
    assert len(set(seen)) == len(seen) == 3 * 4  # two files, one way out, one page each


def test_a_link_names_its_file_and_lasts_as_long_as_the_setting_says(three):
    services = three(replace(DOOR, link_seconds=timedelta(days=80)))
    walk(services)

    tokens = [
        KEYS.read(Purpose.FILES, token, services.now())
        for purpose, token in paths(mails(services)[0])
        if purpose == "files"
    ]
    assert [one.format for one in tokens] == [Format.CSV, Format.JSON]
    assert {one.expires - services.now() for one in tokens} == {timedelta(days=80)}
    assert "Links work until Thu 30 Jul, 09:00." in text_of(mails(services)[0])


def test_a_way_out_works_as_long_as_the_record(three):
    services = three(DOOR)
    walk(services)

    for purpose, token in paths(mails(services)[0]):
        if purpose != "files":
            assert KEYS.read(Purpose(purpose), token, services.now()).expires - services.now() == timedelta(days=400)


def test_a_token_holds_neither_address_nor_report(three):
    services = three(DOOR)
    walk(services)

    for mail in mails(services):
        for _, token in paths(mail):
            assert not [text for text in (b"acme", b"ada", b"r1", b"ws1") if text in urlsafe_b64decode(token)]


def test_one_click_leads_to_our_page_and_a_mailto_of_the_setting_stays(three):
    services = three(replace(DOOR, unsubscribe="mailto:leave@acme.example, https://app.acme.example/leave/{recipient}"))
    walk(services)

    mail = mails(services)[0]
    ours, mailto = (one.strip() for one in mail["List-Unsubscribe"].split(","))
    (leave,) = {token for purpose, token in paths(mail) if purpose == "leave"}
    assert ours == f"<https://reports.acme.example/r/leave/{leave}>"
    assert mailto == "<mailto:leave@acme.example>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_without_a_public_door_a_separate_message_fills_in_its_reader(three):
    services = three(replace(SEPARATE, unsubscribe="https://app.acme.example/leave?who={recipient}"))
    walk(services)

    assert [mail["List-Unsubscribe"] for mail in mails(services)] == [
        f"<https://app.acme.example/leave?who={one}>"
        for one in ("ada%40acme.example", "bob%2Breports%40acme.example", "eve%40acme.example")
    ]


def test_a_message_to_several_has_links_to_the_files_and_no_way_out(three):
    services = three(replace(DOOR, messages="together"))
    walk(services)

    (mail,) = mails(services)
    assert {purpose for purpose, _ in paths(mail)} == {"files"}
    assert mail["List-Unsubscribe"] is None
    assert [one.address for one in services.readers.of(KEY)] == [None]


def test_a_retry_sends_the_links_of_the_attempt_before(three):
    services = three(DOOR)
    make(services)
    services.mailer.error = TransientError("away")
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    before = {one.message: one.handle for one in services.readers.of(KEY)}
    services.mailer.error = None
    pipeline.email(services, KEY)

    assert {one.message: one.handle for one in services.readers.of(KEY)} == before
    token = dict(paths(mails(services)[0]))["leave"]
    assert KEYS.read(Purpose.LEAVE, token, services.now()).reader in before.values()


def test_all_messages_show_the_same_report(three, answers):
    answers.by_name["days"] = days(messages=1_234)
    services = three(SEPARATE, email_include_preview=True)
    walk(services)

    first, *others = ([part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
                      for mail in mails(services))  # fmt: skip
    assert others == [first, first]


def test_every_message_has_a_message_id_of_its_own(three):
    services = three()
    walk(services)

    assert len({mail["Message-ID"] for mail in mails(services)}) == 3


@pytest.mark.parametrize("state", [DeliveryState.CLAIMED, DeliveryState.UNKNOWN, DeliveryState.SENT])
def test_a_message_that_is_claimed_or_more_is_never_made_again(three, state):
    services = three()
    make(services)
    answering(services, None, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        pipeline.email(services, KEY)
    (bobs,) = (name for name, one in services.ledger.held.items() if tuple(one.recipients) == (BOB,))
    services.ledger.held[bobs] = replace(services.ledger.held[bobs], state=state)

    with pytest.raises(DeliveryUnknownError) if state is not DeliveryState.SENT else nullcontext():
        pipeline.email(services, KEY)
    assert reached(services) == [ADA, EVE]


def test_a_switch_to_redirected_mail_between_two_attempts_mails_no_reader(three):
    services = three()
    make(services)
    answering(services, None, TransientError("away"))
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    services.settings = replace(SEPARATE, mail_mode="redirect:test@acme.example")

    pipeline.email(services, KEY)

    assert reached(services) == [ADA, "test@acme.example", "test@acme.example"]
    assert [mail["X-Intended-Recipients"] for mail in mails(services)] == [None, BOB, EVE]


def test_a_run_that_is_sent_again_reaches_those_whose_turn_never_came(three):
    services = three()
    make(services)
    answering(services, None, TransientError("away"))
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    assert pipeline.record(services, TRIGGER).state is RunState.FAILED

    again = replace(manual(resend=KEY.run_id), key=replace(KEY, run_id="manual__again"))
    assert walk(services, again).state is RunState.SUCCESS
    assert reached(services) == [ADA, BOB, EVE]
