"""Whether a report arrived: what the tables say against what S3 and SES hold."""

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
    """An object that S3 holds as recorded."""

    url: str
    key: str
    size: int


@dataclass(frozen=True)
class Delivered:
    """What one run brought to its readers."""

    files: tuple[File, ...]
    message_id: str
    recipients: tuple[str, ...]
    attachments: tuple[str, ...]


def check(stack: Stack, report_id: str) -> Delivered:
    """Compare tables, bucket and inbox for the report's one run; RuntimeError says what does not fit."""
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
    _expect(all(row["email_sent"] for row in executions), "not every execution says that it was mailed")
    _expect(len(executions) == len(report["export_formats"]), "there is not one execution per format")
    counters = (report["run_count"], report["success_count"], report["failure_count"], report["last_run_status"])
    _expect(counters == (1, 1, 0, "success"), f"the counters are {counters}")
    files = tuple(_file(stack, row) for row in artifacts)
    _expect({row["file_url"] for row in executions} == {file.url for file in files}, "file_url and bucket differ")
    mail = _mail(stack, delivery)
    attached = _attachments(mail)
    _expect(
        sorted(attached.values()) == sorted(row["sha256"] for row in artifacts), "the attachments are not the files"
    )
    everyone = {*report["email_recipients"], *report["email_cc_recipients"], *report["email_bcc_recipients"]}
    _expect(set(mail.recipients) == everyone, f"the mail went to {mail.recipients}")
    return Delivered(files, mail.message_id, mail.recipients, tuple(attached))


def _one(connection: psycopg.Connection[dict[str, Any]], statement: str, report_id: str) -> dict[str, Any]:
    rows = connection.execute(statement.encode(), [report_id]).fetchall()
    _expect(len(rows) == 1, f"{len(rows)} rows, not one: {statement}")
    return rows[0]


def _file(stack: Stack, row: dict[str, Any]) -> File:
    stored = stack.aws.read(row["bucket"], row["object_key"])
    _expect(stored.size == row["bytes"], f"{row['object_key']} has {stored.size} bytes, not {row['bytes']}")
    digest = hashlib.sha256(stored.body).hexdigest()
    _expect(digest == row["sha256"], f"{row['object_key']} has another sha256 than recorded")
    return File(f"s3://{row['bucket']}/{row['object_key']}", row["object_key"], stored.size)


def _mail(stack: Stack, delivery: dict[str, Any]) -> Mail:
    found = [mail for mail in stack.aws.mails() if mail.message_id == delivery["message_id"]]
    _expect(delivery["state"] == "sent" and len(found) == 1, f"SES has {len(found)} mails of this run")
    return found[0]


def _attachments(mail: Mail) -> dict[str, str]:
    """The sha256 of each attachment, by file name."""
    parts = message_from_bytes(mail.raw, policy=default).iter_attachments()
    return {str(part.get_filename()): hashlib.sha256(_bytes(part)).hexdigest() for part in parts}


def _bytes(part: Any) -> bytes:
    content: bytes = part.get_payload(decode=True)
    return content


def _expect(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - it reads as a sentence
    if not condition:
        raise RuntimeError(otherwise)
