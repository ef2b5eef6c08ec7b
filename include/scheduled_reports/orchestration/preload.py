"""Import what every task needs once, in the process that tasks are forked from.

Importing Arrow, pandas, boto3 and the modules of Airflow's hooks takes half a second to a second in each task, and a
run has at least five tasks.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from ..domain.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)


def preload(arguments: Sequence[str] | None = None) -> None:
    """Run all steps if the Airflow command of *arguments* forks tasks."""
    if not forks_tasks(sys.argv if arguments is None else arguments):
        return
    for step in STEPS:
        try:
            step()
        except Exception:  # the scheduler must start anyway; the task that needs the module reports the error
            log.exception("preload: %s failed", step.__name__.removeprefix("_"))


def _import_airflow() -> None:
    import airflow.providers.amazon.aws.hooks.base_aws
    import airflow.providers.standard.decorators.python  # noqa: F401

    from . import connections, factory  # noqa: F401


def _import_boto3() -> None:
    import boto3.s3.inject
    import boto3.s3.transfer  # noqa: F401


def _import_adapters() -> None:
    """Import the adapters that `connections` imports inside its properties; a test compares the two."""
    from ..adapters import s3, ses, smtp, staging  # noqa: F401
    from ..adapters.postgres import ledger, reports, retention, runs, source, stages, upkeep  # noqa: F401


def _import_renderers() -> None:
    for info in FORMATS.values():
        import_module(f"..render.{info.module}", __package__)


def _import_stages() -> None:
    from ..runs import compact, pipeline  # noqa: F401
    from ..upkeep import round as upkeep_round  # noqa: F401


def _read_report_types() -> None:
    """Read the built-in report types: 80 ms for each task; those of REPORT_TYPES may change between two tasks."""
    from ..reports.types.catalog import builtin

    builtin()


def _compile_templates() -> None:
    from ..mail.templates import TEMPLATES as MAIL
    from ..render.as_html.page import TEMPLATES as HTML

    for environment in (MAIL, HTML):
        for name in environment.list_templates(["j2"]):
            environment.get_template(name)


def _read_botocore_data() -> None:
    """Create one client of each kind: that reads the data files of botocore, 30 ms for each client of a task."""
    from boto3.session import Session

    from .connections import botocore_files

    session = Session("none", "none", region_name="us-east-1")
    session._session.register_component("data_loader", botocore_files())  # noqa: SLF001 - boto3 has no other way
    for service in ("s3", "sesv2"):
        session.client(service)


#: Each step is independent of the others, so that an error in one costs only its own modules.
STEPS: tuple[Callable[[], None], ...] = (
    _import_airflow,
    _import_boto3,
    _import_adapters,
    _import_renderers,
    _import_stages,
    _read_report_types,
    _compile_templates,
    _read_botocore_data,
)


def forks_tasks(arguments: Sequence[str]) -> bool:
    """Return whether the command is a scheduler that runs tasks itself, or a Celery worker; not a pod of one task."""
    from airflow.configuration import conf

    words = list(arguments[1:3])
    is_local = "LocalExecutor" in conf.get("core", "executor", fallback="")
    return (words[:1] == ["scheduler"] and is_local) or words == ["celery", "worker"]
