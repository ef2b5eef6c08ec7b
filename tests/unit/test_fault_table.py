"""The table of faults in the documents matches the fault suite."""

from tests.e2e.fault_table import CASES, HEAD, written


def test_the_documents_show_the_cases_of_the_fault_suite():
    assert written() == HEAD + "".join(case.line for case in CASES)


def test_in_no_case_there_are_two_mails():
    assert {case.mails for case in CASES} == {0, 1}
