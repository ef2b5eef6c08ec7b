"""The settings of a parse: a wrong one changes no DAG, and is shown as an import error of a file of its own.

A DAG file that raises makes all its DAGs stale, and Airflow then stops their open runs.  So the files with DAGs
continue with the last good value of a wrong setting, and a file without DAGs raises.
"""

from __future__ import annotations

import logging
from dataclasses import fields

from ..domain.errors import ReportsError
from ..settings import PREFIX, Settings
from . import airflow_settings, last_good_copy

log = logging.getLogger(__name__)

#: The settings that the structure and the schedule of a DAG depend on, and where its row is.
STRUCTURAL = frozenset(
    {
        "database_connection",
        "jitter_seconds",
        "max_reports",
        "query_pool",
        "query_seconds",
        "render_pool",
        "retries",
        "retry_seconds",
        "run_mode",
    }
)


def read() -> Settings:
    """Return the settings, with the last good value in place of each wrong one."""
    try:
        return airflow_settings.read()
    except ReportsError as error:
        log.error("a setting is wrong, using its last good value: %s", error)  # noqa: TRY400 - the message is enough
    return airflow_settings.usable(last_good_copy.load_settings(airflow_settings.usable().last_good))


def keep() -> None:
    """Keep the values of the settings that DAGs depend on, if every setting is right."""
    try:
        settings = airflow_settings.read()
    except ReportsError:
        return
    names = [f"{PREFIX}{one.name.upper()}" for one in fields(Settings) if one.name in STRUCTURAL]
    known = airflow_settings.variables()
    last_good_copy.save_settings(settings.last_good, {name: known[name] for name in names if name in known})


def check() -> None:
    """Raise a ConfigurationError if a setting is wrong: the import error of the DAG file that calls this."""
    airflow_settings.read()
