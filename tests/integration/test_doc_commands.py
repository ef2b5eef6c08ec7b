"""Commands in the documents: each one is run, or is in a list with the reason why not."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from include.scheduled_reports import __main__ as command
from include.scheduled_reports.as_code import command as as_code
from include.scheduled_reports.settings import PREFIX, Settings
from tests.conftest import copied

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *(f"docs/{name}.md" for name in (
    "quickstart", "concepts", "install", "operate", "security", "monitoring", "upgrade", "application",
    "public", "as-code",
)))  # fmt: skip
OURS = "python -m include.scheduled_reports "
#: By page and first line: why a block is not run here.  Commands of the product in it are run nevertheless.
NOT_RUN = {
    ("README.md", "make demo"): "tests/e2e runs the stack of `make demo`; the words of make are looked up below",
    ("README.md", "export AIRFLOW=http://127.0.0.1:8080"): "needs a running Airflow: tests/e2e/test_readme.py runs it",
    ("docs/quickstart.md", "make demo"): "as in the README",
    ("docs/quickstart.md", "export AIRFLOW_CONN_REPORTS_DB='postgres://"): "two connections with made-up hosts",
    ("docs/quickstart.md", "export SCHEDULED_REPORTS_DSN=postgresql://owner@"): "a made-up host",
    ("docs/quickstart.md", "airflow dags trigger scheduled_report_first"): "needs a running Airflow; parsed below",
    ("docs/concepts.md", "scheduled_reports row ──▶ DAG"): "a picture",
    ("docs/concepts.md", "2026-03-08T03:00:00-04:00"): "an answer; compared below",
    ("docs/install.md", "astro dev start"): "needs Docker and the Astro CLI",
    ("docs/install.md", 'pip install "apache-airflow==3.3.2" -r requirements.txt'): "`make resolve`",
    ("docs/install.md", 'pip install "apache-airflow==3.3.2" scheduled_reports-0.1.0'): "tests/e2e installs the wheel",
    ("docs/install.md", "from scheduled_reports.dags import *"): "tests/e2e installs the wheel",
    ("docs/install.md", "from scheduled_reports.orchestration.parse_settings"): "tests/dags parses such a file",
    ("docs/install.md", "from scheduled_reports.orchestration.preload import preload"): "tests/e2e installs the wheel",
    ("docs/install.md", "FROM apache/airflow:3.3.2"): "needs Docker",
    ("docs/install.md", "helm upgrade --install airflow"): "needs a cluster",
    ("docs/operate.md", "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST='["): "tests/e2e and tests/dags run the bundle",
    (
        "docs/operate.md",
        "scheduled-reports doctor [--json]",
    ): "tests/e2e/test_doctor_in_airflow.py runs it where Airflow runs",
    ("docs/operate.md", "OK       database"): "answers; tests/integration/test_doctor.py compares such",
    ("docs/operate.md", "from airflow.sdk import DAG, Asset, task"): "tests/e2e runs such a DAG",
    ("docs/security.md", "export BUCKET=… STAGING_BUCKET=…"): "tests/integration/test_iam.py fills the policies in",
    ("docs/public.md", "limit_req_zone"): "an illustration for a server that is not here",
    ("docs/monitoring.md", "TOKEN=$(curl"): "needs a running Airflow: tests/e2e asks the health route",
    ("docs/monitoring.md", "stage render began:"): "lines of a log",
    ("docs/as-code.md", "reports/\n"): "a picture",
    ("docs/as-code.md", "# yaml-language-server"): "tests/unit/test_as_code.py plans it",
    ("docs/as-code.md", "acme/reports/weekly.yaml:5:"): "answers; tests/unit/test_as_code.py compares such",
    ("docs/as-code.md", "+ report acme/reports/monthly.yaml"): "answers; tests/unit/test_as_code.py compares such",
    ("docs/as-code.md", "# .github/workflows/reports.yml"): "needs GitHub",
    ("docs/application.md", "'cm3k9v' 'Weekly activity': imported, inactive"): "an answer of import-export-jobs",
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.text.partition(chr(10))[0][:40]}"

    @property
    def lines(self) -> list[str]:
        """Return the lines that are not empty."""
        return [line for line in self.text.splitlines() if line.strip()]

    @property
    def commands(self) -> list[str]:
        """Return the lines that run a command of the product."""
        return [line for line in self.lines if line.startswith(OURS)]

    @property
    def is_settings(self) -> bool:
        """Return whether it only sets settings of the product."""
        return all(line.startswith(f"export {PREFIX}") for line in self.lines)

    @property
    def is_run(self) -> bool:
        """Return whether the tests run all of it; JavaScript is compared with its file in tests/unit/test_docs.py."""
        return self.language in ("sql", "js") or self.is_settings or self.commands == self.lines

    @property
    def why_not(self) -> str | None:
        """Return why it is not run, if it is in the list."""
        found = [why for (page, start), why in NOT_RUN.items() if page == self.page and self.text.startswith(start)]
        return found[0] if found else None


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    return [Block(page, *one) for one in re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)]


BLOCKS = [block for page in PAGES for block in blocks(page)]


@pytest.fixture(scope="module")
def seeded_template(postgres, migrated_template) -> str:
    """A database with the sample, to be copied; a subprocess makes it, so that no connection to it stays open."""
    made = postgres.create_database("documented", template=migrated_template)
    arguments = ["seed-demo", "--dsn", made, "--until", "2026-05-11", "--messages", "2000"]
    subprocess.run([sys.executable, "-m", "include.scheduled_reports", *arguments], cwd=ROOT, check=True)
    return "documented"


@pytest.fixture
def dsn(postgres, seeded_template) -> Iterator[str]:
    with copied(postgres, seeded_template) as found:
        yield found


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_is_run_or_says_why_not(block):
    assert block.is_run != (block.why_not is not None)


def test_no_reason_is_left_over():
    reasons = {(page, start) for page, start in NOT_RUN for b in BLOCKS if b.page == page and b.text.startswith(start)}

    assert reasons == NOT_RUN.keys()


def typed(line: str, dsn: str) -> list[str]:
    """Return the arguments of a command, with the test's database in place of the document's."""
    words = re.sub(r" \[.*?\]", "", line.removeprefix(OURS))
    return [dsn if re.match(r"\$DSN$|postgresql://", word) else word for word in shlex.split(words)]


#: The roles of deploy/sql/roles.sql, which test_roles.py runs with psql, and the owner's user for Airflow.
ROLES = ("reports_reading", "reports_writing", "reports_editing", "reports_public", "airflow_reports")


def run_sql(dsn: str, text: str) -> None:
    """Run a block; roll it back if it is about roles, which belong to the whole server."""
    about_roles = [role for role in ROLES if role in text]
    with psycopg.connect(dsn) as connection, connection.transaction(force_rollback=bool(about_roles)):
        for role in about_roles:
            connection.execute(f"CREATE ROLE {role}".encode())
        connection.execute(text.encode())


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_works_in_its_order_on_a_real_database(page, dsn, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEDULED_REPORTS_DSN", dsn)
    for block in blocks(page):
        if block.language == "sql":
            run_sql(dsn, block.text)
        for line in block.commands:
            code = command.main(typed(line, dsn))
            told = capsys.readouterr()
            # Some rows of the sample are invalid on purpose; `validate` reports them with its exit code.
            assert code == (1 if " validate " in f"{line} " else 0), f"{line}\n{told.out}{told.err}"


def test_the_report_of_the_quickstart_is_valid_scheduled_and_shown(dsn, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEDULED_REPORTS_DSN", dsn)
    insert = next(block for block in blocks("docs/quickstart.md") if block.text.startswith("INSERT"))
    run_sql(dsn, insert.text)
    (validate,), (preview,) = (
        [line for block in BLOCKS if block.page == insert.page for line in block.commands if f" {word} " in f"{line} "]
        for word in ("validate", "preview")
    )

    command.main(typed(validate, dsn))
    rejected = capsys.readouterr().out
    assert "14 valid" in rejected
    assert "first" not in rejected
    assert command.main(typed(preview, dsn)) == 0
    assert (tmp_path / "first.pdf").read_bytes().startswith(b"%PDF-")


def test_the_answer_that_concepts_shows_is_the_answer(capsys):
    pairs = [block for block in BLOCKS if block.page == "docs/concepts.md"]
    (asked,) = [block for block in pairs if block.commands]
    answer = pairs[pairs.index(asked) + 1]

    assert command.main(typed(asked.text.strip(), "")) == 0
    assert capsys.readouterr().out == answer.text


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.is_settings], ids=str)
def test_settings_that_are_shown_are_settings(block):
    shown = dict(shlex.split(line)[1].split("=", 1) for line in block.lines)

    assert Settings.from_env(shown) != Settings()


def spans(start: str) -> set[str]:
    """Return the text after *start* in the code of every page, in spans and in blocks."""
    texts = [(ROOT / page).read_text() for page in (*PAGES, "CONTRIBUTING.md")]
    return {one for text in texts for one in re.findall(rf"(?:`|^){start}([^`\n]+)", text, flags=re.MULTILINE)}


def test_every_word_of_make_exists():
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    words = {word for said in spans("make ") for word in said.split() if "=" not in word and word.islower()}

    assert {"demo", "wheel", "test"} <= words
    assert words - rules == set()


def test_every_command_of_ours_that_is_named_exists():
    named = {said.split()[0] for said in spans(OURS) | spans("scheduled-reports ")} - {"…"}
    modules = (command, as_code)
    known = {
        name
        for module in modules
        for name in re.findall(r"add_parser\(\s*\"([\w-]+)\"", Path(module.__file__).read_text())
    }

    assert {"migrate", "preview"} <= named
    assert named - known == set()


AIRFLOW_PARSES = """
import sys
from airflow.cli import cli_parser
parser = cli_parser.get_parser()
for line in sys.argv[1:]:
    parser.parse_args(line.split())
"""


def test_airflow_knows_every_command_of_its_own_that_is_named(tmp_path):
    named = {said for said in spans("airflow ") if said != "dags test"} | {"dags test scheduled_report_first"}
    env = {"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(tmp_path), "HOME": str(tmp_path)}

    assert "dags trigger scheduled_report_first" in named
    subprocess.run([sys.executable, "-c", AIRFLOW_PARSES, *sorted(named)], env=env, check=True, capture_output=True)
