"""Read values of a report.yaml and check their types; problems are noted with their place, and all are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache, partial
from string import Formatter
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ...domain.problem import shown
from ..validation import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

LONGEST_TITLE = 200
#: The longest texts for readers, in characters, by their key.
LONGEST = {
    "title": LONGEST_TITLE,
    **dict.fromkeys(("definition", "none", "cut", "nothing", "one", "other", "help"), 500),
}
WRONG_TYPE = {
    str: "is not a text; use one, in quotes if it looks like something else",
    int: "is not a whole number; use one such as 2",
    float: "is not a number; use one such as 0.1",
    bool: "is not a boolean; use true or false",
}
T = TypeVar("T")


class InvalidError(Exception):
    """What is wrong, and the path of keys and indexes to it."""

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(reason)


class NotedError(Exception):
    """A part cannot be made; its problems have been noted."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a report.yaml, and the path to it."""

    value: Any
    problems: list[InvalidError] = field(repr=False, compare=False)
    path: tuple[str | int, ...] = ()

    def error(self, reason: str) -> InvalidError:
        """An error at this place, to raise."""
        return InvalidError(self.path, reason)

    def note(self, reason: str) -> None:
        """Note a problem that keeps nothing else from being checked."""
        self.problems.append(self.error(reason))

    def attempt(self, make: Callable[[], T]) -> T | None:
        """What *make* returns; None if it fails, with the problem noted."""
        try:
            return make()
        except NotedError:
            return None
        except InvalidError as error:
            self.problems.append(error)
            return None

    def together(self, *makes: Callable[[], Any]) -> list[Any]:
        """What each of *makes* returns; all are tried before one that failed counts."""
        before = len(self.problems)
        made = [self.attempt(make) for make in makes]
        if len(self.problems) > before:
            raise NotedError
        return made

    def check_keys(self, names: Collection[str]) -> None:
        """Refuse a value that is not a mapping, and note unknown keys."""
        if not isinstance(self.value, dict):
            raise self.error(f"{shown(self.value)} is not a mapping; write keys and values here, such as title: …")
        for key in self.value:
            if key not in names:
                self.at(key).note(f"Unknown key {shown(key)}; {choice(key, names)}")

    def at(self, key: str) -> Node:
        """The value under *key*, which must exist."""
        if key not in self.value:
            raise self.error(f"{shown(key)} is missing; add it")
        return Node(self.value[key], self.problems, (*self.path, key))

    def text(self, key: str, longest: int = LONGEST_TITLE) -> str:
        """A text for readers, of at most *longest* characters."""
        node = self.at(key)
        text = str(node.as_type(str))
        if not 1 <= len(text.strip()) <= len(text) <= longest:
            raise node.error(f"{key} {shown(text)} is not a text of 1 to {longest} characters; use one")
        return text

    def items_of(self, key: str, *, needed: bool = True) -> tuple[Node, ...]:
        """The items of a list; an empty list is refused if an item is *needed*."""
        if key not in self.value and not needed:
            return ()
        return self.at(key).items(needed=needed)

    def items(self, *, needed: bool = True) -> tuple[Node, ...]:
        """The items of the value, which must be a list; an empty one is refused if an item is *needed*."""
        if not isinstance(self.value, list) or (needed and not self.value):
            size = " of at least one item" if needed else ""
            raise self.error(f"{self._name} {shown(self.value)} is not a list{size}; use one")
        return tuple(Node(item, self.problems, (*self.path, number)) for number, item in enumerate(self.value))

    def names(self, key: str, known: Collection[str]) -> tuple[str, ...]:
        """A list of names, each one of *known*."""
        items = self.items_of(key, needed=False)
        for item in items:
            if not isinstance(item.value, str) or item.value not in known:
                item.note(f"Unknown name {shown(item.value)} in {key}; {choice(item.value, known)}")
        return tuple(item.value for item in items if isinstance(item.value, str))

    def as_type(self, hint: Any) -> Any:
        """The value, which must have the type *hint*."""
        if get_origin(hint) is Literal:
            return self._one_of(get_args(hint))
        if get_origin(hint) is tuple:
            return self._texts()
        if get_origin(hint) is Mapping:
            return self._mapping(get_args(hint)[1])
        if get_origin(hint) in {UnionType, Union}:  # a key that may be left out
            (hint,) = (one for one in get_args(hint) if one is not type(None))
            return self.as_type(hint)
        if hint is float and type(self.value) is int:
            return float(self.value)
        if type(self.value) is not hint:
            raise self.error(f"{self._name} {shown(self.value)} {WRONG_TYPE[hint]}")
        return self.value

    def _one_of(self, known: tuple[Any, ...]) -> str:
        if not isinstance(self.value, str) or self.value not in known:
            raise self.error(f"{self._name} {shown(self.value)} is unknown; choose from {', '.join(known)}")
        return self.value

    def _texts(self) -> tuple[str, ...]:
        if not isinstance(self.value, list) or not all(isinstance(item, str) for item in self.value):
            raise self.error(f"{self._name} {shown(self.value)} is not a list of texts; use one such as [a, b]")
        return tuple(self.value)

    def _mapping(self, hint: Any) -> dict[str, Any]:
        """A mapping from texts to values of the type *hint*."""
        if not isinstance(self.value, dict):
            raise self.error(f"{self._name} {shown(self.value)} is not a mapping; write keys and values here")
        for key in self.value:
            if not isinstance(key, str):
                self.note(f"The key {shown(key)} in {self._name} is not a text; put it in quotes")
        return {key: self.at(key).as_type(hint) for key in self.value if isinstance(key, str)}

    def placeholders(self, text: str, known: Collection[str]) -> None:
        """Note each placeholder of the message *text* that is not one of *known*."""
        try:
            found = [part for part in Formatter().parse(text) if part[1] is not None]
        except ValueError:
            self.note(f"{shown(text)} has a brace without its partner; write {{{{ or }}}} for a brace itself")
            return
        for _, name, spec, conversion in found:
            if name not in known or spec or conversion:
                self.note(f"Unknown placeholder {shown('{' + str(name) + '}')}; {choice(name, known)}")

    @property
    def _name(self) -> str:
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")


def build(kind: type[T], node: Node, **others: Callable[[], Any]) -> T:
    """A *kind* from a mapping whose keys are its fields; *others* make the fields that need more than one value."""
    hints = hints_of(kind)  # type: ignore[arg-type]  # a class is hashable
    node.check_keys(list(hints))
    needed = [field.name for field in fields(kind) if field.default is field.default_factory is MISSING]  # type: ignore[arg-type]  # a dataclass
    own = [name for name in hints if name not in others and (name in needed or name in node.value)]
    made = node.together(*(partial(_value, node, name, hints[name]) for name in own), *others.values())
    return kind(**dict(zip((*own, *others), made, strict=True)))


def _value(node: Node, name: str, hint: Any) -> Any:
    return node.text(name, LONGEST[name]) if name in LONGEST else node.at(name).as_type(hint)


def choice(name: Any, names: Collection[str]) -> str:
    """Say which *names* there are, and which of them *name* may have meant."""
    return f"choose from {', '.join(names)}{did_you_mean(str(name), names)}"


@cache
def hints_of(kind: Any) -> dict[str, Any]:
    """The types of the fields of a dataclass, by name."""
    return get_type_hints(kind)


def unique(nodes: tuple[Node, ...], make: Callable[[Node], T], name_of: Callable[[T], str]) -> tuple[T, ...]:
    """The results of *make*; a name that is used twice is refused."""
    made = nodes[0].together(*(partial(make, node) for node in nodes)) if nodes else []
    names: set[str] = set()
    for node, one in zip(nodes, made, strict=True):
        if name_of(one) in names:
            node.at("name").note(f"name {shown(name_of(one))} is used twice; rename one of them")
        names.add(name_of(one))
    return tuple(made)
