"""Lines with names that are written from right to left, as they are seen: numbers and dates keep their order."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date, datetime

import pytest

from include.scheduled_reports.domain import naming
from include.scheduled_reports.domain.bidi import isolated
from include.scheduled_reports.mail import notice_body
from include.scheduled_reports.mail.body import body
from include.scheduled_reports.render.document import Excerpt
from tests.unit.documents import WINDOW, ZONE, chart, column, document, figure, table
from tests.unit.fribidi import GUESSED, LEFT_TO_RIGHT, seen
from tests.unit.rows import report
from tests.unit.test_render_mail import CSV, NOTE

NAMES = {
    "Arabic": "تقرير أسبوعي",
    "Hebrew": "דוח שבועי",
    "with a number": "تقرير 2026",
    "with brackets": "جدول (عام)",
    "Latin first": "CRM تقرير",
    "Arabic digits": "تقرير ١٢٣",
    "with an override": "تقرير\u202e!",
    "with an open isolate": "تقرير\u2067",
}
WEEK = replace(WINDOW, start=datetime(2026, 5, 3, tzinfo=ZONE), end=datetime(2026, 5, 10, tzinfo=ZONE))
DIRECTIONS = [LEFT_TO_RIGHT, GUESSED]


@pytest.fixture(params=NAMES.values(), ids=NAMES)
def name(request):
    return request.param


def test_without_isolation_the_date_is_reversed():
    assert "2026-05-04" not in seen("تقرير 2026-05-04")


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("supported", [True, False], ids=["isolates", "marks alone"])
def test_the_subject_has_its_period_and_count_in_order(name, direction, supported):
    subject = naming.subject(report(name=name, workspace_name=name), WEEK)
    if not supported:
        subject = subject.replace("\u2068", "").replace("\u2069", "")
    shown = seen(subject, direction)

    assert ": 3\N{EN DASH}9 May 2026" in shown
    if supported:
        assert f": 3\N{EN DASH}9 May 2026 ({seen(isolated(naming.one_line(name)), direction)})" in shown


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_subject_with_news_has_its_numbers_in_order(name, direction):
    lead = f"{name} rose by 2.0%, from 950 to 969."
    shown = seen(naming.subject(report(name="N", workspace_name="W"), WEEK, lead=lead), direction)

    assert shown.endswith("(3\N{EN DASH}9 May 2026, W)")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_file_is_listed_with_its_period_in_order(name, direction):
    file = naming.file_name(report(name=name), WEEK, "xlsx")

    assert " 2026-05-03 to 2026-05-09.xlsx" in seen(naming.shown_file_name(file), direction)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_line_of_a_mail_keeps_its_numbers_in_order(name, direction):
    columns = [column("a", title=name), column("n", "integer", title=name), column("day", "date", title=name)]
    rows = table(columns, [(name, 1_234, date(2026, 5, 4))], title=name)
    shown = document(
        rows, title=name, workspace=name, figures=[figure(name, 1_234_567, 987_654)],
        charts=[chart("rank", columns[0], columns[1:2], [(name, 5)], title=name)],
    )  # fmt: skip
    excerpts = (Excerpt(title=name, table=rows, total=9, note="First 1 of 9 rows."),)
    file = replace(CSV, file_name=naming.file_name(report(name=name), WEEK, "csv"), rows=5_000, total_rows=12_345)
    note = replace(NOTE, files=(file,), preview=True, set_up_by=name, zip_name=file.file_name)
    made = body(replace(shown, excerpts=excerpts), note)
    lines = [seen(line, direction) for line in made.text.splitlines() if line]

    assert "· 4\N{EN DASH}10 May 2026 ·" in "\n".join(lines)
    listed = " 2026-05-03 to 2026-05-09.csv (1.2 MB, 5,000 of 12,345 rows"
    for wanted in ("1,234,567  ▲ 25.0% from 987,654", "Mon 4 May 2026", "Mondays at 09:00 (Berlin)", listed):
        assert any(wanted in line for line in lines), wanted
    assert "<bdi>" not in made.html
    assert f"<b>{isolated(name)}</b></p>" in made.html


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_notice_names_the_report_before_what_happened(name, direction):
    notice = notice_body.Notice(kind="stopped", name=name, workspace=name, run_id="r 2026-05-04", reason="", streak=10)
    text, _ = notice_body.bodies(notice)

    assert seen(notice.subject, direction).startswith("Report stopped after repeated failures: ")
    assert "failed 10 times" in seen(text.splitlines()[0], direction)


def test_a_name_from_left_to_right_is_left_alone():
    assert [isolated(text) for text in ("Weekly", "Отчёт", "報告", "")] == ["Weekly", "Отчёт", "報告", ""]


# File names


@pytest.mark.parametrize(
    "letters",
    ["साप्ताहिक रिपोर्ट क्षत्रिय ", "รายงานประจำสัปดาห์", "👨‍👩‍👧‍👦", "報告書", "x", "ä", "تقرير ", "क्" * 7],
    ids=["Hindi", "Thai", "families", "Chinese", "Latin", "umlauts", "Arabic", "one conjunct"],
)
def test_a_file_name_has_its_period_and_at_most_255_bytes(letters, tmp_path):
    files = [naming.file_name(report(name=(letters * 30)[:200]), WEEK, extension) for extension in ("pdf", "xlsx")]
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in files:
            assert len(file.encode()) <= 255
            assert " 2026-05-03 to 2026-05-09." in file
            packed.writestr(file, b"content")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "out")

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(files)
    assert not files[0].startswith(" ")


def test_a_hindi_file_name_ends_with_a_whole_letter():
    name = naming.file_name(report(name="क्षि" * 50), WEEK, "pdf").removesuffix(" 2026-05-03 to 2026-05-09.pdf")

    assert len(name) % len("क्षि") == 0
