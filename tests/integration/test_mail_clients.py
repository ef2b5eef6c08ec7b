"""What mail clients support of the HTML of a mail, by the data of caniemail.com."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.scheduled_reports.mail.body import body
from tests.integration.test_mail_in_browser import NOTE, WORST
from tests.readers import caniemail

CLIENTS = ("outlook.windows", "gmail.desktop-webmail", "gmail.ios", "gmail.android", "apple-mail.*")
#: What a client does not support, and what a reader then sees instead.
HARMLESS = {
    "border-radius",  # the button has corners
    "color-scheme meta tag",  # the client chooses its own dark colours
    "overflow",  # only of the preheader, which `mso-hide` hides in Outlook
    "table-layout",  # Outlook takes the widths of the cells, which are in attributes
    "white-space",  # Outlook breaks a value of a table where there is no room: nowhere, at 600 pixels
}
EMPTY = replace(WORST, figures=(), charts=(), lead=(), notes=(), excerpts=())


@pytest.mark.parametrize(
    "page",
    [
        body(WORST, replace(NOTE, test=True, failed_formats=("pdf",), why="The files are too large to attach.")).html,
        body(EMPTY, replace(NOTE, no_data=True, zip_name="a.zip", unsubscribe="")).html,
    ],
    ids=["everything", "nothing happened"],
)
def test_what_outlook_gmail_and_apple_mail_do_not_support_is_not_needed(page):
    found = caniemail(page, *CLIENTS)["unsupported"]

    assert [(client, title) for client, titles in found.items() for title in titles if title not in HARMLESS] == []


def test_the_reader_finds_what_outlook_does_not_support():
    found = caniemail('<div style="display: flex; position: fixed">x</div>', *CLIENTS)["unsupported"]

    assert {"position"} <= set(found["outlook.windows"])
