"""Connections are reused by the next transaction, and a dead one causes no error."""

from __future__ import annotations

import os
import threading
from datetime import timedelta

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres import connection as pool
from include.scheduled_reports.domain.errors import ConfigurationError, TransientError

SHORT = timedelta(seconds=5)


@pytest.fixture(autouse=True)
def _none_is_kept():
    pool._idle.close()
    yield
    pool._idle.close()


def backend(dsn):
    with pool.transaction(dsn, statement_timeout=SHORT) as connection:
        return connection.execute("SELECT pg_backend_pid() AS pid").fetchone()["pid"]


def test_the_next_transaction_is_on_the_same_connection(bare_dsn):
    assert backend(bare_dsn) == backend(bare_dsn)


def test_a_transaction_within_another_has_a_connection_of_its_own(bare_dsn):
    with pool.transaction(bare_dsn, statement_timeout=SHORT) as outer:
        (pid,) = outer.execute("SELECT pg_backend_pid() AS pid").fetchone().values()
        assert backend(bare_dsn) != pid


def test_what_was_written_is_there_before_the_connection_is_put_by(bare_dsn):
    with pool.transaction(bare_dsn, statement_timeout=SHORT) as connection:
        connection.execute("CREATE TABLE t (n int)")

    with psycopg.connect(bare_dsn) as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)


def spoil(dsn):
    with pool.transaction(dsn, statement_timeout=SHORT) as connection:
        connection.execute("CREATE TABLE t (n int)")
        connection.execute("SELECT 1/0")


def test_nothing_of_a_transaction_that_failed_is_left_and_its_connection_is_not_used_again(bare_dsn):
    first = backend(bare_dsn)

    with pytest.raises(ConfigurationError):
        spoil(bare_dsn)

    assert backend(bare_dsn) != first
    with psycopg.connect(bare_dsn) as other:
        assert other.execute("SELECT to_regclass('t')").fetchone() == (None,)


def test_a_time_out_holds_for_its_own_transaction_only(bare_dsn):
    with pool.transaction(bare_dsn, statement_timeout=timedelta(milliseconds=50)) as connection:
        connection.execute("SELECT 1")

    with pool.transaction(bare_dsn, statement_timeout=SHORT) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == {"statement_timeout": "5s"}
        connection.execute("SELECT pg_sleep(0.2)")


def test_a_setting_of_one_transaction_is_not_that_of_the_next(bare_dsn):
    with pool.transaction(bare_dsn, statement_timeout=SHORT) as connection:
        connection.execute("SELECT set_config('reporting.actor', 'ada', true)")

    with pool.transaction(bare_dsn, statement_timeout=SHORT) as connection:
        found = connection.execute("SELECT current_setting('reporting.actor', true) AS actor").fetchone()
    assert found["actor"] in {None, ""}


def test_a_connection_that_the_server_has_ended_meanwhile_is_replaced(bare_dsn):
    first = backend(bare_dsn)
    with psycopg.connect(bare_dsn) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [first])

    assert backend(bare_dsn) != first


def test_a_server_that_is_away_is_an_error_that_passes():
    with pytest.raises(TransientError):
        backend("postgresql://nobody@127.0.0.1:1/nowhere")


def test_a_few_are_kept_and_no_more(bare_dsn):
    together = threading.Barrier(9)

    def use():
        with pool.transaction(bare_dsn, statement_timeout=SHORT) as connection:
            connection.execute("SELECT 1")
            together.wait(10)

    threads = [threading.Thread(target=use) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with psycopg.connect(bare_dsn) as other:
        kept = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'scheduled-reports' AND datname = %s"
        assert other.execute(kept, [other.info.dbname]).fetchone() == (4,)


def test_none_is_used_that_has_rested_for_long(bare_dsn, monkeypatch):
    first = backend(bare_dsn)
    monkeypatch.setattr(pool._idle, "longest", 0)

    assert backend(bare_dsn) != first


def test_a_process_that_was_forked_leaves_its_parents_connection_alone(bare_dsn):
    first = backend(bare_dsn)
    seen, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(told, str(backend(bare_dsn)).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert int(os.read(seen, 20)) != first
    assert backend(bare_dsn) == first
    os.close(seen), os.close(told)
