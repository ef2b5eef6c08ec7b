"""Configure an Airflow before it starts: environment, keys, users."""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# Other variables are not inherited: AIRFLOW_*, AWS_*, PG* and proxies of the caller would change what runs here.
INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "USER", "LOGNAME", "LD_LIBRARY_PATH")

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    # The log server would listen on every interface; the API server reads the same folder.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
}


@dataclass(frozen=True)
class Launch:
    """The command, environment and folder of one component."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    folder: Path


def on_this_machine(launch: Launch) -> Launch:
    """Start components on this machine; tests may replace this."""
    return launch


@dataclass(frozen=True)
class Site:
    """An Airflow to run: its folder, the code it serves, its users."""

    folder: Path
    checkout: Path
    dsn: str
    port: int
    dags: Path | None = None
    users: Mapping[str, str] = field(default_factory=lambda: {"admin": "admin"})
    env: Mapping[str, str] = field(default_factory=dict)
    components: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: COMPONENTS)
    place: Callable[[Launch], Launch] = on_this_machine

    @property
    def url(self) -> str:
        """The address of API and pages."""
        return f"http://127.0.0.1:{self.port}"


def environment(site: Site) -> dict[str, str]:
    """Build the environment of the components: inherited variables, Airflow's settings, those of *site* last."""
    folder = site.folder.resolve()
    settings = {f"AIRFLOW__{name}": value for name, value in {**_settings(site), **_keys(folder)}.items()}
    return {
        **inherited(),
        "AIRFLOW_HOME": str(folder / "home"),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        # Airflow reads local settings from `config`; those of the checkout are used here.
        "PYTHONPATH": os.pathsep.join(str(site.checkout.resolve() / folder) for folder in ("config", ".")),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "*",
        **settings,
        **site.env,
    }


def inherited() -> dict[str, str]:
    """Return the variables of the caller that do not change what runs here."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def _settings(site: Site) -> dict[str, str]:
    return {
        # The async engine's URL is derived from this one: postgresql+asyncpg.
        "DATABASE__SQL_ALCHEMY_CONN": site.dsn.replace("postgresql://", "postgresql+psycopg2://", 1),
        "DATABASE__CHECK_MIGRATIONS": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__DAGS_FOLDER": str((site.dags or site.checkout / "dags").resolve()),
        "CORE__PLUGINS_FOLDER": str((site.checkout / "plugins").resolve()),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in site.users.items()),
        "CORE__EXECUTION_API_SERVER_URL": f"{site.url}/execution/",
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        # The default queries the name server.
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(site.port),
        "API__BASE_URL": site.url,
        "API__WORKERS": "1",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        # A supervisor that misses the end of its task notices at the next heartbeat and holds the slot until then.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "WORKERS__EXECUTION_API_TIMEOUT": "30",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        "LOGGING__COLORED_CONSOLE_LOG": "False",
    }


def _keys(folder: Path) -> dict[str, str]:
    """Create the keys of this home once: all components share them, and a restart keeps them."""
    path = folder / "home" / "keys.json"
    if not path.exists():
        keys = {
            "CORE__FERNET_KEY": urlsafe_b64encode(os.urandom(32)).decode(),
            "API__SECRET_KEY": secrets.token_urlsafe(64),
            "API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        }
        _write_private(path, keys)
    stored: dict[str, str] = json.loads(path.read_text())
    return stored


def passwords(site: Site) -> dict[str, str]:
    """Create a password per user where SimpleAuthManager reads them; existing ones are kept."""
    path = site.folder / "home" / "simple_auth_manager_passwords.json.generated"
    known = json.loads(path.read_text()) if path.exists() else {}
    found = {user: known.get(user) or secrets.token_urlsafe(9) for user in site.users}
    _write_private(path, found)
    return found


def _write_private(path: Path, content: Mapping[str, str]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(content))
