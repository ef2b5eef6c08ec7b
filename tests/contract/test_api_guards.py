"""No route is open: every existing route, requested by every kind of user."""

from __future__ import annotations

import pytest

from tests.contract.api import Api, make_app, open_api
from tests.contract.api_table import TABLE, USERS, path, routes
from tests.contract.tables import add_people, add_report, execute


@pytest.fixture
def api(migrated_dsn: str) -> Api:
    add_people(migrated_dsn)
    for user in USERS:
        add_report(migrated_dsn, id=f"r-{user}")
    # Make no report late on 10 May, a Sunday.
    execute(migrated_dsn, "UPDATE reporting.report_options SET effective_from = '2026-05-09'")
    return open_api(migrated_dsn)


def test_the_table_has_every_route_and_no_other():
    assert sorted(routes()) == sorted(TABLE)


def test_everybody_gets_what_the_table_says(api):
    wrong = []
    for (method, template), row in TABLE.items():
        for user in (None, *USERS):
            address = path(template, "acme", f"r-{user or 'admin'}") + row.query
            answer = api.send(method, address, user=user, **({} if row.body is None else {"json": row.body}))
            if answer.status_code != row.expected(user):
                wrong.append(f"{method} {template} as {user}: {answer.status_code} {answer.text[:200]}")

    assert wrong == []


def test_a_route_that_asks_for_nobody_would_be_seen(migrated_dsn):
    """Check that the table test can fail: a route added without the guard answers every user."""

    def nothing() -> dict[str, str]:
        return {}

    app = make_app()
    app.add_api_route("/open", nothing, methods=["GET"])

    assert open_api(migrated_dsn, app=app).get("/open", user=None).status_code == 200
    assert ("GET", "/open") not in TABLE
