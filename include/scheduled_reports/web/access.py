"""Who is asking, in which workspace, and what he may do there: every route takes its seat first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Path, Query, Request

from ..domain.report import Status
from ..domain.run import Actor
from ..ports.web import Caller, Member, Place, Record, Right, Wanted, WebServices
from .responses import ApiError, invalid
from .schemas import SAFE, content

if TYPE_CHECKING:
    from ..domain.report import Row

NO_WORKSPACE = "Workspace not found or access denied"
NO_REPORT = "Scheduled report not found"
#: The roles of the application: who may change any report, and who his own.
ANY, OWN = frozenset({"OWNER", "ADMIN"}), frozenset({"MEMBER"})


def caller() -> Caller:
    """Whoever is signed in; the app puts Airflow's answer in this place."""
    raise NotImplementedError


def ports() -> WebServices:
    """The ports of this request; the app puts the real ones in this place."""
    raise NotImplementedError


SignedIn = Annotated[Caller, Depends(caller)]
Ports = Annotated[WebServices, Depends(ports)]


async def acting(
    request: Request,
    _: SignedIn,
    actingUserId: Annotated[str | None, Query(description="On whose behalf a service account acts")] = None,
) -> str | None:
    """The application's user on whose behalf a service account acts, from the query or the body."""
    named = None if request.method in SAFE else (await content(request)).get("actingUserId")
    if named is not None and (not isinstance(named, str) or (actingUserId is not None and named != actingUserId)):
        raise invalid({"actingUserId": [f"{named!r}: the id of one user, the same wherever it is said"]})
    return plain(named or actingUserId, "actingUserId")


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A caller in a workspace; *member* where he acts for a user of the application, whose role applies as well."""

    caller: Caller
    ports: WebServices
    place: Place
    name: str  # what the workspace was called in the request
    member: Member | None

    @property
    def actor(self) -> Actor:
        """Whom the audit trail names."""
        return Actor(user=self.caller.name, acting_user=self.member.user_id if self.member else None)

    @property
    def sees_all(self) -> bool:
        """Whether he sees the rows that have no DAG, too."""
        return self.caller.may(Right.READ)

    def visible(self) -> tuple[str, ...] | None:
        """The only reports he may see; None where he may see all."""
        return None if self.sees_all else tuple(sorted(self.caller.readable()))

    def record(self, report_id: str, right: Right = Right.READ) -> Record:
        """A report he has *right* on; 404 where he may not even see it, 403 where he may only do that."""
        found = self.ports.reports.report(self.place.id, plain(report_id) or "")
        if found is None or not self._may(Right.READ, found):
            raise ApiError(404, NO_REPORT)
        if right is not Right.READ:
            if not self._may(right, found):
                raise ApiError(403, f"you may not {right} this report in Airflow")
            self.must_have_role(owner=found["created_by_id"])
        return found

    def row(self, report_id: str, right: Right = Right.READ) -> Row:
        """The same report as the gate reads it."""
        row = self.ports.core.definitions.row(self.record(report_id, right)["id"])
        if row is None:  # somebody has deleted it since
            raise ApiError(404, NO_REPORT)
        return row

    def must_create(self) -> None:
        """403 unless he may add reports to the workspace."""
        if not self.caller.may(Right.CHANGE):
            raise ApiError(403, "creating a report needs the right to edit every DAG in Airflow")
        self.must_have_role(owner=self.member.user_id if self.member else "")

    def must_see_all(self) -> None:
        """403 unless he sees the rows that have no DAG."""
        if not self.sees_all:
            raise ApiError(403, "this needs the right to read every DAG in Airflow")

    def must_have_role(self, *, owner: str) -> None:
        """403 unless the user he acts for may change what *owner* has made."""
        if self.member is None or self.member.role in ANY:
            return
        if self.member.role not in OWN or self.member.user_id != owner:
            raise ApiError(
                403, f"{self.member.role} of the workspace: you may change only your own reports, a GUEST none"
            )

    def _may(self, right: Right, record: Record) -> bool:
        has_no_dag = record["status"] == Status.DISABLED or record["error_cause"] == "rejected"
        return self.caller.may(right, None if has_no_dag else record["id"])


def workspace_access(
    caller: SignedIn,
    ports: Ports,
    acting_user: Annotated[str | None, Depends(acting)],
    name: Annotated[str, Path(alias="workspaceSlug", description="A slug, or slug:id where several have it")],
) -> Access:
    """The caller's seat in the workspace of the path; 404 where it is none of his."""
    found = [
        Access(caller=caller, ports=ports, place=place, name=name, member=member)
        for place in ports.reports.places(plain(name) or "")
        for member in [ports.reports.member(place.id, acting_user) if acting_user else None]
        if (member is not None or not acting_user)
    ]
    accesses = [one for one in found if _belongs(one)]
    if not accesses:
        raise ApiError(404, NO_WORKSPACE)
    if len(accesses) > 1:
        raise ApiError(409, f"Several workspaces are called {name}; say {name}:<id>")
    return accesses[0]


def plain(text: str | None, name: str | None = None) -> str | None:
    """*text* where the database can hold it; 404 for a path that it cannot, 400 for the parameter *name*."""
    if text is None or "\0" not in text:
        return text
    raise invalid({name: [f"{text!r}: text without NUL"]}) if name else ApiError(404, NO_REPORT)


def _belongs(one: Access) -> bool:
    """Whether he may know of the workspace: he sees every DAG, or that of one of its reports."""
    return one.sees_all or one.ports.reports.page(one.place.id, Wanted(ids=one.visible(), limit=1)).total > 0


Authorized = Annotated[Access, Depends(workspace_access)]


def access_to_report(caller: Caller, ports: WebServices, report_id: str) -> Access:
    """The seat in the workspace of a report; 404 where there is none or it may not be seen."""
    place = ports.overview.place_of(plain(report_id) or "")
    if place is None:
        raise ApiError(404, NO_REPORT)
    access = Access(caller=caller, ports=ports, place=place, name=f"{place.slug}:{place.id}", member=None)
    access.record(report_id)
    return access


def visible_reports(caller: Caller) -> tuple[str, ...] | None:
    """The ids of the reports that the caller may see; None for all."""
    return None if caller.may(Right.READ) else tuple(sorted(caller.readable()))
