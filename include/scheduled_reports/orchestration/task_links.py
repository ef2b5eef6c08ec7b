"""Links from a task's page in Airflow to our routes, which check permissions; the links are not signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink, conf

from ..domain import naming

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

PREFIX = "/scheduled-reports"


class FileLink(BaseOperatorLink):
    """The link to the file that `upload` has stored."""

    @property
    def name(self) -> str:
        """The label of the button."""
        return "File"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL; Airflow calls this once, in the worker, when the task has ended."""
        return f"{_report(ti_key)}/runs/{quote(ti_key.run_id, safe='')}/files/{operator.op_args[0]}"


class RunLink(BaseOperatorLink):
    """The link to the run on the page of its report."""

    @property
    def name(self) -> str:
        """The label of the button."""
        return "Report"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the URL; Airflow calls this once, in the worker, when the task has ended."""
        return f"{_report(ti_key)}?run={quote(ti_key.run_id, safe='')}"


def _report(key: TaskInstanceKey) -> str:
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}{PREFIX}/reports/{quote(naming.report_id_of(key.dag_id) or '', safe='')}"
