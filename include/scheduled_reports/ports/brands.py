"""Port: the brands of workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..domain.brand import Brand
    from ..domain.run import AuditAction


class Brands(Protocol):
    """The brands of workspaces: reporting.brands.  A run keeps the one that it was frozen with."""

    def of(self, workspace_id: str) -> Brand | None:
        """The current brand of a workspace; None for the deployment's."""

    def save(self, workspace_id: str, brand: Brand, act: AuditAction) -> bool:
        """Make *brand* the current one and note *act* in the audit trail; False, and nothing noted, if it is already.

        An empty brand is the deployment's.
        """
