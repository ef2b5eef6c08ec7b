"""Reports of the fault suite that mail each reader, and what has reached them."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64decode
from collections import Counter
from uuid import UUID

#: The readers, by how the report's row calls them.
ADDRESSES = {"to": "ann@neolith.example", "cc": "bob@neolith.example", "bcc": "eve@neolith.example"}
#: Somebody who is made a recipient when the mail is under way.
LATE = "dan@neolith.example"
#: The beginning of the ids of these reports, and of their DAGs.
PREFIX = "each-reader-"
DAGS = f"scheduled_report_{PREFIX}"
LINK_BASE = "https://reports.neolith.example"
SETTINGS = {
    "SCHEDULED_REPORTS__MESSAGES": "separate",
    "SCHEDULED_REPORTS__LINK_BASE": LINK_BASE,
    "SCHEDULED_REPORTS__LINK_KEYS": f"1:{b64encode(bytes(range(32))).decode()}",
}
NOTHING = (0, "nothing")


def are_mailed_separately(report_id):
    """Return whether each reader of a report gets a message of their own."""
    return report_id.startswith(PREFIX)


def reached(mails, deliveries):
    """Return how many messages have reached each reader, and what the ledger says of the newest one."""
    copies = Counter(address for mail in mails for address in mail.recipients)
    states = {
        address: one["state"]
        for one in deliveries
        if one["message"].startswith("reader/")
        for kind in one["recipients"].values()
        for address in kind
    }
    names = {address: kind for kind, address in ADDRESSES.items()}
    everybody = (*ADDRESSES.values(), *sorted({*copies, *states} - {*names}))
    return {names.get(one, one): (copies[one], states.get(one, NOTHING[1])) for one in everybody}


def privacy(mails, handles):
    """Check that messages name their reader alone; map each rule to whether it holds."""
    everybody = {*ADDRESSES.values(), LATE}
    return {
        "each message has one reader": all(len(mail.recipients) == 1 for mail in mails),
        "nobody sees another": not any(
            other in text for mail in mails for text in _texts(mail.message) for other in everybody - {*mail.recipients}
        ),
        "each way out is the reader's own": all(
            {handles[token] for token in _ways_out(mail.message)} == {*mail.recipients} for mail in mails
        ),
    }


def _texts(message):
    """Return the headers and the texts of a message."""
    texts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return ["\n".join(f"{name}: {value}" for name, value in message.items()), *texts]


def _ways_out(message):
    """Return the readers' handles in the links by which one leaves: 16 bytes, after the number of the key."""
    tokens = {token for text in _texts(message) for token in re.findall(rf"{LINK_BASE}/leave/([\w-]+)", text)}
    return {UUID(bytes=urlsafe_b64decode(token)[1:17]) for token in tokens}
