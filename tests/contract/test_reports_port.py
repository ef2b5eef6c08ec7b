"""Port `Definitions`: the rows of scheduled_reports as the gate reads them, in memory and in PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from demo.processes import free_port
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.domain.errors import ConfigurationError, TransientError
from include.scheduled_reports.domain.shards import Shard
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.testing.reports import MemoryDefinitions
from tests.contract.tables import add_people, add_report, execute
from tests.unit.rows import row


class Memory:
    """The definitions in memory."""

    def __init__(self):
        self.port = MemoryDefinitions(
            addresses={
                "ws1": frozenset({"ada@acme.example", "bob@acme.example"}),
                "ws2": frozenset({"eve@zeta.example"}),
            }
        )

    def add(self, **changes):
        self.port.content.append(row(**changes))

    def delete(self, report_id):
        (gone,) = (one for one in self.port.content if one["id"] == report_id)
        gone |= {"deleted": True, "tombstone": "deleted"}


class Postgres:
    """The definitions in PostgreSQL."""

    def __init__(self, dsn):
        self.dsn, self.port = dsn, PostgresDefinitions(dsn)
        add_people(dsn)

    def add(self, **changes):
        add_report(self.dsn, **changes)

    def delete(self, report_id):
        execute(self.dsn, "DELETE FROM scheduled_reports WHERE id = %s", report_id)


@pytest.fixture
def postgres_tables(migrated_dsn):
    return Postgres(migrated_dsn)


@pytest.fixture(params=["memory", "postgres"])
def tables(request):
    return Memory() if request.param == "memory" else request.getfixturevalue("postgres_tables")


# Both implementations


def test_every_row_is_given_in_the_order_of_its_id(tables):
    for report_id in ("b", "a", "c", "B", "a1"):
        tables.add(id=report_id)

    assert [found["id"] for found in tables.port.rows(limit=10)] == ["B", "a", "a1", "b", "c"]


def test_at_most_the_limit_is_given(tables):
    for report_id in ("b", "a", "c"):
        tables.add(id=report_id)

    assert [found["id"] for found in tables.port.rows(limit=2)] == ["a", "b"]


def test_a_newer_report_takes_no_older_ones_place_whatever_its_id(tables):
    for report_id in ("m", "z"):
        tables.add(id=report_id)
    tables.add(id="a")

    assert [found["id"] for found in tables.port.rows(limit=2)] == ["m", "z"]
    assert tables.port.left_out(limit=2, most=10) == {"a": "Weekly activity"}
    assert tables.port.left_out(limit=3, most=10) == {}


def test_deleted_reports_take_nobodys_place(tables):
    tables.add(id="m")
    for number in range(5):
        tables.add(id=f"gone-{number}")
        tables.delete(f"gone-{number}")
    tables.add(id="z")

    found = tables.port.rows(limit=2)

    assert [one["id"] for one in found if not one["deleted"]] == ["m", "z"]
    assert tables.port.left_out(limit=2, most=10) == {}


def test_a_place_that_becomes_free_goes_to_the_report_that_waits_longest(tables):
    for report_id in ("m", "z", "b", "a"):
        tables.add(id=report_id)
    tables.delete("m")

    assert [one["id"] for one in tables.port.rows(limit=2) if not one["deleted"]] == ["b", "z"]
    assert tables.port.left_out(limit=2, most=10) == {"a": "Weekly activity"}


def test_the_shards_share_one_limit(tables):
    for number in range(12):
        tables.add(id=f"report-{number:02}")

    shards = [Shard(number=number, of=3) for number in range(3)]
    found = [one["id"] for shard in shards for one in tables.port.rows(limit=7, shard=shard)]
    assert sorted(found) == [f"report-{number:02}" for number in range(7)]
    apart = {}
    for shard in shards:
        apart |= tables.port.digests(3, limit=7, only=shard.number)
    assert apart == tables.port.digests(3, limit=7)


def test_a_workspace_counts_its_own_reports(tables):
    tables.add(id="m")
    tables.add(id="z", workspace_id="ws2", created_by_id="u3")

    assert [one["id"] for one in tables.port.rows(limit=1, workspace_id="ws2")] == ["z"]


def test_every_row_is_in_the_shard_that_its_id_names_and_in_no_other(tables):
    ids = [f"report-{number}" for number in range(40)] + ["Ärger/../1", " "]
    for report_id in ids:
        tables.add(id=report_id)
    tables.delete("report-3")

    for number in range(7):
        shard = Shard(number=number, of=7)
        found = [one["id"] for one in tables.port.rows(limit=100, shard=shard)]
        assert found == sorted(one for one in ids if Shard.holding(one, 7) == shard)


def test_an_edit_changes_the_digest_of_its_own_shard_only(tables):
    for number in range(40):
        tables.add(id=f"report-{number}")
    before = tables.port.digests(7, limit=100)

    tables.delete("report-3")

    after = tables.port.digests(7, limit=100)
    assert {number for number in before if before[number] != after[number]} == {Shard.holding("report-3", 7).number}
    assert {number: tables.port.digests(7, limit=100, only=number)[number] for number in after} == after


def test_a_shard_without_rows_has_no_digest(tables):
    tables.add(id="a")

    assert set(tables.port.digests(1000, limit=10)) == {Shard.holding("a", 1000).number}
    assert tables.port.digests(1000, limit=10, only=Shard.holding("b", 1000).number) == {}


def test_one_row_is_found_by_its_id(tables):
    tables.add(id="a", name="First")
    tables.add(id="b", name="Second")

    assert tables.port.row("b")["name"] == "Second"


def test_a_row_that_is_not_there_is_none(tables):
    tables.add(id="a")

    assert tables.port.row("b") is None


def test_a_row_reads_as_the_gate_expects_it(tables):
    tables.add(id="a", description=None, tags=None, email_subject="KW 19 🚀", export_formats=["pdf", None])

    expected = row(id="a", description=None, tags=None, email_subject="KW 19 🚀", export_formats=["pdf", None])
    # The rows in memory have this column only after an outage, when it differs from the effective moment.
    expected |= {"changed_at": expected["effective_from"]}
    found = [tables.port.row("a"), *tables.port.rows(limit=10)]
    assert [{"changed_at": one["effective_from"]} | one for one in found] == [expected, expected]


def test_a_deleted_row_leaves_a_tombstone_and_is_no_report(tables):
    tables.add(id="a")
    tables.delete("a")

    (tombstone,) = tables.port.rows(limit=10)
    assert (tombstone["id"], tombstone["name"], tombstone["deleted"]) == ("a", "Weekly activity", True)
    assert parse([tombstone]) == ([], [])
    assert tables.port.row("a") is None


@pytest.mark.parametrize(
    ("workspace_id", "addresses", "members"),
    [
        (
            "ws1",
            {"ada@acme.example", "bob@acme.example", "eve@zeta.example", "x@y.example"},
            {"ada@acme.example", "bob@acme.example"},
        ),
        ("ws2", {"ada@acme.example", "eve@zeta.example"}, {"eve@zeta.example"}),
        ("ws1", {"mallory@acme.example"}, set()),  # suspended
        ("ws1", set(), set()),
        ("nowhere", {"ada@acme.example"}, set()),
    ],
)
def test_members_of_a_workspace_are_known_by_their_address_in_lower_case(tables, workspace_id, addresses, members):
    assert tables.port.members(workspace_id, addresses) == members


# Values that only PostgreSQL can hold


def test_names_of_workspace_and_creator_come_from_their_tables(postgres_tables):
    postgres_tables.add(id="a", workspace_id="ws2", created_by_id="u2")

    found = postgres_tables.port.row("a")
    assert (found["workspace_name"], found["workspace_slug"]) == ("Zeta", "zeta")
    assert (found["creator_email"], found["creator_name"], found["creator_status"]) == (
        "Bob@Acme.example",
        None,
        "PENDING",
    )
    assert (found["creator_is_member"], found["creator_role"]) == (False, None)


@pytest.mark.parametrize("role", ["OWNER", "ADMIN", "MEMBER", "GUEST"])
def test_the_role_of_the_creator_is_the_one_in_the_reports_workspace(postgres_tables, role):
    postgres_tables.add(id="a")
    execute(postgres_tables.dsn, "UPDATE workspace_members SET role = %s::\"WorkspaceRole\" WHERE id = 'm1'", role)
    execute(postgres_tables.dsn, "INSERT INTO workspace_members (id, workspace_id, user_id) VALUES ('m5', 'ws2', 'u1')")

    found = postgres_tables.port.row("a")

    assert (found["creator_is_member"], found["creator_role"]) == (True, role)
    assert [one["id"] for one in postgres_tables.port.rows(limit=10)] == ["a"]


@pytest.mark.parametrize(("roles", "counts"), [(("ADMIN", "GUEST"), "GUEST"), (("MEMBER", "OWNER"), "MEMBER")])
def test_where_nothing_forbids_two_memberships_the_lower_role_counts(postgres_tables, roles, counts):
    postgres_tables.add(id="a")
    execute(postgres_tables.dsn, "DROP INDEX workspace_members_workspace_id_user_id_key")
    execute(postgres_tables.dsn, "DELETE FROM workspace_members WHERE id = 'm1'")
    for role in roles:
        execute(
            postgres_tables.dsn,
            "INSERT INTO workspace_members (id, workspace_id, user_id, role) VALUES (%s, 'ws1', 'u1', %s)",
            role,
            role,
        )

    (found,) = postgres_tables.port.rows(limit=10)

    assert found["creator_role"] == counts


def test_a_slug_used_twice_is_not_unique(postgres_tables):
    postgres_tables.add(id="a")
    execute(postgres_tables.dsn, "UPDATE workspaces SET slug = 'acme' WHERE id = 'ws2'")

    assert postgres_tables.port.row("a")["slug_is_unique"] is False


def test_no_id_is_more_than_an_id(postgres_tables):
    postgres_tables.add(id="a")

    assert postgres_tables.port.row("a' OR true --") is None
    assert postgres_tables.port.row("") is None


@pytest.mark.parametrize(
    "nasty",
    [
        '{"customFilters": {"n": 1' + "0" * 5_000 + "}}",  # more digits than Python parses by default
        '{"customFilters": ' + '{"a":' * 3_000 + "1" + "}" * 3_001,  # deeper than Python's JSON parser can go
        '{"customFilters": {"n": 1e-5000, "big": 1e400}}',
    ],
    ids=["digits", "depth", "exponents"],
)
def test_json_that_is_hard_to_read_costs_only_its_own_row(postgres_tables, nasty):
    for report_id in ("a", "b", "c"):
        postgres_tables.add(id=report_id)
    execute(postgres_tables.dsn, "UPDATE scheduled_reports SET parameters = %s::jsonb WHERE id = 'b'", nasty)

    reports, rejections = parse(postgres_tables.port.rows(limit=10))

    assert [report.id for report in reports] == ["a", "c"]
    ((rejected),) = rejections
    assert rejected.report_id == "b"
    assert {problem.column.partition(".")[0] for problem in rejected.problems} == {"parameters"}


# PostgreSQL does not answer


def test_a_database_that_is_away_may_come_back(migrated_dsn):
    away = psycopg.conninfo.make_conninfo(migrated_dsn, port=free_port())

    with pytest.raises(TransientError, match="the reports database did not answer"):
        PostgresDefinitions(away).rows(limit=1)


def test_a_query_that_waits_too_long_is_given_up_and_may_be_tried_again(postgres_tables):
    impatient = PostgresDefinitions(postgres_tables.dsn, statement_timeout=timedelta(milliseconds=200))
    with psycopg.connect(postgres_tables.dsn) as blocker:
        blocker.execute("LOCK TABLE scheduled_reports IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(TransientError, match="57014"):
            impatient.rows(limit=1)


def test_a_database_that_was_never_migrated_says_what_to_do(neolith_dsn):
    with pytest.raises(ConfigurationError, match="has `migrate` been run"):
        PostgresDefinitions(neolith_dsn).rows(limit=1)


def test_the_dsn_is_in_no_representation(migrated_dsn):
    assert "demo-only" in migrated_dsn
    assert "demo-only" not in repr(PostgresDefinitions(migrated_dsn))


# Which edits change a digest, no matter how they are made


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE scheduled_reports SET name = 'Another' WHERE id = 'a'",
        "UPDATE scheduled_reports SET description = 'Words' WHERE id = 'a'",
        "UPDATE scheduled_reports SET cron_expression = '0 7 * * *' WHERE id = 'a'",
        "UPDATE scheduled_reports SET parameters = '{\"x\": 1}' WHERE id = 'a'",
        "UPDATE scheduled_reports SET tags = '{new}' WHERE id = 'a'",
        "UPDATE workspaces SET slug = 'renamed' WHERE id = 'ws1'",
        "UPDATE users SET name = 'Somebody' WHERE id = (SELECT created_by_id FROM scheduled_reports WHERE id = 'a')",
        "UPDATE reporting.report_options SET effective_from = effective_from + interval '1 s' WHERE report_id = 'a'",
        "DELETE FROM scheduled_reports WHERE id = 'a'",
    ],
)
def test_whatever_a_dag_is_made_of_changes_the_digest(postgres_tables, migrated_dsn, edit):
    postgres_tables.add(id="a")
    before = postgres_tables.port.digests(1, limit=10)

    execute(migrated_dsn, edit)

    assert postgres_tables.port.digests(1, limit=10) != before


def test_a_run_and_the_time_leave_the_digest_as_it_is(postgres_tables, migrated_dsn):
    postgres_tables.add(id="a")
    execute(migrated_dsn, "DELETE FROM reporting.report_options")  # as for a row that the trigger has not processed
    before = postgres_tables.port.digests(1, limit=10)

    execute(
        migrated_dsn,
        "UPDATE scheduled_reports SET last_run = now(), next_run = now(), run_count = 7, success_count = 7,"
        " last_run_status = 'COMPLETED', updated_at = now() WHERE id = 'a'",
    )

    assert postgres_tables.port.digests(1, limit=10) == before


# Rows that only PostgreSQL holds


def parsed(tables):
    reports, rejections = parse(tables.port.rows(limit=10))
    return [one.id for one in reports], {
        one.report_id: [str(problem) for problem in one.problems] for one in rejections
    }


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            "tags = '{{a,b},{c,d}}'",
            'tags: [["a", "b"], ["c", "d"]] is not a list of texts; use one such as ["a", "b"].',
        ),
        ("tags = '[0:1]={a,b}', email_recipients = '{{a,b},{c,d}}'", "email_recipients: "),
        ("export_formats = '{{pdf},{csv}}'", "export_formats: "),
        ("parameters = (repeat('{\"a\":', 1000) || '1' || repeat('}', 1000))::jsonb", "parameters: "),
        ("parameters = (repeat('[', 3000) || repeat(']', 3000))::jsonb", "parameters: "),
        ("parameters = '{\"dateRange\": 1e400}'", "parameters.dateRange: "),
        ("parameters = jsonb_build_object('a', repeat('x', 1100000))", "parameters: "),
        ("name = repeat('x', 100000)", "name: "),
        ("status = 'ARCHIVED'", 'status: "ARCHIVED" is not a known status'),
    ],
)
def test_a_row_that_postgresql_holds_and_we_do_not_is_rejected_alone(postgres_tables, harm, said):
    execute(postgres_tables.dsn, "ALTER TYPE \"ScheduledReportStatus\" ADD VALUE 'ARCHIVED'")
    for report_id in ("a", "b", "c"):
        postgres_tables.add(id=report_id)
    execute(postgres_tables.dsn, f"UPDATE scheduled_reports SET {harm} WHERE id = 'b'")

    reports, rejections = parsed(postgres_tables)

    assert reports == ["a", "c"]
    assert rejections.keys() == {"b"}
    assert rejections["b"][0].startswith(said)


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-03-15 BC"])
def test_an_effective_moment_that_python_does_not_have_rejects_its_own_report(postgres_tables, moment):
    for report_id in ("a", "b"):
        postgres_tables.add(id=report_id)
    execute(
        postgres_tables.dsn, f"UPDATE reporting.report_options SET effective_from = '{moment}' WHERE report_id = 'b'"
    )

    reports, rejections = parsed(postgres_tables)

    assert (reports, list(rejections)) == (["a"], ["b"])


@pytest.mark.parametrize("column", ["updated_at", "created_at", "last_run", "next_run"])
@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"])
def test_a_moment_that_python_does_not_have_disturbs_nobody(postgres_tables, column, moment):
    for report_id in ("a", "b"):
        postgres_tables.add(id=report_id)
    execute(postgres_tables.dsn, f"UPDATE scheduled_reports SET {column} = '{moment}' WHERE id = 'b'")

    assert parsed(postgres_tables) == (["a", "b"], {})
