"""The forms of values: how each is read from a document, and how an editor is told of it.

One object does both, so the reader and the JSON Schema cannot drift apart. A shape that meets something else notes it,
with its place, and gives None: reading goes on, so that an author mends a document in one go. What a schema cannot
say (that a channel exists, that a condition is one) is looked at afterwards, in `sayso_bot.policy.rule_reader`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from sayso_bot.domain.json import MAX_INTEGER, PRINTED_AS_POWER
from sayso_bot.domain.policy import MAX_DURATION_SECONDS, UNIT_SECONDS, format_duration, parse_duration
from sayso_bot.domain.text import one_line
from sayso_bot.policy.problems import Problems
from sayso_bot.policy.tree import Node, Scalar, shown

Schema: TypeAlias = "dict[str, Any]"
_LONGEST_NUMBER = 400
_END = r"\Z"
_T = TypeVar("_T")


class Shape(Protocol):
    def read(self, node: Node, what: str, problems: Problems) -> Any:
        """The value, or None where it has been noted why there is none. ``what`` begins the sentence."""
        ...

    def schema(self) -> Schema:
        """The same as a JSON Schema (2020-12)."""
        ...


def text_of(node: Node, what: str, problems: Problems) -> str | None:
    """A text that says something."""
    if not isinstance(node, Scalar):
        problems.add(node.mark, f"{what} must be text.")
    elif not node.value.strip():
        problems.add(node.mark, f"{what} is empty.")
    elif node.kind != "str":
        problems.add(
            node.mark, f"{what} must be text, and YAML takes {shown(node.value)} for something else; quote it."
        )
    else:
        return node.value
    return None


@dataclass(frozen=True, slots=True)
class Text:
    """Any text that says something, of ``most`` characters where that is given."""

    most: int | None = None

    def read(self, node: Node, what: str, problems: Problems) -> str | None:
        text = text_of(node, what, problems)
        if text is None or self.most is None or len(text) <= self.most:
            return text
        problems.add(node.mark, f"{what} has more than {self.most} characters.")
        return None

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"\S", **({"maxLength": self.most} if self.most else {})}


@dataclass(frozen=True, slots=True)
class Line:
    """A text that people will read: one line, nothing invisible in it."""

    most: int

    def read(self, node: Node, what: str, problems: Problems) -> str | None:
        text = text_of(node, what, problems)
        if text is None:
            return None
        if len(text) > self.most:
            problems.add(node.mark, f"{what} has more than {self.most} characters.")
            return None
        text = text.strip()
        if one_line(text) != text:
            problems.add(node.mark, f"{what} must be one line without invisible characters.")
            return None
        return text

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"\S", "maxLength": self.most}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text of one form; ``sentence`` says which."""

    pattern: re.Pattern[str]
    sentence: str

    def read(self, node: Node, what: str, problems: Problems) -> str | None:
        text = text_of(node, what, problems)
        if text is None or self.pattern.match(text):
            return text
        problems.add(node.mark, self.sentence)
        return None

    def schema(self) -> Schema:
        return {"type": "string", "pattern": anchored(self.pattern)}


@dataclass(frozen=True, slots=True)
class Form:
    """A text that ``check`` gives back in its normal form, or refuses with a sentence by raising ``refusal``."""

    check: Callable[[str], str]
    refusal: type[Exception]
    schemas: tuple[Schema, ...]

    def read(self, node: Node, what: str, problems: Problems) -> str | None:
        text = text_of(node, what, problems)
        if text is None:
            return None
        try:
            return self.check(text)
        except self.refusal as error:
            problems.add(node.mark, str(error))
            return None

    def schema(self) -> Schema:
        return {"type": "string", "anyOf": [dict(schema) for schema in self.schemas]}


@dataclass(frozen=True, slots=True)
class Choice:
    choices: tuple[str, ...]

    def read(self, node: Node, what: str, problems: Problems) -> str | None:
        text = text_of(node, what, problems)
        if text is None or text in self.choices:
            return text
        problems.add(node.mark, f"{what} is one of {', '.join(self.choices)}.")
        return None

    def schema(self) -> Schema:
        return {"enum": list(self.choices)}


@dataclass(frozen=True, slots=True)
class Whole:
    least: int
    most: int

    def read(self, node: Node, what: str, problems: Problems) -> int | None:
        if isinstance(node, Scalar) and node.kind in ("int", "float"):
            number = number_of(node)
            if isinstance(number, int) and self.least <= number <= self.most:
                return number
        problems.add(node.mark, f"{what} is a whole number from {self.least} to {self.most}.")
        return None

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds, from ``90s``, ``15m``, ``2h`` or ``3d``."""

    least: int

    def read(self, node: Node, what: str, problems: Problems) -> int | None:
        try:
            seconds = parse_duration(node.value if isinstance(node, Scalar) and node.kind == "str" else "")
        except ValueError:
            seconds = -1
        if seconds >= self.least:
            return seconds
        bounds = f"from {format_duration(self.least)} to {format_duration(MAX_DURATION_SECONDS)}"
        problems.add(node.mark, f"{what} is a duration like 90s, 15m, 2h or 3d, {bounds}.")
        return None

    def schema(self) -> Schema:
        forms = (
            f"(?:{_numbers(max(1, -(-self.least // seconds)), MAX_DURATION_SECONDS // seconds)}){unit}"
            for unit, seconds in UNIT_SECONDS.items()
        )
        return {"type": "string", "pattern": f"^(?:{'|'.join(forms)})$"}


@dataclass(frozen=True, slots=True)
class Switch:
    """What can only be switched on."""

    def read(self, node: Node, what: str, problems: Problems) -> bool | None:
        if isinstance(node, Scalar) and node.kind == "bool" and node.value.lower() == "true":
            return True
        problems.add(node.mark, f"{what} has one value only: true.")
        return None

    def schema(self) -> Schema:
        return {"const": True}


def number_of(node: Scalar) -> int | float | None:
    """The number that ``node`` is, whole ones as int, or None for one that JSON readers do not agree about."""
    text = node.value
    if len(text) > _LONGEST_NUMBER:
        return None
    if node.kind == "int":
        whole = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        return whole if abs(whole) <= MAX_INTEGER else None
    number = math.inf if text[-1] in "fFnN" else float(text)  # .inf and .nan
    if math.isinf(number):
        return None
    if number.is_integer() and abs(number) < PRINTED_AS_POWER:
        return int(number) if abs(number) <= MAX_INTEGER else None
    return number


def _numbers(least: int, most: int) -> str:
    """A pattern of the whole numbers from ``least`` (which is a power of ten) to ``most``."""
    digits, found = str(most), []
    if len(str(least)) < len(digits):
        found.append(f"[1-9][0-9]{{{len(str(least)) - 1},{len(digits) - 2}}}")
    for at, digit in enumerate(digits):
        lowest, rest = int(at == 0), len(digits) - at - 1
        if int(digit) > lowest:
            found.append(f"{digits[:at]}[{lowest}-{int(digit) - 1}]" + (f"[0-9]{{{rest}}}" if rest else ""))
    return "|".join([*found, digits])


def anchored(pattern: re.Pattern[str]) -> str:
    """A pattern that is matched from the beginning, as JSON Schema writes it."""
    return f"^(?:{pattern.pattern.removesuffix(_END)})$"
