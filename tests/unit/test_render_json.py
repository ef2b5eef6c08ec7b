"""JSON, read with the standard library, every number as a Decimal."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from include.scheduled_reports.render.as_json import render
from include.scheduled_reports.render.document import GivenParameter
from tests.unit.documents import ZONE, column, document, figure, table


def written(shown, row_limit=None):
    out = BytesIO()
    count = render(shown, out, row_limit=row_limit)
    return count, json.loads(out.getvalue(), parse_float=Decimal)


def rows(*args, **kwargs):
    return written(document(table(*args, **kwargs)))[1]["datasets"][0]["rows"]


def test_the_report_says_what_it_is_about():
    assert written(document(title="Wöchentlich", description="For Mondays", workspace="Acme <&>"))[1]["report"] == {
        "name": "Wöchentlich",
        "type": "Channel analytics",
        "description": "For Mondays",
        "workspace": "Acme <&>",
        "timezone": "Europe/Berlin",
        "period": {
            "start": "2026-05-04T00:00:00+02:00",
            "end": "2026-05-11T00:00:00+02:00",
            "firstDay": "2026-05-04",
            "lastDay": "2026-05-10",
        },
        "previousPeriod": {"start": "2026-04-27T00:00:00+02:00", "end": "2026-05-04T00:00:00+02:00"},
        "scheduledFor": "2026-05-11T09:00:00+02:00",
        "parameters": [],
    }


def test_the_report_says_what_its_parameters_select_with_every_digit():
    kinds = GivenParameter(name="kinds", title="Kinds", value=["a", "b"], words="a, b")
    size = GivenParameter(name="size", title="Size", value=10**30, words="1 followed by 30 zeros")
    text = written(document(parameters=(kinds, size)))[1]

    assert text["report"]["parameters"] == [
        {"name": "kinds", "title": "Kinds", "value": ["a", "b"], "words": "a, b"},
        {"name": "size", "title": "Size", "value": 10**30, "words": "1 followed by 30 zeros"},
    ]
    SCHEMA.validate(text)


def test_key_figures_come_with_the_period_before():
    figures = [
        figure("Messages", 5, 4),
        figure("Cost", Decimal("12345678901234567890.10"), None, kind="decimal", scale=2),
        figure("Share", float("nan"), 0.5, kind="percent", scale=1),
        figure("Bytes", 10**25, 0),
    ]

    assert written(document(figures=figures))[1]["keyFigures"] == [
        {
            "name": "messages", "title": "Messages", "type": "integer", "value": 5, "previous": 4,
            "change": Decimal("0.25"),
        },
        {
            "name": "cost", "title": "Cost", "type": "decimal", "value": Decimal("12345678901234567890.10"),
            "previous": None, "change": None,
        },
        {
            "name": "share", "title": "Share", "type": "percent", "value": None, "previous": Decimal("0.5"),
            "change": None,
        },
        {"name": "bytes", "title": "Bytes", "type": "integer", "value": 10**25, "previous": 0, "change": None},
    ]  # fmt: skip


def test_every_table_is_in_it_with_its_columns():
    main = table([column("n", "integer", title="Messages")], [(1,), (2,)])
    other = table([column("b")], [], name="other", title="Other")
    count, read = written(document(main, other))

    assert count == 2
    assert read["datasets"] == [
        {
            "name": "channels",
            "title": "Channels",
            "columns": [{"name": "n", "title": "Messages", "type": "integer"}],
            "rowCount": 2,
            "rows": [{"n": 1}, {"n": 2}],
        },
        {
            "name": "other",
            "title": "Other",
            "columns": [{"name": "b", "title": "B", "type": "text"}],
            "rowCount": 0,
            "rows": [],
        },
    ]


def test_every_type_is_exact():
    columns = [
        column("i", "integer"), column("d", "decimal", 4), column("tiny", "decimal", 10), column("f", "number"),
        column("b", "boolean"), column("on", "date"), column("at", "timestamp"), column("t"),
    ]  # fmt: skip
    huge, tiny = Decimal("-100000000000000000000.0001"), Decimal("1E-10")
    moment = datetime(2026, 10, 25, 2, 30, tzinfo=ZONE, fold=1)
    row = (-(2**63), huge, tiny, 1e22, False, date(2026, 2, 1), moment, "=1")

    assert rows(columns, [row, (None,) * 8]) == [
        {
            "i": -(2**63), "d": huge, "tiny": tiny, "f": Decimal("1e22"),
            "b": False, "on": "2026-02-01", "at": "2026-10-25T02:30:00+01:00", "t": "=1",
        },
        dict.fromkeys(["i", "d", "tiny", "f", "b", "on", "at", "t"]),
    ]  # fmt: skip


def test_nan_and_infinite_values_are_null():
    values = [(float("nan"),), (float("inf"),), (float("-inf"),)]

    assert rows([column("f", "number")], values) == [{"f": None}] * 3


def test_a_limit_leaves_the_true_count():
    rows_of_four = [("v",), ("w",), ("x",), ("y",)]
    count, read = written(document(table([column("a")], rows_of_four)), row_limit=3)

    assert count == 3
    assert read["datasets"][0]["rowCount"] == 4
    assert [row["a"] for row in read["datasets"][0]["rows"]] == ["v", "w", "x"]


def test_moments_are_given_in_the_zone_of_the_report():
    read = written(document())[1]["report"]

    assert datetime.fromisoformat(read["scheduledFor"]) == datetime(2026, 5, 11, 7, tzinfo=UTC)


# The schema

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[2] / "docs/report.schema.json").read_text()))


def test_the_schema_is_valid():
    Draft202012Validator.check_schema(SCHEMA.schema)


def test_a_full_document_matches_the_schema():
    columns = [
        column("i", "integer"), column("d", "decimal", 4), column("f", "number", 1), column("p", "percent"),
        column("b", "boolean"), column("on", "date"), column("at", "timestamp"), column("t"),
    ]  # fmt: skip
    moment = datetime(1893, 3, 1, 2, 30, 0, 1, tzinfo=ZONE)  # its offset has seconds
    row = (-(2**63), Decimal("1E-4"), float("nan"), 0.5, False, date(2026, 2, 1), moment, "<x>")
    figures = [figure("Messages", 5, 4), figure("Share", float("nan"), 0.5, kind="percent", scale=1)]
    read = written(document(table(columns, [row, (None,) * 8]), table([column("b")], [], name="o"), figures=figures))[1]

    assert [error.message for error in SCHEMA.iter_errors(read)] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda read: read.pop("formatVersion"),
        lambda read: read["report"].pop("timezone"),
        lambda read: read["report"].update(scheduledFor="2026-05-11T09:00:00"),
        lambda read: read["datasets"].clear(),
        lambda read: read["datasets"][0]["columns"][0].update(type="money"),
        lambda read: read["datasets"][0]["rows"].append({"channel": ["a list"]}),
        lambda read: read["keyFigures"].append({"name": "x"}),
    ],
)
def test_the_schema_rejects_faulty_documents(spoil):
    read = written(document())[1]
    spoil(read)

    assert not SCHEMA.is_valid(read)
