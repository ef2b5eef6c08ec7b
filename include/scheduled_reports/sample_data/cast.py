"""The sites, people, agents and channels of the sample, read from its data files."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
DOMAINS = {"acme": "acme-robotics.example", "tokyo": "acme-robotics.example", "nordlicht": "nordlicht.example"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A workspace."""

    key: str
    name: str
    slug: str
    organization: str
    zone: ZoneInfo
    weight: float
    description: str

    @property
    def id(self) -> str:
        """The id of the row."""
        return f"demo-workspace-{self.key}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """A user, either a person or an agent; *joined* and *last* are days before the end of the sample."""

    key: str
    name: str | None
    display_name: str | None
    status: str
    roles: Mapping[str, str]
    joined: int
    last: int | None
    talk: float
    is_helper: bool = False

    @property
    def id(self) -> str:
        """The id of the row."""
        return f"demo-user-{self.key}"

    @property
    def email(self) -> str:
        """An email address in a reserved domain."""
        return f"{self.key.replace('-', '.')}@{DOMAINS[next(iter(self.roles))]}"

    @property
    def has_left(self) -> bool:
        """Whether the membership has ended; a suspended user is still a member."""
        return self.status == "INACTIVE"

    def is_around(self, days_ago: int) -> bool:
        """Whether this user is active on that day, in any time zone."""
        return self.joined > days_ago > (self.last or 0) and self.talk > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A channel; *opened* and *archived* are days before the end of the sample."""

    key: str
    site: Site
    name: str
    type: str
    weight: float
    opened: int
    archived: int | None
    topic: str
    members: tuple[Actor, ...]

    @property
    def id(self) -> str:
        """The id of the row."""
        return f"demo-channel-{self.site.key}-{self.key}"

    def is_open(self, days_ago: int) -> bool:
        """Whether messages can be written in the channel on that day."""
        return self.opened > days_ago > (self.archived or 0)


@cache
def world() -> dict[str, Any]:
    """Return the content of world.toml."""
    return tomllib.loads((HERE / "world.toml").read_text(encoding="utf-8"))


@cache
def texts() -> dict[str, list[Any]]:
    """Return the texts, file names and emoji used in rows."""
    found: dict[str, list[Any]] = world()["texts"]
    return found


@cache
def sites() -> tuple[Site, ...]:
    """Return the workspaces, largest first."""
    return tuple(Site(**{**entry, "zone": ZoneInfo(entry["zone"])}) for entry in world()["site"])


@cache
def actors() -> tuple[Actor, ...]:
    """Return all actors: people first, then agents."""
    return (*map(_person, _table("people.csv")), *map(_helper, world()["helper"]))


@cache
def rooms() -> tuple[Room, ...]:
    """Return the channels of all sites."""
    return tuple(map(_room, _table("channels.csv")))


@cache
def rooms_of(site: Site, days_ago: int) -> tuple[Room, ...]:
    """Return the channels of *site* that are open on that day and have an active member."""
    return tuple(
        room
        for room in rooms()
        if room.site == site and room.is_open(days_ago) and any(actor.is_around(days_ago) for actor in room.members)
    )


@cache
def members_of(site: Site, days_ago: int) -> tuple[Actor, ...]:
    """Return the actors of *site* that are active on that day."""
    return tuple(actor for actor in actors() if site.key in actor.roles and actor.is_around(days_ago))


def _table(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _person(row: Mapping[str, str]) -> Actor:
    return Actor(
        key=row["key"],
        name=row["name"] or None,
        display_name=row["display_name"] or None,
        status=row["status"],
        roles=dict(role.split(":") for role in row["roles"].split()),
        joined=int(row["joined"]),
        last=int(row["last"]) if row["last"] else None,
        talk=float(row["talk"]),
    )


def _helper(entry: Mapping[str, Any]) -> Actor:
    return Actor(
        key=entry["key"],
        name=entry["name"],
        display_name=entry["name"],
        status="ACTIVE",
        roles={entry["site"]: "MEMBER"},
        joined=150,
        last=None,
        talk=1,
        is_helper=True,
    )


def _room(row: Mapping[str, str]) -> Room:
    site = next(site for site in sites() if site.key == row["site"])
    return Room(
        key=row["key"],
        site=site,
        name=row["name"],
        type=row["type"],
        weight=float(row["weight"]),
        opened=int(row["opened"]),
        archived=int(row["archived"]) if row["archived"] else None,
        topic=row["topic"],
        members=tuple(_members(row["members"].split(), site)),
    )


def _members(listed: Sequence[str], site: Site) -> list[Actor]:
    """Return the actors listed: `**` is every actor of the site, `*` all but guests, anything else a list of keys."""
    if listed in (["*"], ["**"]):
        roles = {"OWNER", "ADMIN", "MEMBER"} | ({"GUEST"} if listed == ["**"] else set())
        return [actor for actor in actors() if actor.roles.get(site.key) in roles]
    return [actor for actor in actors() if actor.key in listed]
