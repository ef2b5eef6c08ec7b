"""The fault suite's cases: what each leaves behind; and docs/operate.md's table of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

OPERATE = Path(__file__).parents[2] / "docs/operate.md"
BEGIN, END = "<!-- faults: made by the fault suite -->\n", "<!-- end of faults -->\n"
MADE, FAILED = "COMPLETED", "FAILED"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fault: mails at the service, the ledger, executions, how the run counts, what the owner is told."""

    name: str
    mails: int = 1
    ledger: dict = field(default_factory=lambda: {"report": "sent"})
    executions: tuple = (MADE, MADE)
    counted: str = "success"
    counts: tuple = (1, 1, 0)
    airflow: str = "success"
    told: tuple = ()
    staged: bool = False
    status: str = "ACTIVE"
    reason: str = ""
    slow: bool = False


def failed(name, **changes):
    """A case whose run counts as failed, of which the owner is told once."""
    usual = {"counted": "failed", "counts": (1, 0, 1), "airflow": "failed", "told": ("failed",), "staged": True}
    return Case(name=name, **(usual | changes))


UNKNOWN, REFUSED = {"report": "unknown"}, {"report": "refused"}
CASES = (
    Case(name="killed in the middle of a query"),
    Case(name="killed in the middle of rendering"),
    Case(name="killed in the middle of an upload"),
    Case(name="worker killed in the middle of an upload", slow=True),
    Case(name="killed before the claim"),
    failed("killed after the claim, before the call", mails=0, ledger=UNKNOWN, reason="mail: report"),
    failed("killed when SES had accepted, before its answer", mails=1, ledger=UNKNOWN, reason="mail: report"),
    Case(name="killed when the answer was recorded"),
    Case(name="killed while the run is recorded"),
    Case(name="PostgreSQL away during the query"),
    Case(name="PostgreSQL away while the run is recorded"),
    Case(name="PostgreSQL away just after SES has accepted"),
    failed(
        "PostgreSQL away for the whole run",
        mails=0,
        ledger={},
        executions=(FAILED, FAILED),
        told=(),
        staged=False,
        reason="the run ended before its first task began",
        slow=True,
    ),
    Case(name="S3 answers 500 for a while"),
    Case(name="S3 answers 503 for a while"),
    Case(name="S3 is slow"),
    Case(name="S3 cuts uploads off"),
    failed("S3 refuses one file for good", executions=(MADE, FAILED), reason="json: S3 refused"),
    Case(name="SES asks to slow down"),
    failed(
        "SES refuses one address",
        ledger={"report": "refused", "report+1": "sent"},
        reason="mail: refused for 1 of 2 recipients",
    ),
    failed("SES refuses the message for good", mails=0, ledger=REFUSED, reason="mail: report: SES refused the message"),
    failed("SES answers 500", mails=0, ledger=UNKNOWN, reason="mail: report: SES failed while it had the message"),
    failed("SES accepts and never answers", mails=1, ledger=UNKNOWN, reason="mail: report: SES did not answer"),
    Case(name="disk full on staging for a while"),
    failed(
        "disk full on staging for good",
        mails=0,
        ledger={},
        executions=(FAILED, FAILED),
        staged=False,
        reason="staging did not take or give",
    ),
    failed(
        "cut off by a run time-out",
        mails=0,
        ledger={},
        executions=(FAILED, FAILED),
        reason="its last task did not record it",
        slow=True,
    ),
    failed(
        "marked failed by hand in mid-run",
        mails=0,
        ledger={},
        executions=(FAILED, FAILED),
        reason="the run ended before this file was made",
    ),
    failed(
        "deleted in Airflow in mid-run",
        mails=0,
        ledger={},
        executions=(FAILED, FAILED),
        airflow="deleted",
        reason="its last task did not record it",
        slow=True,
    ),
    Case(name="paused in Airflow for hours, then resumed", told=("failed", "recovered"), slow=True),
    Case(name="one task cleared after a failure", told=("failed", "recovered"), slow=True),
    Case(name="the whole run cleared after a success"),
    failed("the whole run cleared after an unknown mail", mails=0, ledger=UNKNOWN, reason="mail: report"),
    Case(name="the same run started twice at once"),
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
    Case(name="all mail stopped by the switch", told=("failed", "recovered")),
)


def table():
    """The cases as Markdown."""
    lines = ["| fault | mails | ledger | files | the run | owner told |", "|---|---|---|---|---|---|"]
    for case in CASES:
        ledger = ", ".join(f"{message} {state}" for message, state in case.ledger.items()) or "nothing"
        made = case.executions.count(MADE)
        files = "all" if made == len(case.executions) else "none" if not made else f"{made} of {len(case.executions)}"
        told = ", then ".join(case.told) or "no"
        lines.append(f"| {case.name} | {case.mails} | {ledger} | {files} | {case.counted} | {told} |")
    return "\n".join(lines) + "\n"


def written():
    """The table as docs/operate.md has it."""
    return OPERATE.read_text().partition(BEGIN)[2].partition(END)[0]


def write():
    """Put the table into docs/operate.md, where WRITE_FAULTS is set."""
    if os.environ.get("WRITE_FAULTS"):
        text = OPERATE.read_text()
        before, _, rest = text.partition(BEGIN)
        OPERATE.write_text(before + BEGIN + table() + END + rest.partition(END)[2])
