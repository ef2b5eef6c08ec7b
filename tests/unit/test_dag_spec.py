"""Which reports become a DAG, and what the DAG may depend on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from include.scheduled_reports.domain import naming
from include.scheduled_reports.orchestration.dag_spec import MAX_TAG_LENGTH, DagSpec, TimetableArguments, dag_specs
from include.scheduled_reports.settings import Settings
from tests.unit.rows import row

SETTINGS = Settings()
SPOILED = {"timezone": "Mars/Olympus"}
GONE = {"id": "r1", "deleted": True, "tombstone": "deleted", "name": "Weekly", "error_cause": None, "status": None}


def planned(*rows, settings=SETTINGS, before=()):
    return dag_specs(rows, settings, before=before)[0]


def plan(**changes):
    (found,) = planned(row(**changes))
    return found


def test_a_plan_says_what_airflow_shows_and_schedules():
    assert plan(
        id="r1",
        name="Weekly",
        description="What happened",
        creator_name="Ada Byron",
        tags=["finance"],
        workspace_slug="core",
        reportType="workspace-activity",
        cron_expression="30  6 1 * *",
        timezone="Asia/Kathmandu",
        effective_from="2026-05-01T00:00:00.123456+00:00",
    ) == DagSpec(
        report_id="r1",
        display_name="Weekly",
        description="What happened",
        tags=("finance", "workspace-activity", "workspace:core"),
        owner="Ada Byron",
        schedule=TimetableArguments(
            cron="30 6 1 * *", timezone="Asia/Kathmandu", effective_from="2026-05-01T00:00:00.123456+00:00", jitter=0
        ),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"export_formats": ["html"]},
        {"parameters": {}},
        {"email_enabled": False},
        {"email_recipients": ["other@acme.example"]},
        {"email_subject": "Another"},
        {"email_send_only_if_data": True},
        {"creator_email": "other@acme.example"},
        {"workspace_name": "Renamed"},
        {"missed_runs": "all"},
    ],
)
def test_what_a_run_reads_for_itself_is_in_no_plan(changes):
    assert plan(**changes) == plan()


def test_the_creators_address_is_never_shown_for_a_name():
    found = plan(creator_name=None, creator_email="ada@acme.example")

    assert found.owner == "airflow"
    assert "@" not in json.dumps(found.as_json())


@pytest.mark.parametrize("changes", [{"is_active": False}, {"status": "PAUSED"}, {"status": "ERROR"}])
def test_a_report_that_is_not_scheduled_has_a_plan_that_can_be_started_by_hand(changes):
    found = plan(**changes)

    assert found.schedule is None
    assert not found.resting


def test_names_on_several_lines_become_one_and_a_name_of_control_characters_gives_way_to_the_id():
    assert plan(name="Weekly\r\nnumbers\t1").display_name == "Weekly numbers 1"
    assert plan(id="r1", name="\x07\x08").display_name == "r1"
    assert planned({**GONE, "name": "\x07"})[0].display_name == "r1"


def test_tags_are_ordered_named_once_and_no_longer_than_airflow_takes():
    found = plan(tags=["zeta", "alpha", "zeta"], workspace_slug="s" * 200, reportType="channel-analytics")

    assert found.tags == ("alpha", "channel-analytics", f"workspace:{'s' * 90}", "zeta")
    assert max(map(len, found.tags)) == MAX_TAG_LENGTH == 100


def test_the_workspace_is_named_with_its_id_where_its_slug_is_not_unique():
    assert "workspace:core:w7" in plan(workspace_slug="core", workspace_id="w7", slug_is_unique=False).tags


def test_jitter_is_the_operators_window_and_the_same_in_every_parse():
    # SHA-256 of "r1" begins with 82f3e9c695dc6b8d, which is 341 modulo 600.
    ten_minutes = Settings(jitter_seconds=timedelta(minutes=10))
    (found,) = planned(row(id="r1"), settings=ten_minutes)

    assert found.schedule.jitter == 341


# Which reports have a DAG


@pytest.mark.parametrize("tombstone", ["disabled", "deleted"])
def test_a_disabled_report_rests_while_its_tombstone_stands(tombstone):
    (found,) = planned(row(id="r1", name="Weekly", status="DISABLED", tombstone=tombstone))

    assert found == DagSpec(report_id="r1", display_name="Weekly", resting=True)


def test_a_deleted_report_rests_while_its_tombstone_stands():
    assert planned(GONE) == (DagSpec(report_id="r1", display_name="Weekly", resting=True),)


def test_a_disabled_report_is_absent():
    assert planned(row(status="DISABLED")) == ()


@pytest.mark.parametrize("tombstone", [None, "deleted", "disabled", "rejected"])
def test_a_valid_report_that_is_not_disabled_never_rests(tombstone):
    assert not plan(tombstone=tombstone).resting
    assert plan(tombstone=tombstone).schedule is not None


@pytest.mark.parametrize(
    ("changes", "before", "rests"),
    [
        # It has become invalid since the last parse, and upkeep has not processed it.
        ({"status": "ACTIVE"}, {"r1"}, True),
        ({"status": "PAUSED"}, {"r1"}, True),
        ({"status": "ERROR", "error_cause": "failing"}, {"r1"}, True),
        # It never had a DAG.
        ({"status": "ACTIVE"}, {"another"}, False),
        # Upkeep has processed it: now the tombstone decides.
        ({"status": "ERROR", "error_cause": "rejected", "tombstone": "rejected"}, {"r1"}, True),
        ({"status": "ERROR", "error_cause": "rejected", "tombstone": "rejected"}, (), True),
        ({"status": "ERROR", "error_cause": "rejected", "tombstone": "rejected"}, {"r2"}, False),
        ({"status": "ERROR", "error_cause": "rejected"}, {"r1"}, False),
        # Upkeep does not touch a disabled report: the tombstone decides from the beginning.
        ({"status": "DISABLED", "tombstone": "disabled"}, {"r1"}, True),
        ({"status": "DISABLED"}, {"r1"}, False),
    ],
)
def test_an_invalid_report_rests_until_upkeep_lets_it_go(changes, before, rests):
    found, rejections = dag_specs([row(id="r1", **SPOILED, **changes)], SETTINGS, before=before)

    assert [(one.report_id, one.resting, one.schedule) for one in found] == ([("r1", True, None)] if rests else [])
    assert [rejection.report_id for rejection in rejections] == ["r1"]


def test_a_bad_row_costs_only_itself_and_is_named_with_every_reason():
    found, rejections = dag_specs(
        [row(id="b", **SPOILED, cron_expression="@daily"), row(id="c"), row(id="a")], SETTINGS
    )

    assert [one.report_id for one in found] == ["a", "c"]
    (rejection,) = rejections
    assert {problem.column for problem in rejection.problems} == {"timezone", "cron_expression"}


def test_a_status_that_only_a_newer_application_knows_is_a_bad_row():
    found, (rejection,) = dag_specs([row(id="a", status="ARCHIVED"), row(id="b")], SETTINGS)

    assert [one.report_id for one in found] == ["b"]
    assert [str(problem) for problem in rejection.problems] == [
        'status: "ARCHIVED" is not a known status; choose from ACTIVE, PAUSED, DISABLED, ERROR.'
    ]


# Any content of the table


texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=12)
rows_of_all_kinds = st.lists(
    st.builds(
        row,
        id=texts,
        name=texts,
        description=st.none() | texts,
        tags=st.lists(texts, max_size=3),
        workspace_slug=texts,
        creator_name=st.none() | texts,
        is_active=st.booleans(),
        status=st.sampled_from(["ACTIVE", "PAUSED", "DISABLED", "ERROR"]),
        timezone=st.sampled_from(["Europe/Berlin", "UTC", "Mars/Olympus"]),
        tombstone=st.none() | st.sampled_from(["deleted", "disabled", "rejected"]),
        error_cause=st.none() | st.sampled_from(["rejected", "failing"]),
        effective_from=st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    ),
    max_size=5,
    unique_by=lambda one: one["id"],
)


@given(rows_of_all_kinds, st.randoms(use_true_random=False))
def test_plans_come_in_the_order_of_ids_however_the_rows_come(rows, chance):
    before = {one["id"] for one in rows[::2]}
    found = planned(*rows, before=before)
    chance.shuffle(rows)

    assert planned(*rows, before=before) == found
    assert [one.report_id for one in found] == sorted(one.report_id for one in found)


@given(rows_of_all_kinds)
def test_a_plan_is_shown_by_a_name_of_one_line_and_has_an_owner(rows):
    for found in planned(*rows, before={one["id"] for one in rows}):
        assert found.display_name.strip()
        assert len(found.display_name.splitlines()) == 1
        assert found.owner.strip()


@given(rows_of_all_kinds)
def test_a_plan_stores_as_json_and_comes_back(rows):
    for found in planned(*rows, {**GONE, "id": "gone"}):
        assert DagSpec.from_json(json.loads(json.dumps(found.as_json()))) == found


def with_a_calendar():
    """A report closed on 25 May 2026, with another closed day of 2024, until the end of the year."""
    held = {"code": "office", "weekend": [0, 6], "dates": ["2024-05-20", "2026-05-25", "2026-05-24"]}
    options = {"calendar": "office", "onClosed": "after", "endsOn": "2026-12-31"}
    return plan(options=options, calendar=held)


def test_the_closed_days_are_arguments_of_the_timetable():
    schedule = with_a_calendar().schedule

    assert schedule.options == {
        "weekend": [0, 6], "closed": ["2026-05-25"], "on_closed": "after", "ends_on": "2026-12-31",
    }  # fmt: skip
    assert plan().schedule.options == {}


def test_a_plan_with_closed_days_comes_back_from_json():
    found = with_a_calendar()

    assert DagSpec.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_a_plan_of_the_release_before_is_read():
    stored = plan().as_json()
    stored["schedule"] = {name: stored["schedule"][name] for name in ("cron", "timezone", "effective_from", "jitter")}

    assert DagSpec.from_json(json.loads(json.dumps(stored))) == plan()


@pytest.mark.parametrize("harm", [{"closed": [5]}, {"weekend": ["6"]}, {"ends_on": 5}, {"on_closed": None}, {"x": 1}])
def test_a_plan_with_a_wrong_value_is_not_read(harm):
    stored = with_a_calendar().as_json()
    stored["schedule"] |= harm

    with pytest.raises(TypeError):
        DagSpec.from_json(stored)


HOSTILE = [
    "a\n\n![x](http://evil.example/leak)\n\n[Renew your password](http://evil.example)",
    "`![x](http://evil.example/leak)`",
    "``[a](http://evil.example)``",
    "`",
    "http://evil.example",
    "www.evil.example",
    "<http://evil.example>",
    "<img src=http://evil.example/leak>",
    "ada@evil.example",
    "a\r\n<script>alert(1)</script>",
    "a\u2028[b](http://evil.example)",
    "\\`[a](http://evil.example)",
    "[a]: http://evil.example",
    "x\n\n    [a](http://evil.example)",
]


def rendered(text):
    """Return the kinds of Markdown that another reader finds, with bare addresses as links, as Airflow's page has."""
    tokens = MarkdownIt("gfm-like", {"html": True}).parse(text)
    return [inner for token in tokens for inner in (token, *(token.children or ()))]


def check_that_it_is_text(report_id):
    found = rendered(DagSpec(report_id=report_id, display_name="x").page)
    assert not {token.type for token in found} & {"link_open", "image", "html_inline", "html_block", "heading_open"}
    code = [token.content for token in found if token.type == "code_inline"]
    assert naming.one_line(report_id).strip() in [one.strip() for one in code]


@pytest.mark.parametrize("report_id", HOSTILE)
def test_markdown_in_an_id_is_shown_as_text_on_the_dags_page(report_id):
    check_that_it_is_text(report_id)


@given(st.text(st.sampled_from("`\\![]()<>\n\r \tx:/.w*_~|#-&;") | st.characters(), min_size=1, max_size=30))
def test_no_id_is_anything_but_text_on_the_dags_page(report_id):
    if naming.one_line(report_id):
        check_that_it_is_text(report_id)
