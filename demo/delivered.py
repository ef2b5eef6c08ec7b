"""Check that a report was delivered: compare the tables with S3 and SES."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from html import escape
from typing import TYPE_CHECKING, Any

import psycopg
import requests
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from .aws import Mail
    from .stack import Stack


@dataclass(frozen=True)
class File:
    """A recorded file that was found in S3."""

    url: str
    key: str
    size: int


@dataclass(frozen=True)
class Delivered:
    """The files and the emails of one run: one to all readers, or one to each."""

    files: tuple[File, ...]
    message_ids: tuple[str, ...]
    recipients: tuple[str, ...]
    attachments: tuple[str, ...]
    #: The page on which the first reader leaves the report; empty without a public door.
    leave: str


def check(stack: Stack, report_id: str) -> Delivered:
    """Compare tables, bucket and inbox for the report's only run; RuntimeError names the first mismatch."""
    with psycopg.connect(stack.reports_dsn, row_factory=dict_row) as connection:
        report = _one(connection, "SELECT * FROM scheduled_reports WHERE id = %s", report_id)
        executions = connection.execute(
            "SELECT * FROM report_executions WHERE scheduled_report_id = %s ORDER BY format", [report_id]
        ).fetchall()
        artifacts = connection.execute(
            "SELECT * FROM reporting.artifacts WHERE report_id = %s ORDER BY format", [report_id]
        ).fetchall()
        deliveries = connection.execute(
            "SELECT * FROM reporting.deliveries WHERE report_id = %s ORDER BY message", [report_id]
        ).fetchall()
    _expect({row["status"] for row in executions} == {"COMPLETED"}, "not every execution is COMPLETED")
    _expect(all(row["email_sent"] for row in executions), "not every execution has email_sent")
    _expect(len(executions) == len(report["export_formats"]), "the number of executions is not that of the formats")
    counters = (report["run_count"], report["success_count"], report["failure_count"], report["last_run_status"])
    _expect(counters == (1, 1, 0, "success"), f"the counters are {counters}")
    files = tuple(_file(stack, row) for row in artifacts)
    _expect({row["file_url"] for row in executions} == {file.url for file in files}, "file_url and bucket differ")
    everyone = {*report["email_recipients"], *report["email_cc_recipients"], *report["email_bcc_recipients"]}
    mails = [_mail(stack, delivery) for delivery in deliveries]
    _expect(len(mails) == (len(everyone) if stack.door else 1), f"the record has {len(mails)} emails")
    attached: dict[str, str] = {}
    for mail in mails:
        attached = _attachments(mail)
        _expect(
            sorted(attached.values()) == sorted(row["sha256"] for row in artifacts),
            "the attachments differ from the files",
        )
    recipients = tuple(address for mail in mails for address in mail.recipients)
    _expect(sorted(recipients) == sorted(everyone), f"the emails were sent to {recipients}")
    leave = [_way_out(stack.door, mail) for mail in mails] if stack.door else [""]
    return Delivered(files, tuple(mail.message_id for mail in mails), recipients, tuple(attached), leave[0])


def _way_out(door: str, mail: Mail) -> str:
    """Open the page of leaving of an email to one reader, which changes nothing, and return its address."""
    header = str(message_from_bytes(mail.raw, policy=default)["List-Unsubscribe"])
    found = next((way for way in re.findall(r"<([^>]+)>", header) if way.startswith(f"{door}/leave/")), None)
    _expect(found is not None, "an email has no way out through the public door")
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(str(found), timeout=30)
    # The page shows the address of its own reader.
    _expect(
        answer.status_code == 200 and escape(mail.recipients[0]) in answer.text,
        f"the public door answered with {answer.status_code}",
    )
    return str(found)


def _one(connection: psycopg.Connection[dict[str, Any]], statement: str, report_id: str) -> dict[str, Any]:
    rows = connection.execute(statement.encode(), [report_id]).fetchall()
    _expect(len(rows) == 1, f"{len(rows)} rows instead of one: {statement}")
    return rows[0]


def _file(stack: Stack, row: dict[str, Any]) -> File:
    stored = stack.aws.read(row["bucket"], row["object_key"])
    _expect(stored.size == row["bytes"], f"{row['object_key']} has {stored.size} bytes instead of {row['bytes']}")
    digest = hashlib.sha256(stored.body).hexdigest()
    _expect(digest == row["sha256"], f"{row['object_key']} does not match the recorded sha256")
    return File(f"s3://{row['bucket']}/{row['object_key']}", row["object_key"], stored.size)


def _mail(stack: Stack, delivery: dict[str, Any]) -> Mail:
    found = [mail for mail in stack.aws.mails() if mail.message_id == delivery["message_id"]]
    _expect(delivery["state"] == "sent" and len(found) == 1, f"SES has {len(found)} emails of this run")
    return found[0]


def _attachments(mail: Mail) -> dict[str, str]:
    """Compute the sha256 of each attachment, by file name."""
    parts = message_from_bytes(mail.raw, policy=default).iter_attachments()
    return {str(part.get_filename()): hashlib.sha256(_bytes(part)).hexdigest() for part in parts}


def _bytes(part: Any) -> bytes:
    content: bytes = part.get_payload(decode=True)
    return content


def _expect(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - a condition, like that of assert
    if not condition:
        raise RuntimeError(otherwise)
