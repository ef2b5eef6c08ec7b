"""Import what every task or parse needs once, in the process that they are forked from.

Importing Arrow, pandas, boto3 and the modules of Airflow's hooks takes half a second to a second in each task, and a
run has at least five tasks.  A parse needs less, but the bundle has many files, and each is parsed by its own process.
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
    """Run the steps for the processes that the Airflow command of *arguments* forks."""
    for step in steps(sys.argv if arguments is None else arguments):
        try:
            step()
        except Exception:  # Airflow must start anyway; the task or parse that needs the module reports the error
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
    from ..adapters import s3, ses, smtp, sqs, staging  # noqa: F401
    from ..adapters.postgres import (  # noqa: F401
        brands,
        feedback,
        ledger,
        readers,
        reports,
        retention,
        runs,
        send_rate,
        source,
        stages,
        upkeep,
    )


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


def _start_drawing() -> None:
    """Start the process that draws the charts of all tasks: Vega's start would take each of them 0.35 s."""
    from ..render.charts import drawing

    drawing.start()


def _make_a_dag() -> None:
    """Build and serialize a DAG, which imports what Airflow imports inside its functions."""
    from airflow.serialization.serialized_objects import DagSerialization

    from . import airflow_settings, factory
    from .dag_spec import DagSpec

    DagSerialization.to_dict(factory.build(DagSpec(report_id="any", display_name="any"), airflow_settings.usable()))


def _import_parser() -> None:
    """Import what a parse imports inside its functions."""
    from ..adapters.postgres import reports  # noqa: F401
    from ..reports import calendars, parser  # noqa: F401
    from . import connections  # noqa: F401


#: Each step is independent of the others, so that an error in one costs only its own modules.
FOR_TASKS: tuple[Callable[[], None], ...] = (
    _import_airflow,
    _import_boto3,
    _import_adapters,
    _import_renderers,
    _import_stages,
    _read_report_types,
    _compile_templates,
    _read_botocore_data,
    _start_drawing,
)
FOR_PARSES = (_make_a_dag, _import_parser, _read_report_types)


def steps(arguments: Sequence[str]) -> tuple[Callable[[], None], ...]:
    """Return what the processes need that an Airflow command forks."""
    if list(arguments[1:2]) == ["dag-processor"]:
        return FOR_PARSES
    return FOR_TASKS if forks_tasks(arguments) else ()


def forks_tasks(arguments: Sequence[str]) -> bool:
    """Return whether the command is a scheduler that runs tasks itself, or a Celery worker; not a pod of one task."""
    from airflow.configuration import conf

    words = list(arguments[1:3])
    is_local = "LocalExecutor" in conf.get("core", "executor", fallback="")
    return (words[:1] == ["scheduler"] and is_local) or words == ["celery", "worker"]
