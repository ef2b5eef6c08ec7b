"""Every route of the API, a harmless request for it, and the status code for each user of Airflow's SimpleAuth.

Requests of permitted users are either invalid, so that they get an error that explains why, or change nothing that
matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from include.scheduled_reports.web.app import make

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = "/api/workspaces/{workspaceSlug}/reports"
ONE = f"{BASE}/scheduled/{{id}}"
RUN = f"{ONE}/runs/{{runId}}"
USERS = ("viewer", "user", "op", "admin")


@dataclass(frozen=True)
class Row:
    """The status code for the viewer, the one for other users, and the request to send."""

    viewer: int
    others: int
    body: Any = None
    query: str = ""

    def expected(self, user: str | None) -> int:
        """Return the expected status code for a user; it is always the same without sign-in."""
        if user is None:
            return 401
        return self.viewer if user == "viewer" else self.others


TABLE = {
    ("GET", f"{BASE}/scheduled"): Row(200, 200),
    ("GET", f"{BASE}/scheduled/"): Row(200, 200),
    ("POST", f"{BASE}/scheduled"): Row(403, 400, {}),
    ("POST", f"{BASE}/scheduled/"): Row(403, 400, {}),
    ("POST", f"{BASE}/hand-over"): Row(403, 400, {}),
    ("GET", ONE): Row(200, 200),
    ("PUT", ONE): Row(403, 200, {}),
    ("POST", f"{ONE}/pause"): Row(403, 200, {}),
    ("POST", f"{ONE}/resume"): Row(403, 200, {}),
    ("POST", f"{ONE}/trigger"): Row(403, 400, {"formats": ["nothing"]}),
    ("POST", f"{ONE}/test"): Row(403, 400, {"formats": ["nothing"]}),
    ("GET", f"{ONE}/runs"): Row(200, 200),
    ("GET", RUN): Row(404, 404),
    ("GET", f"{RUN}/artifacts"): Row(404, 404),
    ("GET", f"{RUN}/artifacts/{{format}}"): Row(404, 404),
    ("GET", f"{RUN}/artifacts/{{format}}/pages/{{number}}"): Row(404, 404),
    ("GET", f"{RUN}/deliveries"): Row(404, 404),
    ("POST", f"{RUN}/retry"): Row(403, 404, {}),
    ("POST", f"{RUN}/resend"): Row(403, 404, {}),
    ("POST", f"{RUN}/revoke-links"): Row(403, 404, {}),
    ("GET", f"{ONE}/opt-outs"): Row(200, 200),
    ("POST", f"{ONE}/opt-outs/return"): Row(403, 400, {}),
    ("GET", f"{ONE}/next-runs"): Row(200, 200),
    ("GET", f"{ONE}/preview"): Row(200, 200, query="?format=csv"),
    ("GET", f"{ONE}/audit"): Row(200, 200),
    ("POST", f"{ONE}/preview"): Row(403, 400, {"format": "nothing"}),
    ("POST", f"{BASE}/preview"): Row(403, 400, {}),
    ("GET", f"{BASE}/suppressions"): Row(200, 200),
    ("POST", f"{BASE}/suppressions/lift"): Row(403, 400, {}),
    ("GET", f"{BASE}/brand"): Row(200, 200),
    ("PUT", f"{BASE}/brand"): Row(403, 400, {"colour": "blue"}),
    ("GET", f"{BASE}/rejections"): Row(200, 200),
    ("GET", f"{BASE}/audit"): Row(200, 200),
    ("GET", f"{BASE}/parameters/{{reportType}}"): Row(403, 200),
    ("GET", "/api/next-runs"): Row(200, 200, query="?cron=0+9+*+*+1"),
    ("GET", "/api/report-types"): Row(200, 200),
    ("GET", "/api/health"): Row(200, 200),
    ("GET", "/api/health/details"): Row(403, 200),
    ("GET", "/health"): Row(200, 200),
    # The pages.
    ("GET", "/"): Row(200, 200),
    ("GET", "/reports/{id}"): Row(200, 200),
    ("GET", "/reports/{id}/runs/{runId}"): Row(404, 404),
    ("GET", "/reports/{id}/runs/{runId}/files/{format}"): Row(404, 404),
    ("GET", "/reports/{id}/edit"): Row(403, 200),
    ("GET", "/new"): Row(403, 200),
    ("GET", "/brand"): Row(403, 200),
    ("GET", "/doctor"): Row(403, 200),
    ("GET", "/dag/{dagId}"): Row(200, 200),
    ("GET", "/static/{name}"): Row(404, 404),
    ("GET", "/openapi.json"): Row(200, 200),
    ("DELETE", ONE): Row(403, 200, {}),  # last, because it deletes the report
}


def routes() -> Iterator[tuple[str, str]]:
    """Yield method and path of every route."""
    for route in make(lambda: None, lambda: None).routes:
        for method in sorted(route.methods - {"HEAD"}):
            yield method, route.path


def path(template: str, workspace: str, report_id: str) -> str:
    """Fill in the path of a route."""
    values = {"workspaceSlug": workspace, "id": report_id, "runId": "manual__nothing", "format": "csv", "number": "1"}
    values |= {"dagId": f"scheduled_report_{report_id}", "name": "nothing", "reportType": "workspace-activity"}
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", quote(value, safe=""))
    return template
