"""The section `[scheduled_reports]` of Airflow's configuration: a second place for settings, below our own variables.

Airflow finds an option in `AIRFLOW__SCHEDULED_REPORTS__<NAME>`, in airflow.cfg, and, if it is secret, through
`<name>_cmd` and `<name>_secret`.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow.configuration import conf
from airflow.exceptions import AirflowConfigException

from ..domain.errors import ConfigurationError
from ..settings import PREFIX, SECRET, Settings
from ..settings.environment import environ, use_beneath

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTION = "scheduled_reports"
VARIABLES = f"AIRFLOW__{SECTION.upper()}__"
#: How the name of an option ends that says where its value is.
ELSEWHERE = ("_cmd", "_secret")


@dataclass(frozen=True, slots=True)
class Section:
    """The options that are set, by the names of our variables, and what could not be read."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: tuple[str, ...] = ()


_read: list[Section] = []


def read() -> Settings:
    """Return the settings of this process; ConfigurationError names every wrong one."""
    problems = _section().problems
    try:
        settings = Settings.from_env(environ())
    except ConfigurationError as error:
        problems = (*problems, str(error))
    if problems:
        raise ConfigurationError(" ".join(problems))
    return settings


def usable(kept: Mapping[str, str] = MappingProxyType({})) -> Settings:
    """Return the settings with the value in *kept* or the default in place of each wrong one; never raises."""
    section = _section()
    missing = {name: value for name, value in kept.items() if name in _named(section.problems)}
    return Settings.usable(missing | dict(environ()), kept)


def variables() -> Mapping[str, str]:
    """Return the variables that the settings of this process are read from."""
    _section()
    return environ()


def problems() -> tuple[str, ...]:
    """Return what is wrong with the section itself, each as a sentence that names the setting."""
    return _section().problems


def _section() -> Section:
    """Return the section, read once per process; what could not be read is tried again."""
    if not _read or _read[0].problems:
        _read[:] = [_read_section()]
        use_beneath(_read[0].values)
    return _read[0]


def _read_section() -> Section:
    """Read the options that are set, and no others: a look for one that is not makes Airflow load all its providers."""
    written = conf.options(SECTION) if conf.has_section(SECTION) else []
    variables = [name.removeprefix(VARIABLES) for name in os.environ if name.startswith(VARIABLES)]
    named = {option.lower() for option in (*written, *variables)}
    elsewhere = {f"{secret}{ending}": secret for secret in SECRET for ending in ELSEWHERE}
    if named & elsewhere.keys():
        # As the metadata of the wheel says, for a checkout as well: Airflow runs commands only for secret options.
        conf.sensitive_config_values.update((SECTION, name) for name in SECRET)
    values, problems = {}, []
    for option in sorted({elsewhere.get(one, one) for one in named}):
        name = f"{PREFIX}{option.upper()}"
        try:
            values[name] = conf.get(SECTION, option)
        except (AirflowConfigException, configparser.Error, ValueError, OSError) as error:
            # The type alone: the message may contain what a command has printed.
            problems.append(f"{name}: [{SECTION}] {option} cannot be read ({type(error).__name__}); see airflow.cfg.")
    return Section(values, tuple(problems))


def _named(problems: tuple[str, ...]) -> set[str]:
    return {problem.partition(":")[0] for problem in problems}
