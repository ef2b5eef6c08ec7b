"""Check that a report was delivered: compare the tables with S3 and SES."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

import psycopg
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
    """The files and the email of one run."""

    files: tuple[File, ...]
    message_id: str
    recipients: tuple[str, ...]
    attachments: tuple[str, ...]


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
        delivery = _one(connection, "SELECT * FROM reporting.deliveries WHERE report_id = %s", report_id)
    _expect({row["status"] for row in executions} == {"COMPLETED"}, "not every execution is COMPLETED")
    _expect(all(row["email_sent"] for row in executions), "not every execution has email_sent")
    _expect(len(executions) == len(report["export_formats"]), "the number of executions is not that of the formats")
    counters = (report["run_count"], report["success_count"], report["failure_count"], report["last_run_status"])
    _expect(counters == (1, 1, 0, "success"), f"the counters are {counters}")
    files = tuple(_file(stack, row) for row in artifacts)
    _expect({row["file_url"] for row in executions} == {file.url for file in files}, "file_url and bucket differ")
    mail = _mail(stack, delivery)
    attached = _attachments(mail)
    _expect(
        sorted(attached.values()) == sorted(row["sha256"] for row in artifacts), "the attachments differ from the files"
    )
    everyone = {*report["email_recipients"], *report["email_cc_recipients"], *report["email_bcc_recipients"]}
    _expect(set(mail.recipients) == everyone, f"the email was sent to {mail.recipients}")
    return Delivered(files, mail.message_id, mail.recipients, tuple(attached))


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
