"""YAML 1.2 text as a tree in which every value knows where it stands.

Only what a policy needs is accepted: one document, no aliases, no tags, no key twice, little nesting. So the tree is
never larger than the text, and what an author reads is what the service reads. libyaml finds the events; what a plain
value is (YAML 1.2's core schema), and what is refused, is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import yaml
from yaml.cyaml import CSafeLoader

from sayso_bot.policy.problems import Mark, Problems

MAX_CHARACTERS = 4 * 1024 * 1024
MAX_DEPTH = 16
START = Mark(1, 1)

Kind: TypeAlias = Literal["str", "int", "float", "bool", "null"]
_WORDS: dict[str, Kind] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), "null"),
    **dict.fromkeys(("true", "True", "TRUE", "false", "False", "FALSE"), "bool"),
}
_NUMBERS_BEGIN = frozenset("0123456789+-.")
_INT = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(
    r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_BOM = "\ufeff"
_BREAKS = "\x85\u2028\u2029"
_TURNS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ODD = re.compile(f"[{_BOM}{_BREAKS}{_TURNS}]|[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STRIDE = 16 * 1024
"""So much text is looked at before other threads may go on."""
_SHOWN_KEY = 60


@dataclass(slots=True, eq=False)
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


@dataclass(slots=True, eq=False)
class Items:
    mark: Mark
    nodes: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Table:
    mark: Mark
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)


Node: TypeAlias = Scalar | Items | Table


def parse(text: str, problems: Problems, called: str = "The policy") -> Table:
    """The document's table. ``called`` begins sentences about it. Raises `PolicyInvalid` where reading on is no use."""
    if len(text) > MAX_CHARACTERS:
        problems.stop(START, f"{called} is longer than {MAX_CHARACTERS} characters.")
    for start in range(0, len(text), _STRIDE):
        if odd := _ODD.search(text, start, start + _STRIDE):
            problems.stop(_position(text, odd.start()), _why_odd(odd[0]))
    builder = _Builder(text, problems, called)
    try:
        root = builder.build()
    except yaml.YAMLError as error:
        problems.stop(*_explain(error, text))
    if root is None or (isinstance(root, Scalar) and root.kind == "null"):
        problems.stop(START, f"{called} is empty.")
    if not isinstance(root, Table):
        problems.stop(root.mark, f"{called} must be a table of keys and values.")
    return root


class _Builder:
    """Makes the tree out of the parser's events."""

    def __init__(self, text: str, problems: Problems, called: str) -> None:
        self._text = text
        self._problems = problems
        self._called = called
        self._above: list[tuple[Items | Table | None, Scalar | None]] = []
        self._parent: Items | Table | None = None
        self._key: Scalar | None = None
        self._root: Node | None = None

    def build(self) -> Node | None:
        """Raises `PolicyInvalid` for what a policy does not use, `yaml.YAMLError` for what is no YAML."""
        next_event = CSafeLoader(self._text).get_event
        text, add = self._text, self._add
        while (event := next_event()) is not None:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                if event.anchor is not None or event.tag is not None:
                    self._refuse(event)
                start, value = event.start_mark, event.value
                raw = text[start.index : event.end_mark.index]
                add(
                    Scalar(
                        Mark(start.line + 1, start.column + 1), value, _kind(value) if event.implicit[0] else "str", raw
                    )
                )
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._parent, self._key = self._above.pop()
            elif kind is yaml.MappingStartEvent:
                self._begin(Table(_mark(event)), event)
            elif kind is yaml.SequenceStartEvent:
                self._begin(Items(_mark(event)), event)
            elif kind is yaml.AliasEvent:
                self._problems.stop(
                    _mark(event), "YAML aliases are not accepted. A text that begins with * needs quotes."
                )
            elif kind is yaml.DocumentStartEvent:
                self._document(event)
        return self._root

    def _document(self, event: Any) -> None:
        if self._root is not None:
            self._problems.stop(_mark(event), f"{self._called} is one YAML document; a second one begins here.")
        if event.version not in (None, (1, 2)):
            self._problems.stop(_mark(event), f"{self._called} is written in YAML 1.2.")

    def _begin(self, node: Items | Table, event: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self._refuse(event)
        if len(self._above) == MAX_DEPTH:
            self._problems.stop(node.mark, f"{self._called} is nested deeper than {MAX_DEPTH} levels.")
        self._add(node)
        self._above.append((self._parent, self._key))
        self._parent, self._key = node, None

    def _refuse(self, event: Any) -> None:
        what, sign = ("anchors", "&") if event.anchor is not None else ("tags", "!")
        self._problems.stop(_mark(event), f"YAML {what} are not accepted. A text that begins with {sign} needs quotes.")

    def _add(self, node: Node) -> None:
        parent, key = self._parent, self._key
        if type(parent) is Table:
            if key is not None:
                self._key = None
                self._enter(parent, key, node)
            elif type(node) is Scalar and node.kind == "str":
                self._key = node
            else:
                self._problems.stop(node.mark, "A key must be text; put quotes around it.")
        elif type(parent) is Items:
            parent.nodes.append(node)
        else:
            self._root = node

    def _enter(self, table: Table, key: Scalar, node: Node) -> None:
        if type(node) is Scalar and not node.raw:
            node.mark = key.mark
        name, entries = key.value, table.entries
        if name in entries:
            first = entries[name][0].mark.line
            self._problems.add(key.mark, f'"{shown(name)}" stands here twice; it is already on line {first}.')
        else:
            entries[name] = (key, node)


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def shown(text: str) -> str:
    """``text`` of an author as a sentence quotes it: one line, bounded, nothing invisible."""
    plain = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return plain if len(plain) <= _SHOWN_KEY else plain[:_SHOWN_KEY] + "…"


def _kind(plain: str) -> Kind:
    """What the core schema of YAML 1.2 takes a plain value for."""
    word = _WORDS.get(plain)
    if word is not None or plain[0] not in _NUMBERS_BEGIN:
        return word or "str"
    return "int" if _INT.match(plain) else "float" if _FLOAT.match(plain) else "str"


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


def _explain(error: yaml.YAMLError, text: str) -> tuple[Mark, str]:
    """Where and why the text is no YAML, from the place alone: the parser's own words are not shown."""
    place, begun = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if begun is not None and text[begun.index : begun.index + 1] == "*":
        place = begun
    if place is None:
        return START, "This is not YAML text."
    mark = Mark(place.line + 1, place.column + 1)
    at = text[place.index : place.index + 1]
    if at == "\t":
        return mark, "A tab stands here; YAML is indented with spaces."
    if at and at in "@`%*":
        return mark, "This is not YAML. A text that begins with *, @, ` or % needs quotes."
    if not at:
        return mark, "The YAML ends too early: a quote or a bracket is not closed."
    if begun is not None and text[begun.index : begun.index + 1] == '"':
        return (
            mark,
            "In double quotes, this is no escape that YAML knows. Use single quotes, or write a backslash twice.",
        )
    return mark, "This is not YAML. Look at the indentation, quotes, brackets and colons up to here."


def _why_odd(character: str) -> str:
    """Why a character may stand nowhere in a document, in comments neither."""
    if character == "\0":
        return "The character NUL stands here, as in no text file."
    if character == _BOM:
        return "A byte order mark stands here. Save the file as UTF-8 without one."
    if character in _BREAKS:
        return "Some readers of YAML end a line at this character and others do not. Remove it."
    if not "\x7f" <= character < "\xa0" and character > " " and not "\ud800" <= character <= "\udfff":
        return f"The invisible character U+{ord(character):04X} makes text look different from what it is. Remove it."
    return "This character is not allowed in YAML."


def _position(text: str, offset: int) -> Mark:
    above = text[:offset]
    return Mark(above.count("\n") + 1, offset - above.rfind("\n"))
