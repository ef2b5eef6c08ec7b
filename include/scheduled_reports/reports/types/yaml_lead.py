"""Read what a report.yaml says about its lead, its excerpts in mails, and its notes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ...domain.lead import Condition, LeadRule, LeadSpec, Message
from ...domain.problem import shown
from ...domain.report_type import ExcerptSpec, NoteSpec
from .yaml_node import build, choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...domain.report_type import Dataset, FigureSpec
    from .yaml_node import Node

#: The placeholders of a message that says which rows are shown, and of a note.
CUT, COUNT = ("shown", "total"), ("count",)
#: What a placeholder says of a figure, after a dot; without one it is the value.
ASPECTS = ("before", "change", "difference")
MOST_EXCERPTS, MOST_ROWS = 4, 50


def lead(node: Node, figures: Sequence[FigureSpec]) -> LeadSpec | None:
    """Read the rules of the lead; None if there are none."""
    if "lead" not in node.value:
        return None
    names = [spec.column.name for spec in figures]
    return build(LeadSpec, node.at("lead"), sentences=partial(_sentences, node.at("lead"), names))


def _sentences(node: Node, names: Sequence[str]) -> tuple[tuple[LeadRule, ...], ...]:
    groups = node.items_of("sentences")
    return tuple(node.together(*(partial(_group, group, names) for group in groups)))


def _group(node: Node, names: Sequence[str]) -> tuple[LeadRule, ...]:
    rules = node.items()
    return tuple(node.together(*(partial(_rule, rule, names) for rule in rules)))


def _rule(node: Node, names: Sequence[str]) -> LeadRule:
    return build(LeadRule, node, say=partial(_message, node, names), when=partial(_conditions, node, names))


def _message(node: Node, names: Sequence[str]) -> Message:
    given = node.at("say")
    message = build(Message, given) if isinstance(given.value, dict) else Message(other=node.text("say", 500))
    known = [*names, *(f"{name}.{aspect}" for name in names for aspect in ASPECTS)]
    for text in filter(None, (message.one, message.other)):
        given.placeholders(text, known)
    if bool(message.one) != bool(message.count):
        given.note("one and count belong together; add the other, or remove both")
    if message.count and message.count not in names:
        given.at("count").note(f"Unknown figure {shown(message.count)}; {choice(message.count, names)}")
    return message


def _conditions(node: Node, names: Sequence[str]) -> tuple[Condition, ...]:
    if "when" not in node.value:
        return ()
    given = node.at("when")
    places = given.items() if isinstance(given.value, list) else (given,)
    return tuple(node.together(*(partial(_condition, place, names) for place in places)))


def _condition(node: Node, names: Sequence[str]) -> Condition:
    condition = build(Condition, node)
    if condition.figure not in names:
        node.at("figure").note(f"Unknown figure {shown(condition.figure)}; {choice(condition.figure, names)}")
    if len(node.value) == 1:
        node.note("a condition needs a bound; add at_least, at_most, rises, falls, more, less or compared")
    return condition


def excerpts(node: Node, datasets: Sequence[Dataset]) -> tuple[ExcerptSpec, ...]:
    """Read which rows a mail shows."""
    items = node.items_of("excerpts", needed=False)
    if len(items) > MOST_EXCERPTS:
        node.at("excerpts").note(f"There are {len(items)} excerpts; a mail shows {MOST_EXCERPTS} at most, remove some")
    return tuple(node.together(*(partial(_excerpt, item, datasets) for item in items)))


def _excerpt(node: Node, datasets: Sequence[Dataset]) -> ExcerptSpec:
    spec = build(ExcerptSpec, node)
    columns = _columns_of(node, spec.dataset, datasets)
    for key, names in {
        "columns": spec.columns,
        "where": spec.where,
        "ranks": spec.ranks,
        "order": [name.removeprefix("-") for name in spec.order],
    }.items():
        for name in names:
            if name not in columns:
                node.at(key).note(f"{spec.dataset} has no column {shown(name)}; {choice(name, columns)}")
    if not spec.columns:
        node.at("columns").note("columns is empty; name at least one")
    if not 1 <= spec.limit <= MOST_ROWS:
        node.at("limit").note(f"limit {shown(spec.limit)} is not between 1 and {MOST_ROWS}; use one such as 5")
    if spec.cut:
        node.at("cut").placeholders(spec.cut, CUT)
    return spec


def _columns_of(node: Node, name: str, datasets: Sequence[Dataset]) -> dict[str, Any]:
    known = {dataset.name: dataset for dataset in datasets}
    if name not in known:
        raise node.at("dataset").error(f"Unknown dataset {shown(name)}; {choice(name, known)}")
    return {column.name: column for column in known[name].columns}


def notes(node: Node, figures: Sequence[FigureSpec], datasets: Sequence[Dataset]) -> tuple[NoteSpec, ...]:
    """Read what is said where figures and tables do not add up."""
    items = node.items_of("notes", needed=False)
    return tuple(node.together(*(partial(_note, item, figures, datasets) for item in items)))


def _note(node: Node, figures: Sequence[FigureSpec], datasets: Sequence[Dataset]) -> NoteSpec:
    spec = build(NoteSpec, node)
    names = [figure.column.name for figure in figures]
    if spec.figure not in names:
        node.at("figure").note(f"Unknown figure {shown(spec.figure)}; {choice(spec.figure, names)}")
    _columns_of(node, spec.dataset, datasets)
    for key in ("one", "other"):
        node.at(key).placeholders(getattr(spec, key), COUNT)
    return spec
