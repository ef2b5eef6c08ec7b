"""Links from a task's page in Airflow to its file and its mail: to our own routes, which ask who may, never signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink, conf

from ..domain import naming

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

PREFIX = "/scheduled-reports"


class FileLink(BaseOperatorLink):
    """The file that an `upload` has brought to S3."""

    @property
    def name(self) -> str:
        """What stands on the button."""
        return "File"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Its address; asked once, in the worker, when the task has ended."""
        return f"{_report(ti_key)}/runs/{quote(ti_key.run_id, safe='')}/files/{operator.op_args[0]}"


class RunLink(BaseOperatorLink):
    """The run on the page of its report: files, messages, and what became of them."""

    @property
    def name(self) -> str:
        """What stands on the button."""
        return "Report"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Its address; asked once, in the worker, when the task has ended."""
        return f"{_report(ti_key)}?run={quote(ti_key.run_id, safe='')}"


def _report(key: TaskInstanceKey) -> str:
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}{PREFIX}/reports/{quote(naming.report_id_of(key.dag_id) or '', safe='')}"
