"""The settings of a parse: a wrong one changes no DAG, and is shown as an import error of a file of its own.

A DAG file that raises makes all its DAGs stale, and Airflow then stops their open runs.  So the files with DAGs
continue with the last good value of a wrong setting, and a file without DAGs raises.
"""

from __future__ import annotations

import logging
import os
from dataclasses import fields

from ..domain.errors import ReportsError
from ..settings import PREFIX, Settings
from . import last_good_copy

log = logging.getLogger(__name__)

#: The settings that the structure and the schedule of a DAG depend on.
STRUCTURAL = frozenset(
    {
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
        return Settings.from_env(os.environ)
    except ReportsError as error:
        log.error("a setting is wrong, using its last good value: %s", error)  # noqa: TRY400 - the message is enough
    settings = Settings.usable(os.environ)
    return Settings.usable(os.environ, last_good_copy.load_settings(settings.last_good))


def keep() -> None:
    """Keep the values of the settings that DAGs depend on, if every setting is right."""
    try:
        settings = Settings.from_env(os.environ)
    except ReportsError:
        return
    names = [f"{PREFIX}{one.name.upper()}" for one in fields(Settings) if one.name in STRUCTURAL]
    last_good_copy.save_settings(settings.last_good, {name: os.environ[name] for name in names if name in os.environ})


def check() -> None:
    """Raise a ConfigurationError if a setting is wrong: the import error of the DAG file that calls this."""
    Settings.from_env(os.environ)
