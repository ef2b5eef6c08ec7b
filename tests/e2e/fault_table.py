"""The cases of the fault suite with their expected results, and the tables in docs/operate.md made from the results."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.fault_readers import ADDRESSES, NOTHING, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATE = Path(__file__).parents[2] / "docs/operate.md"
MADE, FAILED = "COMPLETED", "FAILED"
TWO = ("csv", "json")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fault with the expected mails, ledger, executions, counters and notices to the owner."""

    name: str
    mails: int = 1
    ledger: dict = field(default_factory=lambda: {"report": "sent"})
    #: With a message for each reader: how many have reached whom, and what the ledger says; empty with one for all.
    readers: dict = field(default_factory=dict)
    formats: tuple = ("csv",)
    #: The formats without a file.
    missing: tuple = ()
    counted: str = "success"
    #: run_count, success_count, failure_count.
    counts: tuple = (1, 1, 0)
    airflow: str = "success"
    told: tuple = ()
    staged: bool = False
    status: str = "ACTIVE"
    reason: str = ""
    #: The minimum number of retries of its tasks.
    retries: int = 0
    #: Started first, because it takes longest.
    slow: bool = False
    #: Run after all others, because it disturbs them.
    alone: bool = False

    @property
    def report_id(self):
        """Return the id of the case's report."""
        words = "".join(letter if letter.isalnum() else " " for letter in self.name.lower()).split()
        return PREFIX * bool(self.readers) + "-".join(words)

    @property
    def executions(self):
        """Return the expected status of each format's execution."""
        return {one: FAILED if one in self.missing else MADE for one in self.formats}


def failed(name, **changes):
    """Make a case whose run counts as failed, with one notice to the owner."""
    usual = {"counted": "failed", "counts": (1, 0, 1), "airflow": "failed", "told": ("failed",), "staged": True}
    return Case(name=name, **(usual | changes))


def unmade(name, **changes):
    """Make a failed case without files or mail."""
    return failed(name, **({"mails": 0, "ledger": {}, "missing": ("csv",)} | changes))


def each(make, name, **changes):
    """Make a case with a message for each reader, who is mailed once unless it is said."""
    readers = {kind: changes.pop(kind, (1, "sent")) for kind in ADDRESSES}
    return make(name=name, mails=sum(copies for copies, _ in readers.values()), ledger={}, readers=readers, **changes)


UNKNOWN, REFUSED = {"report": "unknown"}, {"report": "refused"}
CASES = (
    # A task or its machine dies.
    Case(name="killed in the middle of a query", retries=1),
    Case(name="killed in the middle of rendering", formats=("csv", "pdf"), retries=1),
    Case(name="killed in the middle of an upload", retries=1),
    Case(name="killed when S3 had the file, before that was recorded", retries=1),
    Case(name="worker killed in the middle of an upload", retries=1, slow=True),
    Case(name="killed before the claim"),
    failed("killed after the claim, before the call", mails=0, ledger=UNKNOWN, reason="mail: report"),
    failed("killed when SES had accepted, before its answer", ledger=UNKNOWN, reason="mail: report"),
    Case(name="killed when SES had accepted, then SES's event comes", airflow="failed", told=("failed", "confirmed")),
    Case(name="killed when the answer was recorded"),
    Case(name="killed while the run is recorded"),
    Case(name="killed just after the run was recorded"),
    failed("killed while the owner is told", mails=0, ledger=REFUSED, reason="mail: report"),
    # The database goes away.
    Case(name="PostgreSQL away before the query"),
    Case(name="PostgreSQL away in the middle of the data", retries=1),
    failed("PostgreSQL away just after the claim", mails=0, ledger=UNKNOWN, reason="mail: report"),
    Case(name="PostgreSQL away just after SES has accepted"),
    failed("PostgreSQL away for long after SES has accepted", ledger=UNKNOWN, reason="mail: report", slow=True),
    Case(name="PostgreSQL away while the run is recorded"),
    Case(name="PostgreSQL read-only while the run begins", retries=1, alone=True),
    Case(name="PostgreSQL read-only from the mail to the record", alone=True),
    unmade(
        "PostgreSQL away for the whole run",
        told=(),
        staged=False,
        reason="the run ended before its first task began",
        slow=True,
    ),
    # S3.
    Case(name="S3 answers 500 for a while"),
    Case(name="S3 answers 503 for a while"),
    Case(name="S3 is slow"),
    Case(name="S3 cuts uploads off"),
    Case(name="S3 cuts off what is fetched for the mail"),
    failed("S3 refuses one file for good", formats=TWO, missing=("json",), reason="json: S3 refused"),
    failed("S3 refuses what is fetched for the mail for good", mails=0, ledger={}, reason="mail: S3 refused"),
    # The mail service.
    Case(name="SES asks to slow down"),
    failed("SES asks to slow down for good", mails=0, ledger=REFUSED, reason="SES asked to slow down", slow=True),
    failed(
        "SES refuses one address",
        ledger={"report": "refused", "report+1": "sent"},
        reason="mail: refused for 1 of 2 recipients",
    ),
    failed("SES refuses the message for good", mails=0, ledger=REFUSED, reason="mail: report: SES refused the message"),
    failed("SES answers 500", mails=0, ledger=UNKNOWN, reason="mail: report: SES failed while processing the message"),
    failed("SES cuts the call off", mails=0, ledger=UNKNOWN, reason="mail: report: SES did not answer"),
    failed("SES accepts and never answers", ledger=UNKNOWN, reason="mail: report: SES did not answer", slow=True),
    failed(
        "SES refuses the mail, and the notice to its owner", mails=0, ledger=REFUSED, told=(), reason="mail: report"
    ),
    # The disk.
    Case(name="staging cannot be written for a while"),
    unmade("staging cannot be written for good", staged=False, reason="staging failed to read or write"),
    Case(name="no room for temporary files", retries=1),
    # Airflow and its users.
    unmade("cut off by a run time-out", reason="`record` did not run", slow=True),
    unmade("marked failed by hand in mid-run", reason="the run ended before this file was made"),
    unmade(
        "deleted in Airflow in mid-run", airflow="deleted", reason="the run ended before this file was made", slow=True
    ),
    Case(name="paused in Airflow for hours, then resumed", told=("failed", "recovered"), slow=True),
    # Airflow shows these two as failed, because clearing a single task does not clear `record`; the tables are right.
    Case(
        name="one task cleared after a failure",
        formats=TWO,
        airflow="failed",
        told=("failed", "recovered"),
        slow=True,
    ),
    Case(name="the mail's task cleared after a success"),
    Case(name="the whole run cleared after a success"),
    failed("the whole run cleared after an unknown mail", mails=0, ledger=UNKNOWN, reason="mail: report"),
    failed("the mail's task cleared while it sends", ledger=UNKNOWN, reason="mail: report"),
    Case(
        name="the mail's task started twice at once",
        airflow="failed",
        told=("failed", "recovered"),
        slow=True,
    ),
    Case(name="sent again after an unknown mail", counts=(2, 1, 1), told=("failed", "recovered")),
    failed(
        "failing as often as the limit allows",
        mails=0,
        ledger=REFUSED,
        counts=(2, 0, 2),
        told=("failed", "stopped"),
        status="ERROR",
    ),
    Case(name="failing, then well again", counts=(2, 1, 1), told=("failed", "recovered")),
    # The setting is changed while runs are open.
    Case(name="RUN_MODE changed in the middle of a query", alone=True),
    Case(name="RUN_MODE changed in the middle of an upload", alone=True),
    failed("RUN_MODE changed while the mail is sent", ledger=UNKNOWN, reason="mail: report", alone=True),
    # Faults that affect all reports.
    Case(name="all mail stopped by the switch", airflow="failed", told=("failed", "recovered"), alone=True),
    Case(name="a query longer than QUERY_SECONDS", retries=1, alone=True),
    Case(name="the machine of one of two schedulers dies in the middle of an upload", retries=1, alone=True),
)

#: What a compact run leaves behind, where it is not the same: the task that uploads sends the mail as well.
DIFFERENT = {"paused in Airflow for hours, then resumed": {"told": ()}}
MAYBE, LOST, REJECTED = (1, "unknown"), (0, "unknown"), (0, "refused")
EVERYBODY_LOST, EVERYBODY_REJECTED = (dict.fromkeys(ADDRESSES, one) for one in (LOST, REJECTED))
FOR_ONE, FOR_ALL = "(for 1 of 3 recipients)", "(for 3 of 3 recipients)"
#: Faults with a message for each reader.  Compact runs play these, staged runs those with one message for all: both
#: send their mail with the same code, and a second pass of each would take minutes.
READER_CASES = (
    # A task dies.
    each(Case, "killed before the claim of one message"),
    each(failed, "killed after the claim of one message, before the call", cc=LOST, reason=FOR_ONE),
    each(failed, "killed when SES had accepted one message, before its answer", cc=MAYBE, reason=FOR_ONE),
    each(Case, "killed when the answer about one message was recorded"),
    # The database goes away.
    each(failed, "PostgreSQL away just after the claim of one message", cc=LOST, reason=FOR_ONE),
    each(Case, "PostgreSQL away just after SES has accepted one message"),
    each(failed, "PostgreSQL away for long after SES has accepted one message", cc=MAYBE, reason=FOR_ONE, slow=True),
    # The mail service.
    each(Case, "SES asks to slow down between two messages"),
    each(
        failed,
        "SES asks to slow down for good, whoever is mailed",
        **EVERYBODY_REJECTED,
        reason=FOR_ALL,
        slow=True,
    ),
    each(failed, "SES asks to slow down for good with one message", cc=REJECTED, reason=FOR_ONE, slow=True),
    each(failed, "SES refuses one reader", cc=REJECTED, reason="mail: refused for 1 of 3 recipients"),
    each(failed, "SES refuses one message for good", cc=REJECTED, reason=FOR_ONE),
    each(failed, "SES refuses every message for good", **EVERYBODY_REJECTED, reason=FOR_ALL),
    each(failed, "SES answers 500 to one message", cc=LOST, reason=FOR_ONE),
    each(failed, "SES answers 500 to every message", **EVERYBODY_LOST, reason=FOR_ALL),
    each(failed, "SES cuts one call off", cc=LOST, reason=FOR_ONE),
    each(failed, "SES cuts every call off", **EVERYBODY_LOST, reason=FOR_ALL),
    each(failed, "SES accepts one message and never answers", cc=MAYBE, reason=FOR_ONE, slow=True),
    each(failed, "SES accepts one message and answers what nobody understands", cc=MAYBE, reason=FOR_ONE),
    each(
        Case,
        "SES's event comes after an answer about one message that nobody understands",
        airflow="failed",
        told=("failed", "confirmed"),
    ),
    each(
        failed,
        "SES accepts every message and answers what nobody understands",
        **dict.fromkeys(ADDRESSES, MAYBE),
        reason=FOR_ALL,
    ),
    # Airflow and its users.
    each(Case, "the mail's task cleared when everybody was mailed"),
    each(Case, "the whole run cleared when everybody was mailed"),
    each(failed, "the whole run cleared after one unknown message", cc=LOST, reason=FOR_ONE),
    each(failed, "the mail's task cleared while it sends one message", cc=MAYBE, reason=FOR_ONE),
    each(
        Case,
        "the mail's task started twice at once, between two messages",
        airflow="failed",
        told=("failed", "recovered"),
        slow=True,
    ),
    each(Case, "sent again after one unknown message", counts=(2, 1, 1), told=("failed", "recovered")),
    each(Case, "a reader taken off and another one added after the first message", cc=NOTHING),
    each(Case, "a reader leaves after the first message", cc=NOTHING),
    each(
        Case,
        "all mail stopped by the switch after the first message",
        airflow="failed",
        told=("failed", "recovered"),
        alone=True,
    ),
)
#: The cases in whose place compact runs play one of READER_CASES.
INSTEAD = (
    "killed before the claim",
    "killed after the claim, before the call",
    "killed when SES had accepted, before its answer",
    "killed when SES had accepted, then SES's event comes",
    "killed when the answer was recorded",
    "PostgreSQL away just after the claim",
    "PostgreSQL away just after SES has accepted",
    "PostgreSQL away for long after SES has accepted",
    "SES asks to slow down",
    "SES asks to slow down for good",
    "SES refuses one address",
    "SES refuses the message for good",
    "SES answers 500",
    "SES cuts the call off",
    "SES accepts and never answers",
    "the mail's task cleared after a success",
    "the whole run cleared after a success",
    "the whole run cleared after an unknown mail",
    "the mail's task cleared while it sends",
    "the mail's task started twice at once",
    "sent again after an unknown mail",
    "all mail stopped by the switch",
)
COMPACT_CASES = (
    failed(
        "killed twice in the middle of rendering",
        formats=("csv", "pdf"),
        missing=("pdf",),
        retries=1,
        reason="pdf: the process ended while this file was made",
    ),
    *(replace(case, **DIFFERENT.get(case.name, {})) for case in CASES if case.name not in INSTEAD),
    *READER_CASES,
)


def hold(left, case):
    """Assert that a run has left behind what the case expects."""
    assert left.readers == case.readers
    assert left.mails == case.mails
    assert left.ledger == case.ledger
    assert left.executions == case.executions
    assert left.counted == case.counted
    assert left.counts == case.counts
    assert left.airflow == case.airflow
    assert left.told == case.told
    assert left.staged is case.staged
    assert left.status == case.status
    assert case.reason in (left.reason or "")
    assert left.retries >= case.retries
    assert left.files == {one: True for one in case.formats if one not in case.missing}
    assert left.untrue == [], left.untrue


def line(name, left):
    """Return the result of a fault, seen or expected, as a row of the table of CASES."""
    ledger = ", ".join(f"{message} {state}" for message, state in left.ledger.items()) or "nothing"
    statuses = list(left.executions.values())
    made = statuses.count(MADE)
    files = "all" if made == len(statuses) else "none" if not made else f"{made} of {len(statuses)}"
    return f"| {name} | {left.mails} | {ledger} | {files} | {left.counted} | {_told(left)} |\n"


def reader_line(name, left):
    """Return the result of a fault as a row of the table of READER_CASES."""
    readers = " | ".join(f"{copies}, {state}" for copies, state in left.readers.values())
    return f"| {name} | {readers} | {left.counted} | {_told(left)} |\n"


def _told(left):
    return ", then ".join(left.told) or "no"


@dataclass(frozen=True)
class Table:
    """A table in docs/operate.md, between two comments."""

    title: str
    head: str
    cases: tuple
    line: Callable

    @property
    def begin(self):
        """Return the comment before it."""
        return f"<!-- {self.title}: made by the fault suite -->\n"

    @property
    def end(self):
        """Return the comment after it."""
        return f"<!-- end of {self.title} -->\n"

    @property
    def written(self):
        """Return it as it is in the document."""
        return OPERATE.read_text().partition(self.begin)[2].partition(self.end)[0]

    def made_of(self, results):
        """Return it with a result for each case, by name."""
        rows = (self.line(case.name, results[case.name]) for case in self.cases)
        return f"{self.head}{'|---' * (self.head.count('|') - 1)}|\n{''.join(rows)}"


TABLES = (
    Table("faults", "| fault | mails | ledger | files | the run | owner told |\n", CASES, line),
    Table("faults of readers", "| fault | to | cc | bcc | the run | owner told |\n", READER_CASES, reader_line),
)


def write(seen, mode):
    """Write the results of a run mode into docs/operate.md, if WRITE_FAULTS is set and every case was run."""
    table = TABLES[mode == "compact"]
    if os.environ.get("WRITE_FAULTS") and all(case.name in seen for case in table.cases):
        before, _, rest = OPERATE.read_text().partition(table.begin)
        OPERATE.write_text(before + table.begin + table.made_of(seen) + table.end + rest.partition(table.end)[2])
