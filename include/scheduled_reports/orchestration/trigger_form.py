"""The form in Airflow for a manual run; its defaults change nothing."""

from __future__ import annotations

from functools import cache

from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from ..reports.run_request import RequestKey, keys_sent_by


@cache
def form() -> ParamsDict:
    """Return the form: one object for all DAGs, because building it takes longer than the rest of a DAG."""
    return ParamsDict({key.name: _param(key) for key in keys_sent_by("form")})


def _param(key: RequestKey) -> Param:
    taken = key.form_schema or key.schema
    schema = {**taken, "type": ["null", taken["type"]]}
    return Param(None, title=key.title, description=key.description, **schema)
