"""Messages in threads, with reactions, edits, deletions and files."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import accumulate, count
from typing import TYPE_CHECKING

from .cast import Actor, Room, rooms_of, sites, texts
from .rows import Item, Row, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from random import Random

    from .history import History, Slot

REPLIES, REACTED, EDITED, DELETED, MENTIONS = 0.22, 0.12, 0.04, 0.012, 0.08
FILE, SYSTEM, COMMAND = 0.03, 0.045, 0.06  # cumulative shares of the message types; TEXT is the rest
RECENT = 12  # a reply belongs to one of this many latest thread starters
BUCKET = "demo-files"


@dataclass(frozen=True, slots=True)
class _Talk:
    """State carried from message to message."""

    history: History
    rng: Random
    numbers: defaultdict[str, count[int]] = field(default_factory=lambda: defaultdict(lambda: count(1)))
    openings: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=RECENT)))

    def new_id(self, noun: str) -> str:
        return f"demo-{noun}-{next(self.numbers[noun]):07d}"


@dataclass(frozen=True, slots=True)
class _Speakers:
    """The actors who may write in a channel on a day, with cumulative weights."""

    actors: tuple[Actor, ...]
    reach: tuple[float, ...]

    @classmethod
    def of(cls, room: Room, days_ago: int) -> _Speakers:
        around = tuple(actor for actor in room.members if actor.is_around(days_ago))
        return cls(around, tuple(accumulate(actor.talk for actor in around)))


def messages(history: History, total: int) -> Iterator[Item]:
    """Yield *total* messages by day, each followed by its files and reactions."""
    talk = _Talk(history, history.chance("talk"))
    for slot in history.slots(sites(), total):
        yield from _day(talk, slot)


def _day(talk: _Talk, slot: Slot) -> Iterator[Item]:
    rooms = rooms_of(slot.site, slot.days_ago)
    speakers = {room.id: _Speakers.of(room, slot.days_ago) for room in rooms}
    chosen = talk.rng.choices(rooms, [room.weight for room in rooms], k=slot.count)
    for moment, room in zip(talk.history.moments(slot, talk.rng), chosen, strict=True):
        yield from _exchange(talk, room, speakers[room.id], moment)


def _exchange(talk: _Talk, room: Room, speakers: _Speakers, moment: datetime) -> Iterator[Item]:
    author = talk.rng.choices(speakers.actors, cum_weights=speakers.reach)[0]
    message = _message(talk, room, author, moment)
    yield "messages", message
    if message["type"] == "FILE":
        yield from _upload(talk, room, message)
    if talk.rng.random() < REACTED:
        yield from _reactions(talk, speakers, message["id"], moment)


def _message(talk: _Talk, room: Room, author: Actor, moment: datetime) -> Row:
    rng, history = talk.rng, talk.history
    kind = _kind(rng.random())
    edited = history.later(moment, 0.5, rng) if rng.random() < EDITED else None
    deleted = history.later(edited or moment, 20, rng) if rng.random() < DELETED else None
    own = talk.new_id("message")
    return {
        "id": own,
        "content": _content(rng, kind, author),
        "type": kind,
        "metadata": as_json({"mentions": [rng.choice(room.members).id]}) if rng.random() < MENTIONS else "{}",
        "is_edited": edited is not None,
        "is_deleted": deleted is not None,
        "edited_at": edited,
        "deleted_at": deleted,
        "channel_id": room.id,
        "author_id": author.id,
        "parent_id": _parent(talk, room, own) if kind == "TEXT" else None,
        "created_at": moment,
        "updated_at": deleted or edited or moment,
    }


def _kind(draw: float) -> str:
    if draw < FILE:
        return "FILE"
    if draw < SYSTEM:
        return "SYSTEM"
    return "COMMAND" if draw < COMMAND else "TEXT"


def _content(rng: Random, kind: str, author: Actor) -> str:
    if kind == "SYSTEM":
        return f"{author.display_name or author.name} changed the topic"
    return str(rng.choice(texts()["commands" if kind == "COMMAND" else "messages"]))


def _parent(talk: _Talk, room: Room, own: str) -> str | None:
    openings = talk.openings[room.id]
    if openings and talk.rng.random() < REPLIES:
        return talk.rng.choice(openings)
    openings.append(own)
    return None


def _upload(talk: _Talk, room: Room, message: Row) -> Iterator[Item]:
    file = _file(talk, room, message)
    yield "files", file
    attachment = talk.new_id("attachment")
    yield "message_attachments", _hung_on(message["id"], attachment, message["created_at"]) | {"file_id": file["id"]}


def _file(talk: _Talk, room: Room, message: Row) -> Row:
    name, mime_type, size = talk.rng.choice(texts()["files"])
    own = talk.new_id("file")
    return {
        "id": own,
        "filename": f"{own}{name[name.rindex('.') :]}",
        "original_name": name,
        "mime_type": mime_type,
        "size": int(talk.rng.lognormvariate(size, 1)),
        "s3_key": f"{room.site.id}/{own}",
        "s3_bucket": BUCKET,
        "status": talk.rng.choices(("READY", "FAILED", "PROCESSING"), (96, 3, 1))[0],
        "metadata": "{}",
        "workspace_id": room.site.id,
        "uploaded_by_id": message["author_id"],
        "created_at": message["created_at"],
        "updated_at": message["created_at"],
    }


def _reactions(talk: _Talk, speakers: _Speakers, message_id: object, moment: datetime) -> Iterator[Item]:
    # Those who write much react much; somebody drawn twice reacts once.
    drawn = talk.rng.choices(speakers.actors, cum_weights=speakers.reach, k=talk.rng.randint(1, 5))
    for fan in {fan.id: fan for fan in drawn}.values():
        reacted = talk.history.later(moment, 1, talk.rng)
        if reacted is not None:
            reaction = {"emoji": talk.rng.choice(texts()["emoji"]), "user_id": fan.id}
            yield "reactions", _hung_on(message_id, talk.new_id("reaction"), reacted) | reaction


def _hung_on(message_id: object, own: str, moment: object) -> Row:
    """Return the columns that every row attached to a message has."""
    return {"id": own, "message_id": message_id, "created_at": moment}
