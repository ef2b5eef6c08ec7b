"""Two workspaces of the same shape: the reports of one never change with the data of the other, for any parameters."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.scheduled_reports.reports.parameters import LEVELS, TASK_STATUSES
from include.scheduled_reports.reports.types.catalog import report_types
from tests.integration.handmade_workspace import TABLES, ask, fill

#: Changes in the other workspace, `z`: more of everything, and rows that refer to ours.
OTHER_DAYS = """
UPDATE messages SET channel_id = 'zgen', is_deleted = false, type = 'TEXT', created_at = '2026-03-25T10:00'
WHERE id LIKE 'z%';
UPDATE channels SET type = 'PUBLIC', is_archived = false, name = 'ZETA ' || id WHERE id LIKE 'z%';
UPDATE users SET name = 'ZETA ' || id, display_name = NULL WHERE id LIKE 'z%';
UPDATE tasks SET title = 'ZETA', status = 'DONE', completed_at = '2026-03-25' WHERE id LIKE 'z%';
UPDATE workflows SET name = 'ZETA ' || id, status = 'ACTIVE' WHERE id LIKE 'z%';
UPDATE workflow_executions SET status = 'FAILED', error = 'ZETA', is_simulation = false, started_at = '2026-03-25'
WHERE id LIKE 'z%';
UPDATE export_jobs SET status = 'COMPLETED', record_count = 1000000, file_size = 1000000, type = 'ZETA',
    created_at = '2026-03-25' WHERE id LIKE 'z%';
-- Our own people at work in the other workspace.
INSERT INTO workspace_members (id, workspace_id, user_id, role, joined_at)
SELECT 'zz-' || id, 'zw', id, 'ADMIN', '2026-03-25' FROM users WHERE id LIKE 'a%';
INSERT INTO messages (id, content, channel_id, author_id, parent_id, created_at, updated_at)
SELECT 'zz-m' || n, 'ZETA', 'zgen', 'aann', 'am1', timestamp '2026-03-16' + n * interval '1 hour', now()
FROM generate_series(1, 400) n;
INSERT INTO reactions (id, emoji, message_id, user_id, created_at)
SELECT 'zz-r' || n, '+1', 'zz-m' || n, 'aben', timestamp '2026-03-16' + n * interval '1 hour'
FROM generate_series(1, 400) n;
INSERT INTO files (id, filename, original_name, mime_type, size, s3_key, s3_bucket, status, workspace_id,
    uploaded_by_id, created_at, updated_at)
SELECT 'zz-f', 'ZETA', 'ZETA', 'text/plain', 1, 'k', 'b', 'READY', 'zw', 'aann', '2026-03-25', now();
INSERT INTO export_jobs (id, workspace_id, type, status, requested_by, created_at, completed_at, record_count)
SELECT 'zz-x' || n, 'zw', 'ZETA', 'COMPLETED', 'aann', '2026-03-25', '2026-03-25', 5 FROM generate_series(1, 30) n;
-- What no application would write: their rows that name our channels, workflows and files.
INSERT INTO message_attachments (id, message_id, file_id) VALUES ('zz-a1', 'am1', 'zz-f'), ('zz-a2', 'zz-m1', 'af3');
INSERT INTO tasks (id, title, status, channel_id, assigned_to_id, vp_id, workspace_id, created_by_id, created_at,
    updated_at, completed_at)
SELECT 'zz-t' || n, 'ZETA', 'DONE', 'agen', 'aann', 'avp', 'zw', 'aann', '2026-03-24', '2026-03-25', '2026-03-25'
FROM generate_series(1, 30) n;
INSERT INTO workflow_executions (id, status, triggered_by, trigger_type, error, started_at, workflow_id, workspace_id)
SELECT 'zz-e' || n, 'FAILED', 'aann', 'ZETA', 'ZETA', '2026-03-25', 'abuild', 'zw' FROM generate_series(1, 30) n;
INSERT INTO workflow_executions (id, status, triggered_by, trigger_type, error, started_at, workflow_id, workspace_id)
SELECT 'zz-g' || n, 'FAILED', 'aann', 'ZETA', 'ZETA', '2026-03-25', 'zbuild', 'zw' FROM generate_series(1, 30) n;
INSERT INTO audit_logs (id, actor_id, actor_type, action, resource_type, resource_id, severity, created_at)
SELECT 'zz-l' || n, 'zann', 'user', 'ZETA', 'workspace', 'zw', 'critical', '2026-03-25' FROM generate_series(1, 30) n;
"""
IDS = [str(one[0]).replace("#", prefix) for _, rows in TABLES.values() for one in rows for prefix in ("a", "z")]
HOSTILE = [
    "' OR true --", "'; DROP TABLE messages; --", "%", "*", "null", "{}", '["agen"]', "zw' OR 'a' = 'a", "$1", "\\",
    "../zw", "\uff41gen", "agen ", "AGEN", "世界", "🚀" * 50, "x" * 10_000,
]  # fmt: skip
# jsonb cannot store U+0000 or half of a surrogate pair, so no row of scheduled_reports contains them.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)
ids = st.one_of(
    st.lists(st.sampled_from(IDS) | st.sampled_from(HOSTILE) | texts, min_size=1, max_size=8),
    st.sampled_from([IDS, [f"agen-{number}" for number in range(40_000)], IDS * 100]),
)
#: Values that the gate accepts for each parameter.
VALUES = {
    "includeArchived": st.booleans(),
    "channelIds": ids,
    "userIds": ids,
    "workflowIds": ids,
    "taskStatuses": st.lists(st.sampled_from(TASK_STATUSES), min_size=1),
    "minActivityLevel": st.sampled_from(LEVELS),
}
KINDS = sorted(report_types())
#: One text column of each source of custom reports, for grouping and filters.
WORDS = {
    source.name: next(column.name for column in source.columns if column.type == "text" and not column.values)
    for source in report_types()["custom"].sources
}
VALUES["customFilters"] = st.sampled_from(sorted(WORDS)).flatmap(
    lambda source: st.fixed_dictionaries(
        {"source": st.just(source)},
        optional={
            "groupBy": st.just([WORDS[source]]),
            "filters": st.lists(
                st.fixed_dictionaries(
                    {
                        "column": st.just(WORDS[source]),
                        "operator": st.sampled_from(["eq", "ne", "contains"]),
                        "value": st.sampled_from([one for one in HOSTILE if len(one) <= 1_000]) | texts,
                    },
                    optional={"not": st.booleans()},
                ),
                min_size=1,
                max_size=3,
            ),
        },
    )
)


@pytest.fixture(scope="module")
def databases(postgres, migrated_template):
    """Our workspace `a`: alone, and in a database with a very active other workspace."""
    alone, beside = (postgres.create_database(name, template=migrated_template) for name in ("alone", "beside"))
    fill(alone, "a")
    for prefix in ("a", "z"):
        fill(beside, prefix)
    with psycopg.connect(beside) as connection:
        connection.execute(OTHER_DAYS.encode())
    yield alone, beside
    for name in ("alone", "beside"):
        postgres.drop_database(name)


def parameters_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for parameters of the type; each may be missing."""
    known = sorted(report_types()[kind].parameters.keys() & VALUES.keys())
    needed = {name: VALUES[name] for name in known if name == "customFilters"}
    return st.fixed_dictionaries(needed, optional={name: VALUES[name] for name in known if name not in needed})


asked = st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(st.just(kind), parameters_of(kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_without_parameters_nothing_of_the_other_workspace_is_told(databases, kind):
    alone, beside = databases

    assert ask(beside, kind, workspace="aw") == ask(alone, kind, workspace="aw")


@given(asked, st.sampled_from(["Europe/Berlin", "Asia/Kathmandu"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_figure_moves_with_the_other_workspaces_data_whatever_the_parameters(databases, question, zone):
    alone, beside = databases
    kind, parameters = question

    found = ask(beside, kind, parameters, workspace="aw", zone=zone)

    assert found == ask(alone, kind, parameters, workspace="aw", zone=zone)
    assert [text for text in found.texts if "ZETA" in text or "SECRET" in text] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_workspace_does_have_something_to_tell(databases, kind):
    _, beside = databases

    found = ask(beside, kind, workspace="zw")

    assert found.data_rows
    assert any("ZETA" in text for text in found.texts)


@pytest.mark.parametrize("workspace", ["", "nowhere", "aw' OR true --", "%", "aw,zw"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_workspace_that_is_not_there_has_nothing(databases, kind, workspace):
    found = ask(databases[1], kind, workspace=workspace)

    assert found.data_rows == 0
    assert all(not value for pair in found.figures.values() for value in pair)
