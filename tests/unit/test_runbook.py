"""docs/operate.md explains each message and each alert, and what to do about it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from include.scheduled_reports.adapters.postgres import ledger
from include.scheduled_reports.domain import errors
from include.scheduled_reports.runs import outcome, settle

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "include/scheduled_reports"
RUNBOOK = (ROOT / "docs/operate.md").read_text().partition("\n## When something went wrong\n")[2]
CODE = re.compile(r"(`+) ?(.+?) ?\1(?!`)")
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", RUNBOOK, flags=re.MULTILINE)
RAISED = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
RAISED |= {"kind"}  # S3's answer decides which of two errors it is
#: Fakes and the sample are not used in production.
LEFT_OUT = ("testing/", "sample_data/")


def words(node: ast.expr) -> str | None:
    """Return a message as in the runbook, with an ellipsis for each inserted value."""
    if isinstance(node, ast.JoinedStr):
        parts = [str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values]
        return "".join(parts)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def messages() -> dict[str, str]:
    """Return every message of our errors, with its place in the code."""
    found = {}
    for path in sorted(PRODUCT.rglob("*.py")):
        place = path.relative_to(PRODUCT).as_posix()
        if place.startswith(LEFT_OUT):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED and node.args:
                text = words(node.args[0])
                if text and len(text) > len("…; …"):
                    found[text] = f"{place}:{node.lineno}"
    return found


def test_the_messages_are_found():
    assert len(messages()) > 40
    assert "S3 refused …: …" in messages()


def unmailed() -> list[str]:
    """Return the reasons for not mailing a run, from its plan."""
    tree = ast.parse((PRODUCT / "mail/plan.py").read_text())
    returned = [node for node in ast.walk(tree) if isinstance(node, ast.Return)]
    return [
        str(one.value)
        for node in returned
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and " " in one.value
    ]


@pytest.mark.parametrize(
    "message", [*messages(), *unmailed(), ledger.STOPPED, outcome.NEVER_MADE, outcome.NEVER_MAILED, settle.NEVER_BEGUN]
)
def test_every_message_of_an_error_is_in_the_runbook(message):
    told = [seen for seen, _, _ in ROWS if message in {code for _, code in CODE.findall(seen)}]

    assert len(told) == 1, f"{message!r} ({messages().get(message)}) is in {len(told)} rows"


def test_every_alert_is_in_the_runbook():
    rules = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text())["groups"][0]["rules"]

    told = {alert for seen, _, _ in ROWS for alert in re.findall(r"`(Scheduled\w+)`", seen)}
    assert told == {rule["alert"] for rule in rules}
