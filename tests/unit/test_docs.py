"""Names, paths, links and defaults in the documents match the code."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from include.scheduled_reports.monitoring.metrics import METRICS
from include.scheduled_reports.reports.parameters import LEVELS, PARAMETERS
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.settings import PREFIX, Settings
from tests.contract.api_table import TABLE as TABLE_OF_ROUTES

ROOT = Path(__file__).parents[2]
PLACES = (ROOT, ROOT / "include/scheduled_reports")
TABLE = (ROOT / "docs/table.md").read_text()
OPERATE = (ROOT / "docs/operate.md").read_text()
TYPES = (ROOT / "docs/report-types.md").read_text()
APPLICATION = (ROOT / "docs/application.md").read_text()
API = (ROOT / "docs/api.md").read_text()
MONITORING = (ROOT / "docs/monitoring.md").read_text()
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
    """Return the writer of each column of scheduled_reports, from a table with columns first and a writer later."""
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
    "page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))]
)
def test_what_a_page_links_to_is_there(page):
    text = (ROOT / page).read_text()
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
        linked = (ROOT / page).parent / target if target else ROOT / page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, anchor


@pytest.mark.parametrize("page", ["docs/extend.md", "docs/why.md", "CONTRIBUTING.md"])
def test_every_file_and_folder_that_a_page_tells_to_change_exists(page):
    """Paths are relative to the repository or to a folder of the product."""
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:md|txt|toml))`", (ROOT / page).read_text()))
    # Not paths of the repository: the examples of report types, a rejected layout, a key of the ledger.
    paths = {name for name in named if not name.startswith(("largest-uploads/", "file-list/", "src/", "notice/"))}

    assert len(paths) > 3
    assert [path for path in sorted(paths) if not any((root / path).exists() for root in PLACES)] == []


def definitions(kind):
    """Return the explanations of a type in docs/report-types.md: by heading, the sentence of each name."""
    section = TYPES.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
    return {
        part.partition("\n")[0]: dict(re.findall(r"^\| (?!column|figure|-)(.+?) \| (.+) \|$", part, flags=re.MULTILINE))
        for part in section.split("\n### ")[1:]
    }


@pytest.mark.parametrize(
    # The tables of the others are defined by each report.
    "kind",
    [kind for kind in report_types().values() if kind.datasets],
    ids=lambda kind: kind.id,
)
def test_every_figure_and_column_of_every_report_type_is_defined_in_a_sentence(kind):
    shown = {"Key figures": [spec.column for spec in kind.figures if not spec.hidden]}
    if hidden := [spec.column for spec in kind.figures if spec.hidden]:
        shown["Figures without a tile"] = hidden
    shown |= {dataset.title: dataset.columns for dataset in kind.datasets}
    found = definitions(kind.id)

    assert {heading: list(told) for heading, told in found.items()} == {
        heading: [column.title for column in columns] for heading, columns in shown.items()
    }
    for heading, columns in shown.items():
        defined = {column.title: column.definition for column in columns if column.definition}
        assert defined.items() <= found[heading].items(), heading
    for told in found.values():
        for name, sentence in told.items():
            assert sentence[0].isupper(), name
            assert sentence.endswith("."), name
            assert len(sentence.split()) > 2, name


@pytest.mark.parametrize("kind", report_types().values(), ids=lambda kind: kind.id)
def test_what_is_in_every_table_is_said_in_the_words_of_the_report(kind):
    for dataset in kind.datasets:
        assert dataset.definition, dataset.name
        assert f"\n### {dataset.title}\n\n{dataset.definition}\n" in TYPES


@pytest.mark.parametrize("kind", report_types().values(), ids=lambda kind: kind.id)
def test_every_figure_of_a_report_type_has_a_definition(kind):
    assert [spec.column.title for spec in kind.figures if not spec.column.definition] == []


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


def defaults():
    """Return the default of each setting in docs/operate.md, as it would be written in the environment."""
    section = OPERATE.partition("\n## Settings\n")[2].partition("\n## ")[0]
    found = {}
    for names, values in re.findall(r"^\| (`[A-Z].*?`) \| ?(.*?) ?\| .+ \|$", section, flags=re.MULTILINE):
        found |= dict(zip(re.findall(r"`(\w+)`", names), values.replace("`", "").split(", "), strict=True))
    return found


def test_the_table_of_settings_has_all_of_them_in_their_order():
    assert list(defaults()) == [field.name.upper() for field in fields(Settings)]


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda field: field.name)
def test_the_default_in_the_table_of_settings_is_that_of_the_code(setting):
    name = setting.name.upper()
    read = Settings.from_env({f"{PREFIX}MAIL_FROM": "a@b.example", f"{PREFIX}{name}": defaults()[name]})

    assert getattr(read, setting.name) == getattr(Settings(), setting.name)


@pytest.mark.parametrize(
    ("page", "name", "value"),
    [
        ("operate.md", "core min_serialized_dag_update_interval", "0"),
        ("operate.md", "dag_processor min_file_process_interval", "5"),
    ],
)
def test_what_the_docs_tell_airflow_is_what_the_demo_and_the_tests_tell_it(page, name, value):
    section, _, option = name.partition(" ")
    told = re.findall(rf"^\| `\[{section}\] {option}` \| (\d+)", (ROOT / "docs" / page).read_text(), re.MULTILINE)
    home = (ROOT / "demo/airflow_home.py").read_text()

    assert value in told
    assert f'"{section}__{option}": "{value}"'.upper() in home.upper()


def test_the_readme_names_every_page():
    readme = (ROOT / "README.md").read_text()

    assert [path.name for path in ROOT.glob("docs/*.md") if f"(docs/{path.name})" not in readme] == []


def test_every_route_of_the_api_is_explained():
    base = "/api/workspaces/{workspaceSlug}/reports"
    told = {
        (method, path.replace("{base}", base))
        for method, path in re.findall(r"^\| `([A-Z]+) (\S+)` \|", API, re.MULTILINE)
    }

    ours = {one for one in TABLE_OF_ROUTES if one[1].startswith("/api/") or one[1] in {"/openapi.json", "/health"}}
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


def test_every_metric_is_explained_with_its_kind_and_its_tags_in_their_order():
    section = MONITORING.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `([\w.]+)` \| (\w+) \| (.*?) ?\| ", section, flags=re.MULTILINE)

    assert {name: (kind, tuple(re.findall(r"`(\w+)`", tags))) for name, kind, tags in told} == {
        name: (metric.kind, metric.tags) for name, metric in METRICS.items()
    }


def exported():
    """Return the name of each metric in Prometheus."""
    ends = {"counter": "_total", "timer": "_seconds", "gauge": ""}
    return {f"airflow_scheduled_reports_{name.replace('.', '_')}{ends[one.kind]}": one for name, one in METRICS.items()}


def test_every_metric_an_alert_asks_for_is_there_and_every_alert_is_explained():
    rules = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text())["groups"][0]["rules"]
    asked = {name for rule in rules for name in re.findall(r"airflow_\w+", rule["expr"])}
    labels = {name for rule in rules for name in re.findall(r"[{,] *(\w+)=", rule["expr"])}

    assert asked - exported().keys() == set()
    assert labels <= {tag for metric in METRICS.values() for tag in metric.tags}
    assert [rule["alert"] for rule in rules] == re.findall(r"^\| `(Scheduled\w+)` \|", MONITORING, flags=re.MULTILINE)
    assert all(rule["annotations"].keys() == {"summary", "what_to_do"} for rule in rules)


def test_the_mapping_makes_labels_of_the_tags_in_the_order_in_which_statsd_has_them():
    mappings = yaml.safe_load((ROOT / "deploy/statsd-mapping.yaml").read_text())["mappings"]
    with_labels = {one["name"]: one for one in mappings if "labels" in one}
    known = exported()

    assert {one["name"] for one in mappings} - known.keys() == set()
    assert with_labels.keys() == {name for name, metric in known.items() if metric.tags}
    for name, one in with_labels.items():
        assert tuple(one["labels"]) == known[name].tags
        assert list(one["labels"].values()) == [f"${number}" for number in range(1, len(known[name].tags) + 1)]
        assert one["match"].count("*") == len(known[name].tags)


def test_every_field_of_the_health_route_is_explained():
    section = MONITORING.partition("\n## Health\n")[2].partition("\n## ")[0]
    code = (ROOT / "include/scheduled_reports/web/api/system.py").read_text().partition("def health(")[2]
    answered = set(re.findall(r'^ {12}"(\w+)":', code.partition("def _previewed")[0], flags=re.MULTILINE))

    assert len(answered) == 16
    assert answered - set(re.findall(r"`(\w+)`", section)) == set()
