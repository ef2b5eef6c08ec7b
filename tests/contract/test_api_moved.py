"""A workspace's history is that of the workspace it ran for, whatever becomes of the report's id or workspace."""

from __future__ import annotations

import dataclasses

import pytest

from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.domain.errors import PermanentError, RequestError
from include.scheduled_reports.runs import admission, pipeline
from tests.contract.api import SCHEDULED, one, open_api, stored
from tests.contract.tables import add_report, execute
from tests.contract.test_api_runs import NOW, RUN, TRIGGER, run_all

ZETA = "/api/workspaces/zeta/reports"
IN_ZETA = f"{ZETA}/scheduled/r1"
#: Everything under a run, with an id that exists.
OF_A_RUN = ("", "/artifacts", "/artifacts/csv", "/deliveries")


@pytest.fixture
def api(dsn):
    """The API at the moment of the requested run, with mail switched on."""
    opened = open_api(dsn, NOW)
    opened.ports.core.settings = dataclasses.replace(
        opened.ports.core.settings, mail_mode="live", mail_from="reports@acme.example"
    )
    return opened


@pytest.fixture
def ran(api, dsn):
    """The report r1 of Acme has run once: with files, a message and entries in the audit trail."""
    execute(dsn, "UPDATE scheduled_reports SET email_recipients = '{ada@acme.example}' WHERE id = 'r1'")
    api.post(TRIGGER)
    run_all(api)
    assert [api.get(f"{SCHEDULED}/r1/runs/{RUN}{part}").status_code for part in OF_A_RUN] == [200] * 4
    assert len(api.get(f"{SCHEDULED}/r1").json()["executionHistory"]) > 0
    return api


def move(dsn):
    execute(
        dsn,
        "UPDATE scheduled_reports SET workspace_id = 'ws2', created_by_id = 'u3', "
        "email_recipients = '{eve@zeta.example}' WHERE id = 'r1'",
    )


def reuse_the_id(dsn):
    execute(dsn, "DELETE FROM scheduled_reports WHERE id = 'r1'")
    add_report(
        dsn, id="r1", name="Another", workspace_id="ws2", workspace_name="Zeta", workspace_slug="zeta",
        created_by_id="u3", email_recipients=["eve@zeta.example"],
    )  # fmt: skip


@pytest.mark.parametrize("becomes", [move, reuse_the_id])
def test_the_new_workspace_sees_nothing_of_the_old_ones_runs(ran, dsn, becomes):
    becomes(dsn)

    assert [ran.get(f"{IN_ZETA}/runs/{RUN}{part}").status_code for part in OF_A_RUN] == [404] * 4
    assert ran.get(f"{IN_ZETA}/runs").json()["total"] == 0
    read = ran.get(IN_ZETA).json()
    assert read["executionHistory"] == []
    assert (read["runCount"], read["successCount"], read["failureCount"]) == (0, 0, 0)
    assert (read["lastRun"], read["lastRunStatus"], read["lastError"]) == (None, None, None)
    assert ran.post(f"{IN_ZETA}/runs/{RUN}/retry").status_code == 404
    assert ran.post(f"{IN_ZETA}/runs/{RUN}/resend").status_code == 404
    assert ran.ports.overview.outcomes(["r1"]) == {}
    for page in ("/reports/r1", f"/reports/r1?run={RUN}"):
        assert "ada@acme.example" not in ran.get(page).text
    assert ran.get(f"/reports/r1/runs/{RUN}").status_code == 404


@pytest.mark.parametrize("becomes", [move, reuse_the_id])
def test_neither_workspace_sees_the_others_values_in_the_audit_trail(ran, dsn, becomes):
    becomes(dsn)

    def entries(slug):
        found = ran.get(f"/api/workspaces/{slug}/reports/audit?limit=200").json()["entries"]
        return str([one for one in found if one["reportId"] == "r1"])

    assert "eve@zeta.example" in entries("zeta")
    assert "acme" not in entries("zeta")
    assert "ada@acme.example" in entries("acme")
    assert "zeta" not in entries("acme")


def test_a_run_that_is_under_way_while_its_report_moves_is_counted_for_nobody(api, dsn):
    api.post(TRIGGER, json={"mail": False})
    trigger = api.ports.airflow.started[-1]
    formats = pipeline.query(api.ports.core, trigger)
    move(dsn)

    for chosen in formats:
        pipeline.render(api.ports.core, trigger.key, chosen)
        pipeline.upload(api.ports.core, trigger.key, chosen)
    with pytest.raises(PermanentError, match="moved to another workspace"):
        pipeline.email(api.ports.core, trigger.key)
    assert api.ports.core.mailer.sent == []
    pipeline.record(api.ports.core, trigger)
    assert api.get(f"{IN_ZETA}/runs").json()["total"] == 0
    assert (stored(dsn, "r1")["run_count"], stored(dsn, "r1")["last_run"]) == (0, None)
    keys = [one.object_key for one in PostgresRuns(dsn).artifacts(trigger.key)]
    assert {key.partition("/")[0] for key in keys} == {"ws1"}


def test_a_run_is_not_run_again_for_another_workspace(ran, dsn):
    trigger = ran.ports.airflow.started[-1]
    before = stored_run(dsn)
    move(dsn)

    with pytest.raises(PermanentError, match="made for another workspace"):
        pipeline.query(ran.ports.core, dataclasses.replace(trigger, clear_number=1))

    assert stored_run(dsn) == before


def test_a_request_from_airflows_form_cannot_resend_the_old_workspaces_files(ran, dsn):
    trigger = ran.ports.airflow.started[-1]
    move(dsn)
    again = dataclasses.replace(
        trigger, key=dataclasses.replace(trigger.key, run_id="manual__2"), conf={"resend": trigger.key.run_id}
    )

    with pytest.raises(RequestError, match="is not a run of this report"):
        admission.admit(ran.ports.core, again, ran.ports.core.definitions.row("r1"))


def stored_run(dsn):

    return one(dsn, "SELECT * FROM reporting.runs WHERE report_id = 'r1'")
