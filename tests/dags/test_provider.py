"""The metadata of the provider, by Airflow's own schema and by the documents."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import airflow
import pytest
from airflow.configuration import create_default_config_parser
from jsonschema import validate

from include.scheduled_reports.settings import Settings
from include.scheduled_reports.settings.provider import get_provider_info

OPERATE = Path(__file__).parents[2] / "docs/operate.md"
#: The table of the settings; others on the page say what to set.
SETTINGS = OPERATE.read_text().partition("\n## Branding\n")[0]


@pytest.fixture(scope="module")
def options():
    return get_provider_info()["config"]["scheduled_reports"]["options"]


def test_airflows_schema_accepts_it():
    schema = json.loads((Path(airflow.__path__[0]) / "provider_info.schema.json").read_text())

    validate(get_provider_info(), schema)


def test_every_setting_is_an_option_with_a_description(options):
    assert list(options) == [one.name for one in fields(Settings)]
    assert [name for name, option in options.items() if len(option["description"]) < 10] == []
    assert options["last_good"]["description"] == (
        "The file in which a parse keeps the last rows it read, for when the database is unavailable; empty for one "
        "below AIRFLOW_HOME."
    )
    assert options["retries"]["description"] == options["retry_seconds"]["description"]


def test_the_defaults_are_those_of_the_documents(options):
    documented = {}
    for names, default in re.findall(r"^\| (`[A-Z_`, ]+`) \| ([^|]*?) ?\|", SETTINGS, flags=re.MULTILINE):
        values = [one.strip().strip("`") for one in default.split(", ")]
        documented |= dict(zip((name.strip("` ").lower() for name in names.split(",")), values, strict=True))

    assert {name: option["default"] for name, option in options.items()} == {
        name: value for name, value in documented.items() if name in options
    }


def test_the_secrets_are_sensitive_so_that_airflow_runs_commands_for_them_and_hides_them(options):
    assert [name for name, option in options.items() if option["sensitive"]] == ["link_keys", "public_dsn"]


def test_airflow_reads_the_defaults_as_our_own_parser_does():
    parser = create_default_config_parser(get_provider_info()["config"])
    values = {f"SCHEDULED_REPORTS__{name.upper()}": value for name, value in parser["scheduled_reports"].items()}

    assert Settings.from_env(values) == Settings()


def test_the_links_are_there():
    for path in get_provider_info()["extra-links"]:
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(module), name)
