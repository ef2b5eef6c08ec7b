"""The cases of the fault suite with their expected results, and the table in docs/operate.md made from the results."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

OPERATE = Path(__file__).parents[2] / "docs/operate.md"
BEGIN, END = "<!-- faults: made by the fault suite -->\n", "<!-- end of faults -->\n"
MADE, FAILED = "COMPLETED", "FAILED"
TWO = ("csv", "json")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fault with the expected mails, ledger, executions, counters and notices to the owner."""

    name: str
    mails: int = 1
    ledger: dict = field(default_factory=lambda: {"report": "sent"})
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
    def executions(self):
        """Return the expected status of each format's execution."""
        return {one: FAILED if one in self.missing else MADE for one in self.formats}

    @property
    def line(self):
        """Return the expected result as a row of the table."""
        return line(self.name, self)


def failed(name, **changes):
    """Make a case whose run counts as failed, with one notice to the owner."""
    usual = {"counted": "failed", "counts": (1, 0, 1), "airflow": "failed", "told": ("failed",), "staged": True}
    return Case(name=name, **(usual | changes))


def unmade(name, **changes):
    """Make a failed case without files or mail."""
    return failed(name, **({"mails": 0, "ledger": {}, "missing": ("csv",)} | changes))


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
COMPACT_CASES = (
    failed(
        "killed twice in the middle of rendering",
        formats=("csv", "pdf"),
        missing=("pdf",),
        retries=1,
        reason="pdf: the process ended while this file was made",
    ),
    *(replace(case, **DIFFERENT.get(case.name, {})) for case in CASES),
)


def hold(left, case):
    """Assert that a run has left behind what the case expects."""
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
    assert left.untrue == []


HEAD = "| fault | mails | ledger | files | the run | owner told |\n|---|---|---|---|---|---|\n"


def line(name, left):
    """Return the result of a fault, seen or expected, as a row of the table."""
    ledger = ", ".join(f"{message} {state}" for message, state in left.ledger.items()) or "nothing"
    statuses = list(left.executions.values())
    made = statuses.count(MADE)
    files = "all" if made == len(statuses) else "none" if not made else f"{made} of {len(statuses)}"
    told = ", then ".join(left.told) or "no"
    return f"| {name} | {left.mails} | {ledger} | {files} | {left.counted} | {told} |\n"


def written():
    """Return the table in docs/operate.md."""
    return OPERATE.read_text().partition(BEGIN)[2].partition(END)[0]


def write(seen):
    """Write the results into docs/operate.md, if WRITE_FAULTS is set and every case was run."""
    if os.environ.get("WRITE_FAULTS") and all(case.name in seen for case in CASES):
        before, _, rest = OPERATE.read_text().partition(BEGIN)
        table = HEAD + "".join(line(case.name, seen[case.name]) for case in CASES)
        OPERATE.write_text(before + BEGIN + table + END + rest.partition(END)[2])
