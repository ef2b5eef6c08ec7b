"""What every task process would import anew, imported once by the process that they are forked from.

Arrow, pandas, boto3 and what Airflow's hooks bring along take a task half a second to a second, five times in a run.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

#: What the stages use; a renderer is a module of its own, and the PDF's is the slowest.
MODULES = (
    "airflow.providers.amazon.aws.hooks.base_aws",
    "airflow.providers.standard.decorators.python",
    "boto3.s3.inject",
    "boto3.s3.transfer",
    "..adapters.postgres.reports",
    "..adapters.postgres.upkeep",
    "..adapters.postgres.ledger",
    "..adapters.postgres.retention",
    "..adapters.postgres.runs",
    "..adapters.s3",
    "..adapters.ses",
    "..adapters.smtp",
    "..adapters.postgres.source",
    "..adapters.staging",
    "..runs.pipeline",
    "..render.as_csv",
    "..render.as_excel",
    "..render.as_html",
    "..render.as_json",
    "..render.as_pdf",
    "..upkeep.round",
    ".connections",
    ".factory",
)


def preload(arguments: Sequence[str] | None = None) -> None:
    """Import them where the Airflow command of *arguments* forks tasks; what cannot be imported fails in its task."""
    if not forks_tasks(sys.argv if arguments is None else arguments):
        return
    for name in MODULES:
        try:
            import_module(name, __package__)
        except Exception:  # a scheduler must start whatever is wrong with a report
            log.exception("%s cannot be imported ahead of its tasks", name)
    _compile_templates()
    _read_what_botocore_knows()


def _compile_templates() -> None:
    from ..mail.templates import TEMPLATES as MAIL
    from ..render.as_html.page import TEMPLATES as HTML

    for environment in (MAIL, HTML):
        for name in environment.list_templates(["j2"]):
            environment.get_template(name)


def _read_what_botocore_knows() -> None:
    """Some 30 ms for each client a task makes; a client that is made and thrown away reads all that one needs."""
    from boto3.session import Session

    from .connections import botocore_files

    session = Session("none", "none", region_name="us-east-1")
    session._session.register_component("data_loader", botocore_files())  # noqa: SLF001 - boto3 has no other way
    for service in ("s3", "sesv2"):
        session.client(service)


def forks_tasks(arguments: Sequence[str]) -> bool:
    """Whether this is a scheduler that runs tasks itself, or a Celery worker; not so for a pod of one task."""
    from airflow.configuration import conf

    words = list(arguments[1:3])
    is_local = "LocalExecutor" in conf.get("core", "executor", fallback="")
    return (words[:1] == ["scheduler"] and is_local) or words == ["celery", "worker"]
