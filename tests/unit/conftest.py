"""Settings for the property tests, and fixtures for fakes that hold one report."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings

from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from tests.unit.rows import row
from tests.unit.run_helpers import LIVE, MEMBERS, MONDAY, Answers

# The suite tries the same examples in every run, so that a failure comes from a change and not from chance; set
# HYPOTHESIS_PROFILE=explore to look for new examples.
# Drawing examples is slow on a busy machine; that is no defect of the code.
settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture
def answers():
    return Answers()


@pytest.fixture
def make_services(answers):
    def make(settings=LIVE, **changes):
        rows = [row(**({"id": "r1", "export_formats": ["csv", "json"]} | changes))]
        return MemoryServices(
            source=MemorySource(answers),
            settings=settings,
            definitions=MemoryDefinitions(rows, MEMBERS),
            moment=MONDAY + timedelta(seconds=5),
        )

    return make


@pytest.fixture
def services(make_services):
    return make_services()
