"""The form of a workspace's brand."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ...domain.brand import Brand
from ...domain.errors import ConfigurationError
from ...ports.web import Right
from ...settings import Settings
from ...settings.branding import Branding
from ..access import NO_BULK, Ports, SignedIn, visible_reports
from ..responses import ApiError, SafePage
from .template import page

router = APIRouter(route_class=SafePage, include_in_schema=False)


@router.get("/brand")
def brand_page(
    request: Request, caller: SignedIn, ports: Ports, workspace: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Show the brand of a workspace, by its id or slug; the first one if none is named."""
    if not caller.may(Right.CHANGE):
        raise ApiError(403, NO_BULK)
    workspaces = ports.overview.workspaces(visible_reports(caller))
    chosen = next((one for one in workspaces if workspace in (one.id, one.slug)), next(iter(workspaces), None))
    settings = ports.core.settings
    name, address = parseaddr(settings.sender)
    return page(
        request,
        "brand",
        workspaces=workspaces,
        workspace=chosen,
        brand=(ports.core.brands.of(chosen.id) if chosen else None) or Brand(),
        deployment=_deployment(settings),
        sender_name=name,
        sender_address=address,
        reply_to=settings.reply_to,
    )


def _deployment(settings: Settings) -> Branding:
    """Return the deployment's brand without its logo, which may be a file that the API server does not have."""
    try:
        return settings.branding
    except ConfigurationError:
        return Branding(colour=settings.brand_colour, footer=settings.brand_footer, name=settings.brand_name)
