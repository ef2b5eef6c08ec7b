"""The commands `export`, `plan` and `apply`: their arguments, what they print, and their exit status."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..domain.errors import FilesError
from ..domain.problem import shown
from ..domain.run import Actor

if TYPE_CHECKING:
    from ..ports.as_code import CodeStore

LONGEST_ACTOR = 200
#: The exit status of `plan --detailed-exitcode` if there is something to do, as Terraform has it.
CHANGES = 2


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> list[argparse.ArgumentParser]:
    """Add the three commands; each keeps its name in `command`."""
    export = commands.add_parser(
        "export", help="write reports, calendars and brands to YAML files; see docs/as-code.md"
    )
    plan = commands.add_parser("plan", help="show what the files of a folder would change in the database")
    apply = commands.add_parser("apply", help="change the database to what the files of a folder say, all or nothing")
    prune = {
        export: "remove the files of what is not in the database",
        plan: "delete what is in no file, of workspaces that have a folder",
        apply: "delete what is in no file, of workspaces that have a folder",
    }
    for name, parser in (("export", export), ("plan", plan), ("apply", apply)):
        parser.set_defaults(command=name)
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder with a folder for each workspace")
        parser.add_argument(
            "--workspace",
            action="append",
            default=[],
            metavar="SLUG",
            help="only this workspace, by its slug or id; may be given several times (default: all)",
        )
        parser.add_argument("--prune", action="store_true", help=prune[parser])
    plan.add_argument(
        "--detailed-exitcode", action="store_true", help=f"exit with {CHANGES} if there is something to change"
    )
    apply.add_argument(
        "--plan", metavar="ID", help="the plan that was agreed on: refuse if it would be another one now"
    )
    apply.add_argument(
        "--actor", type=_actor, help="who is named in the audit trail (default: the user of this machine)"
    )
    return [export, plan, apply]


def run(options: argparse.Namespace, store: CodeStore) -> int:
    """Run one of the commands."""
    from . import work  # noqa: PLC0415 - the parser of rows takes a while to import

    scope = work.Scope(root=options.folder, workspaces=tuple(options.workspace), prune=options.prune)
    try:
        if options.command == "export":
            _print(*work.exported_lines(work.export(store, scope)))
            return 0
        if options.command == "plan":
            made = work.plan(store, scope)
            _print(*work.planned_lines(made, ("to create", "to change", "to delete")), f"plan {made.id}")
            return CHANGES if made.changes and options.detailed_exitcode else 0
        made = work.apply(store, scope, options.actor or _user(), options.plan)
    except FilesError as error:
        print(*error.problems, sep="\n", file=sys.stderr)  # noqa: T201
        counted = "one problem" if len(error.problems) == 1 else f"{len(error.problems):,d} problems"
        print(f"error: {counted}; nothing was changed", file=sys.stderr)  # noqa: T201
        return 1
    _print(*work.planned_lines(made, ("created", "changed", "deleted")))
    return 0


def _print(*lines: str) -> None:
    print(*lines, sep="\n")  # noqa: T201 - a command


def _actor(text: str) -> Actor:
    name = text.strip()
    if not 1 <= len(name) <= LONGEST_ACTOR or not name.isprintable():
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a name of 1 to {LONGEST_ACTOR} printable characters.")
    return Actor(user=name, source="apply")


def _user() -> Actor:
    """The user of this machine; its number if it has no name, as in a container."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = str(os.getuid())
    return Actor(user=name, source="os")
