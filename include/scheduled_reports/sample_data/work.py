"""Tasks and workflow executions."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from .cast import Site, actors, members_of, rooms_of, sites, texts, world
from .rows import Item, Row, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from random import Random

    from .history import History, Slot

PRIORITIES = {"CRITICAL": 1, "HIGH": 3, "MEDIUM": 6, "LOW": 4}
OPEN = {"TODO": 5, "IN_PROGRESS": 4, "BLOCKED": 1}
OUTCOMES = {"COMPLETED": 84, "FAILED": 9, "TIMEOUT": 3, "CANCELLED": 4}
ERRORS = {"FAILED": "failures", "TIMEOUT": "timeouts"}
UNFINISHED = {0: "RUNNING", 1: "RUNNING", 2: "PENDING"}  # by distance from the last execution
CHANCE_OF_SIMULATION = 0.06


def tasks(history: History, total: int) -> Iterator[Item]:
    """Yield *total* tasks by creation time; older tasks are more often completed."""
    rng = history.chance("tasks")
    numbers: Counter[str] = Counter()
    for slot in history.slots(sites(), total):
        for moment in history.moments(slot, rng):
            numbers[slot.site.key] += 1
            yield "tasks", _task(history, rng, slot, numbers[slot.site.key], moment)


def task_id(site: Site, number: int) -> str:
    """Return the id of a site's task; each site numbers its tasks from 1."""
    return f"demo-task-{site.key}-{number:06d}"


def executions(history: History, total: int) -> Iterator[Item]:
    """Yield *total* workflow executions; the last three are unfinished."""
    rng = history.chance("executions")
    numbers = count(1)
    for slot in history.slots(sites(), total):
        workflows = [entry for entry in world()["workflow"] if entry["site"] == slot.site.key and entry["weight"]]
        weights = [entry["weight"] for entry in workflows]
        for moment in history.moments(slot, rng):
            number = next(numbers)
            row = _execution(history, rng, slot, (rng.choices(workflows, weights)[0], moment, total - number))
            yield "workflow_executions", {"id": f"demo-execution-{number:06d}", **row}


def pick(rng: Random, weights: Mapping[str, float]) -> str:
    """Return a random key, weighted by its value."""
    return rng.choices(tuple(weights), tuple(weights.values()))[0]


def _task(history: History, rng: Random, slot: Slot, number: int, moment: datetime) -> Row:
    site = slot.site
    people = members_of(site, slot.days_ago)
    helpers = [actor for actor in actors() if actor.is_helper and site.key in actor.roles]
    status, completed = _progress(history, rng, moment)
    return {
        "id": task_id(site, number),
        "title": rng.choice(texts()["tasks"]),
        "priority": pick(rng, PRIORITIES),
        "status": status,
        "due_date": moment + timedelta(days=rng.randint(3, 28)) if rng.random() < 0.8 else None,
        "estimated_hours": rng.choice((None, 1, 2, 4, 8, 16, 40)),
        "tags": rng.sample(("customer", "internal", "срочно", "Q&A"), k=rng.randint(0, 2)),
        "metadata": "{}",
        "depends_on": [task_id(site, rng.randint(1, number - 1))] if number > 1 and rng.random() < 0.1 else [],
        "vp_id": f"demo-vp-{rng.choice(helpers).key}",
        "workspace_id": site.id,
        "channel_id": rng.choice(rooms_of(site, slot.days_ago)).id if rng.random() < 0.7 else None,
        "created_by_id": rng.choice(people).id,
        "assigned_to_id": rng.choice(people).id if rng.random() < 0.85 else None,
        "created_at": moment,
        "updated_at": completed or moment,
        "completed_at": completed if status == "DONE" else None,
    }


def _progress(history: History, rng: Random, moment: datetime) -> tuple[str, datetime | None]:
    # Tasks that would end after the sample are still open; a few are never started.
    ended = history.later(moment, 24 * 9, rng) if rng.random() < 0.93 else None
    if ended is None:
        return pick(rng, OPEN), None
    return ("CANCELLED" if rng.random() < 0.08 else "DONE"), ended


def _execution(history: History, rng: Random, slot: Slot, entry: tuple[Mapping[str, Any], datetime, int]) -> Row:
    workflow, moment, still_to_come = entry
    is_manual = workflow["trigger"] == "manual"
    return {
        "triggered_by": rng.choice(members_of(slot.site, slot.days_ago)).id if is_manual else "system",
        "trigger_type": workflow["trigger"],
        "trigger_data": as_json({"day": slot.day.isoformat()}),
        "steps": as_json([{"name": step} for step in workflow["steps"]]),
        "is_simulation": rng.random() < CHANCE_OF_SIMULATION,
        "workflow_id": f"demo-workflow-{workflow['key']}",
        "workspace_id": slot.site.id,
        **_outcome(history, rng, workflow, (moment, UNFINISHED.get(still_to_come))),
    }


def _outcome(history: History, rng: Random, workflow: Mapping[str, Any], begun: tuple[datetime, str | None]) -> Row:
    moment, unfinished = begun
    status = unfinished or pick(rng, OUTCOMES)
    longest = (history.end - moment) // timedelta(milliseconds=1) - 1
    duration = min(longest, int(workflow["seconds"] * 1000 * rng.lognormvariate(0, 0.6)))
    return {
        "status": status,
        "error": rng.choice(texts()[ERRORS[status]]) if status in ERRORS else None,
        "started_at": moment,
        "completed_at": None if unfinished else moment + timedelta(milliseconds=duration),
        "duration_ms": None if unfinished else duration,
    }
