"""Helpers shared by the tests of tombstones and of upkeep on PostgreSQL."""

from __future__ import annotations

import psycopg
from psycopg.rows import dict_row

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions


def execute(dsn, *statements):
    """Run the statements in one transaction of a separate connection."""
    with psycopg.connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def select(dsn, statement):
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(statement.encode()).fetchall()


def tombstones(dsn):
    """Return name and reason of each tombstone, by report."""
    found = select(dsn, "SELECT * FROM reporting.tombstones")
    return {one["report_id"]: (one["name"], one["reason"]) for one in found}


def since(dsn, report_id="r1"):
    (found,) = select(dsn, f"SELECT since FROM reporting.tombstones WHERE report_id = '{report_id}'")
    return found["since"]


def options(dsn):
    """Return the row of reporting.report_options of each report."""
    return {one.pop("report_id"): one for one in select(dsn, "SELECT * FROM reporting.report_options")}


def clock(dsn):
    return select(dsn, "SELECT clock_timestamp() AS now")[0]["now"]


def gate(dsn):
    """Return what a parse reads about each report."""
    return {found["id"]: found for found in PostgresDefinitions(dsn).rows(limit=100)}


DELETE = "DELETE FROM scheduled_reports WHERE id = 'r1'"


def whole(dsn, columns="*", report_id="r1"):
    (found,) = select(dsn, f"SELECT {columns} FROM scheduled_reports WHERE id = '{report_id}'")
    return found
