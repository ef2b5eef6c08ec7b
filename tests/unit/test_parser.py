"""The gate: which rows are scheduled, and the errors of the others."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.errors import RejectedError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report import DateRange, Rejection, Report, Status
from include.scheduled_reports.reports.parser import parse, parse_row
from include.scheduled_reports.reports.types.catalog import Catalog, report_types
from tests.unit.rows import report, row

TYPES = (
    "workspace-activity, channel-analytics, user-engagement, task-completion, workflow-execution, security-audit, "
    "export-summary, custom"
)
FORMATS = "one to five different ones of pdf, csv, json, excel, html"
ADDRESS = "an e-mail address such as name@company.com"
PERIOD = "an object with a type of last-7-days, last-30-days, last-quarter, last-year, custom"
PARAMETERS = (
    "dateRange, includeArchived, channelIds, userIds, taskStatuses, workflowIds, minActivityLevel, customFilters"
)


#: Parameters that reports of a type require.
ASKED = {"security-audit": {}, "custom": {"customFilters": {"source": "tasks"}}}


def problems(**changes):
    """Return the errors of a row: column and allowed values."""
    with pytest.raises(RejectedError) as rejected:
        parse_row(row(**changes))
    return [(problem.column, problem.allowed) for problem in rejected.value.problems]


def people(count, prefix="person"):
    return [f"{prefix}{number}@acme.example" for number in range(count)]


# A valid row


def test_a_valid_row_becomes_a_report():
    found = report()

    assert (found.id, found.name, found.description) == (
        "cmaq0v1k20000356c8xkz7h1d",
        "Weekly activity",
        "What happened last week",
    )
    assert (found.type, found.schedule.cron.expression, found.timezone) == (
        "workspace-activity",
        "0 9 * * 1",
        ZoneInfo("Europe/Berlin"),
    )
    assert (found.is_active, found.status, found.is_scheduled) == (True, Status.ACTIVE, True)
    assert found.formats == (Format.PDF, Format.CSV)
    assert (found.date_range, found.parameters, found.tags) == (DateRange(type="last-7-days"), {}, ("weekly",))
    assert found.email.recipients.to == ("ada@acme.example",)
    assert (found.workspace.id, found.workspace.name, found.workspace.label) == ("ws1", "Acme", "acme")
    assert (found.creator.id, found.creator.name, found.creator.email) == ("u1", "Ada Byron", "ada@acme.example")
    assert (found.schedule.effective_from, found.missed_runs) == (datetime(2026, 5, 1, tzinfo=UTC), "latest")


@pytest.mark.parametrize(
    ("is_active", "status", "scheduled"),
    [
        (True, "ACTIVE", True),
        (False, "ACTIVE", False),
        (True, "PAUSED", False),
        (True, "DISABLED", False),
        (True, "ERROR", False),
        (False, "PAUSED", False),
    ],
)
def test_only_an_active_row_in_status_active_is_scheduled(is_active, status, scheduled):
    assert report(is_active=is_active, status=status).is_scheduled == scheduled


def test_a_status_that_the_application_has_added_is_refused_and_does_not_raise():
    assert problems(status="ARCHIVED") == [("status", "one of ACTIVE, PAUSED, DISABLED, ERROR")]


def test_what_may_be_null_may_be_null():
    found = report(
        description=None,
        tags=None,
        email_enabled=False,
        email_recipients=None,
        email_cc_recipients=None,
        email_bcc_recipients=None,
        email_subject=None,
        creator_name=None,
    )

    assert (found.description, found.tags, len(found.email.recipients)) == ("", (), 0)
    assert (found.creator.name, str(found.creator)) == ("", "ada@acme.example")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-01T10:00:00+00:00", datetime(2026, 5, 1, 10, tzinfo=UTC)),
        ("2026-05-01T10:00:00.5+00:00", datetime(2026, 5, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-05-01T15:45:00.123456+05:45", datetime(2026, 5, 1, 10, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_the_effective_moment_is_read_as_postgresql_writes_it(text, moment):
    assert report(effective_from=text).schedule.effective_from == moment


def test_a_workspace_whose_slug_is_not_unique_is_told_apart_by_its_id():
    assert report(slug_is_unique=False).workspace.label == "acme:ws1"


# Each rule


def test_a_report_type_that_is_not_known_names_the_known_ones():
    assert problems(reportType="weather") == [("reportType", f"one of {TYPES}")]


@pytest.mark.parametrize(
    ("given_type", "meant"), [("channel-analitics", "channel-analytics"), ("workspace_activity", "workspace-activity")]
)
def test_a_misspelt_report_type_is_guessed(given_type, meant):
    assert problems(reportType=given_type) == [("reportType", f"one of {TYPES} (did you mean {meant}?)")]


@pytest.fixture
def found_types(monkeypatch):
    """Return a function that limits the gate to these types."""

    def found_types(*names, **broken):
        found = Catalog({name: report_types()[name] for name in names}, broken)
        monkeypatch.setattr("include.scheduled_reports.reports.parser.catalog", lambda: found)

    return found_types


def test_a_report_type_of_the_application_that_is_not_built_yet_says_so(found_types):
    found_types("workspace-activity", "channel-analytics")

    assert problems(reportType="user-engagement") == [
        ("reportType", "this type is not built yet; built are workspace-activity, channel-analytics")
    ]


def test_a_report_of_a_broken_type_is_told_why_and_others_are_not_touched(found_types):
    found_types("workspace-activity", sales="types/sales/report.yaml:7: 'title' is missing")

    assert report().type == "workspace-activity"
    assert problems(reportType="sales") == [
        ("reportType", "a type that works; this one is broken: types/sales/report.yaml:7: 'title' is missing")
    ]


@pytest.mark.parametrize("formats", [["pdf"], ["html", "excel", "json", "csv", "pdf"]])
def test_one_to_five_formats_are_accepted_in_their_order(formats):
    assert [str(chosen) for chosen in report(export_formats=formats).formats] == formats


@pytest.mark.parametrize("formats", [None, [], ["pdf", "pdf"], ["pdf", "csv", "json", "excel", "html", "pdf"]])
def test_no_formats_and_repeated_formats_are_refused(formats):
    assert problems(export_formats=formats) == [("export_formats", FORMATS)]


@pytest.mark.parametrize(
    ("formats", "guess"),
    [(["pdf", "docx"], ""), (["PDF"], ""), (["exel"], " (did you mean excel?)"), ([None], ""), (["csv", ""], "")],
)
def test_a_format_that_does_not_exist_is_named(formats, guess):
    assert problems(export_formats=formats) == [("export_formats", FORMATS + guess)]


@pytest.mark.parametrize("name", ["x", "x" * 200, "  padded  "])
def test_a_name_has_1_to_200_characters(name):
    assert report(name=name).name == name


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_an_empty_or_too_long_name_is_refused(name):
    assert problems(name=name) == [("name", "1 to 200 characters")]


def test_a_description_has_up_to_1000_characters():
    assert report(description="x" * 1000).description == "x" * 1000
    assert problems(description="x" * 1001) == [("description", "0 to 1000 characters")]


def test_up_to_20_tags_of_up_to_50_characters_are_kept_without_repeats():
    twenty = [f"{number:050d}" for number in range(20)]

    assert report(tags=twenty).tags == tuple(twenty)
    assert report(tags=["b", "a", "b"]).tags == ("b", "a")


@pytest.mark.parametrize(
    ("tags", "allowed"),
    [
        ([f"tag{number}" for number in range(21)], "up to 20 tags"),
        (["x" * 51], "1 to 50 characters each"),
        ([""], "1 to 50 characters each"),
        (["  "], "1 to 50 characters each"),
        ([None], "1 to 50 characters each"),
    ],
)
def test_too_many_too_long_and_empty_tags_are_refused(tags, allowed):
    assert problems(tags=tags) == [("tags", allowed)]


def test_a_cron_expression_is_refused_with_the_parsers_words():
    assert problems(cron_expression="*/5 * * * *") == [
        ("cron_expression", "at most once an hour: the minute field must name exactly one minute")
    ]


@pytest.mark.parametrize("name", ["UTC", "America/Argentina/Buenos_Aires", "Asia/Kathmandu", "Etc/GMT+12"])
def test_a_time_zone_is_an_iana_name(name):
    assert report(timezone=name).timezone == ZoneInfo(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "Europe/Atlantis", "europe", "Europe", "+02:00", "CEST", "localtime", "Factory", "posix/UTC", "right/UTC",
        "/etc/passwd", "../UTC", "Europe/../UTC", "zone.tab", "tzdata.zi", "Europe/Berlin ", "Europe\\Berlin",
        "x" * 300,
    ],
)  # fmt: skip
def test_what_is_not_an_iana_name_is_refused(name):
    assert problems(timezone=name) == [("timezone", "an IANA time zone such as Europe/Berlin")]


@pytest.mark.parametrize("report_id", ["x" * 233, "." * 77])
def test_an_id_fits_into_airflows_once_escaped(report_id):
    assert report(id=report_id).id == report_id


@pytest.mark.parametrize("report_id", ["", "x" * 234, "." * 78])
def test_an_id_that_does_not_fit_is_refused(report_id):
    assert problems(id=report_id) == [("id", "1 to 233 characters once escaped for Airflow")]


def test_a_creator_who_is_suspended_is_named():
    assert problems(creator_status="SUSPENDED") == [("created_by_id", "a user who is not suspended")]


def test_a_creator_who_has_left_the_workspace_is_named():
    assert problems(creator_is_member=False) == [("created_by_id", "a member of the workspace; this user has left it")]


@pytest.mark.parametrize("role", ["ADMIN", "OWNER"])
@pytest.mark.parametrize("kind", ["security-audit", "custom"])
def test_some_types_run_while_their_creator_leads_the_workspace(kind, role):
    assert report(reportType=kind, creator_role=role, parameters=ASKED[kind]).type == kind


@pytest.mark.parametrize("role", ["MEMBER", "GUEST"])
@pytest.mark.parametrize("kind", ["security-audit", "custom"])
def test_the_creator_of_some_types_has_to_lead_the_workspace(kind, role):
    assert problems(reportType=kind, creator_role=role, parameters=ASKED[kind]) == [
        ("created_by_id", f"ADMIN or OWNER of the workspace, which {kind} needs; this user is {role}")
    ]


@pytest.mark.parametrize("changes", [{"creator_is_member": False}, {"creator_status": "SUSPENDED"}])
def test_a_creator_who_is_gone_is_told_so_rather_than_their_role(changes):
    ((column, allowed),) = problems(reportType="security-audit", creator_role=None, **changes)

    assert column == "created_by_id"
    assert "which security-audit needs" not in allowed


@pytest.mark.parametrize("role", ["MEMBER", "GUEST", None])
def test_anybody_may_own_a_report_of_the_other_types(role):
    assert report(creator_role=role).type == "workspace-activity"


def test_a_row_that_was_frozen_before_there_were_roles_is_read_back():
    old = row()
    del old["creator_role"]

    assert parse_row(old).creator.id == "u1"


def test_without_a_role_nobody_reads_an_audit():
    old = row(reportType="security-audit")
    del old["creator_role"]

    with pytest.raises(RejectedError, match="this user is None"):
        parse_row(old)


def test_a_creator_and_a_workspace_that_do_not_exist_are_named():
    changes = {
        "creator_email": None, "creator_name": None, "creator_status": None, "creator_is_member": False,
        "workspace_name": None, "workspace_slug": None,
    }  # fmt: skip

    assert problems(**changes) == [
        ("workspace_id", "the id of a workspace that exists"),
        ("created_by_id", "the id of a user that exists"),
    ]


# E-mail


@pytest.mark.parametrize("count", [1, 50])
def test_1_to_50_recipients_are_accepted(count):
    assert report(email_recipients=people(count)).email.recipients.to == tuple(people(count))


@pytest.mark.parametrize("recipients", [None, [], people(51)])
def test_no_recipient_and_51_recipients_are_refused(recipients):
    assert problems(email_recipients=recipients) == [("email_recipients", "1 to 50 addresses when e-mail is enabled")]


@pytest.mark.parametrize("column", ["email_cc_recipients", "email_bcc_recipients"])
def test_up_to_20_copies_and_20_blind_copies_are_accepted(column):
    assert len(report(**{column: people(20)}).email.recipients) == 21
    assert problems(**{column: people(21)}) == [(column, "0 to 20 addresses when e-mail is enabled")]


def test_a_subject_has_up_to_200_characters():
    assert report(email_subject="x" * 200).email.subject == "x" * 200
    assert problems(email_subject="x" * 201) == [("email_subject", "0 to 200 characters")]


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example",
        "first.last+tag@sub.domain.example",
        "o'brien_1%x@acme-corp.example",
        "info@bücher.example",
        "info@例え.example",
        "info@beispiel.xn--p1ai",
        "x" * 64 + "@acme.example",
    ],
)
def test_addresses_as_people_have_them_are_accepted(address):
    assert report(email_recipients=[address]).email.recipients.to == (address,)


@pytest.mark.parametrize(
    "address",
    [
        None, "", "ada", "ada@", "@acme.example", "ada@acme", "ada@@acme.example", "ada@acme..example", "ada@.example",
        "ada@-acme.example", "ada@acme-.example", "ada @acme.example", " ada@acme.example", "ada@acme.example\n",
        "ada@acme.example, eve@evil.example", "ada@acme.example\r\nBcc: eve@evil.example", "Ada <ada@acme.example>",
        '"ada"@acme.example', "ada@[127.0.0.1]", "ünal@acme.example", "x" * 65 + "@acme.example",
        "ada@" + "x" * 64 + ".example", "a@" + ("b" * 60 + ".") * 4 + "examples.example",
        ".ada@acme.example", "ada.@acme.example", "a..da@acme.example", "=?utf-8?q?a?=@acme.example",
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", ["email_recipients", "email_cc_recipients", "email_bcc_recipients"])
def test_what_is_not_one_plain_address_is_refused_in_every_column(column, address):
    assert problems(**{column: [address]}) == [(column, ADDRESS)]


def test_every_wrong_address_is_named():
    assert len(problems(email_recipients=["ada", "bob", "eve@acme.example"], email_bcc_recipients=["mallory"])) == 3


def test_an_address_given_twice_is_kept_once():
    assert report(email_recipients=["ada@acme.example", "ada@acme.example"]).email.recipients.to == (
        "ada@acme.example",
    )


def test_addresses_do_not_matter_while_e_mail_is_switched_off():
    changes = {"email_recipients": ["nonsense", None], "email_cc_recipients": people(30)}

    assert not report(email_enabled=False, **changes).email.enabled


# Parameters


@pytest.mark.parametrize("kind", ["last-7-days", "last-30-days", "last-quarter", "last-year"])
def test_a_named_period_is_read(kind):
    assert report(parameters={"dateRange": {"type": kind}}).date_range == DateRange(type=kind)


@pytest.mark.parametrize("parameters", [{}, {"dateRange": None}])
def test_without_a_period_the_last_seven_days_are_meant(parameters):
    assert report(parameters=parameters).date_range == DateRange(type="last-7-days")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-05-01", "2026-05-31"),
        ("2026-05-01T00:00:00.000Z", "2026-05-31T23:59:59.999Z"),
    ],
)
def test_a_custom_period_is_given_by_days_or_by_moments_on_them(start, end):
    period = {"type": "custom", "startDate": start, "endDate": end}

    assert report(parameters={"dateRange": period}).date_range == DateRange(
        type="custom", start=date(2026, 5, 1), end=date(2026, 5, 31)
    )


@pytest.mark.parametrize("period", [{}, [], "last-7-days", 7, {"type": "yesterday"}, {"type": ["custom"]}, {"kind": 1}])
def test_a_period_that_is_none_is_refused(period):
    assert problems(parameters={"dateRange": period}) == [("parameters.dateRange", PERIOD)]


ORDER = "the first day not after the last, and at most 3660 days"


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2026-05-31", "2026-05-01", ORDER),
        ("2016-01-01", "2026-05-01", ORDER),
        ("0001-01-01", "0001-01-02", ORDER),
        ("9999-12-30", "9999-12-31", ORDER),
        (None, "2026-05-01", "Invalid isoformat string: 'None'"),
        ("2026-05-01", "tomorrow", "Invalid isoformat string: 'tomorrow'"),
        ("2026-02-29", "2026-03-01", "day is out of range for month"),
    ],
)
def test_a_custom_period_that_is_none_is_refused(start, end, reason):
    period = {"type": "custom", "startDate": start, "endDate": end}

    ((column, allowed),) = problems(parameters={"dateRange": period})

    assert column == "parameters.dateRange"
    assert allowed == f"startDate and endDate as 2026-05-01: {reason}"


def test_what_the_report_type_uses_is_handed_on_and_empty_values_are_not():
    parameters = {
        "includeArchived": True, "channelIds": ["c1", "c2"], "userIds": [], "customFilters": {}, "taskStatuses": None,
        "minActivityLevel": None,
    }  # fmt: skip

    assert report(parameters=parameters).parameters == {"channelIds": ["c1", "c2"], "includeArchived": True}


@pytest.mark.parametrize("parameters", [None, [], "text", 3, True])
def test_parameters_are_an_object(parameters):
    assert problems(parameters=parameters) == [("parameters", "a JSON object")]


@pytest.mark.parametrize(
    ("name", "guess"), [("channelId", " (did you mean channelIds?)"), ("colour", ""), ("workspaceId", "")]
)
def test_an_unknown_parameter_is_refused_and_guessed(name, guess):
    assert problems(parameters={name: "x"}) == [(f"parameters.{name}", f"unknown{guess}; allowed are {PARAMETERS}")]


def test_a_parameter_the_report_type_does_not_use_is_refused_rather_than_ignored():
    assert problems(parameters={"taskStatuses": ["DONE"], "workflowIds": ["w1"]}) == [
        (
            "parameters.taskStatuses",
            "not used by workspace-activity; it uses channelIds, includeArchived, minActivityLevel, userIds",
        ),
        (
            "parameters.workflowIds",
            "not used by workspace-activity; it uses channelIds, includeArchived, minActivityLevel, userIds",
        ),
    ]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("includeArchived", "yes", "true or false"),
        ("includeArchived", 1, "true or false"),
        ("channelIds", "c1", "a list of ids"),
        ("channelIds", {"c1": True}, "a list of ids"),
        ("channelIds", ["c1", ""], "a list of ids"),
        ("userIds", [1], "a list of ids"),
        ("userIds", [None], "a list of ids"),
        ("minActivityLevel", "highest", "one of low, medium, high"),
        ("minActivityLevel", 5, "one of low, medium, high"),
    ],
)
def test_a_parameter_of_the_wrong_shape_is_refused(name, value, allowed):
    assert problems(parameters={name: value}) == [(f"parameters.{name}", allowed)]


@pytest.mark.parametrize("name", ["customFilters", "dateRange"])
@pytest.mark.parametrize("depth", [21, 900, 100_000])
def test_parameters_deeper_than_anybody_needs_are_refused_whatever_reads_them(name, depth):
    deep = {}
    for _ in range(depth - 1):
        deep = {name: deep}

    assert problems(parameters=deep) == [("parameters", "at most 20 levels")]


# All errors at once, and one at a time


def test_every_reason_is_given_at_once():
    found = problems(
        name="",
        reportType="wether",
        cron_expression="@daily",
        timezone="Mars/Olympus",
        export_formats=["docx"],
        parameters={"dateRange": {"type": "yesterday"}, "colour": 1},
        tags=["x" * 51],
        email_recipients=["ada"],
        email_subject="x" * 201,
        creator_is_member=False,
    )

    assert sorted(column for column, _ in found) == [
        "created_by_id", "cron_expression", "email_recipients", "email_subject", "export_formats", "name",
        "parameters.colour", "parameters.dateRange", "reportType", "tags", "timezone",
    ]  # fmt: skip


def test_a_rejection_tells_the_value_and_shortens_a_long_one():
    with pytest.raises(RejectedError) as rejected:
        parse_row(row(name="x" * 500, timezone="Mars/Olympus"))

    assert str(rejected.value) == (
        f"name: '{'x' * 116}...: 1 to 200 characters; timezone: 'Mars/Olympus': an IANA time zone such as Europe/Berlin"
    )


def test_one_bad_row_costs_only_itself():
    reports, rejections = parse([row(id="a"), row(id="b", name="", timezone="X"), row(id="c")])

    assert [one.id for one in reports] == ["a", "c"]
    assert [(one.report_id, [problem.column for problem in one.problems]) for one in rejections] == [
        ("b", ["name", "timezone"])
    ]


def test_the_tombstone_of_a_deleted_row_is_neither_a_report_nor_a_rejection():
    tombstone = dict.fromkeys(row()) | {"id": "b", "name": "Gone", "deleted": True, "tombstone": "deleted"}

    assert parse([tombstone]) == ([], [])


# Any value from PostgreSQL

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
nullable = st.none() | texts
arrays = st.none() | st.lists(nullable | st.just("ada@acme.example") | st.just("pdf"), max_size=60)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
parameter_names = st.sampled_from([name.strip() for name in PARAMETERS.split(",")]) | texts
periods = st.fixed_dictionaries(
    {"type": st.sampled_from(["custom", "last-year"]) | json_values},
    optional={
        "startDate": json_values | st.dates().map(str) | st.datetimes().map(datetime.isoformat),
        "endDate": json_values | st.dates().map(str),
    },
)
parameters = json_values | st.dictionaries(parameter_names, json_values | periods, max_size=5)
zones = texts | st.sampled_from(["Europe/Berlin", "Europe", ".", "..", "__init__.py", "Europe/__init__.py", "a/b/c"])
columns = {
    "id": texts,
    "deleted": st.just(False),
    "tombstone": st.none() | st.sampled_from(["disabled", "rejected"]),
    "missed_runs": st.sampled_from(["skip", "latest", "all"]),
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
    "effective_from": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
}


def test_every_column_is_tried_with_junk():
    assert columns.keys() == row().keys()


@given(st.fixed_dictionaries({}, optional=columns))
def test_no_row_that_postgresql_can_hold_raises_anything_but_a_rejection(changes):
    reports, rejections = parse([row(**changes)])

    (found,) = [*reports, *rejections]
    assert isinstance(found, Report | Rejection)
    if isinstance(found, Rejection):
        assert found.problems
        assert all(str(problem) for problem in found.problems)


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
