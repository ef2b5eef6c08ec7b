"""Airflow imports this file in every process; in a process that forks tasks it imports the modules that tasks need."""

import logging

__all__: list[str] = []

try:
    from include.scheduled_reports.orchestration.preload import preload
except ImportError:  # otherwise Airflow would not start
    logging.getLogger(__name__).warning("the checkout is not on PYTHONPATH, so tasks start more slowly", exc_info=True)
else:
    preload()
