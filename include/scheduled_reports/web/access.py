"""Authorization: caller, workspace, permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Path, Query

from ..domain.report import Status
from ..domain.run import Actor
from ..ports.web import Caller, Member, Record, ReportQuery, Right, WebServices, WorkspaceInfo
from .responses import ApiError, invalid
from .schemas import Content

if TYPE_CHECKING:
    from ..domain.report import Row

NO_WORKSPACE = "Workspace not found or access denied"
NO_REPORT = "Scheduled report not found"
NO_CREATION = "Creating a report requires the right to edit every DAG in Airflow."
NO_BULK = "This requires the right to edit every DAG in Airflow; change single reports one by one."
NO_OVERVIEW = "This requires the right to read every DAG in Airflow."
#: Roles in the application that may change any report, and roles that may change only their own.
EDIT_ANY, EDIT_OWN = frozenset({"OWNER", "ADMIN"}), frozenset({"MEMBER"})


def caller() -> Caller:
    """Return the signed-in caller; `app.make` replaces this dependency with Airflow's."""
    raise NotImplementedError


def ports() -> WebServices:
    """Return the ports of this request; `app.make` replaces this dependency with the real ones."""
    raise NotImplementedError


SignedIn = Annotated[Caller, Depends(caller)]
Ports = Annotated[WebServices, Depends(ports)]


def acting_user_id(
    _: SignedIn,
    body: Content,
    actingUserId: Annotated[
        str | None, Query(description="The user on whose behalf a service account sends the request")
    ] = None,
) -> str | None:
    """Return the user on whose behalf a service account sends the request, from the query or the body."""
    in_body = body.get("actingUserId")
    if in_body is not None and (not isinstance(in_body, str) or (actingUserId is not None and in_body != actingUserId)):
        raise invalid(
            {"actingUserId": [f"{in_body!r} is not one user's id; send the same id in the query and in the body."]}
        )
    return storable(in_body or actingUserId, "actingUserId")


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A caller in a workspace; if the caller acts for *member*, that user's role limits the caller's rights."""

    caller: Caller
    ports: WebServices
    workspace: WorkspaceInfo
    name: str  # the workspace as the request names it: its slug, or `slug:id`
    member: Member | None

    @property
    def actor(self) -> Actor:
        """The user, and the acting user, for the audit trail."""
        return Actor(user=self.caller.name, acting_user=self.member.user_id if self.member else None)

    @property
    def sees_all(self) -> bool:
        """Whether the caller may see every report, including rows without a DAG."""
        return self.caller.may(Right.READ)

    def visible(self) -> tuple[str, ...] | None:
        """Return the ids of the reports that the caller may see; None for all."""
        return visible_reports(self.caller)

    def record(self, report_id: str, right: Right = Right.READ) -> Record:
        """Return a report that the caller has *right* on; 404 if they may not see it, 403 if they may only see it."""
        found = self.ports.reports.report(self.workspace.id, storable(report_id) or "")
        if found is None or not self._may(Right.READ, found):
            raise ApiError(404, NO_REPORT)
        if right is not Right.READ:
            if not self._may(right, found):
                raise ApiError(403, f"You may not {right} this report: the right on its DAG in Airflow is missing.")
            self.must_have_role(owner=found["created_by_id"])
        return found

    def row(self, report_id: str, right: Right = Right.READ) -> Row:
        """Return the same report as the row that the parser reads."""
        row = self.ports.core.definitions.row(self.record(report_id, right)["id"])
        if row is None:  # deleted since
            raise ApiError(404, NO_REPORT)
        return row

    def must_create(self) -> None:
        """Raise a 403 unless the caller may add reports to the workspace."""
        if not self.caller.may(Right.CHANGE):
            raise ApiError(403, NO_CREATION)
        self.must_have_role(owner=self.member.user_id if self.member else "")

    def must_change_all(self) -> None:
        """Raise a 403 unless the caller may change every report; an acting user's role is checked for each."""
        if not self.caller.may(Right.CHANGE):
            raise ApiError(403, NO_BULK)

    def must_see_all(self) -> None:
        """Raise a 403 unless the caller may see rows without a DAG."""
        if not self.sees_all:
            raise ApiError(403, NO_OVERVIEW)

    def must_have_role(self, *, owner: str) -> None:
        """Raise a 403 unless the acting user may change the reports of *owner*."""
        if self.member is None or self.member.role in EDIT_ANY:
            return
        if self.member.role not in EDIT_OWN or self.member.user_id != owner:
            raise ApiError(
                403,
                f"The acting user is {self.member.role} of the workspace: "
                "a MEMBER may change only their own reports, a GUEST none.",
            )

    def _may(self, right: Right, record: Record) -> bool:
        has_no_dag = record["status"] == Status.DISABLED or record["error_cause"] == "rejected"
        return self.caller.may(right, None if has_no_dag else record["id"])


def workspace_access(
    caller: SignedIn,
    ports: Ports,
    acting_user: Annotated[str | None, Depends(acting_user_id)],
    name: Annotated[
        str, Path(alias="workspaceSlug", description="A slug, or slug:id if several workspaces have this slug")
    ],
) -> Access:
    """Return the caller's access to the workspace of the path; 404 if they may not know of it."""
    found = [
        Access(caller=caller, ports=ports, workspace=workspace, name=name, member=member)
        for workspace in ports.reports.workspaces(storable(name) or "")
        for member in [ports.reports.member(workspace.id, acting_user) if acting_user else None]
        if (member is not None or not acting_user)
    ]
    accesses = [access for access in found if _sees_workspace(access)]
    if not accesses:
        raise ApiError(404, NO_WORKSPACE)
    if len(accesses) > 1:
        raise ApiError(409, f"Several workspaces have the slug {name}; use {name}:<id>.")
    return accesses[0]


def storable(text: str | None, name: str | None = None) -> str | None:
    """Return *text* if PostgreSQL can store it; otherwise 400 for the parameter *name*, 404 for a part of the path."""
    if text is None or "\0" not in text:
        return text
    raise invalid({name: [f"{text!r} contains a NUL character; remove it."]}) if name else ApiError(404, NO_REPORT)


def _sees_workspace(access: Access) -> bool:
    """Return whether the caller may see every DAG, or the DAG of at least one report of the workspace."""
    query = ReportQuery(workspace_id=access.workspace.id, ids=access.visible(), limit=1)
    return access.sees_all or access.ports.reports.page(query).total > 0


Authorized = Annotated[Access, Depends(workspace_access)]


def access_to_report(caller: Caller, ports: WebServices, report_id: str) -> Access:
    """Return the caller's access to the workspace of a report; 404 if they may not see the report."""
    workspace = ports.overview.workspace_of(storable(report_id) or "")
    if workspace is None:
        raise ApiError(404, NO_REPORT)
    name = f"{workspace.slug}:{workspace.id}"
    access = Access(caller=caller, ports=ports, workspace=workspace, name=name, member=None)
    access.record(report_id)
    return access


def visible_reports(caller: Caller) -> tuple[str, ...] | None:
    """Return the ids of the reports that the caller may see; None for all."""
    return None if caller.may(Right.READ) else tuple(sorted(caller.readable()))
