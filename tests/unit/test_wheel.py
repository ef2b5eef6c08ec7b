"""The wheel holds the package, all of it, and works where there is no checkout."""

import re
import subprocess
import sys
import tomllib
from email.parser import HeaderParser
from importlib.metadata import version
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.wheel import CHECKOUT, build, install

CODE = "import scheduled_reports, sys; print(scheduled_reports.__file__, 'include' in sys.modules)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    return install(wheel, tmp_path_factory.mktemp("site"))


def python(site, *arguments):
    """Run Python in an empty folder, with nothing of ours but the wheel."""
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        env={"PYTHONPATH": str(site)},
        cwd=site.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tracked():
    """What git knows of the package."""
    listed = ["git", "-C", CHECKOUT, "ls-files", "--cached", "--others", "--exclude-standard", "include"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name.removeprefix("include/") for name in names if (CHECKOUT / name).exists()}


def test_every_file_of_the_package_is_in_the_wheel_and_no_other(wheel):
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert held == tracked()
    assert {name.rpartition(".")[2] for name in held} >= {"py", "sql", "yaml", "j2", "css", "js", "csv", "toml"}


def test_what_it_depends_on_is_requirements_txt_to_the_letter(wheel):
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(name).decode())
    lines = [line.partition("#")[0].strip() for line in (CHECKOUT / "requirements.txt").read_text().splitlines()]

    assert sorted(map(Requirement, metadata.get_all("Requires-Dist")), key=str) == sorted(
        (Requirement(line) for line in lines if line), key=str
    )


def test_the_command_runs_without_the_checkout_and_says_its_name(site):
    assert python(site, "-c", CODE).split() == [str(site / "scheduled_reports/__init__.py"), "False"]
    assert python(site, "-m", "scheduled_reports", "--help").startswith("usage: python -m scheduled_reports ")


def test_the_console_script_is_the_command(site):
    (found,) = site.glob("*.dist-info/entry_points.txt")

    assert "scheduled-reports = scheduled_reports.__main__:main" in found.read_text().splitlines()


def test_the_files_that_the_package_reads_are_found_from_the_wheel(site):
    assert python(site, "-m", "scheduled_reports", "prisma-migration") == (
        next(CHECKOUT.glob("prisma/migrations/*_add_scheduled_reports/migration.sql")).read_text()
    )
    catalog = "from scheduled_reports.reports.types.catalog import catalog"
    types = f"{catalog}; found = catalog(); print(len(found.types), found.broken)"
    folders = [
        path for path in (CHECKOUT / "include/scheduled_reports/reports/types/builtin").iterdir() if path.is_dir()
    ]
    assert python(site, "-c", types).split() == [str(len(folders)), "{}"]


def test_the_tools_that_build_it_are_those_of_the_lock():
    required = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["build-system"]["requires"]

    assert required == [f"{name}=={version(name)}" for name in ("hatchling", "hatch-requirements-txt")]


def test_nothing_in_the_package_imports_itself_by_the_name_of_a_checkout():
    """`from include.…` in the package would work here and break the wheel."""
    package = CHECKOUT / "include/scheduled_reports"
    found = [
        f"{path.relative_to(package)}: {line}"
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if line.lstrip().startswith(("from include", "import include"))
    ]

    assert found == []


def test_nothing_but_a_dag_file_imports_the_dags():
    """Imported in a process that forks, they would be the same in every parse after."""
    package = CHECKOUT / "include/scheduled_reports"
    ours = r"(from \.+dags\b|from \.+ import (.*\W)?dags\b|\"\.+dags\")"
    found = [path.name for path in package.rglob("*.py") if re.search(ours, path.read_text())]

    assert found == []
