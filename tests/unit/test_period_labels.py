"""What a mail and the files of a run call a period that begins or ends within a day."""

from __future__ import annotations

import io
import json
import re

import openpyxl
import pytest

from include.scheduled_reports.domain.run import RunState
from tests.unit.run_helpers import attachments, mails, text_of, walk

DASH = "\N{EN DASH}"
#: A run on Monday 11 May 2026 at 09:00 in Berlin; the tick before was a week earlier.
LABELS = {
    "month-to-date": (
        f"1{DASH}11 May 2026, until 09:00",
        f"1{DASH}11 Apr, until 09:00",
        f"1{DASH}11 May 2026, until 09:00",
        "2026-05-01 to 2026-05-11 0900",
        ["2026-05-01T00:00:00+02:00", "2026-05-11T09:00:00+02:00"],
        ["2026-04-01T00:00:00+02:00", "2026-04-11T09:00:00+02:00"],
    ),
    "since-last-run": (
        f"Mon 4 May 2026, 09:00 {DASH} Mon 11 May 2026, 09:00",
        f"Mon 27 Apr, 09:00 {DASH} Mon 4 May, 09:00",
        f"4 May, 09:00 {DASH} 11 May 2026, 09:00",
        "2026-05-04 0900 to 2026-05-11 0900",
        ["2026-05-04T09:00:00+02:00", "2026-05-11T09:00:00+02:00"],
        ["2026-04-27T09:00:00+02:00", "2026-05-04T09:00:00+02:00"],
    ),
    "yesterday": (
        "Sun 10 May 2026",
        "Sat 9 May",
        "Sun 10 May 2026",
        "2026-05-10 to 2026-05-10",
        ["2026-05-10T00:00:00+02:00", "2026-05-11T00:00:00+02:00"],
        ["2026-05-09T00:00:00+02:00", "2026-05-10T00:00:00+02:00"],
    ),
}


LEAD = "A steady period: 5 messages, as many as before"


@pytest.mark.parametrize("kind", LABELS)
def test_every_part_of_a_message_says_the_same_period(make_services, kind):
    words, before, short, in_file_names, period, previous = LABELS[kind]
    services = make_services(name="N", export_formats=["excel", "html", "json"], options={"period": {"type": kind}})

    assert walk(services).state is RunState.SUCCESS

    (mail,) = mails(services)
    assert mail["Subject"].removesuffix(", Acme)").removesuffix(")") == f"N: {LEAD} ({short}"
    assert f"Acme · {words} · Berlin time" in text_of(mail)
    assert f"Compared with {before}\r\n" in text_of(mail)
    files = attachments(mail)
    assert set(files) == {f"N {in_file_names}.{extension}" for extension in ("xlsx", "html", "json")}
    content = json.loads(files[f"N {in_file_names}.json"])["report"]
    assert [content["period"]["start"], content["period"]["end"]] == period
    assert [content["previousPeriod"]["start"], content["previousPeriod"]["end"]] == previous
    page = re.sub(r"<[^>]+>", "", files[f"N {in_file_names}.html"].decode())
    assert f"{words} · compared with {before}" in page
    until = "Sun 10 May 2026, 24:00" if kind == "yesterday" else "Mon 11 May 2026, 09:00"
    assert f"Data until {until} (Berlin)." in page
    book = openpyxl.load_workbook(io.BytesIO(files[f"N {in_file_names}.xlsx"]))
    cells = {cell for line in book["Summary"].values for cell in line}
    assert {words, before} <= cells
