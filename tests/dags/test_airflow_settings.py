"""Settings in the section `[scheduled_reports]` of Airflow's configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.configuration import conf

from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.orchestration import airflow_settings, parse_settings
from include.scheduled_reports.settings import environment

CHECKOUT = Path(__file__).parents[2]
KEY = f"1:{'A' * 43}="
SHOW = """
from include.scheduled_reports.orchestration.connections import AirflowServices
from include.scheduled_reports.reports.types.catalog import catalog
found = AirflowServices().settings
print("found", found.bucket, found.row_limit, found.retries, found.link_keys, len(catalog().broken), sep="|")
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Read the section as a new process does."""
    monkeypatch.setattr(airflow_settings, "_read", [])
    monkeypatch.setattr(environment, "_beneath", {})


@pytest.fixture
def variables(monkeypatch):
    def set_all(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"AIRFLOW__SCHEDULED_REPORTS__{name}", value)

    return set_all


@pytest.fixture
def cfg():
    """Write options into what Airflow has read of airflow.cfg."""

    def write(**values):
        conf.read_dict({"scheduled_reports": values})

    yield write
    conf.remove_section("scheduled_reports")


def test_without_a_section_the_environment_is_all_there_is(monkeypatch):
    monkeypatch.setenv("SCHEDULED_REPORTS__BUCKET", "mine")

    assert airflow_settings.read().bucket == "mine"


def test_airflows_variables_and_file_are_read_and_ours_win(monkeypatch, variables, cfg):
    cfg(bucket="of the file", row_limit="11", run_mode="compact")
    variables(BUCKET="of Airflow's variable", ROW_LIMIT="22")
    monkeypatch.setenv("SCHEDULED_REPORTS__ROW_LIMIT", "33")

    found = airflow_settings.read()
    assert (found.run_mode, found.bucket, found.row_limit) == ("compact", "of Airflow's variable", 33)


def test_a_text_that_looks_like_a_number_stays_as_it_is(variables):
    variables(BUCKET="007", FEEDBACK_QUEUE="")

    assert airflow_settings.read().bucket == "007"


def test_a_secret_comes_from_a_command_that_runs_once(cfg, tmp_path):
    ran = tmp_path / "ran"
    cfg(link_keys_cmd=f"sh -c 'echo x >> {ran}; echo {KEY}'")

    assert airflow_settings.read().link_keys == KEY
    assert airflow_settings.read().link_keys == KEY
    assert ran.read_text() == "x\n"


def test_a_command_that_fails_is_named_without_its_output_and_run_again(cfg, monkeypatch, tmp_path, caplog):
    there = tmp_path / "there"
    cfg(link_keys_cmd=f"sh -c 'cat {there} || (echo s3cr3t; echo s3cr3t >&2; exit 1)'")

    with pytest.raises(ConfigurationError) as refused:
        airflow_settings.read()
    assert str(refused.value) == (
        "SCHEDULED_REPORTS__LINK_KEYS: [scheduled_reports] link_keys cannot be read (AirflowConfigException); "
        "see airflow.cfg."
    )
    # A parse goes on.
    assert parse_settings.read().bucket == "scheduled-reports"
    assert "LINK_KEYS" in caplog.text
    assert "s3cr3t" not in caplog.text

    there.write_text(KEY)
    assert airflow_settings.read().link_keys == KEY


def test_a_setting_that_is_no_secret_has_no_command(cfg):
    cfg(bucket_cmd="echo mine")

    with pytest.raises(ConfigurationError, match='Unknown setting "BUCKET_CMD"'):
        airflow_settings.read()


def test_an_unknown_option_and_a_wrong_value_are_named_at_once_and_stop_no_parse(variables, cfg):
    cfg(mail_mod="live")
    variables(ROW_LIMIT="many", RETRIES="7")

    with pytest.raises(ConfigurationError) as refused:
        airflow_settings.read()
    assert 'Unknown setting "MAIL_MOD"' in str(refused.value)
    assert 'SCHEDULED_REPORTS__ROW_LIMIT: "many" is not a whole number' in str(refused.value)
    assert (parse_settings.read().retries, parse_settings.read().row_limit) == (7, 2_000)


def test_a_reference_to_an_option_that_does_not_exist_is_named(cfg):
    cfg(brand_footer="%(nothing)s")

    with pytest.raises(ConfigurationError, match=r"\[scheduled_reports\] brand_footer cannot be read"):
        airflow_settings.read()


def test_the_section_is_read_once_and_the_environment_every_time(monkeypatch, variables):
    variables(BUCKET="first")
    assert airflow_settings.read().bucket == "first"

    variables(BUCKET="second")
    assert airflow_settings.read().bucket == "first"
    monkeypatch.setenv("SCHEDULED_REPORTS__BUCKET", "third")
    assert airflow_settings.read().bucket == "third"


def test_the_last_good_copy_keeps_what_airflow_says(variables, last_good):
    variables(RETRIES="7")
    parse_settings.keep()

    assert Path(f"{last_good}.settings").read_text() == '{"SCHEDULED_REPORTS__RETRIES": "7"}'


def test_a_process_reads_airflow_cfg_secrets_backend_and_all_and_its_report_types_as_well(tmp_path):
    (tmp_path / "airflow.cfg").write_text(
        "[scheduled_reports]\nbucket = of the file\nretries = 9\nlink_keys_secret = keys\n"
        f"report_types = {tmp_path / 'nowhere'}\n"
    )
    (tmp_path / "my_vault.py").write_text(
        "from airflow.sdk.bases.secrets_backend import BaseSecretsBackend\n"
        "class Vault(BaseSecretsBackend):\n"
        f"    def get_config(self, key): return {KEY!r} if key == 'keys' else None\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("SCHEDULED_REPORTS__")}
    env |= {"AIRFLOW_CONFIG": str(tmp_path / "airflow.cfg"), "AIRFLOW__SECRETS__BACKEND": "my_vault.Vault"}
    env |= {"PYTHONPATH": f"{CHECKOUT}{os.pathsep}{tmp_path}", "SCHEDULED_REPORTS__RETRIES": "2"}
    done = subprocess.run([sys.executable, "-c", SHOW], env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("found"))
    assert line.split("|") == ["found", "of the file", "2000", "2", KEY, "1"]
