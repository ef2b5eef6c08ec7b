"""Run the public door: its settings, its adapters and its server; nothing of Airflow is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import psycopg
import uvicorn

from .adapters.door_files import DoorFiles
from .adapters.postgres.connection import conninfo
from .adapters.postgres.door import PostgresDoor
from .adapters.postgres.dsn import find_dsn
from .domain.errors import ConfigurationError
from .settings import PREFIX, Settings
from .web.public.app import PublicDoor
from .web.public.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What one client can occupy is bounded.  The access log is off and WebSockets are, because both would log tokens.
SERVER: Final[Mapping[str, Any]] = {
    "access_log": False,
    "ws": "none",
    "lifespan": "off",
    "interface": "asgi3",
    "http": "h11",  # it bounds the request line and the headers, together
    "h11_max_incomplete_event_size": 16_384,
    "limit_concurrency": 200,
    "timeout_keep_alive": 5,
    "timeout_graceful_shutdown": 20,
    "server_header": False,
    "proxy_headers": False,  # no client's address is looked at
}


def serve(host: str, port: int, environ: Mapping[str, str]) -> None:
    """Serve the public door until a signal ends it."""
    uvicorn.run(make(environ), host=host, port=port, **SERVER)


def make(environ: Mapping[str, str]) -> PublicDoor:
    """The app with its adapters; ConfigurationError if a setting that it needs is missing or wrong."""
    settings = Settings.from_env(environ)
    for name in ("LINK_BASE", "LINK_KEYS"):
        if not getattr(settings, name.lower()):
            raise ConfigurationError(
                f"{PREFIX}{name} is not set; the public door needs the value that the Airflow processes have"
            )
    return PublicDoor(
        door=PostgresDoor(_dsn(settings, environ)),
        link=DoorFiles.by_default_chain().link,
        keys=settings.keys,
        pages=Pages(settings.brand_name),
        path=urlsplit(settings.door).path,
    )


def _dsn(settings: Settings, environ: Mapping[str, str]) -> str:
    dsn = settings.public_dsn or find_dsn(None, environ)
    try:
        conninfo(dsn)
    except psycopg.ProgrammingError:
        # libpq quotes what it cannot read, which may be the password.
        raise ConfigurationError("the DSN of the public door is not valid for libpq") from None
    return dsn
