"""One user costs one user: bodies are bounded and judged after rights, and slow work is refused instead of queued."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from demo.processes import wait_until
from include.scheduled_reports.web.api.previews import PREVIEWS
from tests.contract.api import ACME, NEW, SCHEDULED
from tests.contract.api_table import TABLE, path
from tests.contract.tables import execute

#: Unknown names, and unknown names of `emailDelivery`: as many as fit into a body.
NAMES = {f"n{number}": 0 for number in range(5_500)}
NESTED = {"emailDelivery": {f"recipient{number}": 0 for number in range(3_000)}}
CHANGES = sorted(route for route, row in TABLE.items() if row.body is not None)
PREVIEW = f"{SCHEDULED}/r1/preview?format=csv"


@pytest.mark.parametrize("user", ["viewer", "admin"])
def test_a_body_above_the_bound_is_refused_whoever_sends_it(api, user):
    body = {f"n{number}": 0 for number in range(90_000)}

    answer = api.put(f"{SCHEDULED}/r1", json=body, user=user)

    assert answer.status_code == 413
    assert answer.json() == {"error": "The body is too large; send at most 65,536 bytes."}


@pytest.mark.parametrize(("method", "template"), CHANGES)
def test_a_viewer_hears_about_rights_and_not_about_the_body(api, method, template):
    answer = api.send(method, path(template, "acme", "r1"), user="viewer", json=NAMES)

    assert answer.status_code == TABLE[method, template].viewer
    assert "details" not in answer.json()


@pytest.mark.parametrize(("body", "prefix"), [(NAMES, ""), (NESTED, "emailDelivery.")])
def test_of_many_unknown_names_the_first_are_named_and_the_rest_are_counted(api, body, prefix):
    names = list(body if not prefix else body["emailDelivery"])

    details = api.post(SCHEDULED, json={**NEW, **body}).json()["details"]

    assert list(details) == [*(f"{prefix}{name}" for name in names[:20]), f"{prefix}…"]
    assert details[f"{prefix}…"] == [f"{len(names) - 20:,} more unknown fields."]


def test_of_many_wrong_items_of_a_list_the_first_are_named(api):
    details = api.post(SCHEDULED, json={**NEW, "tags": [0] * 20_000}).json()["details"]

    assert len(details["tags"]) == 20


@pytest.mark.parametrize("field", ["status", "missedRuns", "id", "createdAt"])
def test_what_an_edit_cannot_change_is_refused_by_name(api, dsn, field):
    before = api.get(f"{SCHEDULED}/r1").json()

    answer = api.put(f"{SCHEDULED}/r1", json={field: "something else", "name": "Renamed"})

    assert answer.status_code == 400
    assert list(answer.json()["details"]) == [field]
    assert api.get(f"{SCHEDULED}/r1").json() == before


def test_a_report_can_be_sent_back_as_it_was_read(api):
    read = api.get(f"{SCHEDULED}/r1").json()

    answer = api.put(f"{SCHEDULED}/r1", json={**read, "name": "Renamed"})

    assert (answer.status_code, answer.json()["name"]) == (200, "Renamed")
    assert api.put(f"{SCHEDULED}/r1", json={"createdBy": read["createdBy"]["id"]}).status_code == 200


@pytest.mark.parametrize(
    ("field", "default", "other"), [("status", "ACTIVE", "PAUSED"), ("missedRuns", "latest", "all")]
)
def test_a_new_report_has_the_defaults_of_what_cannot_be_chosen(api, field, default, other):
    assert api.post(SCHEDULED, json={**NEW, field: default}).status_code == 201
    assert list(api.post(SCHEDULED, json={**NEW, field: other}).json()["details"]) == [field]


@pytest.fixture
def slow(api, monkeypatch):
    """Previews that last until the test lets them end; yields the users whose previews have begun, and that event."""
    begun, end = [], Event()

    def preview(row, chosen, at, out, timeout):
        begun.append(row["id"])
        assert end.wait(60)
        out.write_bytes(b"x")
        return 1

    monkeypatch.setattr(api.ports, "preview", preview)
    yield begun, end
    end.set()


@contextmanager
def previewing(api, slow, *users):
    """Have a preview of each user under way."""
    begun, end = slow
    with ThreadPoolExecutor(len(users)) as pool:
        asked = [pool.submit(api.get, PREVIEW, user=user) for user in users]
        wait_until(lambda: len(begun) == len(users), seconds=20, what="the previews to begin")
        try:
            yield
        finally:
            end.set()
        assert [one.result().status_code for one in asked] == [200] * len(users)


def test_a_user_has_one_preview_at_a_time(api, slow):
    with previewing(api, slow, "viewer"):
        refused = api.get(PREVIEW, user="viewer")
        assert api.get(f"{SCHEDULED}/r1", user="viewer").status_code == 200
    assert refused.status_code == 429
    assert refused.json()["error"] == "Too many previews of yours are being created; try again in some seconds."
    wait_until(lambda: api.get(PREVIEW, user="viewer").status_code == 200, seconds=20, what="the next preview")


def test_two_previews_are_under_way_in_all_and_a_third_is_refused_at_once(api, slow):
    with previewing(api, slow, "viewer", "op"):
        refused = api.get(PREVIEW, user="admin")
        # Rights and values come first.
        assert api.post(f"{SCHEDULED}/r1/preview", user="viewer", json={}).status_code == 403
        assert api.get(f"{SCHEDULED}/r1/preview?format=doc", user="admin").status_code == 400
    assert (refused.status_code, refused.json()["error"]) == (
        429,
        "Too many previews are being created; try again in some seconds.",
    )


def test_a_preview_that_fails_frees_its_place(api, monkeypatch):
    def preview(*_):
        raise RuntimeError

    monkeypatch.setattr(api.ports, "preview", preview)
    for _ in range(5):
        wait_until(lambda: PREVIEWS.under_way == 0, seconds=20, what="the place to be free")
        assert api.get(PREVIEW).status_code == 500


def test_a_time_that_had_a_run_is_refused_after_the_run_has_ended(api, dsn):
    body = {"runAfter": "2026-05-11T07:30:00Z"}
    first = api.post(f"{SCHEDULED}/r1/trigger", json=body)
    execute(dsn, "UPDATE reporting.runs SET state = 'failed', settled_at = now()")

    second = api.post(f"{SCHEDULED}/r1/trigger", json=body)

    assert (first.status_code, second.status_code) == (202, 409)


def test_a_database_that_is_read_only_for_a_while_is_a_503(api, dsn):
    name = conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')

    answers = [
        api.put(f"{SCHEDULED}/r1", json={"name": "Renamed"}),
        api.post(f"{SCHEDULED}/r1/trigger", json={}),
        api.delete(f"{SCHEDULED}/r1"),
    ]

    assert [one.status_code for one in answers] == [503] * 3
    assert {one.json()["error"] for one in answers} == {"A server is down or busy; try again."}
    assert {one.headers["retry-after"] for one in answers} == {"10"}


@pytest.mark.parametrize("chosen", ["html", "pdf", "csv"])
def test_only_our_origin_may_frame_a_preview(api, chosen):
    answer = api.get(f"{ACME}/scheduled/r1/preview?format={chosen}")

    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"].split("; ")
