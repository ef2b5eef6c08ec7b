"""All DAGs, for the one line of a DAG file: `from scheduled_reports.dags import *  # Airflow DAGs of reports`.

Airflow parses a file, and starts a task, in a process of its own; so what is made here is made anew each time. Nothing
but such a file may import it: what the process had imported before its fork would be made for good.
"""

from .orchestration.factory import dags
from .orchestration.upkeep import dag

globals().update(dags())
scheduled_reports_upkeep = dag()
