"""The Node.js client in prisma/client: its types are those of the OpenAPI document, and TypeScript checks its users."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from include.scheduled_reports.web.app import document, make

CLIENT = Path(__file__).parents[2] / "prisma/client"
FILES = ("client.mjs", "example.mjs", "package.json")
TYPES = ("api.d.ts", "client.d.mts")


@pytest.fixture
def folder(tmp_path):
    """Copy the client's sources beside its tools."""
    if not (CLIENT / "node_modules").exists():
        pytest.fail("the tools of the client are not installed; run `make test`", pytrace=False)
    for name in FILES:
        shutil.copy(CLIENT / name, tmp_path)
    (tmp_path / "node_modules").symlink_to((CLIENT / "node_modules").resolve())
    (tmp_path / "openapi.json").write_text(json.dumps(document(make(lambda: None, lambda: None))))
    return tmp_path


def npm(folder, script):
    return subprocess.run(
        ["npm", "run", "--silent", script], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
def test_the_types_are_those_of_the_document(folder):
    done = npm(folder, "generate")

    assert done.returncode == 0, done.stdout + done.stderr
    # `make client` writes them anew.
    assert {name: (folder / name).read_text() == (CLIENT / name).read_text() for name in TYPES} == dict.fromkeys(
        TYPES, True
    )


@pytest.mark.slow
def test_typescript_accepts_the_example_and_names_what_the_api_would_refuse(folder):
    for name in TYPES:
        shutil.copy(CLIENT / name, folder)
    assert npm(folder, "check").stdout == ""

    example = (folder / "example.mjs").read_text()
    wrong = {'timezone: "': 'timeZone: "', "run.rows": "run.lines"}
    for right, mistake in wrong.items():
        assert right in example
        example = example.replace(right, mistake)
    (folder / "example.mjs").write_text(example)
    done = npm(folder, "check")

    assert done.returncode != 0
    assert [one for one in ("timeZone", "lines") if one not in done.stdout] == []


def test_the_client_has_no_dependencies():
    package = json.loads((CLIENT / "package.json").read_text())

    assert "dependencies" not in package
    imported = [line for line in (CLIENT / "client.mjs").read_text().splitlines() if line.startswith("import ")]
    assert imported == []


def test_every_json_answer_is_described_but_those_of_health_and_of_the_types():
    found = document(make(lambda: None, lambda: None))
    undescribed = {
        path
        for path, methods in found["paths"].items()
        for method in methods.values()
        for status, answer in method["responses"].items()
        if status in {"200", "201", "202"} and answer.get("content", {}).get("application/json", {}).get("schema") == {}
    }
    assert undescribed == {"/health", "/api/health", "/api/report-types"}
