"""Forms that hold others: lists, tables with known keys or with names of the author's, and what agents send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sayso_bot.domain.json import MAX_NAME
from sayso_bot.domain.text import one_line
from sayso_bot.policy.problems import Mark, Problems
from sayso_bot.policy.shapes import Schema, Shape, number_of
from sayso_bot.policy.tree import Items, Node, Scalar, Table, shown

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Each:
    """A list. ``called`` begins the sentence about an entry.

    Where an entry is wrong there is no value, unless with ``partly``: then the entry is None.
    """

    entry: Shape
    most: int
    called: str = ""
    unique: bool = False
    partly: bool = False

    def read(self, node: Node, what: str, problems: Problems) -> list[Any] | None:
        if not isinstance(node, Items):
            problems.add(node.mark, f"{what} must be a list.")
        elif not node.nodes:
            problems.add(node.mark, f"{what} must not be empty.")
        elif len(node.nodes) > self.most:
            problems.add(node.mark, f"{what} has more than {self.most} entries.")
        else:
            called = self.called or f"An entry of {what[0].lower()}{what[1:]}"
            read = [self.entry.read(each, called, problems) for each in node.nodes]
            again = self.unique and self._refuse_twice(node, what, read, problems)
            return read if self.partly or not (again or None in read) else None
        return None

    def _refuse_twice(self, node: Items, what: str, read: list[Any], problems: Problems) -> bool:
        seen, again = set(), False
        for each, value in zip(node.nodes, read, strict=True):
            if value is not None and value in seen:
                problems.add(each.mark, f'{what} names "{shown(value)}" twice.')
                again = True
            seen.add(value)
        return again

    def schema(self) -> Schema:
        unique = {"uniqueItems": True} if self.unique else {}
        return {"type": "array", "items": self.entry.schema(), "minItems": 1, "maxItems": self.most, **unique}


@dataclass(frozen=True, slots=True)
class Either:
    """A single text, or something else."""

    text: Shape
    other: Shape

    def read(self, node: Node, what: str, problems: Problems) -> Any:
        return (self.text if isinstance(node, Scalar) else self.other).read(node, what, problems)

    def schema(self) -> Schema:
        return {"anyOf": [self.text.schema(), self.other.schema()]}


@dataclass(frozen=True, slots=True)
class Named:
    """A table whose keys are names of the author's; entries that are wrong have the value None.

    ``called`` is a sentence's beginning with the name in the place of ``{}``; ``sentence`` refuses a name.
    """

    value: Shape
    called: str
    names: Schema
    is_name: Callable[[str], object]
    sentence: str
    most: int | None = None

    def read(self, node: Node, what: str, problems: Problems) -> dict[str, Any] | None:
        if not isinstance(node, Table):
            problems.add(node.mark, f"{what} must be a table of keys and values.")
            return None
        if self.most is not None and len(node.entries) > self.most:
            problems.add(node.mark, f"{what} has more than {self.most} entries.")
            return None
        read: dict[str, Any] = {}
        for name, (key, value) in node.entries.items():
            read[name] = None
            if not self.is_name(name):
                problems.add(key.mark, self.sentence)
            elif one_line(name) != name:
                problems.add(key.mark, "A name must be without invisible characters.")
            else:
                read[name] = self.value.read(value, self.called.format(shown(name)), problems)
        return read

    def schema(self) -> Schema:
        most = {"maxProperties": self.most} if self.most is not None else {}
        return {
            "type": "object", "propertyNames": self.names, "additionalProperties": self.value.schema(), **most,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table: its form, and what it is for. ``called`` begins sentences; the key itself when left out."""

    shape: Shape
    help: str
    called: str = ""


@dataclass(slots=True, eq=False)
class Read:
    """A table as it was read. ``values`` has what was good; what was written and is not there was refused."""

    node: Table
    values: dict[str, Any]

    def __contains__(self, key: str) -> bool:
        """Whether the key was written, well or not."""
        return key in self.node.entries

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def refused(self, *keys: str) -> bool:
        """Whether any of ``keys`` was written and refused."""
        return any(key in self.node.entries and key not in self.values for key in keys)

    def at(self, key: str) -> Mark:
        """Where the value of ``key`` stands."""
        return self.node.entries[key][1].mark

    def text(self, key: str) -> Scalar:
        """The value of ``key`` as it is written, of one that was read as a text."""
        return _as(Scalar, self.node.entries[key][1])

    def table(self, key: str) -> Table:
        """The same of one that was read as a table."""
        return _as(Table, self.node.entries[key][1])

    def nodes(self, key: str) -> list[Node]:
        """The entries of ``key`` as they are written, where that is a list."""
        value = self.node.entries[key][1]
        return value.nodes if isinstance(value, Items) else []

    def marks(self, key: str) -> list[Mark]:
        """Where the entries of ``key`` stand, of one that was read as a list; none where it was not written."""
        return [each.mark for each in self.nodes(key)] if key in self else []


def _as(kind: type[_T], node: Node) -> _T:
    if not isinstance(node, kind):
        raise TypeError(node)
    return node


@dataclass(frozen=True, slots=True)
class Keys:
    """A table with known keys: those of ``needed`` must be there (each with the sentence that says so otherwise), and
    of ``one_of`` exactly one; ``together`` names for a key the one without which it means nothing. With an
    ``empty_sentence`` there must be some key.
    """

    keys: Mapping[str, Key]
    needed: Mapping[str, str] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    one_of_sentence: str = ""
    together: Mapping[str, str] = field(default_factory=dict)
    empty_sentence: str = ""

    def read(self, node: Node, what: str, problems: Problems) -> Read | None:
        if not isinstance(node, Table):
            problems.add(node.mark, f"{what} must be a table of keys and values.")
            return None
        return self.table(node, problems)

    def table(self, node: Table, problems: Problems) -> Read:
        values, keys = {}, self.keys
        for name, (written, value) in node.entries.items():
            key = keys.get(name)
            if key is None:
                self._refuse_unknown(name, written, problems)
            elif (read := key.shape.read(value, key.called or name, problems)) is not None:
                values[name] = read
        self._check_company(node, problems)
        return Read(node, values)

    def _refuse_unknown(self, name: str, written: Scalar, problems: Problems) -> None:
        known = ", ".join(self.keys)
        problems.add(written.mark, f'"{shown(name)}" is unknown or not offered in this version. Known here: {known}.')

    def _check_company(self, node: Table, problems: Problems) -> None:
        entries = node.entries
        for name, sentence in self.needed.items():
            if name not in entries:
                problems.add(node.mark, sentence)
        if self.one_of:
            found = [name for name in self.one_of if name in entries]
            if len(found) != 1:
                problems.add(entries[found[1]][0].mark if found else node.mark, self.one_of_sentence)
        if self.empty_sentence and not entries:
            problems.add(node.mark, self.empty_sentence)
        for name, other in self.together.items():
            if name in entries and other not in entries:
                problems.add(entries[name][0].mark, f"{name} goes with {other} alone.")

    def schema(self) -> Schema:
        found: Schema = {
            "type": "object",
            "properties": {name: key.shape.schema() | {"description": key.help} for name, key in self.keys.items()},
            "additionalProperties": False,
        }
        if self.needed:
            found["required"] = list(self.needed)
        if self.one_of:
            found["oneOf"] = [{"required": [name]} for name in self.one_of]
        if self.empty_sentence:
            found["minProperties"] = 1
        if self.together:
            found["dependentRequired"] = {name: [other] for name, other in self.together.items()}
        return found


@dataclass(frozen=True, slots=True)
class Values:
    """Any JSON object that an agent could send."""

    def read(self, node: Node, what: str, problems: Problems) -> dict[str, Any] | None:
        if not isinstance(node, Table):
            problems.add(node.mark, f"{what} must be a table of keys and values.")
            return None
        value = _json(node, problems)
        return value if isinstance(value, dict) else None

    def schema(self) -> Schema:
        return {"type": "object"}


_WRONG = object()


def _json(node: Node, problems: Problems) -> Any:
    """``node`` as JSON, or `_WRONG` where it has been noted why it is none."""
    if isinstance(node, Table):
        pairs = {name: _json(value, problems) for name, (_, value) in node.entries.items()}
        for name, (key, _) in node.entries.items():
            if len(name) > MAX_NAME:
                problems.add(key.mark, f"The name of a param has at most {MAX_NAME} characters.")
                pairs[name] = _WRONG
        return _WRONG if any(value is _WRONG for value in pairs.values()) else pairs
    if isinstance(node, Items):
        items = [_json(each, problems) for each in node.nodes]
        return _WRONG if any(value is _WRONG for value in items) else items
    if node.kind in ("int", "float"):
        number = number_of(node)
        if number is None:
            problems.add(node.mark, "No agent can send this number: it is not finite, or whole and beyond 2^53-1.")
            return _WRONG
        return number
    if node.kind == "bool":
        return node.value.lower() == "true"
    if node.kind == "null":
        return None
    if "\0" in node.value:
        problems.add(node.mark, "No agent can send the character NUL.")
        return _WRONG
    return node.value
