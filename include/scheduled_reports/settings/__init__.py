"""The operator's settings: one frozen value, read from `SCHEDULED_REPORTS__*` in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from datetime import timedelta
from email.utils import getaddresses, parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from ..domain.addresses import is_address
from ..domain.errors import ConfigurationError
from .branding import COLOUR, Branding, read_colour, read_footer, read_name
from .logo import is_data, read_logo
from .object_tags import read_tags
from .unsubscribe import read_ways

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "SCHEDULED_REPORTS__"
#: The shortest time that anything is kept: 0 reads like "do not keep" as much as like "for ever".
MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What an operator decides; every field is `SCHEDULED_REPORTS__<NAME>`, durations in seconds."""

    #: The Airflow connection that the data of reports is read through: a role that may only read, or a replica.
    data_connection: str = "reports_db"
    #: The bucket for artifacts.
    bucket: str = "scheduled-reports"
    #: The KMS key that S3 encrypts the files with: an id, an ARN or `alias/…`; empty for the bucket's own default.
    kms_key: str = ""
    #: Tags of every file in S3, `name=value,name=value`; a value may hold {workspace}, {report} and {type}.
    object_tags: str = ""
    #: Where a run's intermediate files lie: a folder, or `s3://bucket/prefix`.
    staging: str = "/tmp/scheduled-reports"  # noqa: S108 - an operator's choice; folders in it are private
    #: `off`, `redirect:<address>` or `live`.
    mail_mode: str = "off"
    #: The door mails leave by: `ses`, or `smtp` through the connection `reports_smtp`.
    mail_via: str = "ses"
    #: The sender: `Name <address>` or an address; SES must have verified it.
    mail_from: str = ""
    #: Where answers to a mail go; empty for the sender.
    reply_to: str = ""
    #: How readers get off a report: a mailto: address, an https: URL, or both.
    unsubscribe: str = ""
    #: The SES configuration set of every mail; empty for the identity's own.
    configuration_set: str = ""
    #: How long a link in a mail works; S3 allows seven days.
    link_seconds: timedelta = timedelta(days=7)
    #: The largest message to send, in bytes after base64; SES v2 takes 40 MB.
    message_bytes: int = 40_000_000
    #: Domains that a hand-made run may mail besides the workspace's members, separated by commas.
    allowed_domains: str = ""
    #: Domains that may be mailed at all, separated by commas; empty for every domain.
    recipient_domains: str = ""
    #: A report that fails this many times in a row is taken off its schedule; 0 for never.
    failures_in_a_row: int = 5
    #: A run without a sign of life for this long is settled as failed, although Airflow calls it open.
    stuck_seconds: timedelta = timedelta(hours=6)
    #: The logo of every report: a data: URI, or a file that every worker can read; PNG, JPEG or SVG.
    brand_logo: str = ""
    #: The colour of lines, small headings and charts, `#rrggbb`.
    brand_colour: str = COLOUR
    #: A line at the foot of every page and mail.
    brand_footer: str = ""
    #: The company whose reports these are.
    brand_name: str = ""
    #: Whether a CSV begins with a byte order mark, by which Excel knows UTF-8.
    csv_bom: bool = False
    #: Rows of one table in PDF and HTML.
    row_limit: int = 2_000
    #: Ticks are spread over this many seconds after their time, each report always by the same delay.
    jitter_seconds: timedelta = timedelta()
    #: A tick that begins later than this was missed, and its report's policy decides what becomes of it.
    grace_seconds: timedelta = timedelta(minutes=15)
    #: Where a parse keeps what it last read, for when the database is away.
    last_good: str = "/tmp/scheduled-reports-last-good.json"  # noqa: S108 - an operator's choice; closed to others
    #: How long the DAG of a report that went is kept at least.
    farewell_seconds: timedelta = timedelta(minutes=5)
    #: How long S3 keeps the files of a settled run; for ever is a big number.
    keep_files_seconds: timedelta = timedelta(days=90)
    #: How long a settled run is remembered: its rows in `reporting`, its executions.
    keep_rows_seconds: timedelta = timedelta(days=400)
    #: How long a run's intermediate files are kept after it has settled: after a failure, for a look and a clear.
    keep_staging_seconds: timedelta = timedelta(days=1)
    #: How long the files and our rows of a deleted report, or of a deleted workspace's reports, are kept; 0 is at once.
    erase_seconds: timedelta = timedelta(days=7)
    #: Folders of report types besides the built-in ones, told apart as those of PATH are.
    report_types: str = ""
    #: The most reports one parse reads.
    max_reports: int = 20_000
    #: PostgreSQL's statement_timeout of one dataset's query.
    query_seconds: timedelta = timedelta(minutes=10)
    #: The Airflow pool of the tasks that query: its slots bound the load on the source database; it has to exist.
    query_pool: str = "default_pool"
    #: The Airflow pool of the tasks that render; it has to exist.
    render_pool: str = "default_pool"
    #: Task retries, and the delay before the first; later ones wait longer.
    retries: int = 3
    retry_seconds: timedelta = timedelta(seconds=60)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; ConfigurationError names every wrong one at once."""
        hints = get_type_hints(cls)
        known = {f"{PREFIX}{field.name.upper()}": field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        wrong = [
            f"{name}: unknown; known are {', '.join(sorted(known))}"
            for name in sorted(environ)
            if name.startswith(PREFIX) and name not in known
        ]
        for name in sorted(known.keys() & environ.keys()):
            try:
                values[known[name]] = READERS[hints[known[name]]](environ[name])
            except ValueError as error:
                wrong.append(f"{name}: {environ[name]!r}: {error}")
        settings = cls(**values)
        wrong.extend(settings.problems())
        if wrong:
            raise ConfigurationError("; ".join(wrong))
        return settings

    def problems(self) -> list[str]:
        """What is wrong with the values as a whole."""
        wrong = self._mail()
        if not timedelta() < self.link_seconds <= timedelta(days=7):
            wrong.append(f"{PREFIX}LINK_SECONDS: {self.link_seconds.total_seconds():g}: 1 to 604800")
        if self.jitter_seconds >= timedelta(hours=1):
            wrong.append(f"{PREFIX}JITTER_SECONDS: {self.jitter_seconds.total_seconds():g}: less than an hour")
        if not self.data_connection:
            wrong.append(f"{PREFIX}DATA_CONNECTION: '': the name of an Airflow connection")
        try:
            read_tags(self.object_tags)
        except ValueError as error:
            wrong.append(f"{PREFIX}OBJECT_TAGS: {self.object_tags!r}: {error}")
        return wrong + self._keeping() + self._brand()

    def _mail(self) -> list[str]:
        """What is wrong with how mails leave."""
        wrong = []
        if self.mail_mode not in {"off", "live"} and not self.redirect_to:
            wrong.append(f"{PREFIX}MAIL_MODE: {self.mail_mode!r}: off, redirect:<address> or live")
        senders = [address for _, address in getaddresses([self.mail_from])]
        if self.mail_mode != "off" and not (len(senders) == 1 and is_address(senders[0])):
            wrong.append(f"{PREFIX}MAIL_FROM: {self.mail_from!r}: the sender's address, unless MAIL_MODE is off")
        if self.mail_via not in {"ses", "smtp"}:
            wrong.append(f"{PREFIX}MAIL_VIA: {self.mail_via!r}: ses or smtp")
        if self.reply_to and not is_address(self.reply_to):
            wrong.append(f"{PREFIX}REPLY_TO: {self.reply_to!r}: one address, or nothing")
        letters = self.configuration_set.replace("_", "").replace("-", "")
        if len(self.configuration_set) > 64 or not f"x{letters}".isalnum() or not letters.isascii():
            wrong.append(
                f"{PREFIX}CONFIGURATION_SET: {self.configuration_set!r}: at most 64 ASCII letters, digits, _ and -"
            )
        try:
            read_ways(self.unsubscribe)
        except ValueError as error:
            wrong.append(f"{PREFIX}UNSUBSCRIBE: {self.unsubscribe!r}: {error}")
        return wrong

    def _brand(self) -> list[str]:
        """What is wrong with the branding; a logo's file is read when it is needed, so that a parse needs no file."""
        logo = self.brand_logo if is_data(self.brand_logo) else ""
        rules: tuple[tuple[str, str, Callable[[str], str]], ...] = (
            ("LOGO", logo, read_logo),
            ("COLOUR", self.brand_colour, read_colour),
            ("FOOTER", self.brand_footer, read_footer),
            ("NAME", self.brand_name, read_name),
        )
        return [problem for name, value, read in rules if (problem := _brand_problem(name, value, read))]

    @property
    def branding(self) -> Branding:
        """What every report wears; ConfigurationError where the logo's file is not one."""
        if problem := _brand_problem("LOGO", self.brand_logo, read_logo):
            raise ConfigurationError(problem)
        return Branding(
            logo=read_logo(self.brand_logo),
            colour=read_colour(self.brand_colour),
            footer=self.brand_footer,
            name=self.brand_name,
        )

    def _keeping(self) -> list[str]:
        """What is wrong with how long things are kept; nothing may go that a mail or a row still points at."""
        files, rows, staging = self.keep_files_seconds, self.keep_rows_seconds, self.keep_staging_seconds
        rules = (
            ("KEEP_FILES", files, files >= max(self.link_seconds, MOMENT), "1 or more, and not less than LINK_SECONDS"),
            ("KEEP_ROWS", rows, rows >= max(files, MOMENT), "1 or more, and not less than KEEP_FILES_SECONDS"),
            ("KEEP_STAGING", staging, staging >= MOMENT, "1 or more"),
        )
        return [
            f"{PREFIX}{name}_SECONDS: {value.total_seconds():.0f}: {allowed}"
            for name, value, is_right, allowed in rules
            if not is_right
        ]

    @property
    def redirect_to(self) -> str | None:
        """The one address that gets every mail, in `redirect` mode."""
        mode, _, address = self.mail_mode.partition(":")
        return address if mode == "redirect" and is_address(address) else None

    @property
    def sender(self) -> str:
        """Who mails are from; the brand's name stands where MAIL_FROM has none."""
        name, address = parseaddr(self.mail_from)
        if name or not self.brand_name:
            return self.mail_from
        quoted = self.brand_name.replace("\\", r"\\").replace('"', r"\"")
        return f'"{quoted}" <{address}>'

    @property
    def report_folders(self) -> tuple[Path, ...]:
        """The folders of report types besides the built-in ones."""
        return tuple(Path(folder.strip()) for folder in self.report_types.split(os.pathsep) if folder.strip())

    @property
    def domains(self) -> frozenset[str]:
        """The allowed domains, lower case."""
        return _domains(self.allowed_domains)

    def may_receive(self, address: str) -> bool:
        """Whether RECIPIENT_DOMAINS lets *address* have a mail."""
        domains = _domains(self.recipient_domains)
        return not domains or address.rpartition("@")[2].lower() in domains


def _brand_problem(name: str, value: str, read: Callable[[str], str]) -> str:
    """What is wrong with a brand setting, its value cut short: a logo is long; empty where nothing is."""
    try:
        read(value)
    except ValueError as error:
        return f"{PREFIX}BRAND_{name}: {value if len(value) <= 80 else f'{value[:79]}…'!r}: {error}"
    return ""


def _domains(text: str) -> frozenset[str]:
    return frozenset(domain.strip().lower() for domain in text.split(",") if domain.strip())


def _count(text: str) -> int:
    if not text.strip().isdigit():
        raise ValueError("a whole number")
    return int(text)


def _seconds(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError("a number of seconds") from None
    if not 0 <= seconds <= 10**9:
        raise ValueError("a number of seconds, not negative")
    return timedelta(seconds=seconds)


def _truth(text: str) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if text.strip().lower() not in words:
        raise ValueError("true or false")
    return words[text.strip().lower()]


READERS: Mapping[type, Callable[[str], Any]] = {str: str.strip, int: _count, bool: _truth, timedelta: _seconds}
