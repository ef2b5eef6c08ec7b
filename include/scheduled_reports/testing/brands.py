"""In-memory brands of workspaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..domain.brand import Brand

if TYPE_CHECKING:
    from ..domain.run import AuditAction


@dataclass
class MemoryBrands:
    """Port `Brands` in a dictionary."""

    held: dict[str, Brand] = field(default_factory=dict)
    acts: list[AuditAction] = field(default_factory=list)

    def of(self, workspace_id: str) -> Brand | None:
        return self.held.get(workspace_id)

    def save(self, workspace_id: str, brand: Brand, act: AuditAction) -> bool:
        if self.held.get(workspace_id, Brand()) == brand:
            return False
        self.held.pop(workspace_id, None)
        if not brand.is_empty:
            self.held[workspace_id] = brand
        self.acts.append(act)
        return True
