"""The documents name what there is."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from include.scheduled_reports.catalog import report_types
from include.scheduled_reports.definitions import LEVELS, PARAMETERS
from include.scheduled_reports.settings import PREFIX, Settings
from tests.contract.api_table import TABLE as TABLE_OF_ROUTES

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs/table.md").read_text()
OPERATE = (ROOT / "docs/operate.md").read_text()
TYPES = (ROOT / "docs/report-types.md").read_text()
APPLICATION = (ROOT / "docs/application.md").read_text()
API = (ROOT / "docs/api.md").read_text()
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


def writers(text):
    """Who writes which columns of scheduled_reports, by a table whose rows have columns first and a writer later."""
    found = {}
    for columns, who in re.findall(r"^\| (`.+?) \| (app|we) (?:\||.*\|$)", text, flags=re.MULTILINE):
        for column in re.findall(r'`"?(\w+)"?`', columns):
            found[column] = who
    return found


def test_the_application_is_told_the_same_writers_as_the_table_of_columns():
    told = writers(APPLICATION)

    assert set(told) == set(SEED_COLUMNS["scheduled_reports"].split())
    assert told == writers(TABLE.partition("\n## report_executions\n")[0])


def test_the_code_that_the_application_is_shown_is_the_code_that_is_tested():
    blocks = re.findall(r"^```js\n(.+?)^```$", APPLICATION, flags=re.MULTILINE | re.DOTALL)
    code = (ROOT / "prisma/reports.mjs").read_text()

    assert len(blocks) == 7
    assert [block for block in blocks if block not in code] == []


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))]
)
def test_what_a_page_links_to_is_there(page):
    text = (ROOT / page).read_text()
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
        linked = (ROOT / page).parent / target if target else ROOT / page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, anchor


def definitions(kind):
    """What docs/report-types.md says of a type: by heading, the sentence of each name."""
    section = TYPES.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
    return {
        part.partition("\n")[0]: dict(re.findall(r"^\| (?!column|figure|-)(.+?) \| (.+) \|$", part, flags=re.MULTILINE))
        for part in section.split("\n### ")[1:]
    }


@pytest.mark.parametrize(
    # The tables of the others are put together by the report.
    "kind",
    [kind for kind in report_types().values() if kind.datasets],
    ids=lambda kind: kind.id,
)
def test_every_figure_and_column_of_every_report_type_is_defined_in_a_sentence(kind):
    shown = {"Key figures": [spec.column for spec in kind.figures]}
    shown |= {dataset.title: dataset.columns for dataset in kind.datasets}
    found = definitions(kind.id)

    assert {heading: list(told) for heading, told in found.items()} == {
        heading: [column.title for column in columns] for heading, columns in shown.items()
    }
    for told in found.values():
        for name, sentence in told.items():
            assert sentence[0].isupper(), name
            assert sentence.endswith("."), name
            assert len(sentence.split()) > 2, name


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_explained_with_the_types_that_take_it(name):
    takers = {kind.id for kind in report_types().values() if name in kind.parameters}
    line = re.search(rf"^\| `{name}` \| .+ \| (.+) \|$", TYPES, flags=re.MULTILINE)

    assert (set(line[1].split(", ")) if line else set()) == takers


def test_the_levels_of_activity_are_those_of_the_gate():
    assert re.findall(r"`(\w+)`, at least \d+", TYPES) == list(LEVELS)


@pytest.mark.parametrize("setting", [field.name.upper() for field in fields(Settings)])
def test_every_setting_is_explained_and_has_an_example(setting):
    assert f"`{setting}`" in OPERATE
    assert f"{PREFIX}{setting}=" in ENV


def test_the_examples_are_the_defaults():
    values = dict(line.split("=", 1) for line in ENV.splitlines() if line.startswith(PREFIX))
    del values[f"{PREFIX}MAIL_FROM"]

    assert Settings.from_env(values) == Settings()


def test_every_route_of_the_api_is_explained():
    base = "/api/workspaces/{workspaceSlug}/reports"
    told = {
        (method, path.replace("{base}", base))
        for method, path in re.findall(r"^\| `([A-Z]+) (\S+)` \|", API, re.MULTILINE)
    }

    ours = {one for one in TABLE_OF_ROUTES if one[1].startswith("/api/") or one[1] == "/openapi.json"}
    assert told == {(method, path) for method, path in ours if not path.endswith("/scheduled/")}


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_make_word_the_readme_names_exists():
    words = set(re.findall(r"make (?:[A-Z]+=\S+ )?([a-z-]+)", (ROOT / "README.md").read_text()))
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    assert words - rules == set()


GALLERY = ROOT / "docs/gallery"


def test_the_gallery_shows_every_picture_there_is_and_no_other():
    shown = {
        page.parent / picture
        for page in GALLERY.rglob("README.md")
        for picture in re.findall(r'<img src="([^"]+)"', page.read_text())
    }

    assert shown == set(GALLERY.rglob("*.png"))


def test_the_gallery_has_every_report_type_in_every_view():
    views = {"mail", "mail-phone", "pdf-1", "excel-1", "excel-2", "html", "html-dark", "html-phone"}

    for kind in report_types():
        assert views <= {path.stem for path in (GALLERY / kind).glob("*.png")}, kind


def test_the_gallery_is_small_enough_to_be_cloned():
    assert sum(path.stat().st_size for path in GALLERY.rglob("*")) < 6_000_000


def test_every_picture_of_the_readme_is_there():
    pictures = re.findall(r'<img src="([^"]+)"', (ROOT / "README.md").read_text())

    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)
