"""Separate machines for the components of Airflow, each with a name, a home, a disk and a copy of the code.

Each component runs in separate namespaces (`unshare`), which hide the folders of the other machines and the code of
this checkout.  A component that relies on files from another component's disk does not find them.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from demo.stack import CHECKOUT

CODE = ("config", "dags", "plugins", "include")
#: Hides the folders named before `--`, sets the host name of the machine, and runs the command.
ENTER = """
hostname "$1"; shift
while [ "$1" != -- ]; do mount -t tmpfs -o mode=700 none "$1"; shift; done; shift
exec "$@"
"""


@dataclass(frozen=True)
class Machines:
    """A folder that contains a folder for each machine."""

    folder: Path
    names: tuple[str, ...]

    @classmethod
    def make(cls, folder, names, *, with_module=None):
        """Make the machines, each with a copy of the code, and a module of the test beside it."""
        for name in names:
            for part in ("home", "tmp", "cache"):
                (folder / name / part).mkdir(parents=True)
            for part in CODE:
                shutil.copytree(
                    CHECKOUT / part, folder / name / "code" / part, ignore=shutil.ignore_patterns("__pycache__")
                )
            if with_module is not None:
                shutil.copy(with_module, folder / name / "code")
        return cls(folder, tuple(names))

    def home(self, name):
        """Return the home of Airflow on a machine."""
        return self.folder / name / "home"

    def hidden_from(self, name):
        """Return the folders that a machine must not see."""
        others = (self.folder / other for other in self.names if other != name)
        return [str(one) for one in (*others, *(CHECKOUT / part for part in CODE))]

    def place(self, launch):
        """Run each component on the machine of the same name; the API server's machine also migrates the database."""
        name = launch.name if launch.name in self.names else "api-server"
        disk = self.folder / name
        for kept in Path(launch.env["AIRFLOW_HOME"]).glob("simple_auth_manager_passwords*"):
            shutil.copy(kept, disk / "home")
        as_root = () if os.geteuid() == 0 else ("--map-root-user",)
        enter = ("unshare", *as_root, "--mount", "--uts", "--", "sh", "-ec", ENTER, "enter")
        return replace(
            launch,
            folder=disk,
            command=[*enter, name, *self.hidden_from(name), "--", *launch.command],
            env={
                **launch.env,
                "AIRFLOW_HOME": str(disk / "home"),
                "HOME": str(disk / "home"),
                "TMPDIR": str(disk / "tmp"),
                "XDG_CACHE_HOME": str(disk / "cache"),
                "PYTHONPATH": os.pathsep.join((str(disk / "code" / "config"), str(disk / "code"))),
                "AIRFLOW__CORE__DAGS_FOLDER": str(disk / "code" / "dags"),
                "AIRFLOW__CORE__PLUGINS_FOLDER": str(disk / "code" / "plugins"),
                "SCHEDULED_REPORTS__LAST_GOOD": str(disk / "home" / "last-good.json"),
            },
        )
