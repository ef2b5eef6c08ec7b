"""The parser: which rows are scheduled, and what is said of the others."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from include.scheduled_reports.domain.errors import RejectedError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report import DateRange, Status
from include.scheduled_reports.reports import parser
from include.scheduled_reports.reports.parser import parse, parse_row
from include.scheduled_reports.reports.types.catalog import Catalog, report_types
from tests.unit.rows import problems, report, row

TYPES = (
    "workspace-activity, channel-analytics, user-engagement, task-completion, workflow-execution, security-audit, "
    "export-summary, custom"
)
FORMATS = "unknown format; choose from pdf, csv, json, excel, html"
DIFFERENT = "is not a list of different formats; choose from pdf, csv, json, excel, html, each once"
ADDRESSES = "does not have {} addresses; change the list, or disable email"
ADDRESS = "is not an email address; use one such as name@company.com"


#: Parameters that reports of a type require.
ASKED = {"security-audit": {}, "custom": {"customFilters": {"source": "tasks"}}}


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
    assert problems(status="ARCHIVED") == [
        ("status", "is not a known status; choose from ACTIVE, PAUSED, DISABLED, ERROR")
    ]


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
    assert problems(reportType="weather") == [("reportType", f"unknown report type; choose from {TYPES}")]


@pytest.mark.parametrize(
    ("given_type", "meant"), [("channel-analitics", "channel-analytics"), ("workspace_activity", "workspace-activity")]
)
def test_a_misspelt_report_type_is_guessed(given_type, meant):
    assert problems(reportType=given_type) == [
        ("reportType", f"unknown report type; choose from {TYPES} (did you mean {meant}?)")
    ]


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
        ("reportType", "is not built yet; choose from workspace-activity, channel-analytics")
    ]


def test_a_report_of_a_broken_type_is_told_why_and_others_are_not_touched(found_types):
    found_types("workspace-activity", sales='types/sales/report.yaml:7: "title" is missing; add it')

    assert report().type == "workspace-activity"
    assert problems(reportType="sales") == [
        (
            "reportType",
            'is a broken report type; correct its folder: types/sales/report.yaml:7: "title" is missing; add it',
        )
    ]


@pytest.mark.parametrize("formats", [["pdf"], ["html", "excel", "json", "csv", "pdf"]])
def test_one_to_five_formats_are_accepted_in_their_order(formats):
    assert [str(chosen) for chosen in report(export_formats=formats).formats] == formats


@pytest.mark.parametrize("formats", [None, [], ["pdf", "pdf"], ["pdf", "csv", "json", "excel", "html", "pdf"]])
def test_no_formats_and_repeated_formats_are_refused(formats):
    assert problems(export_formats=formats) == [("export_formats", DIFFERENT)]


@pytest.mark.parametrize(
    ("formats", "guess"),
    [(["pdf", "docx"], ""), (["PDF"], ""), (["exel"], " (did you mean excel?)"), ([None], ""), (["csv", ""], "")],
)
def test_a_format_that_does_not_exist_is_named(formats, guess):
    assert problems(export_formats=formats) == [("export_formats", FORMATS + guess)]


@pytest.mark.parametrize("name", ["x", "x" * 200, "  padded  "])
def test_a_name_has_1_to_200_characters(name):
    assert report(name=name).name == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty; enter 1 to 200 characters"),
        ("   ", "is empty; enter 1 to 200 characters"),
        ("x" * 201, "is too long; use at most 200 characters"),
    ],
)
def test_an_empty_or_too_long_name_is_refused(name, reason):
    assert problems(name=name) == [("name", reason)]


def test_a_description_has_up_to_1000_characters():
    assert report(description="x" * 1000).description == "x" * 1000
    assert problems(description="x" * 1001) == [("description", "is too long; use at most 1000 characters")]


def test_up_to_20_tags_of_up_to_50_characters_are_kept_without_repeats():
    twenty = [f"{number:050d}" for number in range(20)]

    assert report(tags=twenty).tags == tuple(twenty)
    assert report(tags=["b", "a", "b"]).tags == ("b", "a")


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([f"tag{number}" for number in range(21)], "has more than 20 tags; remove some"),
        (["x" * 51], "is not a tag of 1 to 50 characters; shorten or remove it"),
        ([""], "is not a tag of 1 to 50 characters; shorten or remove it"),
        (["  "], "is not a tag of 1 to 50 characters; shorten or remove it"),
        ([None], "is not a tag of 1 to 50 characters; shorten or remove it"),
    ],
)
def test_too_many_too_long_and_empty_tags_are_refused(tags, reason):
    assert problems(tags=tags) == [("tags", reason)]


def test_a_cron_expression_is_refused_with_the_parsers_words():
    assert problems(cron_expression="*/5 * * * *") == [
        ("cron_expression", "runs more than once an hour; name exactly one minute in the minute field")
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
    assert problems(timezone=name) == [("timezone", "is not an IANA time zone; use one such as Europe/Berlin")]


@pytest.mark.parametrize("report_id", ["x" * 231, "." * 77])
def test_an_id_fits_into_airflows_once_escaped(report_id):
    assert report(id=report_id).id == report_id


@pytest.mark.parametrize("report_id", ["", "x" * 232, "x" * 233, "." * 78])
def test_an_id_that_does_not_fit_is_refused(report_id):
    assert problems(id=report_id) == [
        ("id", "does not have 1 to 231 characters once escaped for Airflow; use another id")
    ]


def test_a_creator_who_is_suspended_is_named():
    assert problems(creator_status="SUSPENDED") == [("created_by_id", "is suspended; choose a user who is not")]


def test_a_creator_who_has_left_the_workspace_is_named():
    assert problems(creator_is_member=False) == [("created_by_id", "has left the workspace; choose one of its members")]


@pytest.mark.parametrize("role", ["ADMIN", "OWNER"])
@pytest.mark.parametrize("kind", ["security-audit", "custom"])
def test_some_types_run_while_their_creator_leads_the_workspace(kind, role):
    assert report(reportType=kind, creator_role=role, parameters=ASKED[kind]).type == kind


@pytest.mark.parametrize("role", ["MEMBER", "GUEST"])
@pytest.mark.parametrize("kind", ["security-audit", "custom"])
def test_the_creator_of_some_types_has_to_lead_the_workspace(kind, role):
    assert problems(reportType=kind, creator_role=role, parameters=ASKED[kind]) == [
        (
            "created_by_id",
            f"has the role {role} in the workspace, but {kind} needs ADMIN or OWNER; choose another user",
        )
    ]


@pytest.mark.parametrize("changes", [{"creator_is_member": False}, {"creator_status": "SUSPENDED"}])
def test_a_creator_who_is_gone_is_told_so_rather_than_their_role(changes):
    ((column, reason),) = problems(reportType="security-audit", creator_role=None, **changes)

    assert column == "created_by_id"
    assert "security-audit needs" not in reason


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

    with pytest.raises(RejectedError, match="has no role in the workspace, but security-audit needs ADMIN or OWNER"):
        parse_row(old)


def test_a_creator_and_a_workspace_that_do_not_exist_are_named():
    changes = {
        "creator_email": None, "creator_name": None, "creator_status": None, "creator_is_member": False,
        "workspace_name": None, "workspace_slug": None,
    }  # fmt: skip

    assert problems(**changes) == [
        ("workspace_id", "does not exist; use the id of a workspace that does"),
        ("created_by_id", "does not exist; use the id of a user who does"),
    ]


# Email


@pytest.mark.parametrize("count", [1, 50])
def test_1_to_50_recipients_are_accepted(count):
    assert report(email_recipients=people(count)).email.recipients.to == tuple(people(count))


@pytest.mark.parametrize("recipients", [None, [], people(51)])
def test_no_recipient_and_51_recipients_are_refused(recipients):
    assert problems(email_recipients=recipients) == [("email_recipients", ADDRESSES.format("1 to 50"))]


@pytest.mark.parametrize("column", ["email_cc_recipients", "email_bcc_recipients"])
def test_up_to_20_copies_and_20_blind_copies_are_accepted(column):
    assert len(report(**{column: people(20)}).email.recipients) == 21
    assert problems(**{column: people(21)}) == [(column, ADDRESSES.format("0 to 20"))]


def test_a_subject_has_up_to_200_characters():
    assert report(email_subject="x" * 200).email.subject == "x" * 200
    assert problems(email_subject="x" * 201) == [("email_subject", "is too long; use at most 200 characters")]


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


# All of them at once, and one at a time


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
        f'name: "{"x" * 116}... is too long; use at most 200 characters. '
        'timezone: "Mars/Olympus" is not an IANA time zone; use one such as Europe/Berlin.'
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


def test_a_text_array_that_holds_lists_is_named():
    assert problems(tags=[["a", "b"], ["c", "d"]]) == [("tags", 'is not a list of texts; use one such as ["a", "b"]')]


@pytest.mark.parametrize(
    "moment", ["infinity", "-infinity", "0044-03-15T00:00:00+00:00 BC", "10000-01-01T00:00:00+00:00"]
)
def test_an_effective_moment_that_no_calendar_of_ours_has_is_named(moment):
    assert problems(effective_from=moment) == [
        ("effective_from", "is not a moment of the years 1970 to 9000; save the report again")
    ]


@pytest.mark.parametrize("length", [2_001, 100_000])
def test_a_name_that_the_application_does_not_limit_is_cut(length):
    name = "n" * length

    found = report(creator_name=name, workspace_name=name, workspace_slug=name)

    assert {len(found.creator.name), len(found.workspace.name), len(found.workspace.slug)} == {200}
    assert found.creator.name == "n" * 199 + "…"


def test_a_workspace_id_that_makes_an_object_key_too_long_is_refused():
    assert problems(workspace_id="w" * 232) == [
        ("workspace_id", "does not have 1 to 231 characters once escaped; use another id")
    ]


def test_a_cron_expression_of_any_length_is_refused_before_it_is_read():
    assert problems(cron_expression="0," * 100_000 + "0 9 * * *") == [
        ("cron_expression", "is too long; use at most 500 characters")
    ]


def test_a_row_that_breaks_the_parser_is_rejected_alone_and_its_values_are_in_no_log(monkeypatch, caplog):
    whole = report().email

    def broken(check, row):
        if row["id"] == "r2":
            raise KeyError("ada@acme.example")
        return whole

    monkeypatch.setattr(parser, "_email", broken)

    reports, rejections = parser.parse([row(id="r1"), row(id="r2"), row(id="r3")])

    assert [one.id for one in reports] == ["r1", "r3"]
    assert [(one.report_id, [str(problem) for problem in one.problems]) for one in rejections] == [
        ("r2", ['row: "r2" cannot be read (KeyError); correct the row, and report this as a bug.'])
    ]
    assert "r2" in caplog.text
    assert "ada@acme.example" not in caplog.text


def test_a_parameter_whose_name_is_a_novel_is_named_briefly():
    ((column, _),) = problems(parameters={"x" * 1_000_000: 1})

    assert column == f"parameters.{'x' * 189}"


def test_a_row_with_many_thousand_mistakes_costs_no_more_than_one_with_a_hundred():
    many = {f"unknwn{number}": number for number in range(90_000)}
    started = time.process_time()

    found = problems(parameters=many)

    assert len(found) == 100
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "moment", ["2026-05-01T05:30:00+05:30", "2026-04-30T20:00:00-04:00", "2026-05-01T00:00:00+00:00"]
)
def test_a_dag_does_not_change_with_the_zone_of_the_database_server(moment):
    assert report(effective_from=moment).schedule.effective_from.isoformat() == "2026-05-01T00:00:00+00:00"
