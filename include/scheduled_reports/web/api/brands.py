"""Routes of a workspace's brand: what its reports and mails show in place of the deployment's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Response

from ...domain.brand import Brand
from ...domain.run import AuditAction
from ...reports.fields import BRAND_FIELDS
from ...settings.branding import brand_problems
from ...settings.logo import read_logo
from .. import serializers, shapes
from ..access import Authorized
from ..responses import SafeRoute, answer, invalid, returns
from ..schemas import BrandChange, Content, Sent, check, documented, json_only
from .reports import BASE

if TYPE_CHECKING:
    from ..access import Access

NOT_VERIFIED = "is not verified in SES; verify the address or its domain there first"

router = APIRouter(prefix=f"{BASE}/brand", route_class=SafeRoute, tags=["brand"], dependencies=[Depends(json_only)])


@router.get("", responses=returns(shapes.BrandAnswer))
def get_brand(access: Authorized) -> Response:
    """Return the brand of the workspace; what is null is the deployment's."""
    return answer({"brand": serializers.brand(access.ports.core.brands.of(access.workspace.id))})


@router.put("", openapi_extra=documented(BrandChange), responses=returns(shapes.BrandAnswer))
def change_brand(access: Authorized, content: Content) -> Response:
    """Change the brand; fields that are not sent stay as they are, null is the deployment's.

    Runs that have begun keep the brand that they began with.
    """
    access.must_change_all()
    access.must_have_role(owner="")
    body = check(BrandChange, content)
    brand = _changed(access, body)
    if body.wrong:
        raise invalid(body.wrong)
    act = AuditAction(action="branded", actor=access.actor, workspace_id=access.workspace.id)
    access.ports.core.brands.save(access.workspace.id, brand, act)
    return answer({"brand": serializers.brand(brand)})


def _changed(access: Access, body: Sent) -> Brand:
    """The brand with the values of *body*; what is wrong with it is added to the problems of *body*."""
    now = access.ports.core.brands.of(access.workspace.id) or Brand()
    sent = {name: body.values[name] for name in BRAND_FIELDS if name in body.values}
    values: dict[str, Any] = {BRAND_FIELDS[name]: (value or "").strip() for name, value in sent.items()}
    brand = replace(now, **values)
    names = {column: name for name, column in BRAND_FIELDS.items()}
    for problem in brand_problems(brand):
        name = names[problem.column]
        body.wrong.setdefault(name, []).append(str(replace(problem, column=name)))
    if body.wrong:
        return brand
    is_new = bool(brand.sender_address) and brand.sender_address != now.sender_address
    if is_new and access.ports.core.mailer.is_verified(brand.sender_address) is False:
        body.wrong["senderAddress"] = [f'"{brand.sender_address}" {NOT_VERIFIED}.']
    return replace(brand, logo=read_logo(brand.logo), logo_dark=read_logo(brand.logo_dark))
