"""Asset events through the one outlet of our tasks, an alias, so that no DAG names the asset of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias, get_current_context

from ..domain import naming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.run import Artifact, Run

#: A DAG can also be scheduled on the alias: it starts after every report.
ALIAS = AssetAlias("scheduled-reports")


class AirflowAssetEvents:
    """Port `AssetEvents`: the outlet events of the running task, which Airflow stores together with its success."""

    def add(self, run: Run, files: Sequence[Artifact]) -> None:
        asset = Asset(naming.asset_uri(run.report.workspace.id, run.report.id))
        get_current_context()["outlet_events"][ALIAS].add(asset, extra=extra(run, files))


def extra(run: Run, files: Sequence[Artifact]) -> dict[str, Any]:
    """What the event tells: ids, moments, sizes and places; no name and no address."""
    return {
        "report_id": run.key.report_id,
        "workspace_id": run.report.workspace.id,
        "report_type": run.report.type,
        "run_id": run.key.run_id,
        "kind": str(run.kind),
        "scheduled_for": run.scheduled_for.isoformat(),
        "window": {
            "start": run.window.start.isoformat(),
            "end": run.window.end.isoformat(),
            "timezone": run.window.zone.key,
        },
        "files": [
            {
                "format": str(file.format),
                "url": file.url,
                "content_type": file.content_type,
                "bytes": file.bytes,
                "sha256": file.sha256,
                "rows": file.rows,
                "total_rows": file.total_rows,
            }
            for file in files
        ],
    }
