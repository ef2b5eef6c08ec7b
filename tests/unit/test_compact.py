"""Compact runs: all stages in one process, attempt after attempt, against faults in any of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.errors import (
    DeliveryUnknownError,
    PermanentError,
    SkipRunError,
    TransientError,
)
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.domain.stage import StageName, StageResult
from include.scheduled_reports.runs import compact, pipeline
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from tests.unit.rows import row
from tests.unit.run_helpers import KEY, LIVE, MEMBERS, TRIGGER, Answers, attachments, mails

CSV, JSON, PDF, HTML, EXCEL = Format.CSV, Format.JSON, Format.PDF, Format.HTML, Format.EXCEL
RETRIES = 2


class KilledError(BaseException):
    """The process is gone."""


class Airflow:
    """Runs the two tasks of a compact run as Airflow does, and puts faults into their stages.

    *faults* are the errors of the next calls of a stage: an error is raised before the stage does anything.
    """

    def __init__(self, *, formats=(CSV, JSON), retries=RETRIES, **changes):
        rows = [row(id="r1", export_formats=[str(one) for one in formats], **changes)]
        self.services = MemoryServices(
            source=MemorySource(Answers()),
            settings=replace(LIVE, retries=retries),
            definitions=MemoryDefinitions(rows, MEMBERS),
            moment=TRIGGER.scheduled_for + timedelta(seconds=5),
        )
        self.faults, self.done, self.sections = {}, [], []
        self.number, self.retries = 0, retries

    def run(self, trigger=TRIGGER):
        """Try the task until it ends for good, then settle the run; return the outcome."""
        most = self.number + 1 + 3 * self.retries
        while self.number < most:
            self.number += 1
            try:
                with self._stages():
                    self.told = compact.report(
                        self.services,
                        trigger,
                        attempt=self.number,
                        last=self.number == most,
                        section=self._section,
                    )
            except (PermanentError, SkipRunError, DeliveryUnknownError) as error:
                self.error = error
                break
            except (Exception, KilledError):  # noqa: S112 - Airflow tries again
                continue
            self.error = None
            break
        return pipeline.record(self.services, trigger)

    @contextmanager
    def _section(self, title):
        self.sections.append(title)
        yield

    @contextmanager
    def _stages(self):
        """Put the faults before the stages."""
        real = {name: getattr(pipeline, name) for name in ("query", "render", "upload", "email")}

        def wrapped(name):
            def stage(services, subject, *rest, **options):
                chosen = rest[0] if rest else None
                waiting = self.faults.get((name, chosen), [])
                if waiting and (fault := waiting.pop(0)) is not None:
                    raise fault
                found = real[name](services, subject, *rest, **options)
                self.done.append((name, chosen))
                return found

            return stage

        with pytest.MonkeyPatch.context() as patch:
            for name in real:
                patch.setattr(pipeline, name, wrapped(name))
            yield

    def results(self):
        """Return what is recorded of each attempt, in order."""
        return [
            (str(one.stage), one.format and str(one.format), one.attempt, one.result and str(one.result))
            for one in self.services.stages.of(KEY)
        ]


def test_does_every_stage_once_in_order_and_mails_once():
    airflow = Airflow()

    outcome = airflow.run()

    assert outcome.state is RunState.SUCCESS
    assert airflow.done == [
        ("query", None), ("render", CSV), ("upload", CSV), ("render", JSON), ("upload", JSON), ("email", None),
    ]  # fmt: skip
    assert airflow.sections == ["query", "render csv", "upload csv", "render json", "upload json", "email"]
    (mail,) = mails(airflow.services)
    assert len(attachments(mail)) == 2
    assert airflow.told == "sent"


def test_records_when_each_stage_began_and_ended():
    airflow = Airflow(formats=(CSV,))

    airflow.run()

    found = airflow.services.stages.of(KEY)
    assert [(one.stage, one.format, one.attempt, one.result) for one in found] == [
        (StageName.QUERY, None, 1, StageResult.SUCCESS),
        (StageName.RENDER, CSV, 1, StageResult.SUCCESS),
        (StageName.UPLOAD, CSV, 1, StageResult.SUCCESS),
        (StageName.EMAIL, None, 1, StageResult.SUCCESS),
    ]
    assert all(one.started_at <= one.ended_at for one in found)


class TestAFormatThatFails:
    def test_for_a_while_is_made_by_the_next_attempt_alone_and_the_mail_waits_for_it(self):
        airflow = Airflow()
        airflow.faults = {("render", CSV): [TransientError("busy")]}

        assert airflow.run().state is RunState.SUCCESS

        assert airflow.done == [
            ("query", None), ("render", JSON), ("upload", JSON), ("render", CSV), ("upload", CSV), ("email", None),
        ]  # fmt: skip
        (mail,) = mails(airflow.services)
        assert len(attachments(mail)) == 2

    def test_in_its_upload_is_not_rendered_again(self):
        airflow = Airflow(formats=(CSV,))
        airflow.faults = {("upload", CSV): [TransientError("S3 is away")]}

        assert airflow.run().state is RunState.SUCCESS
        assert airflow.done == [("query", None), ("render", CSV), ("upload", CSV), ("email", None)]

    @pytest.mark.parametrize("error", [PermanentError("no such font"), TransientError("busy"), RuntimeError("secret")])
    def test_for_good_costs_only_itself_and_is_named(self, error):
        airflow = Airflow()
        airflow.faults = {("render", CSV): [error] * (1 if isinstance(error, PermanentError) else 1 + RETRIES)}

        outcome = airflow.run()

        assert outcome.state is RunState.FAILED
        assert outcome.reason.startswith("csv: ")
        assert isinstance(airflow.error, compact.GivenUpError)
        assert "secret" not in str(airflow.error)
        (mail,) = mails(airflow.services)
        assert [name.rpartition(".")[2] for name in attachments(mail)] == ["json"]

    def test_for_good_is_not_tried_again_while_the_mail_is(self):
        airflow = Airflow()
        airflow.faults = {("render", CSV): [PermanentError("no such font")], ("email", None): [TransientError("away")]}

        assert airflow.run().state is RunState.FAILED

        assert airflow.done.count(("email", None)) == 1
        assert ("render", CSV) not in airflow.done
        assert len(mails(airflow.services)) == 1

    def test_does_not_use_up_the_attempts_of_the_mail(self):
        airflow = Airflow()
        airflow.faults = {
            ("render", CSV): [TransientError("busy")] * RETRIES,
            ("email", None): [TransientError("away")] * RETRIES,
        }

        assert airflow.run().state is RunState.SUCCESS
        assert airflow.number == 1 + 2 * RETRIES

    def test_like_every_other_leaves_no_mail(self):
        airflow = Airflow()
        airflow.faults = {("render", one): [PermanentError("broken")] for one in (CSV, JSON)}

        assert airflow.run().state is RunState.FAILED
        assert mails(airflow.services) == []


class TestAProcessThatIsKilled:
    @pytest.mark.parametrize("stage", [("query", None), ("render", CSV), ("upload", CSV), ("email", None)])
    def test_is_tried_again_from_the_first_missing_stage(self, stage):
        airflow = Airflow()
        airflow.faults = {stage: [KilledError()]}

        assert airflow.run().state is RunState.SUCCESS

        assert sorted(airflow.done) == sorted(set(airflow.done))
        assert len(mails(airflow.services)) == 1

    def test_twice_by_a_format_goes_on_without_it_and_names_it(self):
        airflow = Airflow(formats=(CSV, PDF, JSON))
        airflow.faults = {("render", PDF): [KilledError()] * 9}

        outcome = airflow.run()

        assert outcome.state is RunState.FAILED
        assert outcome.reason == (
            "pdf: the process ended while this file was made: it was killed, perhaps for lack of memory, "
            "or took too long"
        )
        assert airflow.number == 3
        (mail,) = mails(airflow.services)
        assert [name.rpartition(".")[2] for name in attachments(mail)] == ["csv", "json"]

    def test_once_in_its_last_attempt_but_one_goes_on_without_that_format(self):
        airflow = Airflow(formats=(PDF, JSON), retries=1)
        airflow.faults = {
            ("query", None): [TransientError("away")],
            ("render", JSON): [TransientError("busy")],
            ("render", PDF): [TransientError("busy"), *[KilledError()] * 9],
        }

        assert airflow.run().state is RunState.FAILED
        (mail,) = mails(airflow.services)
        assert [name.rpartition(".")[2] for name in attachments(mail)] == ["json"]

    def test_with_its_data_gone_makes_every_file_anew(self):
        airflow = Airflow()
        airflow.faults = {("render", JSON): [KilledError()]}
        lose = airflow.services.stages.of

        def lose_data(key):
            if airflow.number == 2:
                airflow.services.staging.files.clear()
            return lose(key)

        airflow.services.stages.of = lose_data

        assert airflow.run().state is RunState.SUCCESS
        assert airflow.done.count(("query", None)) == 2
        assert airflow.done.count(("render", CSV)) == 2


def test_a_skipped_tick_stays_skipped():
    airflow = Airflow(is_active=False)

    assert airflow.run().state is RunState.SKIPPED
    assert isinstance(airflow.error, SkipRunError)
    assert mails(airflow.services) == []


def test_a_query_is_tried_as_often_as_in_a_staged_run():
    airflow = Airflow()
    airflow.services.source.answer.errors["days"] = TransientError("away")

    assert airflow.run().state is RunState.FAILED
    assert airflow.number == 1 + RETRIES


def test_a_database_that_is_away_before_the_run_is_recorded_is_waited_for_in_every_attempt():
    airflow = Airflow()
    airflow.faults = {("query", None): [TransientError("away")] * 3 * RETRIES}

    assert airflow.run().state is RunState.SUCCESS


def test_a_message_of_which_nobody_knows_whether_it_was_sent_is_not_sent_again():
    airflow = Airflow()
    airflow.services.mailer.error = DeliveryUnknownError("no answer")

    assert airflow.run().state is RunState.FAILED
    assert [one.state for one in airflow.services.ledger.of(KEY) if not one.is_notice] == [DeliveryState.UNKNOWN]


class TestARunWhoseModeChanges:
    def test_does_as_one_task_only_what_its_tasks_have_not_done(self):
        airflow = Airflow()
        pipeline.query(airflow.services, TRIGGER)
        pipeline.render(airflow.services, KEY, CSV)
        pipeline.upload(airflow.services, KEY, CSV)
        pipeline.render(airflow.services, KEY, JSON)
        airflow.faults = {("email", None): [KilledError()]}

        assert airflow.run().state is RunState.SUCCESS

        assert airflow.done == [("render", JSON), ("upload", JSON), ("email", None)]
        assert len(mails(airflow.services)) == 1

    def test_before_its_data_was_read_begins_with_that(self):
        airflow = Airflow()
        airflow.services.source.answer.errors["days"] = TransientError("away")
        with pytest.raises(TransientError):
            pipeline.query(airflow.services, TRIGGER)
        airflow.services.source.answer.errors.clear()

        assert airflow.run().state is RunState.SUCCESS
        assert airflow.done[0] == ("query", None)

    def test_reads_no_data_again_as_tasks(self):
        airflow = Airflow()
        airflow.faults = {("upload", JSON): [KilledError()] * 9}
        airflow.retries = 0
        airflow.run()
        asked = len(airflow.services.source.answer.asked)

        assert pipeline.query(airflow.services, TRIGGER) == (CSV, JSON)
        assert len(airflow.services.source.answer.asked) == asked


class TestACleared:
    def test_run_begins_anew_with_the_current_row_and_is_not_mailed_again(self):
        airflow = Airflow()
        airflow.run()
        airflow.services.definitions.content[0]["export_formats"] = ["csv"]
        airflow.done = []

        assert airflow.run(replace(TRIGGER, clear_number=1)).state is RunState.SUCCESS

        assert airflow.done == [("query", None), ("render", CSV), ("upload", CSV), ("email", None)]
        assert len(mails(airflow.services)) == 1

    def test_run_that_goes_on_makes_only_what_failed(self):
        airflow = Airflow()
        airflow.faults = {("render", CSV): [PermanentError("broken")]}
        airflow.run()
        airflow.done = []

        assert airflow.services.stages.resume(KEY, 1)
        assert airflow.run(replace(TRIGGER, clear_number=1)).state is RunState.SUCCESS

        assert airflow.done == [("render", CSV), ("upload", CSV), ("email", None)]
        assert len(mails(airflow.services)) == 1

    def test_run_that_goes_on_has_every_attempt_of_the_mail_though_one_has_succeeded(self):
        airflow = Airflow(retries=1)
        airflow.faults = {("render", CSV): [PermanentError("broken")]}
        airflow.run()
        airflow.services.stages.resume(KEY, 1)
        airflow.faults = {("email", None): [TransientError("away")]}

        airflow.run(replace(TRIGGER, clear_number=1))

        assert airflow.error is None
        assert airflow.told == "sent"

    def test_run_without_data_does_not_go_on_but_begins_anew(self):
        airflow = Airflow()
        airflow.faults = {("query", None): [PermanentError("broken")]}
        airflow.run()

        assert not airflow.services.stages.resume(KEY, 1)


FAULTS = st.sampled_from([None, TransientError("away"), PermanentError("broken"), RuntimeError("bug"), KilledError()])
STAGES = [("query", None), *((stage, one) for one in (CSV, JSON) for stage in ("render", "upload")), ("email", None)]


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(STAGES), st.lists(FAULTS, max_size=4), max_size=5), st.integers(0, 3))
def test_whatever_fails_the_run_is_settled_and_mailed_at_most_once_with_what_arrived(faults, retries):
    airflow = Airflow(retries=retries)
    airflow.faults = {stage: list(errors) for stage, errors in faults.items()}

    outcome = airflow.run()

    assert outcome.state in {RunState.SUCCESS, RunState.FAILED}
    arrived = {one.format for one in airflow.services.runs.artifacts(KEY)}
    sent = mails(airflow.services)
    assert len(sent) <= 1
    if sent:
        assert {name.rpartition(".")[2] for name in attachments(sent[0])} == {str(one) for one in arrived}
    assert (outcome.state is RunState.SUCCESS) == (arrived == {CSV, JSON} and len(sent) == 1)
    if not any(isinstance(error, KilledError) for errors in faults.values() for error in errors):
        # Without kills, everything that fails less often than it is tried arrives.
        lasting = {stage for stage, errors in faults.items() if _lasts(errors, retries)}
        assert (outcome.state is RunState.SUCCESS) == (not lasting)


def _lasts(errors, retries):
    """Whether a stage with these errors is given up: refused before it succeeds, or failed in every attempt."""
    for number, error in enumerate(errors):
        if error is None:
            return False
        if isinstance(error, PermanentError) or number >= retries:
            return True
    return False
