"""Read the parameters of a report.yaml: names of the application's, and declarations of the type's own."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from ...domain.parameter import OwnType, Parameter
from ...domain.problem import shown
from ...domain.storable import is_storable
from ..parameter_values import check_value
from ..parameters import PARAMETERS
from ..validation import Check
from .yaml_node import LONGEST_TITLE, build, choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from .yaml_node import Node

    ReadSql = Callable[[Node, str], str]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
#: Parameters of a type, values of a choice and characters of a value.
MOST_PARAMETERS, MOST_CHOICES, LONGEST_CHOICE = 40, 250, 100
LIMITED = ("integer", "number", "date")


def read_parameters(node: Node, read_sql: ReadSql) -> dict[str, Parameter]:
    """The parameters by name; *read_sql* reads the query that a key names."""
    items = node.items_of("parameters", needed=False)
    if len(items) > MOST_PARAMETERS:
        node.at("parameters").note(f"parameters has {len(items)} items; use at most {MOST_PARAMETERS}")
    found = node.together(*(partial(_parameter, read_sql, item) for item in items))
    names = [one.name for one in found]
    for item, name in zip(items, names, strict=True):
        if isinstance(item.value, dict) and names.count(name) > 1:
            item.at("name").note(f"name {shown(name)} is used twice; rename one of them")
    return dict(zip(names, found, strict=True))


def _parameter(read_sql: ReadSql, node: Node) -> Parameter:
    if isinstance(node.value, dict):
        return _declared(read_sql, node)
    if not isinstance(node.value, str) or node.value not in PARAMETERS:
        reason = f"{choice(node.value, PARAMETERS)}, or declare one of your own with name, title and type"
        raise node.error(f"Unknown name {shown(node.value)} in parameters; {reason}")
    return PARAMETERS[node.value]


def _declared(read_sql: ReadSql, node: Node) -> Parameter:
    others: dict[str, Callable[[], Any]] = {"type": lambda: node.at("type").as_type(OwnType)}
    for name in ("default", "minimum", "maximum"):
        if name in node.value:
            others[name] = partial(_plain, node, name)
    if "query" in node.value:
        others["query"] = partial(read_sql, node, "query")
    parameter = build(Parameter, node, **others)
    before = len(node.problems)
    _check_name(node, parameter)
    _check_choice(node, parameter)
    _check_limits(node, parameter)
    if len(node.problems) == before:  # otherwise the default would be compared with something wrong
        _check_default(node, parameter)
    return parameter


def _plain(node: Node, name: str) -> Any:
    """A value as JSON has it; YAML reads 2026-05-31 as a date."""
    return _as_json(node.at(name).value)


def _as_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


def _check_name(node: Node, parameter: Parameter) -> None:
    if not NAME.fullmatch(parameter.name):
        reason = "is not a name of up to 40 letters, digits and _ that begins with a letter; use one such as category"
        node.at("name").note(f"name {shown(parameter.name)} {reason}")
    elif parameter.name in PARAMETERS or parameter.name == "dateRange":
        reason = f"is a parameter of the application; list it as {parameter.name}, or use another name"
        node.at("name").note(f"name {shown(parameter.name)} {reason}")


def _check_choice(node: Node, parameter: Parameter) -> None:
    has_values = [name for name in ("values", "query") if name in node.value]
    if parameter.type == "choice" and len(has_values) != 1:
        node.note(f"the choice {shown(parameter.name)} needs either values or a query; give one of them")
    for name in has_values if parameter.type != "choice" else ():
        node.at(name).note(f"{name} does not apply to the type {parameter.type}; remove it, or use the type choice")
    if "values" in node.value:
        _check_values(node.at("values"), parameter.values)
    for value, title in parameter.titles.items():
        if value not in parameter.values:
            node.at("titles").note(f"titles names {shown(value)}, which is none of values; remove it, or add it there")
        if not 1 <= len(title.strip()) <= len(title) <= LONGEST_TITLE:
            reason = f"is not a text of 1 to {LONGEST_TITLE} characters; use one"
            node.at("titles").note(f"the title {shown(title)} {reason}")


def _check_values(node: Node, values: tuple[str, ...]) -> None:
    if not 1 <= len(values) <= MOST_CHOICES:
        node.note(f"values has {len(values)} items; use 1 to {MOST_CHOICES}, or a query")
    for value in dict.fromkeys(values):
        if not 1 <= len(value) <= LONGEST_CHOICE or not value.isprintable():
            node.note(f"the value {shown(value)} is not a printable text of 1 to {LONGEST_CHOICE} characters; use one")
        if values.count(value) > 1:
            node.note(f"the value {shown(value)} is listed twice; list each once")


def _check_limits(node: Node, parameter: Parameter) -> None:
    limits = [name for name in ("minimum", "maximum") if name in node.value]
    before = len(node.problems)
    for name in limits:
        if parameter.type in LIMITED:
            plain = Parameter(name=parameter.name, title=parameter.title, type=parameter.type)
            _note_value(node.at(name), name, plain, getattr(parameter, name))
        else:
            reason = f"{name} does not apply to the type {parameter.type}; remove it, or use {' or '.join(LIMITED)}"
            node.at(name).note(reason)
    low, high = parameter.minimum, parameter.maximum
    if len(node.problems) == before and low is not None and high is not None and low > high:  # type: ignore[operator]  # both have the type of the parameter
        node.at("minimum").note(f"minimum {shown(low)} is above maximum {shown(high)}; exchange them")


def _check_default(node: Node, parameter: Parameter) -> None:
    if "default" not in node.value:
        return
    if parameter.required:
        node.at("default").note("default and required cannot be combined; remove one")
    if parameter.query:
        reason = "a choice with a query has no default, because each workspace lists its own values; remove it"
        node.at("default").note(reason)
    _note_value(node.at("default"), "default", parameter, parameter.default)


def _note_value(node: Node, key: str, parameter: Parameter, value: Any) -> None:
    """Note what keeps *value* from being one of *parameter*, as the value of a report would be checked."""
    check = Check()
    if is_storable(value):
        check_value(check, parameter, value)
    else:
        check.add(key, value, "has a character or a number that PostgreSQL cannot store; remove it")
    for problem in check.problems:
        node.note(f"{key} {problem.sentence.removesuffix('.')}")
