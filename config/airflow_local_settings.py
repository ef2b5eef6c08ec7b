"""Airflow imports this file in every process: those that run tasks import ahead what their tasks would import anew."""

from include.scheduled_reports.orchestration.preload import preload

__all__: list[str] = []

preload()
