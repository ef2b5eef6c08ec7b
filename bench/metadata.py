"""Measure what DAGs cost in Airflow's own database: their bytes, the processor's writes, the scheduler's question.

The DAGs of some reports are built, serialized and stored by Airflow's own functions; their rows are then copied.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from demo import postgres
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.orchestration.bundle import FILE
from include.scheduled_reports.settings import Settings

from .fleet import fill

BUILT = 500
TABLES = ("dag", "serialized_dag", "dag_version", "dag_code", "dag_tag")
#: As the tables have many columns, all of them but the ids are copied as they are.
COPY = """
INSERT INTO dag SELECT (jsonb_populate_record(d, jsonb_build_object('dag_id', d.dag_id || '-' || n))).*
FROM dag d, generate_series(1, %s) n
"""


def measure(dags: int) -> dict[str, float]:
    """Measure in new databases; *dags* is how many the scheduler chooses from."""
    with tempfile.TemporaryDirectory(prefix="bench-metadata-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = postgres.start(folder / "data")
        try:
            reports, metadata = server.create_database("reports"), server.create_database("airflow")
            fill(reports, BUILT)
            env = {
                **os.environ,
                "AIRFLOW_HOME": str(folder / "home"),
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata.replace("postgresql://", "postgresql+psycopg2://", 1),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__PLUGINS_FOLDER": str(Path(__file__).parents[1] / "plugins"),
            }
            migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
            subprocess.run(migrate, env=env, check=True, capture_output=True)
            # Airflow stores the text of the file with each DAG, so it is that of a file of the bundle.
            file = folder / "scheduled_reports_01_of_24.py"
            file.write_text(FILE.format(number=1, of=24, package="x.scheduled_reports", core="x.scheduled_reports"))
            inside = ("--inside", reports, metadata, str(file), "--dags", str(dags))
            command = [sys.executable, "-m", "bench.metadata", *inside]
            done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
            found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
            return found
        finally:
            server.stop()


def _inside(reports: str, metadata: str, file: str, dags: int) -> dict[str, float]:
    """Measure in a process of Airflow."""
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG
    from airflow.utils.session import create_session

    from include.scheduled_reports.orchestration.dag_spec import dag_specs
    from include.scheduled_reports.orchestration.factory import build

    settings = Settings()
    rows = PostgresDefinitions(reports).rows(limit=BUILT)
    with create_session() as session:
        session.add(DagBundleModel(name="bench"))

    def parse() -> list[Any]:
        made = [build(spec, settings) for spec in dag_specs(rows, settings)[0]]
        for dag in made:
            dag.fileloc, dag.relative_fileloc = file, Path(file).name
        return [LazyDeserializedDAG(data=DagSerialization.to_dict(dag)) for dag in made]

    def store(parsed: list[Any]) -> None:
        with create_session() as session:
            update_dag_parsing_results_in_db("bench", None, parsed, {}, None, set(), session)

    parse()  # what is imported and read once
    parsed, parsing = _timed(parse)
    _, storing = _timed(lambda: store(parsed))
    _, again = _timed(lambda: store(parsed))
    with psycopg.connect(metadata, autocommit=True) as connection:
        connection.execute("VACUUM FULL")
        sizes = {table: _size(connection, table) / len(parsed) for table in TABLES}
        connection.execute(COPY, [dags // len(parsed)])
        connection.execute("VACUUM ANALYZE dag")
        (count,) = connection.execute("SELECT count(*) FROM dag").fetchone() or (0,)
    return {
        "dags": count,
        "parse_ms": 1000 * parsing / len(parsed),
        "first_store_ms": 1000 * storing / len(parsed),
        "store_ms": 1000 * again / len(parsed),
        "due_ms": 1000 * _due(),
        "bytes": sum(sizes.values()),
        **{f"{table}_bytes": size for table, size in sizes.items()},
    }


def _due() -> float:
    """The time of the scheduler's question for the DAGs that need a run, which it asks every second or less."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    taken = []
    for _ in range(5):
        with create_session() as session:
            began = time.perf_counter()
            found = DagModel.dags_needing_dagruns(session)[0]
            list(found)
            taken.append(time.perf_counter() - began)
    return min(taken)


def _size(connection: psycopg.Connection[Any], table: str) -> int:
    (size,) = connection.execute("SELECT pg_total_relation_size(%s::regclass)", [table]).fetchone() or (0,)
    return int(size)


def _timed(case: Any) -> tuple[Any, float]:
    began = time.process_time()
    return case(), time.process_time() - began


def main() -> int:
    """Measure and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.metadata", description=__doc__)
    parser.add_argument("--dags", type=int, default=100_000)
    parser.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    found = _inside(*options.inside, options.dags) if options.inside else measure(options.dags)
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
