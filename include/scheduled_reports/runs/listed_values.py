"""The values of choices that a report type lists for a workspace by a query: for a form, and to check a report's.

A value reaches SQL only through the setting `report.parameters`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..domain.errors import ReportTypeError
from ..ports.source import Scope
from ..reports.validation import Check, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.parameter import Parameter
    from ..domain.problem import Problem
    from ..domain.report_type import ReportType
    from ..ports.source import Source

#: The most values that a form offers; any other value of the list may be entered.
MOST_LISTED = 1_000
#: A list depends on its workspace alone, so any moment will do.
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_FIRST = "SELECT * FROM (\n{}\n) AS listed LIMIT {}"
_KNOWN = (
    "SELECT DISTINCT value::text AS value FROM (\n{}\n) AS listed\n"
    "WHERE value IN (SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'values'))"
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A value of a list, and how people read it."""

    value: str
    title: str


def listed(source: Source, parameter: Parameter, workspace_id: str) -> tuple[Listed, ...]:
    """The first values of a choice in a workspace, in the order of the query, and one more than a form offers."""
    rows = _rows(source, _FIRST.format(parameter.query, MOST_LISTED + 1), workspace_id, {})
    titles = rows.column("title") if "title" in rows.column_names else rows.column("value")
    pairs = zip(rows.column("value").to_pylist(), titles.to_pylist(), strict=True)
    return tuple(Listed(str(value), str(title or value)) for value, title in pairs if value)


def unlisted(
    source: Source, kind: ReportType, values: Mapping[str, Any], workspace_id: str, *, suggest: bool = False
) -> tuple[Problem, ...]:
    """A problem for each value that the list of its parameter does not have in the workspace.

    With *suggest* it names the closest value; without, nothing of the list: the text of a failed run goes to logs.
    """
    check = Check()
    for one in kind.parameters.values():
        if one.query and (given := _texts(values.get(one.name))):
            rows = _rows(source, _KNOWN.format(one.query), workspace_id, {"values": [text for _, text in given]})
            known = set(rows.column("value").to_pylist())
            missing = [(number, text) for number, text in given if text not in known]
            names = [item.value for item in listed(source, one, workspace_id)] if missing and suggest else []
            for number, text in missing:
                guess = did_you_mean(text, names)
                reason = f"is not in the workspace's list of values; choose one that is{guess}"
                check.add(f"{one.place}[{number}]" if one.many else one.place, text, reason)
    return tuple(check.problems)


def columns_problems(schema: pa.Schema) -> list[str]:
    """What is wrong with the columns of a query that lists values."""
    problems = [
        f"the column {name} is of the type {schema.field(name).type}; cast it to text"
        for name in ("value", "title")
        if name in schema.names and not pa.types.is_string(schema.field(name).type)
    ]
    return problems if "value" in schema.names else [*problems, "the column value is missing; add it"]


def _texts(value: Any) -> list[tuple[int, str]]:
    """The texts in a value with their numbers; what is no text is a problem that the parser has noted."""
    items = value if isinstance(value, list) else [value]
    return [(number, item) for number, item in enumerate(items) if isinstance(item, str)]


def _rows(source: Source, sql: str, workspace_id: str, parameters: Mapping[str, Any]) -> pa.Table:
    scope = Scope(workspace_id=workspace_id, start=_MOMENT, end=_MOMENT, timezone="UTC", parameters=parameters)
    with source.stream(sql, scope) as batches:
        rows = batches.read_all()
    if problems := columns_problems(rows.schema):
        raise ReportTypeError(f"a query that lists values is wrong: {'; '.join(problems)}")
    return rows
