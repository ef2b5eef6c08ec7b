"""What the page of a report says of readers: who has left, what was opened, whose links were revoked."""

from __future__ import annotations

import re
from html import unescape

import pytest

from include.scheduled_reports.domain.reader import reader_message
from tests.contract.api import SCHEDULED, open_api
from tests.contract.tables import execute
from tests.contract.test_api_readers import ADA, BOB, OPT_OUTS, RUN, WHY, leave, mail
from tests.contract.test_rendered_pages import HOSTILE, NOW, page, run_all
from tests.unit.test_separate_mail import DOOR


def text_of(api, path="/reports/r1", **options):
    """Return the text of a page without its dialogs, the cells of tables apart."""
    shown = api.get(path, **options).text.partition("<dialog")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", shown)).split())


def buttons(api, **options):
    """Return the dialogs that the buttons of the report's page open, without those of every report."""
    found = page(api, "/reports/r1", **options)
    opened = [value for name, value in found.attributes if name == "data-dialog"]
    return [one for one in opened if one in ("return", "revoke")]


def test_a_report_that_nobody_has_left_has_no_section_about_it(api):
    assert "Opt-outs" not in text_of(api)
    assert "left" not in text_of(api)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("one-click", "with the unsubscribe button of their mail program"),
        ("page", "on the page of a link"),
        ("manage", "on the page of all their reports"),
    ],
)
def test_who_left_is_shown_with_how_in_words_and_a_way_to_mail_them_again(api, dsn, how, words):
    leave(dsn, ADA, ADA, how=how)

    text = text_of(api)

    assert f"Opt-outs {ADA} Left" in text
    assert words in text
    assert "One reader has left" in text
    assert buttons(api) == ["return"]
    assert ("data-address", ADA) in page(api, "/reports/r1").attributes


def test_who_is_mailed_again_is_shown_with_who_did_it_and_why(api, dsn):
    leave(dsn, ADA, ADA)
    leave(dsn, BOB, "bob@xn--bcher-kva.example")
    api.post(f"{OPT_OUTS}/return", json={"address": ADA, "reason": WHY}, user="op")
    execute(dsn, "UPDATE reporting.opt_outs SET returned_at = now() WHERE address = %s", BOB)

    text = text_of(api)

    assert f", by airflow:op: {WHY}" in text
    assert ", by their own link" in text
    assert "left</a>" not in api.get("/reports/r1").text
    assert buttons(api) == []
    assert f"airflow:op mailed again {ADA} : {WHY}" in text  # the change history


def test_a_message_to_one_reader_is_named_by_its_reader_and_its_subject_stands_once(api, dsn):
    mail(api, dsn)
    execute(
        dsn, "UPDATE reporting.readers SET openings = 3, automatic = 2, last_opened_at = now() WHERE address = %s", ADA
    )

    text = text_of(api)

    assert f"Numbers Accepted {ADA} linked, opened 3 times, last" in text
    assert f", 2 automatic Accepted {BOB} linked, not opened" in text
    assert text.count("Numbers") == 1
    for one in (ADA, BOB):
        assert reader_message(one) not in api.get("/reports/r1").text
        assert reader_message(one).removeprefix("reader/") not in api.get("/reports/r1").text


def test_of_files_that_were_attached_it_is_not_said_that_nobody_opened_them(api, dsn):
    mail(api, dsn)
    execute(dsn, "UPDATE reporting.deliveries SET mode = 'attach'")

    assert "attached" in text_of(api)
    assert "opened" not in text_of(api)


def test_revoked_links_are_named_and_cannot_be_revoked_again(api, dsn):
    mail(api, dsn)
    assert buttons(api) == ["revoke"]

    api.post(f"{SCHEDULED}/r1/runs/{RUN}/revoke-links")

    text = text_of(api)
    assert text.count("Links revoked") == 2
    assert buttons(api) == []
    assert "airflow:admin revoked links of 2 messages" in text
    assert "Links revoked" in text_of(api, f"/reports/r1/runs/{RUN}")


def test_a_viewer_sees_who_left_and_no_button(api, dsn):
    mail(api, dsn)
    leave(dsn, ADA, ADA)

    assert "Not mailed" in text_of(api, user="viewer")
    assert buttons(api, user="viewer") == []


def test_addresses_and_reasons_are_text(api, dsn):
    mail(api, dsn)
    execute(dsn, "UPDATE reporting.readers SET address = %s", HOSTILE)
    leave(dsn, HOSTILE, HOSTILE)
    leave(dsn, f"{HOSTILE}2", f"{HOSTILE}2")
    answer = api.post(f"{OPT_OUTS}/return", json={"address": f"{HOSTILE}2", "reason": HOSTILE})
    assert answer.status_code == 200

    found = page(api, "/reports/r1")

    assert found.text.count(HOSTILE) >= 4
    assert found.tags.count("script") == 1
    assert "img" not in found.tags
    assert not [name for name, _ in found.attributes if name.startswith("on")]


def test_a_run_that_is_mailed_to_each_reader_is_shown_by_readers(dsn):
    people = [ADA, "bob@acme.example", "eve@acme.example"]
    execute(
        dsn,
        "UPDATE scheduled_reports SET email_enabled = true, email_recipients = %s, email_bcc_recipients = %s "
        "WHERE id = 'r1'",
        people[:2], people[2:],
    )  # fmt: skip
    leave(dsn, "bob@acme.example", "bob@acme.example")
    api = open_api(dsn, NOW)
    api.ports.core.settings = DOOR
    assert api.post(f"{SCHEDULED}/r1/trigger", json={"mail": True}).status_code == 202
    run_all(api)

    shown = text_of(api)

    deliveries = api.get(f"{SCHEDULED}/r1/runs/{RUN}/deliveries").json()["deliveries"]
    assert [(one["state"], one["reader"]["address"]) for one in deliveries] == [("sent", ADA), ("sent", people[2])]
    assert "reader/" not in shown
    assert re.search(rf"Accepted {ADA} \w+.* Accepted {people[2]} ", shown)
    assert buttons(api) == ["revoke", "return"]
