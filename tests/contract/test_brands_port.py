"""Port `Brands`, in memory and in PostgreSQL, and how a run is frozen with one."""

from __future__ import annotations

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.brands import PostgresBrands
from include.scheduled_reports.domain.brand import Brand
from include.scheduled_reports.domain.run import Actor, AuditAction
from include.scheduled_reports.testing.brands import MemoryBrands
from tests.contract.runs_suite import KEY, OTHER, Memory, new_run

ACT = AuditAction(action="branded", actor=Actor(user="service", acting_user="u1"), workspace_id="ws1")
ACME = Brand(name="Acme", logo="data:image/png;base64," + "A" * 300, colour="#112233")


@pytest.fixture
def brands(record):
    if isinstance(record, Memory):
        found = MemoryBrands()
        record.port.brand = found.of
        return found
    return PostgresBrands(record.dsn)


def test_a_workspace_has_none_at_first(brands):
    assert brands.of("ws1") is None


def test_a_saved_brand_is_that_of_its_workspace_alone(brands):
    assert brands.save("ws1", ACME, ACT)

    assert brands.of("ws1") == ACME
    assert brands.of("ws2") is None


def test_saving_what_is_there_changes_nothing(brands):
    brands.save("ws1", ACME, ACT)

    assert not brands.save("ws1", ACME, ACT)
    assert brands.save("ws1", Brand(name="Another"), ACT)
    assert brands.of("ws1") == Brand(name="Another")


def test_an_empty_brand_is_the_deployments_again(brands):
    brands.save("ws1", ACME, ACT)

    assert brands.save("ws1", Brand(), ACT)
    assert brands.of("ws1") is None
    assert not brands.save("ws1", Brand(), ACT)


def test_a_run_keeps_the_brand_that_it_was_frozen_with(brands, record):
    brands.save("ws1", ACME, ACT)
    record.port.open(new_run())
    brands.save("ws1", Brand(name="Another"), ACT)
    record.port.open(new_run(OTHER))

    assert record.port.load(KEY).brand == ACME
    assert record.port.load(OTHER).brand == Brand(name="Another")
    record.port.open(new_run(clear_number=1))
    assert record.port.load(KEY).brand == Brand(name="Another")


def test_a_run_of_a_workspace_without_one_has_none(brands, record):
    brands.save("ws2", ACME, ACT)
    record.port.open(new_run())

    assert record.port.load(KEY).brand is None


def test_the_audit_trail_says_what_was_changed_but_not_the_whole_logo(migrated_dsn):
    brands = PostgresBrands(migrated_dsn)
    brands.save("ws1", ACME, ACT)
    brands.save("ws1", Brand(name="Acme", colour="#112233"), ACT)

    with psycopg.connect(migrated_dsn) as connection:
        (first, second) = connection.execute(
            "SELECT report_id, action, actor, acting_user, before, after FROM reporting.audit ORDER BY id"
        ).fetchall()
    assert first[:4] == (None, "branded", "airflow:service", "u1")
    assert first[5]["name"] == "Acme"
    assert len(first[5]["logo"]) == 203  # and three dots
    assert (set(second[4]), second[5]) == ({"logo"}, {"logo": ""})
