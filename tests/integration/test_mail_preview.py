"""The preview of an email is the email, but for where its links lead."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import replace
from email import message_from_bytes, policy
from email.utils import parseaddr

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.scheduled_reports.domain.brand import Brand
from include.scheduled_reports.domain.run import Actor, AuditAction, RunState
from tests.contract.tables import add_people, add_report, execute
from tests.integration.previews import preview_mail
from tests.integration.stages import MESSAGES, TRIGGER, services_on, walk

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10" fill="#060"/></svg>'
BRAND = Brand(
    name="Acme & Söhne", logo=f"data:image/svg+xml;base64,{b64encode(SVG.encode()).decode()}", colour="#006600",
    footer="Acme, Zürich", sender_name="Numbers", sender_address="numbers@acme.example",
)  # fmt: skip
WORDS = {"subject": "{workspace} · {lead}", "introduction": "Hello,\n{name} for {period}: {lead}"}


@pytest.fixture
def services(migrated_dsn, tmp_path):
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", export_formats=["pdf", "csv", "html"], email_include_preview=True)
    execute(migrated_dsn, MESSAGES)
    return services_on(migrated_dsn, tmp_path)


def mailed(services):
    """Return the mail of a run, its images in the place of their names and its links leading nowhere."""
    assert walk(services).state is RunState.SUCCESS
    ((_, _, raw),) = services.mailer.sent
    mail = message_from_bytes(raw, policy=policy.default)
    html = mail.get_body(("html",)).get_content()
    for part in mail.walk():
        if cid := part["Content-ID"]:
            content = b64encode(part.get_payload(decode=True)).decode()
            html = html.replace(f"cid:{cid.strip('<>')}", f"data:image/png;base64,{content}")
    return mail, without_links(html)


def without_links(html):
    return re.sub(r'href="[^"]*"', 'href="#"', html).replace("\r\n", "\n").rstrip("\n")


@pytest.mark.parametrize("brand", [None, BRAND])
@pytest.mark.parametrize("words", [{}, WORDS])
@pytest.mark.parametrize("unsubscribe", ["", "mailto:off@acme.example"])
def test_the_preview_is_the_mails_body(services, migrated_dsn, brand, words, unsubscribe):
    services.settings = replace(services.settings, unsubscribe=unsubscribe)
    if brand:
        act = AuditAction(action="branded", actor=Actor(user="ann"), workspace_id="ws1")
        services.brands.save("ws1", brand, act)
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute("UPDATE reporting.report_options SET options = %s WHERE report_id = 'r1'", [Jsonb(words)])
    row = services.definitions.row("r1")

    found = preview_mail(migrated_dsn, row, TRIGGER.scheduled_for, settings=services.settings)
    mail, html = mailed(services)

    assert without_links(found.html) == html
    assert found.subject == mail["Subject"]
    assert parseaddr(found.sender) == parseaddr(str(mail["From"]))
    assert "http" not in re.sub(r'xmlns:o="[^"]*"', "", found.html)
    for picture in re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", found.html):
        assert b64decode(picture).startswith(b"\x89PNG")
