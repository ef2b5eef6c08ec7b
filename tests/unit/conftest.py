"""How the property tests look for counter-examples, and a world of fakes with one report in it."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings

from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from tests.unit.rows import row
from tests.unit.run_helpers import LIVE, MEMBERS, MONDAY, Answers

# The suite tries the same examples every time, so that it fails for a change and not by chance; new examples are
# looked for with HYPOTHESIS_PROFILE=explore.
# A busy machine is slow to draw examples; that says nothing about the code.
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
