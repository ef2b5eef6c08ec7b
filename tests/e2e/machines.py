"""Machines of their own for the components of Airflow: a name, a home, a disk, and their own copy of the code.

Each component runs in namespaces of its own (`unshare`): there the folders of the other machines, and the code of this
checkout, are empty.  Whoever relies on what another one has on its disk does not find it.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from demo.stack import CHECKOUT

CODE = ("config", "dags", "plugins", "include")
#: Covers the folders named before `--`, takes the name of the machine, and becomes the command.
ENTER = """
hostname "$1"; shift
while [ "$1" != -- ]; do mount -t tmpfs -o mode=700 none "$1"; shift; done; shift
exec "$@"
"""


@dataclass(frozen=True)
class Machines:
    """A folder with a folder for each machine."""

    folder: Path
    names: tuple[str, ...]

    @classmethod
    def make(cls, folder, names, *, with_module=None):
        """The machines, each with the code on its disk, and a module of the test's beside it."""
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
        """The home of Airflow on a machine."""
        return self.folder / name / "home"

    def hidden_from(self, name):
        """What a machine must not see."""
        others = (self.folder / other for other in self.names if other != name)
        return [str(one) for one in (*others, *(CHECKOUT / part for part in CODE))]

    def place(self, launch):
        """Have a component run on the machine that is called like it; the database is migrated by the API server's."""
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
