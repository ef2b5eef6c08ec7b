"""The wheel contains the package without sample data and fakes, and works without a checkout."""

import json
import re
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from email.parser import HeaderParser
from importlib.metadata import distribution, version
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from trove_classifiers import classifiers

from tests.wheel import CHECKOUT, build, install

#: For the demo and the tests, which need a checkout.
LEFT_OUT = ("scheduled_reports/sample_data/", "scheduled_reports/testing/")
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
    """Return the files of the package that git tracks."""
    listed = ["git", "-C", CHECKOUT, "ls-files", "--cached", "--others", "--exclude-standard", "include"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name.removeprefix("include/") for name in names if (CHECKOUT / name).exists()}


def test_every_file_of_the_package_but_sample_data_and_fakes_is_in_the_wheel_and_no_other(wheel):
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}

    left_out = {name for name in tracked() if name.startswith(LEFT_OUT)}
    assert held == tracked() - left_out
    assert {name.split("/")[1] for name in left_out} == {"sample_data", "testing"}
    assert {name.rpartition(".")[2] for name in held} >= {"py", "sql", "yaml", "j2", "css", "js"}


def test_the_public_door_is_in_the_wheel_with_its_pages_and_does_without_airflow(site):
    code = (
        "import sys; import scheduled_reports.serving; from scheduled_reports.web.public.pages import Pages; "
        "print(Pages().not_found().status_code, 'airflow' in sys.modules)"
    )

    assert python(site, "-c", code) == "404 False\n"


@pytest.fixture(scope="module")
def metadata(wheel):
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def requirements(name):
    """Return the requirements of a file, by name."""
    lines = [line.partition("#")[0].strip() for line in (CHECKOUT / name).read_text().splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {one.name: one for one in found}


def test_what_it_depends_on_is_the_file_of_its_ranges_to_the_letter(metadata):
    required = {one.name: one for one in map(Requirement, metadata.get_all("Requires-Dist"))}

    assert required == requirements("requirements-wheel.txt")


def test_it_needs_what_an_image_needs_in_ranges_that_hold_the_versions_of_the_image_and_of_the_lock():
    ranges, pinned = requirements("requirements-wheel.txt"), requirements("requirements.txt")

    assert ranges.keys() == pinned.keys()
    assert [name for name, one in ranges.items() if one.extras != pinned[name].extras] == []
    for name, one in ranges.items():
        assert {bound.operator for bound in one.specifier} <= {">=", "<"}, f"{name} is no range"
        assert ">=" in {bound.operator for bound in one.specifier}
        assert one.specifier.contains(version(name)), f"{name} of the lock is outside {one.specifier}"
        exact = [bound.version for bound in pinned[name].specifier if bound.operator == "=="]
        assert all(map(one.specifier.contains, exact))
        # Where an image has a lower bound, it is the same one.
        bounds = {bound.version for bound in pinned[name].specifier if bound.operator == ">="}
        assert bounds <= {bound.version for bound in one.specifier}, name


@pytest.mark.parametrize(("airflow", "fits"), [("3.2.9", False), ("3.3.0", True), ("3.3.2", True), ("3.4.0", False)])
def test_it_wants_an_airflow_3_3(metadata, airflow, fits):
    (bound,) = (one for one in map(Requirement, metadata.get_all("Requires-Dist")) if one.name == "apache-airflow")

    assert bound.specifier.contains(airflow) == fits


def test_its_metadata_says_who_made_it_for_whom_and_under_which_licence(wheel, metadata):
    # Metadata 2.3, for old installers, has no License-Expression: the expression stands in License.
    assert (metadata["Metadata-Version"], metadata["License"]) == ("2.3", "Apache-2.0")
    assert metadata["Author"]
    assert "airflow" in metadata["Keywords"].split(",")
    given = metadata.get_all("Classifier")
    assert set(given) <= classifiers
    assert "Framework :: Apache Airflow" in given
    assert [one for one in given if one.startswith("License ::")] == []  # refused beside a licence expression
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
        assert archive.read(name) == (CHECKOUT / "LICENSE").read_bytes()


def test_the_licence_is_apache_2_0_word_for_word():
    """By the copy that a dependency of ours ships."""
    (shipped,) = (path for path in distribution("s3transfer").files if path.name == "LICENSE.txt")

    assert (CHECKOUT / "LICENSE").read_text().split() == shipped.read_text().split()


def test_its_description_is_the_readme_without_what_only_the_repository_has(metadata):
    readme, told = (CHECKOUT / "README.md").read_text(), metadata.get_payload()

    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "<img" not in told
    assert "<a " not in told
    assert [target for target in re.findall(r"\]\(([^)]*)\)", told) if not target.startswith("https://")] == []
    # Everything else is there: headings, code, tables.
    assert re.findall(r"^#+ .+$", told, flags=re.MULTILINE) == re.findall(r"^#+ .+$", readme, flags=re.MULTILINE)
    assert re.findall(r"^```.*?^```$", told, flags=re.MULTILINE | re.DOTALL) == re.findall(
        r"^```.*?^```$", readme, flags=re.MULTILINE | re.DOTALL
    )


def test_the_command_runs_without_the_checkout_and_says_its_name(site):
    assert python(site, "-c", CODE).split() == [str(site / "scheduled_reports/__init__.py"), "False"]
    assert python(site, "-m", "scheduled_reports", "--help").startswith("usage: python -m scheduled_reports ")


def test_seed_demo_from_the_wheel_says_that_it_needs_a_checkout(site):
    command = [sys.executable, "-P", "-m", "scheduled_reports", "seed-demo", "--dsn", "host=nowhere.example"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(site)}, cwd=site.parent, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (
        1,
        "error: the wheel does not contain the sample data; "
        "run seed-demo in a checkout: python -m include.scheduled_reports seed-demo\n",
    )


def test_the_console_script_is_the_command(site):
    (found,) = site.glob("*.dist-info/entry_points.txt")

    assert "scheduled-reports = scheduled_reports.__main__:main" in found.read_text().splitlines()


def test_airflow_finds_one_plugin_and_the_metadata_of_one_provider_which_names_no_plugin(site):
    (found,) = site.glob("*.dist-info/entry_points.txt")
    sections = ConfigParser()
    sections.read(found)

    assert dict(sections["airflow.plugins"]) == {
        "scheduled_reports": "scheduled_reports.orchestration.plugin:ScheduledReportsPlugin"
    }
    ((_, provider),) = sections["apache_airflow_provider"].items()
    module, _, name = provider.partition(":")
    told = json.loads(
        python(site, "-c", f"import json, sys; from {module} import {name}; print(json.dumps({name}())); "
                           "assert 'airflow' not in sys.modules")
    )  # fmt: skip
    declared = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert (told["package-name"], told["versions"], told["description"]) == (
        declared["name"], [declared["version"]], declared["description"],
    )  # fmt: skip
    assert "plugins" not in told


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
