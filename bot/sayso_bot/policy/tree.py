"""YAML 1.2 text as a tree in which every value knows where it stands.

Only what a policy needs is accepted: one document, no aliases, no tags, no key twice, little nesting. So the tree is
never larger than the text, and what an author reads is what the service reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError

from sayso_bot.policy.problems import Mark, Problems

MAX_CHARACTERS = 1024 * 1024
MAX_DEPTH = 16
START = Mark(1, 1)

Kind: TypeAlias = Literal["str", "int", "bool", "null", "other"]
_KINDS: dict[str, Kind] = {"str": "str", "int": "int", "bool": "bool", "null": "null"}
_SHOWN_KEY = 60


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. ``raw`` is how it is written, from ``mark`` on; ``kind`` is what YAML 1.2 takes it for."""

    mark: Mark
    value: str
    kind: Kind
    raw: str

    def inside(self, line: int, column: int) -> Mark:
        """Where character ``line``:``column`` of the value stands in the document (all numbers begin at 1).

        What is visible is in the same order in the value and in the way it is written, so counting visible
        characters finds the place. Values with escapes are not looked into: their beginning is given.
        """
        lines = self.value.split("\n")
        before = "\n".join([*lines[: line - 1], lines[line - 1][: column - 1]]) if line <= len(lines) else self.value
        wanted = sum(not character.isspace() for character in before)
        for seen, offset in enumerate(_visible(self.raw)):
            if seen == wanted:
                return self._at(offset)
        if self.raw.startswith('"') and "\\" in self.raw:
            return self.mark
        return self._at(len(self.raw.rstrip()) - self.raw.startswith(("'", '"')))

    def _at(self, offset: int) -> Mark:
        above = self.raw[:offset]
        if "\n" not in above:
            return Mark(self.mark.line, self.mark.column + offset)
        return Mark(self.mark.line + above.count("\n"), offset - above.rindex("\n"))


@dataclass(frozen=True, slots=True)
class Items:
    mark: Mark
    nodes: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    mark: Mark
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)


Node: TypeAlias = Scalar | Items | Table


def parse(text: str, problems: Problems) -> Table:
    """The document's table. Raises `PolicyInvalid` where there is no use in reading on."""
    if len(text) > MAX_CHARACTERS:
        problems.stop(START, f"The policy is longer than {MAX_CHARACTERS} characters.")
    builder = _Builder(text, problems)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except YAMLError as error:
        problems.stop(*_explain(error, text))
    if builder.root is None:
        problems.stop(START, "The policy is empty. It needs at least rules; without them every action would be denied.")
    if not isinstance(builder.root, Table):
        problems.stop(builder.root.mark, "A policy is a table with the keys channels, approvers, people and rules.")
    return builder.root


class _Builder:
    """Makes the tree out of the parser's events."""

    def __init__(self, text: str, problems: Problems) -> None:
        self.root: Node | None = None
        self._text = text
        self._problems = problems
        self._open: list[tuple[Items | Table, list[Scalar]]] = []
        self._resolve = YAML(typ="safe", pure=True).resolver.resolve

    def take(self, event: Event) -> None:
        """Add one event. Raises `PolicyInvalid` for what a policy does not use."""
        mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, DocumentStartEvent):
            self._document(event, mark)
        elif isinstance(event, CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, NodeEvent):
            if refused := _refusal(event):
                self._problems.stop(mark, refused)
            if isinstance(event, ScalarEvent):
                self._add(self._scalar(event, mark))
            else:
                self._begin(Table(mark) if isinstance(event, MappingStartEvent) else Items(mark))

    def _document(self, event: DocumentStartEvent, mark: Mark) -> None:
        if self.root is not None:
            self._problems.stop(mark, "A policy is one YAML document; a second one begins here.")
        if event.version not in (None, (1, 2)):
            self._problems.stop(mark, "A policy is written in YAML 1.2.")

    def _scalar(self, event: ScalarEvent, mark: Mark) -> Scalar:
        tag = str(self._resolve(ScalarNode, event.value, event.implicit)).rpartition(":")[2]
        raw = self._text[event.start_mark.index : event.end_mark.index]
        return Scalar(mark, event.value, _KINDS.get(tag, "other"), raw)

    def _begin(self, node: Items | Table) -> None:
        if len(self._open) == MAX_DEPTH:
            self._problems.stop(node.mark, f"The policy is nested deeper than {MAX_DEPTH} levels.")
        self._add(node)
        self._open.append((node, []))

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent, keys = self._open[-1]
        if isinstance(parent, Items):
            parent.nodes.append(node)
        elif keys:
            self._enter(parent, keys.pop(), node)
        elif isinstance(node, Scalar) and node.kind == "str":
            keys.append(node)
        else:
            self._problems.stop(node.mark, "A key must be text; put quotes around it.")

    def _enter(self, table: Table, key: Scalar, node: Node) -> None:
        if isinstance(node, Scalar) and not node.raw:
            node = replace(node, mark=key.mark)
        if key.value in table.entries:
            first = table.entries[key.value][0].mark.line
            self._problems.add(key.mark, f'"{shown(key.value)}" stands here twice; it is already on line {first}.')
        else:
            table.entries[key.value] = (key, node)


def shown(text: str) -> str:
    """``text`` of an author as a sentence quotes it: one line, bounded, nothing invisible."""
    plain = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return plain if len(plain) <= _SHOWN_KEY else plain[:_SHOWN_KEY] + "…"


def _refusal(event: NodeEvent) -> str | None:
    if isinstance(event, AliasEvent):
        return "YAML aliases are not accepted. A text that begins with * needs quotes."
    if event.anchor is not None:
        return "YAML anchors are not accepted. A text that begins with & needs quotes."
    if isinstance(event, (ScalarEvent, SequenceStartEvent, MappingStartEvent)) and event.tag is not None:
        return "YAML tags are not accepted. A text that begins with ! needs quotes."
    return None


def _visible(raw: str) -> Iterator[int]:
    """Offsets of the visible characters of a value in the way it is written."""
    if raw.startswith('"'):
        if "\\" not in raw:
            yield from (offset for offset in range(1, len(raw) - 1) if not raw[offset].isspace())
        return
    if raw.startswith("'"):
        yield from (found.start() + 1 for found in re.finditer(r"''|\S", raw[1:-1]))
        return
    start = raw.find("\n") if raw.startswith(("|", ">")) else 0
    yield from (offset for offset in range(start, len(raw)) if not raw[offset].isspace())


def _explain(error: Exception, text: str) -> tuple[Mark, str]:
    """Where and why the text is no YAML, from the place alone: the parser's own words are not shown."""
    if isinstance(error, ReaderError):
        return _position(text, error.position), "This character is not allowed in YAML."
    place = error.problem_mark or error.context_mark if isinstance(error, MarkedYAMLError) else None
    if place is None:
        return START, "This is not YAML text."
    mark = Mark(place.line + 1, place.column + 1)
    at = text[place.index : place.index + 1]
    if at == "\t":
        return mark, "A tab stands here; YAML is indented with spaces."
    if (at and at in "@`%") or (text[place.index - 1 : place.index] == "*" and place.index):
        return mark, "This is not YAML. A text that begins with *, @, ` or % needs quotes."
    if not at:
        return mark, "The YAML ends too early: a quote or a bracket is not closed."
    return mark, "This is not YAML. Look at the indentation, quotes, brackets and colons up to here."


def _position(text: str, offset: int) -> Mark:
    above = text[:offset]
    return Mark(above.count("\n") + 1, offset - above.rfind("\n"))
