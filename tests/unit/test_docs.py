"""The documents name what there is."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from include.scheduled_reports.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs/table.md").read_text()
OPERATE = (ROOT / "docs/operate.md").read_text()
ENV = (ROOT / ".env.example").read_text()
SEED_COLUMNS = {
    "scheduled_reports": """id name description reportType cron_expression timezone is_active status export_formats
        parameters tags email_enabled email_recipients email_cc_recipients email_bcc_recipients email_subject
        email_include_attachment email_include_preview email_send_only_if_data last_run last_run_status next_run
        run_count success_count failure_count last_error workspace_id created_by_id created_at updated_at""",
    "report_executions": """id scheduled_report_id status triggered_by triggered_manually file_url file_size
        record_count format scheduled_for started_at completed_at duration error retry_count email_sent email_sent_at
        email_error progress created_at""",
}


@pytest.mark.parametrize("table", SEED_COLUMNS)
def test_every_column_of_the_seeds_tables_is_explained(table):
    section = TABLE.partition(f"\n## {table}\n")[2].partition("\n## ")[0]
    named = set(re.findall(r'`"?(\w+)"?`', section))

    assert set(SEED_COLUMNS[table].split()) - named == set()


@pytest.mark.parametrize("setting", [field.name.upper() for field in fields(Settings)])
def test_every_setting_is_explained_and_has_an_example(setting):
    assert f"`{setting}`" in OPERATE
    assert f"{PREFIX}{setting}=" in ENV


def test_the_examples_are_the_defaults():
    values = dict(line.split("=", 1) for line in ENV.splitlines() if line.startswith(PREFIX))
    del values[f"{PREFIX}MAIL_FROM"]

    assert Settings.from_env(values) == Settings()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_make_word_the_readme_names_exists():
    words = set(re.findall(r"make (?:[A-Z]+=\S+ )?([a-z-]+)", (ROOT / "README.md").read_text()))
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    assert words - rules == set()
