"""The pages of the public door: no scripts, nothing from other sites, and a style that its policy names by its hash."""

from __future__ import annotations

from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...ports.readers import DoorFile, DoorReader, DoorReport

FOLDER: Final = Path(__file__).parent / "templates"
#: The address of a page is a secret: it is not sent to other sites, stored or indexed.
HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow, noarchive",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
POLICY: Final = (
    "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class Pages:
    """Responses of the public door; above each page, the name of the workspace's brand or else the company's."""

    def __init__(self, brand: str = "") -> None:
        self._brand = brand
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @cached_property
    def _style(self) -> str:
        return (FOLDER / "style.css").read_text(encoding="utf-8")

    @cached_property
    def _policy(self) -> str:
        return POLICY.format(style=b64encode(sha256(self._style.encode()).digest()).decode())

    def not_found(self) -> Response:
        """The answer to every address and token that is not valid."""
        return self._page("not_found", 404)

    def unavailable(self) -> Response:
        """The answer while the database or the store is unavailable."""
        response = self._page("unavailable", 503)
        response.headers["retry-after"] = "60"
        return response

    def leave(self, reader: DoorReader, manage: str) -> Response:
        """The page on which a reader leaves their report or comes back; *manage* is the token of the other page."""
        return self._page("leave", 200, reader=reader, manage=manage)

    def manage(self, reader: DoorReader, reports: Sequence[DoorReport]) -> Response:
        """The page with a switch for each report of the reader."""
        return self._page("manage", 200, reader=reader, reports=reports)

    def redirect(self, location: str, status: int) -> Response:
        """A redirect that nothing stores."""
        return Response(status_code=status, headers={**self._headers(), "location": location})

    def describing(self, file: DoorFile) -> Response:
        """Type and size of a file, without the file."""
        described = {"content-type": file.content_type, "content-length": str(file.bytes)}
        return Response(headers={**self._headers(), **described})

    def _page(self, name: str, status: int, **values: Any) -> Response:
        reader: DoorReader | None = values.get("reader")
        brand = (reader.brand if reader else "") or self._brand
        text = self._environment.get_template(f"{name}.html.j2").render(brand=brand, style=self._style, **values)
        return Response(text, status, self._headers(), media_type="text/html")

    def _headers(self) -> dict[str, str]:
        return {**HEADERS, "content-security-policy": self._policy}
