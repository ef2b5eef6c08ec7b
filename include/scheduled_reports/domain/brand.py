"""The brand of a workspace: what its reports and mails show in place of the deployment's."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Brand:
    """The texts of a brand as they are stored; an empty one stands for the deployment's."""

    name: str = ""
    logo: str = ""  # a data: URI
    logo_dark: str = ""  # of the pages on a dark background; empty for the same
    colour: str = ""
    footer: str = ""
    sender_name: str = ""
    sender_address: str = ""
    reply_to: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether everything is the deployment's."""
        return not any(asdict(self).values())


def read_brand(kept: Mapping[str, object]) -> Brand:
    """The brand in *kept*, as reporting.brands has it; what is no text becomes one, and is checked where it is used."""
    names = {one.name for one in fields(Brand)}
    return Brand(**{name: str(value) for name, value in kept.items() if name in names and value is not None})
