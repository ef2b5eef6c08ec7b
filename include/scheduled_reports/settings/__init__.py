"""The operator's settings, read from the environment variables `SCHEDULED_REPORTS__*` into one frozen value."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from datetime import timedelta
from email.utils import getaddresses, parseaddr
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_type_hints

from ..domain.addresses import is_address, mailbox
from ..domain.errors import ConfigurationError
from ..domain.problem import Problem
from .branding import COLOUR, Branding, read_colour, read_footer, read_name, shortened
from .domains import read_domains
from .feedback import read_queue
from .links import read_base, read_keys
from .logo import is_data, read_logo
from .object_tags import read_tags
from .report_url import read_url
from .unsubscribe import read_ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..domain.brand import Brand
    from ..domain.link_token import LinkKeys

PREFIX = "SCHEDULED_REPORTS__"
#: Old names that are accepted for one release: a rolling upgrade runs with the settings of the release before.
RENAMED = {f"{PREFIX}FAREWELL_SECONDS": f"{PREFIX}TOMBSTONE_SECONDS"}
#: The shortest time that anything is kept: 0 could mean "do not keep" as well as "keep forever".
MOMENT = timedelta(seconds=1)
LONGEST_SECONDS = 10**9
MOST_PER_SECOND = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings; each field is the variable `SCHEDULED_REPORTS__<NAME>`, durations are in seconds."""

    #: The Airflow connection of the reports database.
    database_connection: str = "reports_db"
    #: The Airflow connection that reports read their data with: a read-only role, or a replica; empty for
    #: DATABASE_CONNECTION.
    data_connection: str = ""
    #: The Airflow connection for S3, SES and SQS.
    aws_connection: str = "reports_aws"
    #: The Airflow connection of the mail server, if MAIL_VIA is `smtp`.
    smtp_connection: str = "reports_smtp"
    #: The bucket for artifacts.
    bucket: str = "scheduled-reports"
    #: The KMS key that S3 encrypts the files with: an id, an ARN or `alias/…`; empty for the bucket's own default.
    kms_key: str = ""
    #: Tags of every file in S3, `name=value,name=value`; a value may hold {workspace}, {report} and {type}.
    object_tags: str = ""
    #: Where a run's intermediate files are: a folder, or `s3://bucket/prefix`; empty for a folder below AIRFLOW_HOME.
    staging: str = ""
    #: `off`, `redirect:<address>` or `live`.
    mail_mode: str = "off"
    #: The mail transport: `ses`, or `smtp` through SMTP_CONNECTION.
    mail_via: str = "ses"
    #: The sender: `Name <address>` or an address; SES must have verified it.
    mail_from: str = ""
    #: The address for replies; empty for the sender.
    reply_to: str = ""
    #: How readers unsubscribe: a mailto: address, an https: URL, or both.
    unsubscribe: str = ""
    #: The page of a report for its readers, a URL; reports and mails link to it.
    report_url: str = ""
    #: The SES configuration set of every mail; empty for the identity's default.
    configuration_set: str = ""
    #: The URL of the SQS queue with SES's events about mails; empty if they are not read.
    feedback_queue: str = ""
    #: How long a link in a mail works; S3 allows seven days, the public door as long as the files are kept.
    link_seconds: timedelta = timedelta(days=7)
    #: The address of the public door, to which links in mails lead; empty for links that S3 signs.
    link_base: str = ""
    #: The keys that sign links to the public door: `number:secret`, separated by commas; the first one signs.
    link_keys: str = field(default="", repr=False)
    #: The connection string of the public door's own database role; the public door reads it from the environment.
    public_dsn: str = field(default="", repr=False)
    #: `together`: one message to all readers; `separate`: one to each; empty for separate with LINK_BASE.
    messages: str = ""
    #: The most recipients per second, in all tasks together; 0 for SES's own limit, and for none with SMTP.
    mail_rate: float = 0.0
    #: The largest message to send, in bytes after base64; SES v2 takes 40 MB.
    message_bytes: int = 40_000_000
    #: Domains that a manual run may mail in addition to the workspace's members, separated by commas.
    allowed_domains: str = ""
    #: Domains that may be mailed at all, separated by commas; empty for every domain.
    recipient_domains: str = ""
    #: A report that fails this many times in a row is disabled; 0 for never.
    failures_in_a_row: int = 5
    #: A run without activity for this long is settled as failed, although Airflow reports it as running.
    stuck_seconds: timedelta = timedelta(hours=6)
    #: The logo on every report: a data: URI, or a file that every worker can read; PNG, JPEG or SVG.
    brand_logo: str = ""
    #: The colour of lines, small headings and charts, `#rrggbb`.
    brand_colour: str = COLOUR
    #: A line at the foot of every page and mail.
    brand_footer: str = ""
    #: The name of the company.
    brand_name: str = ""
    #: Whether a CSV begins with a byte order mark, from which Excel recognizes UTF-8.
    csv_bom: bool = False
    #: Rows of one table in PDF and HTML.
    row_limit: int = 2_000
    #: Ticks are delayed by up to this many seconds, each report always by the same delay.
    jitter_seconds: timedelta = timedelta()
    #: A tick that begins later than this counts as missed, and its report's policy for missed runs applies.
    grace_seconds: timedelta = timedelta(minutes=15)
    #: Upkeep makes the run of a tick that is this late, if Airflow has not run it and does not plan to.
    lost_tick_seconds: timedelta = timedelta(minutes=5)
    #: The file in which a parse keeps the last rows it read, for when the database is unavailable; empty for one below
    #: AIRFLOW_HOME.
    last_good: str = ""
    #: The shortest time that the DAG of a deleted, disabled or rejected report is kept.
    tombstone_seconds: timedelta = timedelta(minutes=5)
    #: How long S3 keeps the files of a settled run; a very large value keeps them forever.
    keep_files_seconds: timedelta = timedelta(days=90)
    #: How long the rows of a settled run are kept: in `reporting`, and its executions.
    keep_rows_seconds: timedelta = timedelta(days=400)
    #: How long a failed run's intermediate files are kept after it has settled, so that it can be examined and cleared.
    keep_staging_seconds: timedelta = timedelta(days=1)
    #: How long the files and our rows of a deleted report or workspace are kept; 0 deletes them at once.
    erase_seconds: timedelta = timedelta(days=7)
    #: Folders of report types besides the built-in ones, separated as in PATH.
    report_types: str = ""
    #: The most reports one parse reads.
    max_reports: int = 20_000
    #: PostgreSQL's statement_timeout of one dataset's query.
    query_seconds: timedelta = timedelta(minutes=10)
    #: `staged`: each stage of a run is a task; `compact`: one task does all stages, for more runs per minute.
    run_mode: str = "staged"
    #: The Airflow pool of the query tasks: its slots limit the load on the source database; it must exist.
    query_pool: str = "default_pool"
    #: The Airflow pool of the render tasks; it must exist.
    render_pool: str = "default_pool"
    #: Task retries, and the delay before the first; later delays are longer.
    retries: int = 3
    retry_seconds: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        """Fill in what is not set; paths are below AIRFLOW_HOME, which, unlike /tmp, other users cannot write to."""
        object.__setattr__(self, "data_connection", self.data_connection or self.database_connection)
        home = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser() / "scheduled-reports"
        for name, path in (("staging", home / "staging"), ("last_good", home / "last-good.json")):
            object.__setattr__(self, name, getattr(self, name) or str(path))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; ConfigurationError names every wrong one at once."""
        settings, wrong = cls._read(environ)
        if wrong:
            raise ConfigurationError(" ".join(str(problem) for problem in wrong))
        return settings

    @classmethod
    def wrong(cls, environ: Mapping[str, str]) -> Sequence[Problem]:
        """Every problem of the settings."""
        return cls._read(environ)[1]

    @classmethod
    def usable(cls, environ: Mapping[str, str], kept: Mapping[str, str] = MappingProxyType({})) -> Settings:
        """The settings, with the value in *kept* or the default in place of each wrong one; never raises."""
        settings, wrong = cls._read(environ)
        if not wrong:
            return settings
        names = {problem.column for problem in wrong}
        right = {name: value for name, value in environ.items() if name not in names}
        return cls._read(right | {name: value for name, value in kept.items() if name in names})[0]

    @classmethod
    def _read(cls, environ: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
        """The settings, and every problem; a value that cannot be read is the default."""
        hints = get_type_hints(cls)
        known = {f"{PREFIX}{one.name.upper()}": one.name for one in fields(cls)}
        # A new name that is set wins over its old one.
        renamed = {old: known[new] for old, new in RENAMED.items() if new not in environ}
        names = known | renamed
        values: dict[str, Any] = {}
        ours = [name for name in sorted(environ) if name.startswith(PREFIX)]
        wrong = [_unknown(name, known) for name in ours if name not in known and name not in RENAMED]
        for name in sorted(names.keys() & environ.keys()):
            try:
                values[names[name]] = READERS[hints[names[name]]](environ[name])
            except ValueError as error:
                wrong.append(_problem(name, environ[name], str(error)))
        settings = cls(**values)
        return settings, [*wrong, *settings.problems()]

    def problems(self) -> list[Problem]:
        """What is wrong with the values as a whole."""
        wrong = self._mail()
        wrong += self._links()
        if self.jitter_seconds >= timedelta(hours=1):
            wrong.append(_problem("JITTER_SECONDS", self.jitter_seconds, "is an hour or more; use less than 3600"))
        for name in ("database_connection", "aws_connection", "smtp_connection"):
            if not getattr(self, name):
                reason = f"is not the id of an Airflow connection; use one such as {DEFAULTS[name]}"
                wrong.append(_problem(name.upper(), "", reason))
        if self.run_mode not in {"staged", "compact"}:
            wrong.append(_problem("RUN_MODE", self.run_mode, "is not a run mode; use staged or compact"))
        wrong += _unreadable("OBJECT_TAGS", self.object_tags, read_tags)
        wrong += _unreadable("REPORT_URL", self.report_url, read_url)
        return wrong + self._keeping() + self._brand()

    def _mail(self) -> list[Problem]:
        """What is wrong with the settings of mail."""
        wrong = []
        if self.mail_mode not in {"off", "live"} and not self.redirect_to:
            reason = "is not a mail mode; use off, redirect:<address> or live"
            wrong.append(_problem("MAIL_MODE", self.mail_mode, reason))
        senders = [address for _, address in getaddresses([self.mail_from])]
        if self.mail_mode != "off" and not (len(senders) == 1 and is_address(senders[0])):
            reason = "is not one sender; use an address or Name <address>, unless MAIL_MODE is off"
            wrong.append(_problem("MAIL_FROM", self.mail_from, reason))
        if self.mail_via not in {"ses", "smtp"}:
            wrong.append(_problem("MAIL_VIA", self.mail_via, "is not a mail transport; use ses or smtp"))
        if self.reply_to and not is_address(self.reply_to):
            wrong.append(_problem("REPLY_TO", self.reply_to, "is not one plain address; use one, or nothing"))
        for name in ("allowed_domains", "recipient_domains"):
            wrong += _unreadable(name.upper(), getattr(self, name), read_domains)
        if self.messages not in {"", "together", "separate"}:
            wrong.append(_problem("MESSAGES", self.messages, "is not a way to mail readers; use together or separate"))
        return wrong + self._ses() + _unreadable("UNSUBSCRIBE", self.unsubscribe, read_ways)

    def _ses(self) -> list[Problem]:
        """What is wrong with the settings of SES."""
        wrong = _unreadable("FEEDBACK_QUEUE", self.feedback_queue, read_queue)
        letters = self.configuration_set.replace("_", "").replace("-", "")
        if len(self.configuration_set) > 64 or not f"x{letters}".isalnum() or not letters.isascii():
            reason = "is not a name that SES allows; use at most 64 ASCII letters, digits, _ and -"
            wrong.append(_problem("CONFIGURATION_SET", self.configuration_set, reason))
        if self.feedback_queue and self.mail_via == "smtp":
            reason = "has no events with MAIL_VIA=smtp; use ses, or no queue"
            wrong.append(_problem("FEEDBACK_QUEUE", self.feedback_queue, reason))
        return wrong

    def _links(self) -> list[Problem]:
        """What is wrong with the links in mails; a key is secret, so no problem shows it."""
        wrong = _unreadable("LINK_BASE", self.link_base, read_base)
        wrong += _unreadable("LINK_KEYS", self.link_keys, read_keys, shown="…")
        if self.link_base and not self.link_keys:
            wrong.append(
                _problem("LINK_KEYS", "", "must be set with LINK_BASE; use 1: and the base64 of 32 random bytes")
            )
        longest = timedelta.max if self.link_base else timedelta(days=7)  # KEEP_FILES_SECONDS is compared in _keeping
        if not timedelta() < self.link_seconds <= longest:
            reason = "is too short; use 1 or more" if self.link_base else "is not allowed by S3; use 1 to 604800"
            wrong.append(_problem("LINK_SECONDS", self.link_seconds, reason))
        return wrong

    def _brand(self) -> list[Problem]:
        """What is wrong with the branding; a logo's file is read when it is needed, so that a parse needs no file."""
        logo = self.brand_logo if is_data(self.brand_logo) else ""
        rules: tuple[tuple[str, str, Callable[[str], str]], ...] = (
            ("LOGO", logo, read_logo),
            ("COLOUR", self.brand_colour, read_colour),
            ("FOOTER", self.brand_footer, read_footer),
            ("NAME", self.brand_name, read_name),
        )
        return [problem for name, value, read in rules for problem in _unreadable(f"BRAND_{name}", value, read)]

    @property
    def branding(self) -> Branding:
        """The branding of every report; ConfigurationError if the logo's file is invalid."""
        for problem in _unreadable("BRAND_LOGO", self.brand_logo, read_logo):
            raise ConfigurationError(str(problem))
        return Branding(
            logo=read_logo(self.brand_logo),
            colour=read_colour(self.brand_colour),
            footer=self.brand_footer,
            name=self.brand_name,
        )

    def _keeping(self) -> list[Problem]:
        """What is wrong with the retention times; nothing may be deleted that a mail or a row still refers to."""
        files, rows, staging = self.keep_files_seconds, self.keep_rows_seconds, self.keep_staging_seconds
        rules = (
            ("KEEP_FILES", files, max(self.link_seconds, MOMENT), "1 or more, and not less than LINK_SECONDS"),
            ("KEEP_ROWS", rows, max(files, MOMENT), "1 or more, and not less than KEEP_FILES_SECONDS"),
            ("KEEP_STAGING", staging, MOMENT, "1 or more"),
        )
        return [
            _problem(f"{name}_SECONDS", value, f"is too short; use {allowed}")
            for name, value, shortest, allowed in rules
            if value < shortest
        ]

    @property
    def door(self) -> str:
        """The address of the public door without a slash at its end; empty without one."""
        return read_base(self.link_base)

    @property
    def keys(self) -> LinkKeys:
        """The keys of links to the public door."""
        return read_keys(self.link_keys)

    @property
    def is_separate(self) -> bool:
        """Whether each reader gets a message of their own."""
        return self.messages == "separate" or (not self.messages and bool(self.link_base))

    @property
    def redirect_to(self) -> str | None:
        """The address that receives every mail in `redirect` mode."""
        mode, _, address = self.mail_mode.partition(":")
        return address if mode == "redirect" and is_address(address) else None

    @property
    def sender(self) -> str:
        """The sender of mails; its name is the brand's if MAIL_FROM has none."""
        return self.sender_of(None)

    def sender_of(self, brand: Brand | None) -> str:
        """The sender of a workspace's mails: its own name and address, or the deployment's."""
        name, address = parseaddr(self.mail_from)
        own = (brand.sender_name or brand.name, brand.sender_address) if brand else ("", "")
        if not any(own) and (name or not self.brand_name):
            return self.mail_from
        shown = own[0] or name or self.brand_name
        quoted = shown.replace("\\", r"\\").replace('"', r"\"")
        return f'"{quoted}" <{own[1] or address}>' if shown else own[1]

    @property
    def report_folders(self) -> tuple[Path, ...]:
        """The folders of report types besides the built-in ones."""
        return tuple(Path(folder.strip()) for folder in self.report_types.split(os.pathsep) if folder.strip())

    @property
    def domains(self) -> frozenset[str]:
        """The allowed domains, as A-labels in lower case."""
        return read_domains(self.allowed_domains)

    def may_receive(self, address: str) -> bool:
        """Whether RECIPIENT_DOMAINS allows mail to *address*."""
        domains = read_domains(self.recipient_domains)
        return not domains or mailbox(address).rpartition("@")[2] in domains


def _problem(name: str, value: str | timedelta, reason: str) -> Problem:
    if isinstance(value, timedelta):
        return Problem(column=f"{PREFIX}{name}", value=round(value.total_seconds()), reason=reason)
    return Problem(column=f"{PREFIX}{name.removeprefix(PREFIX)}", value=shortened(value), reason=reason)


def _unreadable(name: str, value: str, read: Callable[[str], object], shown: str | None = None) -> list[Problem]:
    """The problem with a setting that *read* refuses with a ValueError, or nothing; *shown* stands for a secret."""
    try:
        read(value)
    except ValueError as error:
        return [_problem(name, value if shown is None else shown, str(error))]
    return []


def _unknown(name: str, known: Iterable[str]) -> Problem:
    names = ", ".join(sorted(one.removeprefix(PREFIX) for one in known))
    return Problem(column=name, value=name.removeprefix(PREFIX), noun="setting", reason=f"choose from {names}")


def _count(text: str) -> int:
    if not text.strip().isdigit():
        raise ValueError("is not a whole number; use one such as 5")
    return int(text)


def _seconds(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError("is not a number of seconds; use one such as 300") from None
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"is not a number of seconds from 0 to {LONGEST_SECONDS}; use one in that range")
    return timedelta(seconds=seconds)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= MOST_PER_SECOND:
        raise ValueError(
            f"is not a number from 0 to {MOST_PER_SECOND}; use one such as 14, or 0.5 for one in two seconds"
        )
    return rate


def _truth(text: str) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if text.strip().lower() not in words:
        raise ValueError("is not a boolean; use true or false")
    return words[text.strip().lower()]


DEFAULTS: Mapping[str, Any] = MappingProxyType({one.name: one.default for one in fields(Settings)})
#: The settings that are secrets.
SECRET = frozenset(one.name for one in fields(Settings) if not one.repr)

READERS: Mapping[type, Callable[[str], Any]] = {
    str: str.strip, int: _count, float: _rate, bool: _truth, timedelta: _seconds,
}  # fmt: skip
