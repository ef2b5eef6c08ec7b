"""The signed-in user of Airflow, and their rights on reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails

from ..domain import naming
from ..ports.web import Right

#: A DAG id that no report can have, so that nobody has a right on it by name: a right on it is a right on every DAG.
#: Without an id, some auth managers say yes to users who may read a single DAG.
EVERY_DAG = f"{naming.DAG_PREFIX}."


@dataclass(frozen=True, slots=True)
class AirflowCaller:
    """Port `Caller`: a right on a report is the right on its DAG."""

    user: Any

    @property
    def name(self) -> str:
        return str(self.user.get_name())

    def may(self, right: Right, report_id: str | None = None) -> bool:
        method, entity = {
            Right.READ: ("GET", None),
            Right.CHANGE: ("PUT", None),
            Right.RUN: ("POST", DagAccessEntity.RUN),
        }[right]
        return bool(
            get_auth_manager().is_authorized_dag(
                method=method,  # type: ignore[arg-type]  # one of Airflow's four
                access_entity=entity,
                details=DagDetails(id=EVERY_DAG if report_id is None else naming.dag_id(report_id)),
                user=self.user,
            )
        )

    def readable(self) -> frozenset[str]:
        ids = get_auth_manager().get_authorized_dag_ids(user=self.user, method="GET")
        return frozenset(found for dag_id in ids if (found := naming.report_id_of(dag_id)) is not None)
