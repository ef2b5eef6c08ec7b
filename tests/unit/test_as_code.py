"""Reports as code on an in-memory database: export, plan, apply, and everything that can be wrong with a file."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from yaml import safe_load

from include.scheduled_reports.as_code import schema, work
from include.scheduled_reports.as_code.documents import KEYS, WEEKDAYS, document, normal, record_of
from include.scheduled_reports.as_code.names import file_of, folders
from include.scheduled_reports.domain.brand import Brand
from include.scheduled_reports.domain.errors import FilesError, PermanentError
from include.scheduled_reports.ports.as_code import Key
from include.scheduled_reports.ports.web import WorkspaceInfo
from include.scheduled_reports.reports.fields import DEFAULTS
from include.scheduled_reports.settings.logo import read_logo
from tests.unit.as_code import ADMIN, SMALL, WEEKLY, database, put, record, scope, texts
from tests.unit.test_as_code_yaml import JSON, TEXT

DOCS = Path(__file__).parents[2] / "docs"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10" fill="#0a0"/></svg>'
LOGO = read_logo(f"data:image/svg+xml;base64,{b64encode(SVG.encode()).decode()}")
CALENDAR = Key("ws1", "calendar", "office")
BRAND = Key("ws1", "brand", "")
FILE = "acme/reports/weekly.yaml"
ONE, OFFICE, LOOKS = "acme/reports/a.yaml", "acme/calendars/c.yaml", "acme/brand.yaml"


def shown(store, root, **options):
    """The lines of the plan."""
    return list(work.plan(store, scope(root, **options)).lines())


def problems(store, root, **options):
    """What keeps the files from being applied."""
    with pytest.raises(FilesError) as refused:
        work.plan(store, scope(root, **options))
    return list(refused.value.problems)


# Export


def test_the_file_of_a_report_says_what_is_not_a_default(tmp_path):
    store = database(weekly=record(options={"calendar": "DE", "startsOn": "2026-06-01"}, missed_runs="skip"))

    work.export(store, scope(tmp_path))

    assert (tmp_path / FILE).read_text() == (
        "# yaml-language-server: $schema=../../.schema/report.json\n"
        "id: weekly\n"
        "name: Weekly activity\n"
        "description: What happened last week\n"
        "reportType: workspace-activity\n"
        'cronExpression: "0 9 * * 1"\n'
        "timezone: Europe/Berlin\n"
        "isActive: true\n"
        "exportFormats:\n"
        "  - pdf\n"
        "  - csv\n"
        "parameters:\n"
        "  dateRange:\n"
        "    type: last-7-days\n"
        "tags:\n"
        "  - weekly\n"
        "createdBy: u1\n"
        "emailDelivery:\n"
        "  enabled: true\n"
        "  recipients:\n"
        "    - ada@acme.example\n"
        "options:\n"
        "  calendar: DE\n"
        '  startsOn: "2026-06-01"\n'
        "  missedRuns: skip\n"
    )


def full_database():
    store = database(weekly=record(options={"calendar": "office"}), other=record(name="Other", is_active=False))
    store.content[CALENDAR] = {"name": "Office", "weekend": [6, 0, 0], "dates": ["2026-12-25", "2026-01-01"]}
    store.content[BRAND] = asdict(Brand(name="Acme", logo=LOGO, colour="#112233", footer="Zürich"))
    return store


def test_calendars_and_brands_are_files_with_the_logo_beside_them(tmp_path):
    work.export(full_database(), scope(tmp_path))

    assert safe_load((tmp_path / "acme/calendars/office.yaml").read_text()) == {
        "code": "office", "name": "Office", "weekend": ["saturday", "sunday"], "dates": ["2026-01-01", "2026-12-25"],
    }  # fmt: skip
    assert safe_load((tmp_path / "acme/brand.yaml").read_text()) == {
        "name": "Acme", "logo": "logo.svg", "colour": "#112233", "footer": "Zürich",
    }  # fmt: skip
    assert read_logo(str(tmp_path / "acme/logo.svg")) == LOGO


def test_export_apply_and_export_again_leave_files_and_database_as_they_were(tmp_path):
    store = full_database()
    work.export(store, scope(tmp_path))
    first, content = texts(tmp_path), dict(store.content)

    made = work.apply(store, scope(tmp_path, prune=True), ADMIN)
    again = work.export(store, scope(tmp_path))
    work.export(store, scope(tmp_path / "elsewhere"))

    assert (made.changes, made.unchanged, again.written) == ((), 4, ())
    assert store.content == content
    assert store.written == []
    assert {path: content for path, content in texts(tmp_path).items() if not path.startswith("elsewhere/")} == first
    assert texts(tmp_path / "elsewhere") == first


def test_a_file_that_says_the_same_keeps_its_comments_its_order_and_its_name(tmp_path):
    store = database(weekly=record())
    text = "# Ask Ada first.\nname: Weekly activity\nid: weekly  # ours\n"
    work.export(store, scope(tmp_path))
    rest = (tmp_path / FILE).read_text().replace("id: weekly\nname: Weekly activity\n", "")
    (tmp_path / FILE).unlink()
    put(tmp_path, "acme/reports/mondays.yaml", text + rest)

    done = work.export(store, scope(tmp_path))

    assert (done.written, done.unchanged) == ((), 1)
    assert (tmp_path / "acme/reports/mondays.yaml").read_text() == text + rest
    assert not (tmp_path / FILE).exists()
    store.content[WEEKLY]["name"] = "Mondays"
    assert work.export(store, scope(tmp_path)).written == ("acme/reports/mondays.yaml",)


def test_a_new_file_does_not_replace_a_file_that_has_its_name(tmp_path):
    found = database(monthly=record(name="Monthly"))
    work.export(found, scope(tmp_path))
    (tmp_path / "acme/reports/monthly.yaml").rename(tmp_path / "acme/reports/weekly.yaml")
    found.content[WEEKLY] = record(name="Weekly")

    work.export(found, scope(tmp_path))

    assert "id: monthly" in (tmp_path / "acme/reports/weekly.yaml").read_text()
    assert work.plan(found, scope(tmp_path, prune=True)).counts == {"created": 0, "changed": 0, "deleted": 0}
    assert work.export(found, scope(tmp_path)).written == ()


def test_ids_that_differ_in_case_only_have_files_that_no_file_system_takes_for_one(tmp_path):
    work.export(database(weekly=record(), Weekly=record()), scope(tmp_path))

    paths = [path.name.lower() for path in (tmp_path / "acme/reports").iterdir()]
    assert len(set(paths)) == 2


@pytest.mark.parametrize("value", ["false", "0", "[]", "{}", '""'])
def test_a_policy_for_missed_runs_that_is_none_is_refused_however_empty(value, tmp_path):
    put(tmp_path, "acme/reports/weekly.yaml", f"{SMALL}options:\n  missedRuns: {value}\n")

    with pytest.raises(FilesError) as refused:
        work.plan(database(), scope(tmp_path))
    assert "acme/reports/weekly.yaml:8: options.missedRuns: " in refused.value.problems[0]


def test_files_of_what_is_not_in_the_database_stay_unless_they_are_pruned(tmp_path):
    put(tmp_path, FILE, SMALL)

    assert work.export(database(), scope(tmp_path)).left == (FILE,)
    assert (tmp_path / FILE).exists()
    assert work.export(database(), scope(tmp_path, prune=True)).removed == (FILE,)
    assert not (tmp_path / FILE).exists()


def test_an_export_that_cannot_read_a_file_writes_nothing(tmp_path):
    put(tmp_path, FILE, "id: weekly\nid: other\n")

    with pytest.raises(FilesError, match=r"acme/reports/weekly\.yaml:2: the key \"id\" is given twice; remove one\."):
        work.export(database(weekly=record()), scope(tmp_path))
    assert list(texts(tmp_path)) == [FILE]


def test_folders_are_slugs_and_names_of_files_are_safe_everywhere():
    places = [
        WorkspaceInfo(id="w1", name="A", slug="acme"), WorkspaceInfo(id="w2", name="B", slug="same"),
        WorkspaceInfo(id="w3", name="C", slug="same"), WorkspaceInfo(id="w4", name="D", slug="../x"),
        WorkspaceInfo(id="w5", name="E", slug=""),
    ]  # fmt: skip

    assert list(folders(places).values()) == ["acme", "same~w2", "same~w3", "%2E.%2Fx", "~w5"]
    assert file_of(Key("w1", "report", "a/b ü")) == "reports/a%2Fb%20%C3%BC.yaml"
    assert len(file_of(Key("w1", "report", "ü" * 200)).encode()) < 255


# Plan


def test_a_plan_shows_each_field_that_changes_with_both_values(tmp_path):
    store = database(weekly=record(options={"calendar": "DE"}), other=record())
    work.export(store, scope(tmp_path))
    text = (tmp_path / FILE).read_text()
    text = text.replace("0 9 * * 1", "0 10 * * 1").replace("  calendar: DE", "  onClosed: after\n  missedRuns: all")
    put(tmp_path, FILE, text.replace("ada@acme.example", "bob@acme.example").replace("last-7-days", "last-30-days"))
    put(tmp_path, "acme/reports/new.yaml", SMALL.replace("id: weekly", "id: new"))

    assert shown(store, tmp_path) == [
        '+ report acme/reports/new.yaml "Weekly activity"',
        '    name: "Weekly activity"',
        '    reportType: "workspace-activity"',
        '    cronExpression: "0 9 * * 1"',
        '    timezone: "UTC"',
        "    isActive: true",
        '    exportFormats: ["pdf"]',
        '    createdBy: "u1"',
        '~ report acme/reports/weekly.yaml "Weekly activity"',
        '    cronExpression: "0 9 * * 1" → "0 10 * * 1"',
        '    parameters.dateRange: {"type": "last-7-days"} → {"type": "last-30-days"}',
        '    emailDelivery.recipients: ["ada@acme.example"] → ["bob@acme.example"]',
        '    options.calendar: "DE" → null',
        '    options.onClosed: null → "after"',
        '    options.missedRuns: "latest" → "all"',
    ]


def test_what_is_in_no_file_is_named_and_deleted_only_with_prune(tmp_path):
    store = full_database()
    put(tmp_path, FILE, SMALL)

    assert [line for line in shown(store, tmp_path) if line.startswith("?")] == [
        "? brand acme/brand.yaml is in no file; --prune deletes it",
        "? calendar acme/calendars/office.yaml is in no file; --prune deletes it",
        "? report acme/reports/other.yaml is in no file; --prune deletes it",
    ]
    work.apply(store, scope(tmp_path), ADMIN)
    assert len(store.content) == 4
    work.apply(store, scope(tmp_path, prune=True), ADMIN)
    assert list(store.content) == [WEEKLY]


def test_a_workspace_without_a_folder_is_pruned_only_if_it_is_named(tmp_path):
    store = database(weekly=record())
    store.content[Key("ws2", "report", "r9")] = record()
    (tmp_path / "acme").mkdir()

    work.apply(store, scope(tmp_path, prune=True), ADMIN)
    assert [key.name for key in store.content] == ["r9"]
    work.apply(store, scope(tmp_path, prune=True, workspaces=("zeta",)), ADMIN)
    assert store.content == {}


def test_only_the_named_workspaces_are_compared(tmp_path):
    put(tmp_path, FILE, SMALL)
    put(tmp_path, "zeta/reports/bad.yaml", "id: bad\n")

    made = work.plan(database(), scope(tmp_path, workspaces=("ws1",)))
    assert [change.key for change in made.changes] == [WEEKLY]


def test_calendars_are_written_before_the_reports_that_use_them_and_deleted_after_them(tmp_path):
    store = database()
    put(tmp_path, FILE, SMALL + "options: {calendar: office}\n")
    put(tmp_path, "acme/calendars/office.yaml", "code: office\nweekend: [sunday]\ndates: [2026-12-25]\n")

    work.apply(store, scope(tmp_path), ADMIN)
    assert [change.key for _, change in store.written] == [CALENDAR, WEEKLY]
    assert store.content[CALENDAR] == {"name": "", "weekend": [0], "dates": ["2026-12-25"]}
    for path in (tmp_path / "acme").rglob("*.yaml"):
        path.unlink()
    work.apply(store, scope(tmp_path, prune=True), ADMIN)
    assert [change.key for _, change in store.written[2:]] == [WEEKLY, CALENDAR]


def test_the_author_of_an_applied_change_is_named(tmp_path):
    store = database()
    put(tmp_path, FILE, SMALL)

    work.apply(store, scope(tmp_path), ADMIN)
    work.apply(store, scope(tmp_path), ADMIN)
    assert [(actor, change.key) for actor, change in store.written] == [("apply:ci", WEEKLY)]


def test_an_edit_since_the_plan_is_not_overwritten(tmp_path):
    store = database(weekly=record())
    put(tmp_path, FILE, SMALL)
    agreed = work.plan(store, scope(tmp_path)).id
    store.content[WEEKLY]["name"] = "Edited meanwhile"

    with pytest.raises(PermanentError, match=f"not {agreed}; run plan again"):
        work.apply(store, scope(tmp_path), ADMIN, agreed)
    assert store.content[WEEKLY]["name"] == "Edited meanwhile"
    work.apply(store, scope(tmp_path), ADMIN, work.plan(store, scope(tmp_path)).id)
    assert store.content[WEEKLY]["name"] == "Weekly activity"


def test_the_status_that_upkeep_has_set_is_nobodys_change(tmp_path):
    store = database(weekly=record(status="PAUSED"))
    work.export(store, scope(tmp_path))

    assert "status: PAUSED" in (tmp_path / FILE).read_text()
    put(tmp_path, FILE, (tmp_path / FILE).read_text().replace("PAUSED", "ERROR"))
    assert problems(store, tmp_path) == [
        f'{FILE}:9: status: "ERROR" is not a status to set; use ACTIVE, PAUSED, DISABLED.'
    ]


@pytest.mark.parametrize(
    "changes", [{"tags": None}, {"description": ""}, {"email_subject": ""}, {"options": {"calendar": None}}]
)
def test_null_and_empty_mean_the_same_in_the_database_and_a_file(changes, tmp_path):
    store = database(weekly=record(**changes))
    work.export(store, scope(tmp_path))

    assert work.plan(store, scope(tmp_path)).changes == ()


def test_true_and_one_are_different_values_of_a_parameter(tmp_path):
    store = database(weekly=record(parameters={"includeArchived": True}))
    work.export(store, scope(tmp_path))
    put(tmp_path, FILE, (tmp_path / FILE).read_text().replace("includeArchived: true", "includeArchived: 1"))

    assert problems(store, tmp_path) == [
        f"{FILE}:13: parameters.includeArchived: 1 is not a boolean; use true or false."
    ]


# Problems


def test_every_problem_of_every_file_is_named_with_file_line_and_key_and_nothing_is_applied(tmp_path):
    store = database(weekly=record())
    put(tmp_path, "acme/reports/good.yaml", SMALL.replace("weekly", "good"))
    put(tmp_path, "acme/reports/bad.yaml", SMALL.replace("weekly", "bad").replace("0 9 * * 1", '"* * * * *"')
        + "timezone: Mars/Base\nexportFormat: [pdf]\nemailDelivery:\n  recipient: [a@b.example]\n  enabled: on\n"
        "options:\n  calender: DE\n")  # fmt: skip
    put(tmp_path, "acme/reports/worse.yaml", "id: worse\nname: 2026\ntags: [1]\nparameters: []\n")
    put(tmp_path, "acme/calendars/c.yaml", "code: c\nweekend: [sun]\ndates: [25.12.2026]\n")
    put(tmp_path, "acme/brand.yaml", "colour: red\nlogo: ../logo.png\n")

    found = problems(store, tmp_path)

    assert [line.partition(": ")[0] + ": " + line.split(": ")[1] for line in found] == [
        "acme/brand.yaml:1: colour",
        "acme/brand.yaml:2: logo",
        "acme/calendars/c.yaml:2: weekend",
        "acme/calendars/c.yaml:3: dates",
        "acme/reports/bad.yaml:4: cronExpression",
        "acme/reports/bad.yaml:7: timezone",
        "acme/reports/bad.yaml:8: exportFormat",
        "acme/reports/bad.yaml:10: emailDelivery.recipient",
        "acme/reports/bad.yaml:11: emailDelivery.enabled",
        "acme/reports/bad.yaml:13: options.calender",
        "acme/reports/worse.yaml:1: createdBy",
        "acme/reports/worse.yaml:1: cronExpression",
        "acme/reports/worse.yaml:1: exportFormats",
        "acme/reports/worse.yaml:1: reportType",
        "acme/reports/worse.yaml:2: name",
        "acme/reports/worse.yaml:3: tags",
        "acme/reports/worse.yaml:4: parameters",
    ]
    assert any("Unknown key (did you mean exportFormats?); use one of id, name" in line for line in found)
    assert any("Unknown key (did you mean recipients?); use one of enabled, rec" in line for line in found)
    assert any('Unknown day "sun" (did you mean sunday?)' in line for line in found)
    assert any("(did you mean calendar?)" in line for line in found)
    assert any('enabled: "on" is not a boolean; use true or false.' in line for line in found)
    with pytest.raises(FilesError):
        work.apply(store, scope(tmp_path), ADMIN)
    assert store.written == []


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("acne/reports/a.yaml", SMALL, 'acne: there is no workspace "acne" (did you mean acme?); name the folder by'),
        ("acme/a.yaml", SMALL, "acme/a.yaml: the file is in no place for a file; move it to brand.yaml, reports/"),
        ("acme/reports/a.yml", SMALL, "acme/reports/a.yml: the file is in no place for a file"),
        ("acme/reports/x/a.yaml", SMALL, "acme/reports/x/a.yaml: the file is in no place for a file"),
        (ONE, SMALL.replace("id: weekly\n", ""), "a.yaml:1: id: is missing or not a text"),
        (ONE, SMALL.replace("id: weekly", "id: 12"), "a.yaml:1: id: is missing or not a text"),
        (ONE, SMALL.replace("Weekly", '"\\0'), "acme/reports/a.yaml:"),
        (ONE, SMALL.replace("u1", "u9"), 'a.yaml:6: createdBy: "u9" does not exist'),
        (OFFICE, "code: ''\n", "acme/calendars/c.yaml:1: code: is missing or not a text"),
        (OFFICE, f"code: {'c' * 81}\n", "acme/calendars/c.yaml:1: code: is too long"),
        (OFFICE, "code: c\ndates: [20261231]\n", "c.yaml:2: dates: [20261231] is not a list of texts"),
        (OFFICE, "code: c\ndates: ['20261231']\n", "c.yaml:2: dates: 20261231 is not a date such as"),
        (OFFICE, f"code: c\nweekend: [{', '.join(WEEKDAYS)}]\n",
         "c.yaml:2: weekend: has no open weekday; leave at least one out"),
        (LOOKS, "{}\n", "acme/brand.yaml:1: name: or another key needs a value; delete the file"),
        (LOOKS, "logo: logo.png\n", 'brand.yaml:1: logo: "logo.png" is no readable file beside brand.yaml'),
        (LOOKS, "logo: /etc/passwd\n", 'brand.yaml:1: logo: "/etc/passwd" is not the name of a file beside'),
        (LOOKS, "logo: ..\n", 'brand.yaml:1: logo: ".." is not the name of a file beside'),
        (LOOKS, "logo: brand.yaml\n", "acme/brand.yaml:1: logo: "),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_named_with_what_to_do(path, text, told, tmp_path):
    put(tmp_path, "acme/reports/fine.yaml", SMALL.replace("weekly", "fine"))
    put(tmp_path, path, text)

    found = problems(database(), tmp_path)
    assert len(found) == 1
    assert told in found[0]


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    put(tmp_path, FILE, SMALL)
    (tmp_path / FILE).write_bytes(b"id: weekly\nname: Z\xfcrich\n")

    assert problems(database(), tmp_path) == [f"{FILE}:1: the file is not UTF-8; save it as UTF-8."]


def test_two_files_with_the_same_id_are_both_named(tmp_path):
    put(tmp_path, "acme/reports/a.yaml", SMALL)
    put(tmp_path, "acme/reports/b.yaml", SMALL)
    put(tmp_path, "zeta/reports/c.yaml", SMALL)

    assert problems(database(), tmp_path) == [
        'acme/reports/b.yaml: id: "weekly" is that of acme/reports/a.yaml; change one.',
        'zeta/reports/c.yaml: id: "weekly" is that of acme/reports/a.yaml; change one.',
    ]


def test_the_id_of_a_report_of_another_workspace_is_refused(tmp_path):
    store = database()
    store.content[Key("ws2", "report", "weekly")] = record()
    put(tmp_path, FILE, SMALL)

    assert problems(store, tmp_path) == [
        f'{FILE}:1: id: "weekly" is the id of a report of another workspace; use another id.'
    ]


def test_a_report_that_is_invalid_in_the_database_already_is_left_alone_with_its_problem(tmp_path):
    store = database(weekly=record(timezone="Mars/Base"))
    work.export(store, scope(tmp_path))
    put(tmp_path, "acme/reports/new.yaml", SMALL.replace("weekly", "new"))

    made = work.apply(store, scope(tmp_path), ADMIN)

    assert [change.key.name for change in made.changes] == ["new"]
    assert made.warnings == (
        f'{FILE}:7: timezone: "Mars/Base" is not an IANA time zone; use one such as Europe/Berlin.',
    )
    put(tmp_path, FILE, (tmp_path / FILE).read_text().replace("Weekly activity", "Another name"))
    assert len(problems(store, tmp_path)) == 1


def test_a_calendar_that_reports_need_is_not_taken_from_them(tmp_path):
    store = full_database()
    work.export(store, scope(tmp_path))
    (tmp_path / "acme/calendars/office.yaml").unlink()

    (found,) = problems(store, tmp_path, prune=True)
    assert found.startswith('acme/reports/weekly.yaml:23: options.calendar: "office" is neither a calendar of the wor')


def test_a_missing_folder_and_one_without_workspaces_are_named(tmp_path):
    with pytest.raises(PermanentError, match=r"there is no folder .*; export creates it"):
        work.plan(database(), scope(tmp_path / "none"))
    (tmp_path / "docs").mkdir()
    (tmp_path / ".git").mkdir()
    with pytest.raises(PermanentError, match="has no folder of a workspace; export creates them"):
        work.plan(database(), scope(tmp_path))


def test_an_unknown_workspace_is_named(tmp_path):
    with pytest.raises(PermanentError, match="--workspace acne: there is no such workspace"):
        work.export(database(), scope(tmp_path, workspaces=("acne",)))


# Logos


def test_a_logo_that_was_not_changed_is_no_change_and_another_one_is(tmp_path):
    store = full_database()
    work.export(store, scope(tmp_path))
    assert work.plan(store, scope(tmp_path)).changes == ()

    put(tmp_path, "acme/logo.svg", SVG.replace("#0a0", "#00a"))
    work.apply(store, scope(tmp_path), ADMIN)

    ((_, change),) = store.written
    assert change.columns == ("logo",)
    assert store.content[BRAND]["logo"] == read_logo(str(tmp_path / "acme/logo.svg"))
    assert work.plan(store, scope(tmp_path)).changes == ()


# The schema


def test_the_schema_in_the_documents_is_the_one_that_is_generated():
    made = schema.text("report")

    assert (DOCS / "report-file.schema.json").read_text() == made, f"write this to the file:\n{made}"


@pytest.mark.parametrize("kind", KEYS)
def test_a_schema_is_a_schema_and_names_every_key(kind):
    made = schema.schema(kind)

    Draft202012Validator.check_schema(made)
    assert tuple(made["properties"]) == KEYS[kind]


def test_the_files_of_an_export_fit_their_schemas_and_name_them(tmp_path):
    work.export(full_database(), scope(tmp_path))

    paths = sorted(path for path in tmp_path.rglob("*.yaml"))
    assert len(paths) == 4
    for path in paths:
        text = path.read_text()
        named = path.parent / text.partition("\n")[0].removeprefix("# yaml-language-server: $schema=")
        assert list(Draft202012Validator(json.loads(named.read_text())).iter_errors(safe_load(text))) == []


@pytest.mark.parametrize(
    "wrong",
    [{"id": 1}, {"timezon": "UTC"}, {"emailDelivery": {"to": []}}, {"options": {"onClosed": "never"}}, {"tags": [1]}],
)
def test_a_schema_refuses_what_the_command_refuses(wrong):
    valid = Draft202012Validator(schema.schema("report"))

    assert valid.is_valid(safe_load(SMALL))
    assert not valid.is_valid(safe_load(SMALL) | wrong)


def test_the_example_in_the_documents_is_a_valid_file(tmp_path):
    text = next(
        one for one in re.findall(r"```yaml\n(.*?)```", (DOCS / "as-code.md").read_text(), re.DOTALL) if "id:" in one
    )
    store = database()
    store.creators["ws1", safe_load(text)["createdBy"]] = store.creators["ws1", "u1"]
    store.content[Key("ws1", "calendar", "office")] = {"name": "", "weekend": [0, 6], "dates": []}
    put(tmp_path, FILE, text)

    assert [change.key.name for change in work.plan(store, scope(tmp_path)).changes] == ["acme-weekly"]
    assert Draft202012Validator(schema.schema("report")).is_valid(safe_load(text))


# Any row


ROW = st.fixed_dictionaries(
    {
        name: st.booleans()
        if isinstance(default, bool)
        else st.lists(TEXT, max_size=3) | st.none()
        if isinstance(default, list)
        else st.dictionaries(TEXT, JSON, max_size=3)
        if isinstance(default, dict)
        else TEXT | st.none()
        if default is None
        else TEXT
        for name, default in DEFAULTS.items()
    }
)


@given(ROW)
def test_any_row_is_written_and_read_as_the_same(tmp_path_factory, columns):
    columns["options"].pop("missedRuns", None)  # no option of ours has this name
    root, store = tmp_path_factory.mktemp("any"), database(weekly=columns)
    work.export(store, scope(root))
    first = texts(root)

    made = work.apply(store, scope(root, prune=True), ADMIN)
    work.export(store, scope(root))

    assert (made.changes, made.unchanged, texts(root)) == ((), 1, first)


@given(ROW)
def test_the_file_of_any_row_says_every_column(columns):
    columns["options"].pop("missedRuns", None)
    columns |= {"status": "PAUSED", "missed_runs": columns["missed_runs"] or "skip"}
    key, expected = WEEKLY, normal(WEEKLY, columns)

    assert record_of("report", document(key, expected)) == (expected, [])


def test_a_brand_past_the_api_that_is_no_image_is_left_as_it_is(tmp_path):
    store = database()
    store.content[BRAND] = asdict(replace(Brand(), name="Acme", logo="data:text/plain,hello"))
    work.export(store, scope(tmp_path))

    assert work.plan(store, scope(tmp_path)).changes == ()
