"""The faults of test_faults.py in compact runs, whose stages are one task."""

from __future__ import annotations

import pytest

from tests.e2e.fault_pass import playing
from tests.e2e.fault_table import COMPACT_CASES, hold

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def played(request, tmp_path_factory):
    with playing(request, tmp_path_factory.mktemp("faults"), "compact") as left:
        yield left


@pytest.mark.parametrize("case", COMPACT_CASES, ids=lambda case: case.name)
def test_whatever_dies_the_mail_goes_out_at_most_once_and_the_record_is_true(played, case):
    hold(played(case), case)
