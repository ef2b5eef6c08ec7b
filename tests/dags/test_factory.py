"""The DAGs that a parse makes from the rows of scheduled_reports."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.configuration import conf
from airflow.models.dag import DagModel, DagTag
from airflow.models.log import Log
from airflow.serialization.serialized_objects import DagSerialization
from hypothesis import given, settings
from hypothesis import strategies as st

from include.scheduled_reports.domain import naming
from include.scheduled_reports.orchestration import factory
from include.scheduled_reports.orchestration.dag_spec import dag_specs
from include.scheduled_reports.orchestration.timetable import ReportTimetable, RestingTimetable
from include.scheduled_reports.settings import Settings
from tests.unit.rows import row
from tests.unit.test_parser_any_row import columns as COLUMNS  # noqa: N812 - a constant

SETTINGS = Settings()
TASKS = {"query", "formats.render", "formats.upload", "email", "record"}


def built(rows, settings=SETTINGS, before=()):
    planned, _ = dag_specs(rows, settings, before=before)
    return factory.build_all(planned, settings)


def build(**changes):
    (dag,) = built([row(**changes)]).values()
    return dag


def serialized(dag):
    content = DagSerialization.to_dict(dag)
    for path in ("fileloc", "_processor_dags_folder"):
        content["dag"].pop(path, None)
    return json.dumps(content, sort_keys=True)


class TestARowBecomesADag:
    def test_with_the_reports_name_description_owner_and_tags(self):
        dag = build(
            id="r1",
            name="Wöchentliche «Aktivität» 📊",
            description="What happened",
            creator_name="Ana Ng",
            tags=["finance"],
            workspace_slug="core",
            reportType="workspace-activity",
        )

        assert dag.dag_id == "scheduled_report_r1"
        assert dag.dag_display_name == "Wöchentliche «Aktivität» 📊"
        assert dag.description == "What happened"
        assert dag.owner == "Ana Ng"
        assert set(dag.tags) == {"finance", "workspace:core", "workspace-activity"}

    def test_whose_page_in_airflow_says_what_it_is_and_nothing_that_a_person_wrote(self):
        hostile = "![x](https://evil.example/x.png) <script>"
        page = build(id="r1", name=hostile, description=hostile, workspace_slug=hostile, tags=[hostile]).doc_md

        assert "`r1`" in page
        assert "Report" in page
        assert "evil" not in page

    def test_whose_tasks_lead_to_their_file_and_to_their_run_and_whose_parts_have_names(self):
        dag = build(id="r1")

        links = {name: [link.name for link in dag.task_dict[name].operator_extra_links] for name in TASKS}
        assert links == {"query": [], "formats.render": [], "formats.upload": ["File"], "email": ["Report"],
                         "record": ["Report"]}  # fmt: skip
        assert dag.task_dict["formats.render"].map_index_template == "{{ format }}"
        assert dag.task_dict["formats.upload"].map_index_template == "{{ format }}"

    def test_whose_workspace_tag_carries_the_id_where_the_slug_is_not_unique(self):
        dag = build(workspace_slug="core", workspace_id="w7", slug_is_unique=False)

        assert "workspace:core:w7" in dag.tags

    def test_that_fires_in_its_own_zone(self):
        timetable = build(cron_expression="30 6 1 * *", timezone="Asia/Kathmandu").timetable

        assert isinstance(timetable, ReportTimetable)
        assert timetable.summary == "30 6 1 * * (Asia/Kathmandu)"

    def test_that_runs_one_at_a_time_and_is_not_paused_at_creation(self):
        dag = build()

        assert dag.max_active_runs == 1
        assert dag.is_paused_upon_creation is False
        assert dag.catchup is False

    def test_whose_tasks_retry_with_backoff_within_time_limits(self):
        for task in build().tasks:
            assert task.retries == 3
            assert task.retry_exponential_backoff
            assert task.execution_timeout is not None

    def test_whose_id_leads_back_to_the_row(self):
        dag = build(id="Ärger/../1")

        assert naming.report_id_of(dag.dag_id) == "Ärger/../1"


class TestWhatAPersonWrote:
    """Fits into Airflow's columns: the DAG processor ends at a text that its database refuses."""

    LONG = "ä" * 5_000

    def test_fits_if_the_row_is_valid(self):
        dag = build(creator_name=self.LONG, workspace_slug=self.LONG, workspace_name=self.LONG, tags=["t" * 50])

        assert len(dag.owner) <= min(DagModel.owners.type.length, Log.owner.type.length)
        assert {len(tag) <= DagTag.name.type.length for tag in dag.tags} == {True}

    def test_fits_if_the_row_is_invalid(self):
        invalid = row(name=self.LONG, description=self.LONG, tags=[self.LONG], status="ACTIVE", tombstone="rejected")

        (dag,) = built([invalid]).values()

        assert len(dag.dag_display_name) <= DagModel._dag_display_property_value.type.length
        assert not dag.tags

    @pytest.mark.parametrize("report_id", ["x" * 231, "/" * 77, "é" * 38])
    def test_leaves_room_for_the_folder_of_a_tasks_log(self, report_id, tmp_path):
        dag = build(id=report_id)
        template = conf.get("logging", "log_filename_template").partition("/")[0]

        folder = template.replace("{{ ti.dag_id }}", dag.dag_id)

        assert "{" not in folder
        (tmp_path / folder).mkdir()
        assert naming.report_id_of(dag.dag_id) == report_id

    @settings(max_examples=60, deadline=None)
    @given(st.fixed_dictionaries({}, optional=COLUMNS), st.sampled_from(["", "n" * 3_000, "é" * 300, "\n\t\u202e"]))
    def test_never_makes_airflow_refuse_a_dag_or_store_more_than_its_columns_hold(self, changes, name):
        names = dict.fromkeys(("creator_name", "workspace_slug", "workspace_name", "name"), name) if name else {}

        for dag in built([row(**{"tombstone": "rejected", **changes, **names})]).values():
            content = DagSerialization.to_dict(dag)["dag"]
            assert len(dag.dag_id.encode()) <= 248
            assert len(dag.owner) <= Log.owner.type.length
            assert len(dag.dag_display_name) <= DagModel._dag_display_property_value.type.length
            assert all(1 <= len(tag) <= DagTag.name.type.length for tag in dag.tags)
            assert "\0" not in json.dumps(content)


class TestTheStructure:
    def test_is_the_same_for_every_report(self):
        one, other = build(export_formats=["pdf"]), build(export_formats=["csv", "json", "html"], email_enabled=False)

        assert set(one.task_ids) == set(other.task_ids) == TASKS

    def test_mails_what_arrived_even_if_one_format_failed(self):
        email = build().get_task("email")

        assert email.trigger_rule == "all_done_min_one_success"
        assert email.upstream_task_ids == {"formats.upload"}

    def test_records_whatever_happened_to_any_task(self):
        record = build().get_task("record")

        assert record.is_teardown
        assert record.on_failure_fail_dagrun
        assert record.upstream_task_ids == TASKS - {"record"}

    def test_queries_and_renders_in_the_operators_pools(self):
        (dag,) = built([row()], Settings(query_pool="source", render_pool="narrow")).values()

        assert {task.task_id: task.pool for task in dag.tasks if task.pool != "default_pool"} == {
            "query": "source",
            "formats.render": "narrow",
        }


class TestACompactRun:
    SETTINGS = Settings(run_mode="compact", query_pool="source", retries=2, query_seconds=timedelta(minutes=10))

    def build(self):
        (dag,) = built([row(id="r1")], self.SETTINGS).values()
        return dag

    def test_has_one_task_for_its_stages_and_is_recorded_whatever_happens_to_it(self):
        dag = self.build()

        assert set(dag.task_ids) == {"report", "record"}
        assert dag.get_task("record").is_teardown
        assert dag.get_task("record").on_failure_fail_dagrun
        assert dag.get_task("record").upstream_task_ids == {"report"}

    def test_takes_a_slot_of_the_query_pool_and_the_time_and_the_attempts_of_three_tasks(self):
        report = self.build().get_task("report")

        assert report.pool == "source"
        assert report.retries == 3 * 2
        assert report.execution_timeout == 3 * timedelta(minutes=15)

    def test_leads_from_its_task_to_its_page_and_writes_nothing_else_to_the_api_server(self):
        dag = self.build()

        assert [link.name for link in dag.get_task("report").operator_extra_links] == ["Report"]
        assert not any(task.do_xcom_push for task in dag.tasks)

    def test_has_the_trigger_form_of_a_staged_one(self):
        assert self.build().params.dump() == build(id="r1").params.dump()

    @pytest.mark.parametrize(
        ("task", "mode", "tasks"),
        [
            ("report", "staged", {"report", "record"}),
            ("query", "compact", TASKS),
            ("formats.upload", "compact", TASKS),
            ("record", "compact", {"report", "record"}),
            ("record", "staged", TASKS),
        ],
    )
    def test_that_is_open_when_the_mode_changes_finds_its_task(self, at_task_start, monkeypatch, task, mode, tasks):
        monkeypatch.setenv("SCHEDULED_REPORTS__RUN_MODE", mode)
        at_task_start("scheduled_report_r1", task)

        assert set(factory.dags()["scheduled_report_r1"].task_ids) == tasks


class TestWhoIsScheduled:
    @pytest.mark.parametrize("changes", [{"is_active": False}, {"status": "PAUSED"}, {"status": "ERROR"}])
    def test_a_report_that_is_not_active_is_present_without_a_schedule(self, changes):
        dag = build(**changes)

        assert set(dag.task_ids) == TASKS
        assert dag.timetable.can_be_scheduled is False

    def test_a_disabled_report_is_absent(self):
        assert built([row(status="DISABLED")]) == {}


class TestABadRow:
    def test_costs_only_itself(self):
        bad = row(id="bad", cron_expression="* * * * *")

        assert set(built([row(id="a"), bad, row(id="z")])) == {"scheduled_report_a", "scheduled_report_z"}

    def test_that_breaks_airflow_itself_costs_only_itself(self, monkeypatch):
        real = factory.build

        def build_or_break(plan, settings):
            if plan.report_id == "bad":
                raise RuntimeError("Airflow does not like it")
            return real(plan, settings)

        monkeypatch.setattr(factory, "build", build_or_break)

        assert set(built([row(id="a"), row(id="bad")])) == {"scheduled_report_a"}

    def test_is_logged_with_every_reason_but_no_value(self, caplog, migrated_dsn, reports_db):
        reports_db(migrated_dsn, "UPDATE scheduled_reports SET timezone = 'Mars/Olympus', export_formats = '{docx}'")

        assert factory.dags() == {}
        assert "timezone is not an IANA time zone; " in caplog.text
        assert "export_formats: unknown format; " in caplog.text
        assert "Olympus" not in caplog.text


class TestAReportThatWent:
    def test_keeps_a_dag_that_nobody_can_start_while_its_tombstone_stands(self):
        gone = {"id": "r1", "deleted": True, "tombstone": "deleted", "name": "Weekly", "error_cause": None}

        dag = built([gone])["scheduled_report_r1"]

        assert set(dag.task_ids) == TASKS
        assert isinstance(dag.timetable, RestingTimetable)
        assert [kind.value for kind in dag.allowed_run_types] == ["scheduled"]
        assert dag.dag_display_name == "Weekly"

    def test_is_disabled_rests_too(self):
        dag = built([row(id="r1", status="DISABLED", tombstone="disabled")])["scheduled_report_r1"]

        assert isinstance(dag.timetable, RestingTimetable)

    def test_has_turned_invalid_rests_until_upkeep_has_seen_it(self):
        spoiled = row(id="r1", timezone="Mars/Olympus")

        assert set(built([spoiled], before={"r1"})) == {"scheduled_report_r1"}
        assert built([spoiled], before=()) == {}
        assert built([row(id="r1", timezone="Mars/Olympus", error_cause="rejected")], before={"r1"}) == {}

    def test_serializes_and_decodes(self):
        gone = {"id": "r1", "deleted": True, "tombstone": "deleted", "name": "Weekly", "error_cause": None}

        assert "RestingTimetable" in serialized(built([gone])["scheduled_report_r1"])


class TestTheSerializedDag:
    @pytest.mark.parametrize(
        "changes",
        [
            {"email_recipients": ["other@neolith.example"]},
            {"parameters": {"dateRange": {"type": "last-year"}}},
            {"export_formats": ["html", "json"]},
            {"email_subject": "Another one"},
        ],
    )
    def test_does_not_change_with_what_a_run_reads_for_itself(self, changes):
        assert serialized(build(**changes)) == serialized(build())

    @pytest.mark.parametrize(
        "changes",
        [{"name": "Another"}, {"cron_expression": "0 10 * * 1"}, {"timezone": "UTC"}, {"is_active": False}],
    )
    def test_changes_with_what_airflow_shows_and_schedules(self, changes):
        assert serialized(build(**changes)) != serialized(build())


class TestAParse:
    def test_of_one_task_builds_its_dag_from_the_id_alone(self, at_task_start, monkeypatch):
        at_task_start("scheduled_report_Zo.c3.ab")
        monkeypatch.setattr(factory, "_definitions", lambda: pytest.fail("a task start asked the database"))

        dags = factory.dags()

        assert set(dags) == {"scheduled_report_Zo.c3.ab"}
        assert set(dags["scheduled_report_Zo.c3.ab"].task_ids) == TASKS

    def test_of_one_task_has_the_tasks_a_full_parse_has(self, at_task_start):
        def told(dag):
            return {
                task.task_id: (task.trigger_rule, task.retries, task.execution_timeout, task.pool, task.is_teardown)
                for task in dag.tasks
            }

        at_task_start("scheduled_report_r1")

        assert told(factory.dags()["scheduled_report_r1"]) == told(build(id="r1"))

    def test_for_a_dag_that_is_not_ours_makes_nothing(self, at_task_start):
        at_task_start("somebody_elses")

        assert factory.dags() == {}

    def test_reads_the_rows_of_the_database(self, migrated_dsn, reports_db):
        reports_db(migrated_dsn)

        assert set(factory.dags()) == {"scheduled_report_r1"}

    def test_serves_the_last_good_copy_when_the_database_is_away(self, migrated_dsn, reports_db, monkeypatch, caplog):
        reports_db(migrated_dsn)
        good = {name: serialized(dag) for name, dag in factory.dags().items()}
        monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", "postgresql://nobody:secret-word@127.0.0.1:1/nowhere")

        found = {name: serialized(dag) for name, dag in factory.dags().items()}

        assert found == good
        assert set(found) == {"scheduled_report_r1"}
        assert "did not answer" in caplog.text
        assert "secret-word" not in caplog.text

    def test_keeps_no_address_in_the_last_good_copy_and_shows_it_to_nobody_else(
        self, migrated_dsn, reports_db, last_good
    ):
        reports_db(migrated_dsn, "UPDATE scheduled_reports SET email_recipients = '{ada@acme.example}'")

        factory.dags()

        assert "@" not in last_good.read_text()
        assert last_good.stat().st_mode & 0o077 == 0

    def test_makes_nothing_and_does_not_raise_when_there_never_was_a_good_one(self, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", "postgresql://nobody:secret-word@127.0.0.1:1/nowhere")

        assert factory.dags() == {}

    def test_does_not_raise_when_the_connection_is_not_defined(self, monkeypatch, caplog):
        monkeypatch.delenv("AIRFLOW_CONN_REPORTS_DB", raising=False)

        assert factory.dags() == {}
        assert "the connection reports_db is not defined" in caplog.text

    def test_serves_the_last_good_copy_when_the_rows_cannot_be_read_for_a_reason_nobody_foresaw(
        self, migrated_dsn, reports_db, monkeypatch, caplog
    ):
        reports_db(migrated_dsn)
        factory.dags()
        monkeypatch.setattr(factory, "_definitions", lambda *_: {}["secret-word"])

        assert set(factory.dags()) == {"scheduled_report_r1"}
        assert "KeyError" in caplog.text
        assert "secret-word" not in caplog.text

    def test_survives_a_last_good_copy_that_somebody_has_spoiled(self, monkeypatch, last_good):
        last_good.write_text('[{"report_id": 1}')
        monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", "postgresql://nobody:secret-word@127.0.0.1:1/nowhere")

        assert factory.dags() == {}

    def test_never_raises_when_a_setting_is_wrong(self, monkeypatch, caplog):
        monkeypatch.setenv("SCHEDULED_REPORTS__ROW_LIMIT", "many")

        assert factory.dags() == {}
        assert "SCHEDULED_REPORTS__ROW_LIMIT" in caplog.text


def test_airflow_finds_the_dag_file_which_must_name_both_words():
    text = (Path(factory.__file__).parents[3] / "dags" / "scheduled_reports.py").read_text().lower()

    assert "dag" in text
    assert "airflow" in text
