"""Dotted paths stored outside the repository keep working: in Airflow's database, settings and DAG files."""

from __future__ import annotations

import runpy
from importlib import import_module

import pytest

#: A line that a release before the packages wrote into a file of its DAG bundle.
OLD_SHARD_FILE = '''\
"""Airflow DAGs of scheduled reports, part 2 of 4; written by ReportsBundle."""

from include.scheduled_reports.orchestration.factory import dags
from include.scheduled_reports.fleet import Shard

globals().update(dags(Shard(number=2, of=4)))
'''


@pytest.mark.parametrize(
    "path",
    [
        "dags.dags",  # the line of a DAG file that uses the wheel
        "__main__.main",  # the console script
        "orchestration.factory.dags",  # DAG files of a checkout, and of the bundle
        "orchestration.upkeep.dag",
        "orchestration.plugin.ScheduledReportsPlugin",  # the entry point of the wheel, and plugins/
        "orchestration.bundle.ReportsBundle",  # [dag_processor] dag_bundle_config_list
        "orchestration.preload.preload",  # airflow_local_settings.py
        "orchestration.timetable.ReportTimetable",  # serialized DAGs
        "orchestration.timetable.RestingTimetable",
        "fleet.Shard",  # DAG files that an older version wrote
    ],
)
def test_a_stored_path_is_still_there(path, reports_db, migrated_dsn):
    reports_db(migrated_dsn)
    module, _, name = path.rpartition(".")

    assert callable(getattr(import_module(f"include.scheduled_reports.{module}"), name))


def test_a_dag_file_of_the_bundle_that_an_older_version_wrote_makes_the_same_dags(reports_db, migrated_dsn, tmp_path):
    reports_db(migrated_dsn)
    file = tmp_path / "scheduled_reports_2_of_4.py"
    file.write_text(OLD_SHARD_FILE)

    found = {name for name in runpy.run_path(str(file)) if name.startswith("scheduled_report_")}

    assert found == {"scheduled_report_r1"}  # md5 of r1 begins with 7c92cf1e, which is 2 modulo 4
