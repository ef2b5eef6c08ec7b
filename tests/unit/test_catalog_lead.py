"""The lead, excerpts and notes of a report.yaml: what they say, and which mistakes are named with their line."""

from __future__ import annotations

import pytest

from include.scheduled_reports.domain.errors import ReportTypeError
from include.scheduled_reports.domain.lead import Condition, LeadRule, LeadSpec, Message
from include.scheduled_reports.domain.report_type import ExcerptSpec, NoteSpec
from include.scheduled_reports.reports.types.yaml_loader import load

DEFINITION = """\
title: Uploads
description: Who uploads.
parameters: []
figures:
  sql: all.sql
  columns:
    - {name: files, title: Files, type: integer, definition: Files uploaded in the period.}
    - {name: bytes, title: Size, type: integer, unit: bytes}
    - {name: hidden_files, title: Private files, type: integer, hidden: true}
datasets:
  - name: people
    title: People
    sql: all.sql
    cut: "Busiest {shown} of {total} people"
    columns:
      - {name: person, title: Person, type: text, titles: {BOT: Robot}, tones: {BOT: warning}}
      - {name: files, title: Files, type: integer, bar: true, total: true}
      - {name: late, title: Late, type: boolean, tone: bad}
lead:
  nothing: Nobody uploaded a file.
  sentences:
    - - when: [{figure: files, rises: 0.5}, {figure: bytes, at_least: 1}]
        say: "Uploads grew by {files.change}, from {files.before}."
        tone: bad
      - say: {count: files, one: "1 file of {bytes}.", other: "{files} files of {bytes}."}
excerpts:
  - {title: Late ones, dataset: people, where: {late: ["true"]}, order: [-files, person],
     columns: [person, files], ranks: {person: [BOT]}, limit: 7, none: Nobody was late.}
notes:
  - {figure: hidden_files, dataset: people, one: 1 private file is not listed., other: "{count} are not listed."}
"""


@pytest.fixture
def kind(tmp_path):
    """Return a function that loads the definition with a text replaced."""

    def loaded(old="", new=""):
        assert old in DEFINITION
        folder = tmp_path / "uploads"
        folder.mkdir()
        (folder / "report.yaml").write_text(DEFINITION.replace(old, new, 1) if old else DEFINITION)
        (folder / "all.sql").write_text("SELECT current_setting('report.workspace_id')")
        return load(folder)

    return loaded


def test_the_lead_is_read_as_written(kind):
    assert kind().lead == LeadSpec(
        nothing="Nobody uploaded a file.",
        sentences=(
            (
                LeadRule(
                    say=Message(other="Uploads grew by {files.change}, from {files.before}."),
                    when=(Condition(figure="files", rises=0.5), Condition(figure="bytes", at_least=1.0)),
                    tone="bad",
                ),
                LeadRule(say=Message(count="files", one="1 file of {bytes}.", other="{files} files of {bytes}.")),
            ),
        ),
    )


def test_excerpts_and_notes_are_read_as_written(kind):
    found = kind()

    assert found.excerpts == (
        ExcerptSpec(
            title="Late ones",
            dataset="people",
            columns=("person", "files"),
            where={"late": ("true",)},
            order=("-files", "person"),
            ranks={"person": ("BOT",)},
            limit=7,
            none="Nobody was late.",
        ),
    )
    assert found.notes == (
        NoteSpec(
            figure="hidden_files",
            dataset="people",
            one="1 private file is not listed.",
            other="{count} are not listed.",
        ),
    )


def test_what_readers_see_of_a_column_is_read_as_written(kind):
    found = kind()
    person, files, late = found.main.columns

    assert (person.titles, person.tones, late.tone) == ({"BOT": "Robot"}, {"BOT": "warning"}, "bad")
    assert (files.bar, files.total, found.main.cut) == (True, True, "Busiest {shown} of {total} people")
    assert [figure.hidden for figure in found.figures] == [False, False, True]
    assert (found.figures[0].column.definition, found.figures[1].column.unit) == (
        "Files uploaded in the period.",
        "bytes",
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("{files.before}", "{file.before}", 'Unknown placeholder "{file.before}"; choose from files, bytes,'),
        ("{files.change}", "{files:,}", 'Unknown placeholder "{files}"; choose from'),
        ("{files.change}", "{files.change", "has a brace without its partner"),
        ("figure: bytes, at_least: 1", "figure: byte, at_least: 1", 'Unknown figure "byte"; choose from files, bytes'),
        ("figure: bytes, at_least: 1", "figure: bytes", "a condition needs a bound; add at_least"),
        ("rises: 0.5", "rises: half", 'rises "half" is not a number; use one such as 0.1'),
        ("rises: 0.5", "grows: 0.5", 'Unknown key "grows"; choose from figure, at_least'),
        ("count: files, one", "count: people, one", 'Unknown figure "people"; choose from'),
        ("count: files, one", "one", "one and count belong together"),
        ("tone: bad\n      - say", "tone: sad\n      - say", 'tone "sad" is unknown; choose from good, bad, neutral'),
        ("nothing: Nobody uploaded a file.", "nothing: ''", 'nothing "" is not a text of 1 to 500 characters'),
        ("dataset: people, where", "dataset: persons, where", 'Unknown dataset "persons"; choose from people'),
        ("order: [-files, person]", "order: [-file]", 'people has no column "file"; choose from person, files, late'),
        ('where: {late: ["true"]}', "where: {late: [true]}", "is not a list of texts; use one such as [a, b]"),
        ("limit: 7", "limit: 51", "limit 51 is not between 1 and 50"),
        ("columns: [person, files], ranks", "columns: [], ranks", "columns is empty; name at least one"),
        ("figure: hidden_files", "figure: private", 'Unknown figure "private"; choose from'),
        ("{count} are", "{number} are", 'Unknown placeholder "{number}"; choose from count'),
        ("{shown} of {total}", "{shown} of {all}", 'Unknown placeholder "{all}"; choose from shown, total'),
        ("unit: bytes", "unit: tons", 'unit "tons" is unknown; choose from'),
        ("type: boolean, tone: bad", "type: boolean, unit: bytes", "unit does not apply to the type boolean"),
        ("bar: true, total: true", "titles: {a: b}", "titles does not apply to the type integer"),
        ("titles: {BOT: Robot}", "titles: {yes: Robot}", "is not a text; put it in quotes"),
        ("tones: {BOT: warning}", "tones: {BOT: red}", 'BOT "red" is unknown; choose from good, warning, bad'),
    ],
)
def test_a_mistake_is_named_with_its_line(kind, old, new, reason):
    line = DEFINITION[: DEFINITION.index(old)].count("\n") + 1

    with pytest.raises(ReportTypeError) as refused:
        kind(old, new)

    first, *_ = str(refused.value).split("\n")
    assert reason in first
    assert abs(int(first.split(":")[1]) - line) <= 2, first
