"""Rows that other rows refer to: organizations, users, workspaces, channels, members, agents and workflows."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from .cast import Actor, Room, Site, actors, rooms, sites, world
from .rows import Item, Row, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .history import History

AGE = 420  # days since the application was introduced
COLORS = ("#2563eb", "#16a34a", "#db2777", "#ca8a04")
# Days end at local midnight, not at midnight UTC; six hours later the day has ended in all time zones of the sample.
LAST_HOURS = timedelta(hours=6)


def places(history: History) -> Iterator[Item]:
    """Yield every row that other rows refer to, in the order that the foreign keys require."""
    return chain(
        (("organizations", _organization(history, entry)) for entry in world()["organization"]),
        (("users", _user(history, actor)) for actor in actors()),
        (("workspaces", _workspace(history, site)) for site in sites()),
        (("workspace_members", row) for site in sites() for row in _workspace_members(history, site)),
        (("disciplines", _discipline(history, entry)) for entry in enumerate(world()["helper"])),
        (("vps", _helper(history, entry)) for entry in world()["helper"]),
        (("channels", _channel(history, room)) for room in rooms()),
        (("channel_members", row) for room in rooms() for row in _channel_members(history, room)),
        (("workflows", _workflow(history, entry)) for entry in world()["workflow"]),
    )


def _organization(history: History, entry: Mapping[str, Any]) -> Row:
    return {
        "id": f"demo-organization-{entry['key']}",
        "name": entry["name"],
        "slug": entry["key"],
        "description": entry["description"],
        "settings": "{}",
        "created_at": history.ago(AGE),
        "updated_at": history.ago(AGE),
    }


def _user(history: History, actor: Actor) -> Row:
    home = next(site for site in sites() if site.key in actor.roles)
    joined = history.ago(actor.joined)
    confirmed = None if actor.status == "PENDING" else joined
    return {
        "id": actor.id,
        "email": actor.email,
        "name": actor.name,
        "display_name": actor.display_name,
        "status": actor.status,
        "is_vp": actor.is_helper,
        "vp_config": as_json({"temperature": 0.2}) if actor.is_helper else None,
        "preferences": as_json({"timezone": home.zone.key}),
        "current_workspace_slug": home.slug,
        "created_at": joined,
        "updated_at": joined if actor.last is None else history.ago(actor.last) + LAST_HOURS,
        "last_active_at": None,
        "email_verified": confirmed,
    }


def _workspace(history: History, site: Site) -> Row:
    return {
        "id": site.id,
        "name": site.name,
        "slug": site.slug,
        "description": site.description,
        "visibility": "INTERNAL" if site.key == "acme" else "PRIVATE",
        "settings": as_json({"timezone": site.zone.key}),
        "organization_id": f"demo-organization-{site.organization}",
        "created_at": history.ago(AGE),
        "updated_at": history.ago(AGE),
    }


def _workspace_members(history: History, site: Site) -> Iterator[Row]:
    for actor in actors():
        if site.key in actor.roles and not actor.has_left:
            yield {
                "id": f"demo-workspace-member-{site.key}-{actor.key}",
                "role": actor.roles[site.key],
                "workspace_id": site.id,
                "user_id": actor.id,
                # In the morning before the first day of activity, in every time zone of the sample.
                "joined_at": history.ago(actor.joined) + timedelta(hours=7, minutes=actor.joined % 60),
                "settings": "{}",
            }


def _discipline(history: History, entry: tuple[int, Mapping[str, Any]]) -> Row:
    index, helper = entry
    return {
        "id": f"demo-discipline-{helper['key']}",
        "name": helper["discipline"],
        "color": COLORS[index % len(COLORS)],
        "organization_id": f"demo-organization-{_organization_of(helper)}",
        "created_at": history.ago(AGE),
        "updated_at": history.ago(AGE),
    }


def _helper(history: History, entry: Mapping[str, Any]) -> Row:
    joined = history.ago(next(actor.joined for actor in actors() if actor.key == entry["key"]))
    return {
        "id": f"demo-vp-{entry['key']}",
        "discipline": entry["discipline"],
        "role": entry["role"],
        "capabilities": as_json(entry["capabilities"]),
        "status": entry["status"],
        "user_id": f"demo-user-{entry['key']}",
        "organization_id": f"demo-organization-{_organization_of(entry)}",
        "workspace_id": f"demo-workspace-{entry['site']}",
        "discipline_id": f"demo-discipline-{entry['key']}",
        "created_at": joined,
        "updated_at": joined,
    }


def _organization_of(entry: Mapping[str, Any]) -> str:
    return next(site.organization for site in sites() if site.key == entry["site"])


def _channel(history: History, room: Room) -> Row:
    opened = history.ago(room.opened)
    return {
        "id": room.id,
        "name": room.name,
        "slug": room.key,
        "topic": room.topic or None,
        "type": room.type,
        "is_archived": room.archived is not None,
        "settings": "{}",
        "workspace_id": room.site.id,
        "created_by_id": room.members[0].id,
        "created_at": opened,
        "updated_at": opened if room.archived is None else history.ago(room.archived) + LAST_HOURS,
    }


def _channel_members(history: History, room: Room) -> Iterator[Row]:
    for number, actor in enumerate(room.members):
        left = history.ago(actor.last or 0) + LAST_HOURS if actor.has_left else None
        yield {
            "id": f"demo-channel-member-{room.site.key}-{room.key}-{actor.key}",
            "role": "OWNER" if number == 0 else "MEMBER",
            "channel_id": room.id,
            "user_id": actor.id,
            "joined_at": history.ago(min(actor.joined, room.opened)),
            "last_read_at": left or (history.ago(actor.last or 0.5) if actor.talk else None),
            "left_at": left,
            "is_starred": number % 5 == 1,
            "notification_preference": ("all", "mentions", "none")[number % 3],
        }


def _workflow(history: History, entry: Mapping[str, Any]) -> Row:
    return {
        "id": f"demo-workflow-{entry['key']}",
        "name": entry["name"],
        "trigger": as_json({"type": entry["trigger"]}),
        "actions": as_json([{"type": "step", "name": step} for step in entry["steps"]]),
        "status": entry["status"],
        "tags": [entry["trigger"]],
        "metadata": "{}",
        # count.sql counts the executions once they are written.
        "execution_count": 0,
        "success_count": 0,
        "failure_count": 0,
        "workspace_id": f"demo-workspace-{entry['site']}",
        "created_by": f"demo-user-{entry['creator']}",
        "created_at": history.ago(200),
        "updated_at": history.ago(130),
        "last_executed_at": None,
    }
