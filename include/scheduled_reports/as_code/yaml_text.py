"""YAML that says the same to every reader: what could be anything but a text is quoted, and no file is full of traps.

YAML 1.1 takes `on`, `no`, `12:30`, `2026-12-31` and `0123` for a boolean, a number or a date, other versions for texts.
We write such texts in quotes; in a file that people wrote, only `true`, `false`, `null` and the numbers of JSON are not
texts.
"""

from __future__ import annotations

import re
import sys
from typing import Any, ClassVar

import yaml

from ..domain.problem import shown
from ..reports.types.yaml_loader import UniqueKeyLoader

#: Deeper values than any that the parser accepts.
MOST_LEVELS = 64
#: libyaml overflows the stack, and ends the process, at 30,000 nested lists or mappings.
MOST_OPENINGS = 10_000
#: Begins with a letter, and has only what means nothing in YAML.
_PLAIN = re.compile(r"[^\W\d_][\w@/.()-]*(?: [\w@/.()][\w@/.()-]*)*")
#: Texts that look plain and that a version of YAML takes for something else.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
#: A line that a block may hold; a block needs no escapes, so that a change of one line is one line.
_LINE = re.compile(r"\S(?:.*\S)?")
_TAG = "tag:yaml.org,2002:"
_NOT_JSON = "is not a text, a number, a boolean, a list or a mapping; put it in quotes"


class InvalidYamlError(Exception):
    """What is wrong with a file, and in which line."""

    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason
        super().__init__(reason)


class _Loader(UniqueKeyLoader):
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF"))
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"-?(?:0|[1-9][0-9]*)\Z"), list("-0123456789"))
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-?\.inf)\Z"),
    list("-0123456789."),
)


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Indent the items of lists, as most editors do."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write a value again where it is used again."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        style = None
    else:
        lines = text.split("\n")
        is_block = len(lines) > 1 and text.isascii() and all(map(_LINE.fullmatch, lines))
        style = "|" if is_block and text.replace("\n", "").isprintable() else '"'
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(document: dict[str, Any]) -> str:
    """The YAML of a document, with its keys in their order."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize)


def load(text: str) -> dict[str, Any]:
    """The mapping in a file; InvalidYamlError if it is none, or has values that JSON has not."""
    if sum(text.count(opening) for opening in ("[", "{", "- ", "? ")) > MOST_OPENINGS:
        raise InvalidYamlError(1, "the file has too many lists and mappings; remove some")
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidYamlError(mark.line + 1 if mark else 1, str(error.problem or error.context)) from error
    except yaml.YAMLError as error:  # a character that YAML forbids
        raise InvalidYamlError(1, str(error).partition("\n")[0]) from error
    except (ValueError, TypeError) as error:  # such as a key that is a list
        raise InvalidYamlError(1, "a value looks like a date or a number and is none; put it in quotes") from error
    except RecursionError as error:
        raise InvalidYamlError(1, "the values are nested too deeply; remove levels") from error
    if not isinstance(found, dict):
        raise InvalidYamlError(1, f"{shown(found)} is not a mapping; write keys and values, such as id: weekly")
    _check(found)
    return found


def _check(document: dict[Any, Any]) -> None:
    """Refuse what JSON has not, and values that are used twice by an alias, which can grow without end."""
    seen: set[int] = set()
    level: list[Any] = [document]
    for _ in range(MOST_LEVELS):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict | list):
                if id(one) in seen:
                    raise InvalidYamlError(1, "an alias (*) repeats a value; write the value again")
                seen.add(id(one))
                inner += _parts(one)
            elif not isinstance(one, str | int | float | None):
                raise InvalidYamlError(1, f"{shown(one)} {_NOT_JSON}")
        level = inner
    if level:
        raise InvalidYamlError(1, f"the values are nested more than {MOST_LEVELS} levels deep; remove levels")


def _parts(value: dict[Any, Any] | list[Any]) -> list[Any]:
    if isinstance(value, list):
        return value
    for key in value:
        if not isinstance(key, str):
            raise InvalidYamlError(1, f"the key {shown(key)} is not a text; put it in quotes")
    return list(value.values())
