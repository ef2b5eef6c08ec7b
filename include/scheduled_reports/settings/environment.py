"""Where this process finds its settings: the environment, and below it what Airflow's configuration says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_beneath: dict[str, str] = {}


def environ() -> Mapping[str, str]:
    """The variables of the environment, and those of `use_beneath` that it does not set."""
    return _beneath | os.environ


def use_beneath(variables: Mapping[str, str]) -> None:
    """Use *variables*, which `orchestration` has read from airflow.cfg, where the environment has none."""
    _beneath.clear()
    _beneath.update(variables)
