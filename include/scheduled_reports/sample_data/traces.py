"""Audit log, notifications, sessions and exports."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

from .cast import Actor, Site, actors, members_of, rooms_of, sites, texts, world
from .rows import Item, Row, as_json
from .work import pick, task_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from random import Random

    from .history import History, Slot

# Action: resource type, severity, weight.
ACTIONS = {
    "session.login": ("user", "info", 30),
    "session.login_failed": ("user", "warning", 4),
    "channel.updated": ("channel", "info", 14),
    "channel.deleted": ("deleted-channel", "warning", 1),
    "member.invited": ("workspace", "info", 4),
    "member.role_changed": ("workspace", "warning", 3),
    "workspace.settings_changed": ("workspace", "info", 3),
    "task.updated": ("task", "info", 20),
    "workflow.updated": ("workflow", "info", 6),
    "workflow.disabled": ("workflow", "critical", 1),
    "organization.policy_changed": ("organization", "critical", 1),
    "billing.viewed": ("billing", "info", 2),
}
#: What only owners and administrators do.
BY_ADMINISTRATORS = {
    "channel.deleted", "member.invited", "member.role_changed", "workspace.settings_changed", "workflow.disabled",
    "organization.policy_changed", "billing.viewed",
}  # fmt: skip
# Addresses reserved for documentation.
ADDRESSES = ("192.0.2.7", "192.0.2.44", "198.51.100.23", "203.0.113.180", "2001:db8::17")
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5)", "neolith-cli/2.3", None)
# Type: title, resource type, weight.
NOTIFICATIONS = {
    "MESSAGE": ("New message", "channel", 30),
    "MENTION": ("You were mentioned", "channel", 18),
    "THREAD_REPLY": ("New reply in a thread", "channel", 20),
    "CALL": ("Missed call", "user", 5),
    "CHANNEL_INVITE": ("You were added to a channel", "channel", 4),
    "ORGANIZATION_UPDATE": ("Organization news", "organization", 2),
    "SYSTEM": ("Maintenance tonight", None, 3),
}
PRIORITIES = {"LOW": 3, "NORMAL": 12, "HIGH": 3, "URGENT": 1}
EXPORTS = {"COMPLETED": 80, "FAILED": 14, "PROCESSING": 4, "PENDING": 2}
EXPORT_KINDS = ("messages", "members", "tasks", "files")


def audit_logs(history: History, total: int, tasks: int) -> Iterator[Item]:
    """Yield *total* entries; some name a resource of a workspace, some do not."""
    rng = history.chance("audit")
    numbers = count(1)
    known = history.before(sites(), tasks)
    weights = {action: entry[2] for action, entry in ACTIONS.items()}
    for slot in history.slots(sites(), total):
        for moment in history.moments(slot, rng):
            row = _entry(rng, slot, pick(rng, weights), known[slot.site.key, slot.days_ago])
            yield "audit_logs", {"id": f"demo-audit-{next(numbers):07d}", **row, "created_at": moment}


def notifications(history: History, total: int) -> Iterator[Item]:
    """Yield *total* notifications, most of them read."""
    rng = history.chance("notifications")
    numbers = count(1)
    weights = {kind: entry[2] for kind, entry in NOTIFICATIONS.items()}
    for slot in history.slots(sites(), total):
        for moment in history.moments(slot, rng):
            kind = pick(rng, weights)
            yield "notifications", _notification(history, rng, slot, (next(numbers), kind, moment))


def sessions(history: History) -> Iterator[Item]:
    """Yield two sessions for each user who can sign in, one expired and one valid."""
    people = [actor for actor in actors() if actor.status == "ACTIVE" and not actor.is_helper]
    for actor in people:
        for name, expires in (("old", history.ago(25)), ("now", history.ago(-30))):
            own = f"demo-session-{actor.key}-{name}"
            yield "sessions", {"id": own, "session_token": f"no-token-{own}", "expires": expires, "user_id": actor.id}


def export_jobs(history: History, total: int) -> Iterator[Item]:
    """Yield *total* exports, as the application itself creates them."""
    rng = history.chance("exports")
    numbers = count(1)
    for slot in history.slots(sites(), total):
        for moment in history.moments(slot, rng):
            yield "export_jobs", _export(history, rng, slot, (next(numbers), moment))


def _entry(rng: Random, slot: Slot, action: str, tasks: int) -> Row:
    kind, severity, _ = ACTIONS[action]
    actor = rng.choice(_able(slot, action))
    return {
        "actor_id": actor.id,
        "actor_type": "vp" if actor.is_helper else "user",
        "action": action,
        "resource_type": kind.removeprefix("deleted-"),
        "resource_id": _resource(rng, slot, kind, actor.id, tasks),
        "metadata": as_json({"source": rng.choice(("web", "api"))}),
        "ip": rng.choice(ADDRESSES),
        "user_agent": rng.choice(AGENTS),
        "severity": severity,
    }


def _able(slot: Slot, action: str) -> tuple[Actor, ...]:
    """Return the actors who may do *action*."""
    around = members_of(slot.site, slot.days_ago)
    if action not in BY_ADMINISTRATORS:
        return around
    return tuple(actor for actor in around if actor.roles[slot.site.key] in {"OWNER", "ADMIN"})


def _resource(rng: Random, slot: Slot, kind: str, actor_id: str, tasks: int) -> str | None:
    site = slot.site
    if kind == "task":
        return task_id(site, rng.randint(1, tasks)) if tasks else None
    if kind in {"channel", "deleted-channel"}:
        room = rng.choice(rooms_of(site, slot.days_ago))
        return room.id if kind == "channel" else f"{room.id}-gone"
    named = {
        "user": actor_id,
        "workspace": site.id,
        "workflow": _workflow(rng, site),
        "organization": f"demo-organization-{site.organization}",
    }
    return named.get(kind)


def _workflow(rng: Random, site: Site) -> str:
    keys = [entry["key"] for entry in world()["workflow"] if entry["site"] == site.key]
    return f"demo-workflow-{rng.choice(keys)}"


def _notification(history: History, rng: Random, slot: Slot, entry: tuple[int, str, datetime]) -> Row:
    number, kind, moment = entry
    title, about, _ = NOTIFICATIONS[kind]
    someone, reader = rng.choices(members_of(slot.site, slot.days_ago), k=2)
    read = history.later(moment, 6, rng) if rng.random() < 0.85 else None
    return {
        "id": f"demo-notification-{number:07d}",
        "title": title,
        "body": f"{title}: {someone.display_name or someone.name}",
        "type": kind,
        "priority": pick(rng, PRIORITIES),
        "resource_id": _resource(rng, slot, about, someone.id, 0) if about else None,
        "resource_type": about,
        "metadata": "{}",
        "read": read is not None,
        "read_at": read,
        "archived": read is not None and rng.random() < 0.2,
        "expires_at": moment + timedelta(days=30) if kind == "SYSTEM" else None,
        "user_id": reader.id,
        "created_at": moment,
        "updated_at": read or moment,
    }


def _export(history: History, rng: Random, slot: Slot, entry: tuple[int, datetime]) -> Row:
    number, moment = entry
    status = pick(rng, EXPORTS)
    own = f"demo-export-{number:06d}"
    begun = history.later(moment, 0.05, rng) if status != "PENDING" else None
    ended = history.later(begun, 0.1, rng) if begun and status in {"COMPLETED", "FAILED"} else None
    if begun is None or (ended is None and status != "PROCESSING"):
        status = "PENDING" if begun is None else "PROCESSING"
    done = status == "COMPLETED"
    rows = rng.randint(10, 90_000)
    return {
        "id": own,
        "workspace_id": slot.site.id,
        "type": rng.choice(EXPORT_KINDS),
        "format": rng.choice(("JSON", "CSV")),
        "status": status,
        "file_url": f"https://files.example/{own}" if done else None,
        "file_size": rows * 140 if done else None,
        "record_count": rows if done else None,
        "error": rng.choice(texts()["export_failures"]) if status == "FAILED" else None,
        "progress": {"COMPLETED": 100, "PENDING": 0}.get(status, 40),
        "start_date": moment - timedelta(days=30),
        "end_date": moment,
        "requested_by": rng.choice(members_of(slot.site, slot.days_ago)).id,
        "created_at": moment,
        "started_at": begun,
        "completed_at": ended,
    }
