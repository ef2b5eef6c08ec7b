"""Airflow imports this file in every process: those that run tasks import ahead what their tasks would import anew."""

import logging

__all__: list[str] = []

try:
    from include.scheduled_reports.orchestration.preload import preload
except ImportError:  # Airflow would not start at all
    logging.getLogger(__name__).warning("the checkout is not on PYTHONPATH: nothing is imported ahead", exc_info=True)
else:
    preload()
