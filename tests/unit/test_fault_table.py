"""The tables of faults in the documents match the fault suite."""

from __future__ import annotations

import pytest

from tests.e2e.fault_table import CASES, COMPACT_CASES, INSTEAD, READER_CASES, TABLES


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.title)
def test_the_documents_show_the_cases_of_the_fault_suite(table):
    assert table.written == table.made_of({case.name: case for case in table.cases})


def test_in_no_case_there_are_two_mails():
    assert {case.mails for case in CASES} == {0, 1}


def test_in_no_case_a_reader_has_two_messages():
    assert {copies for case in READER_CASES for copies, _ in case.readers.values()} == {0, 1}


def test_what_compact_runs_leave_out_is_a_case_of_the_others():
    assert {case.name for case in CASES} > set(INSTEAD)


def test_no_fault_of_another_report_concerns_one_that_mails_each_reader():
    # The proxy of PostgreSQL finds a report by its id in what is said.
    ids = {case.report_id for case in COMPACT_CASES}
    assert not [
        (one, case.report_id) for case in READER_CASES for one in ids - {case.report_id} if one in case.report_id
    ]
