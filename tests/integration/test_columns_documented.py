"""docs/table.md explains exactly the columns of a migrated database."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

TABLE = (Path(__file__).parents[2] / "docs/table.md").read_text()
OF_THE_APPLICATION = ("scheduled_reports", "report_executions")
COLUMNS = """
SELECT CASE table_schema WHEN 'public' THEN table_name ELSE table_schema || '.' || table_name END, column_name
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_type = 'BASE TABLE' AND (table_schema = 'reporting' OR (table_schema = 'public' AND table_name = ANY(%s)))
"""


def explained() -> dict[str, set[str]]:
    """Return the columns explained on the page, by the heading that names their table."""
    found = {}
    for section in re.split(r"^##+ ", TABLE, flags=re.MULTILINE):
        name = section.partition("\n")[0]
        if name in OF_THE_APPLICATION or name.startswith("reporting."):
            cells = re.findall(r"^\| (`[^|]+`) \|", section, flags=re.MULTILINE)
            found[name] = {column for cell in cells for column in re.findall(r'`"?(\w+)"?`', cell)}
    return found


def test_every_column_of_a_migrated_database_is_explained_and_no_other(migrated_dsn):
    with psycopg.connect(migrated_dsn) as connection:
        there: dict[str, set[str]] = {}
        for table, column in connection.execute(COLUMNS, [list(OF_THE_APPLICATION)]):
            there.setdefault(table, set()).add(column)

    assert len(there) >= 14
    assert explained() == there


def test_no_row_of_the_page_leaves_its_meaning_out():
    empty = re.findall(r"^\| (`[^|]+`) \|(?: \w+ \|)? *\|$", TABLE, flags=re.MULTILINE)

    assert empty == []
