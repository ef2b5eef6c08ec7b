"""The parser with any row that PostgreSQL can return: a report or a rejection, and no other error."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.report import Rejection, Report
from include.scheduled_reports.reports import next_run
from include.scheduled_reports.reports.options import KEYS
from include.scheduled_reports.reports.parameters import PARAMETERS
from include.scheduled_reports.reports.parser import parse
from tests.unit.rows import row

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
nullable = st.none() | texts
items = nullable | st.just("ada@acme.example") | st.just("pdf")
# PostgreSQL's arrays have up to six dimensions, whatever the column says.
nested = st.recursive(st.lists(items, max_size=3), lambda inner: st.lists(inner, max_size=3), max_leaves=4)
arrays = st.none() | st.lists(items, max_size=60) | nested
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
parameter_names = st.sampled_from(["dateRange", *PARAMETERS]) | texts
periods = st.fixed_dictionaries(
    {"type": st.sampled_from(["custom", "last-year", "last-week", "since-last-run"]) | json_values},
    optional={
        "startDate": json_values | st.dates().map(str) | st.datetimes().map(datetime.isoformat),
        "endDate": json_values | st.dates().map(str),
        "weekStart": json_values | st.just("sunday"),
    },
)
parameters = json_values | st.dictionaries(parameter_names, json_values | periods, max_size=5)
option_values = json_values | periods | st.dates().map(str) | st.sampled_from(["DE", "US", "skip", "before", "after"])
options = st.dictionaries(st.sampled_from([*KEYS, "missedRuns"]) | texts, option_values, max_size=5)
zones = texts | st.sampled_from(["Europe/Berlin", "Europe", ".", "..", "__init__.py", "Europe/__init__.py", "a/b/c"])
columns = {
    "id": texts,
    "deleted": st.just(False),
    "tombstone": st.none() | st.sampled_from(["disabled", "rejected"]),
    "missed_runs": st.sampled_from(["skip", "latest", "all"]),
    "options": options,
    "calendar": st.none()
    | st.fixed_dictionaries(
        {
            "code": texts | st.just("DE"),
            "weekend": st.lists(st.integers(0, 6), max_size=8),
            "dates": st.lists(st.dates().map(str) | st.sampled_from(["infinity", "0044-03-15 BC", None]), max_size=4),
        }
    ),
    "error_cause": st.none() | st.sampled_from(["rejected", "failing"]),
    "name": texts,
    "description": nullable,
    "reportType": texts | st.sampled_from(["workspace-activity", "channel-analytics", "custom", "security-audit"]),
    "cron_expression": texts | st.from_regex(r"[0-9*/,-]{1,5}( [0-9A-Z*/,-]{1,5}){4}", fullmatch=True),
    "timezone": zones,
    "is_active": st.booleans(),
    "status": st.sampled_from(["ACTIVE", "PAUSED", "DISABLED", "ERROR"]) | texts,
    "export_formats": arrays,
    "parameters": parameters,
    "tags": arrays,
    "email_enabled": st.booleans(),
    "email_recipients": arrays,
    "email_cc_recipients": arrays,
    "email_bcc_recipients": arrays,
    "email_subject": nullable,
    "email_include_attachment": st.booleans(),
    "email_include_preview": st.booleans(),
    "email_send_only_if_data": st.booleans(),
    "workspace_id": texts,
    "workspace_name": nullable,
    "workspace_slug": nullable,
    "slug_is_unique": st.booleans(),
    "created_by_id": texts,
    "creator_email": nullable,
    "creator_status": st.none() | st.sampled_from(["ACTIVE", "PENDING", "SUSPENDED"]),
    "creator_name": nullable,
    "creator_is_member": st.booleans(),
    "creator_role": st.none() | st.sampled_from(["OWNER", "ADMIN", "MEMBER", "GUEST"]),
    "effective_from": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
    | st.sampled_from(["infinity", "-infinity", "0044-03-15T00:00:00+00:00 BC", "294276-12-31T00:00:00+00:00"]),
}


def test_every_column_is_tried_with_junk():
    assert columns.keys() == row().keys()


@given(st.fixed_dictionaries({}, optional=columns))
def test_no_row_that_postgresql_can_hold_raises_anything_but_a_rejection(changes):
    reports, rejections = parse([row(**changes)])

    (found,) = [*reports, *rejections]
    assert isinstance(found, Report | Rejection)
    if isinstance(found, Report):
        next_run.next_run(found, datetime(2026, 5, 11, 7, tzinfo=UTC))
    if isinstance(found, Rejection):
        assert found.problems
        assert all(str(problem) for problem in found.problems)
        assert "row" not in {problem.column for problem in found.problems}  # the last resort, which names no column


@given(st.sampled_from(sorted(columns)).flatmap(lambda name: st.tuples(st.just(name), columns[name])))
def test_junk_in_one_column_is_accepted_or_blamed_on_that_column(change):
    name, value = change
    blamed = {
        "creator_role": "created_by_id", "creator_status": "created_by_id", "creator_email": "created_by_id",
        "creator_is_member": "created_by_id", "workspace_slug": "workspace_id", "email_enabled": "email_recipients",
    }.get(name, name)  # fmt: skip
    if value == "custom":  # custom is invalid without a definition
        blamed = "parameters"

    _, rejections = parse([row(**{name: value})])

    assert {problem.column.partition(".")[0] for one in rejections for problem in one.problems} <= {blamed}
