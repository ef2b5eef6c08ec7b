"""All DAGs, for a DAG file with the line `from scheduled_reports.dags import *  # Airflow DAGs of reports`.

The import builds the DAGs. Airflow forks a process for every parse and every task, so they are built each time. Only a
DAG file may import this module: if a process imported it before it forks, all its children would keep the old DAGs.
"""

from .orchestration.factory import dags
from .orchestration.upkeep import dag

globals().update(dags())
scheduled_reports_upkeep = dag()
