"""Faults on a running Airflow: at most one mail, a correct record, complete files.

A case is a fault with its expected results.  Most cases run in parallel; docs/operate.md lists them in a table.
"""

from __future__ import annotations

import pytest

from tests.e2e.fault_pass import playing
from tests.e2e.fault_table import CASES, hold

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def played(request, tmp_path_factory):
    with playing(request, tmp_path_factory.mktemp("faults"), "staged") as left:
        yield left


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whatever_dies_the_mail_goes_out_at_most_once_and_the_record_is_true(played, case):
    hold(played(case), case)
