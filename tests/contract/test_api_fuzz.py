"""Fuzz the API with requests that its OpenAPI document allows or forbids; no answer may be a server error."""

from __future__ import annotations

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.contract.api import open_api
from tests.contract.api_table import TABLE, routes
from tests.contract.tables import add_people, add_report, execute

#: Values for path parameters: mostly existing ones, so that the fuzzer gets past 404.
KNOWN = {
    "workspaceSlug": "acme", "id": "r1", "runId": "manual__1", "format": "csv", "number": 1,
    "reportType": "workspace-activity",
}  # fmt: skip
EXAMPLES = 80
#: All routes except the document itself and the second address of the list.
DOCUMENTED = {path for _, path in TABLE if path.startswith("/api/") and not path.endswith("/")}
SIGNED_IN = {"x-user": "admin"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def document(postgres, migrated_template):
    """Load the document of the API; the API has a separate database."""
    dsn = postgres.create_database("fuzzed", template=migrated_template)
    add_people(dsn)
    add_report(dsn, id="r1")
    # Make no report late on 10 May: a health of 503 would look like a server error.
    execute(dsn, "UPDATE reporting.report_options SET effective_from = '2026-05-09'")
    return schemathesis.openapi.from_asgi("/openapi.json", open_api(dsn).client.app, headers=SIGNED_IN)


@pytest.mark.parametrize(("method", "path"), [one for one in sorted(routes()) if one[1] in DOCUMENTED])
def test_whatever_comes_no_answer_is_a_servers_error_or_one_the_document_does_not_know(document, method, path):
    operation, codes = document[path][method], Counter()
    cases = operation.as_strategy()
    if operation.body or operation.query:
        cases |= operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=cases, known=st.booleans())
    def send(case, known):
        if known:
            case.path_parameters |= {name: KNOWN[name] for name in case.path_parameters}
        checks = (not_a_server_error, status_code_conformance, response_schema_conformance)
        answer = case.call_and_validate(headers=SIGNED_IN, checks=checks)
        codes[answer.status_code] += 1

    send()
    assert codes
