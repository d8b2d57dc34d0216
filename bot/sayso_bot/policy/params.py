"""Declared types of params, checked before a condition sees a value.

CEL finds values of different types unequal without an error, so ``["prod"]`` would slip past ``params.env == 'prod'``.
A declared param of another type chooses nothing: the request is denied. Equal JSON numbers become the same value here,
``1`` and ``1.0`` alike, so how a number is written never decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from sayso_bot.domain.json import MAX_DEPTH, MAX_INTEGER, Json

ParamType: TypeAlias = Literal["string", "number", "integer", "boolean", "list", "object"]
TYPES: tuple[ParamType, ...] = get_args(ParamType)

_WORDS: dict[ParamType, str] = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "list": "a list",
    "object": "an object",
}


class CannotEvaluate(Exception):
    """A rule has no answer for these values; ``why`` ends a sentence ("… could not be evaluated: WHY.")."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Declared:
    """One param. An ``optional`` one may be absent or null, and is null to conditions."""

    name: str
    type: ParamType
    optional: bool

    def __str__(self) -> str:
        return f"{self.type}?" if self.optional else self.type


@dataclass(slots=True)
class Size:
    """How much a condition is given to look at: single values, and characters of text."""

    values: int = 0
    characters: int = 0


@dataclass(frozen=True, slots=True)
class Declaration:
    """All params that a rule declares. Others are not looked at, so they cannot spoil anything."""

    params: tuple[Declared, ...] = ()

    def read(self, params: Mapping[str, Json], size: Size) -> dict[str, Any]:
        """The declared values as conditions see them (``params.NAME``), counted into ``size``.

        Raises `CannotEvaluate` for a missing one, or one of another type.
        """
        seen: dict[str, Any] = {}
        for declared in self.params:
            value = params.get(declared.name)
            if value is None and declared.optional:
                seen[f"params.{declared.name}"] = None
            elif value is None and declared.name not in params:
                raise CannotEvaluate(f'it needs the param "{declared.name}", which is missing')
            else:
                seen[f"params.{declared.name}"] = _checked(declared, value, size)
        return seen


def plain(value: Any, size: Size, depth: int = 0) -> Any:
    """A JSON value as conditions see it: every number a float, zero without a sign. Raises `CannotEvaluate`."""
    size.values += 1
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        size.characters += len(value)
        return value
    if isinstance(value, (int, float)):
        return _number(value)
    if depth == MAX_DEPTH:
        raise CannotEvaluate("a value is nested too deep")
    if isinstance(value, Mapping):
        size.characters += sum(map(len, value))
        return {str(key): plain(item, size, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, size, depth + 1) for item in value]
    raise CannotEvaluate("a value is no JSON")


def _checked(declared: Declared, value: Any, size: Size) -> Any:
    if not _is(declared.type, value):
        raise CannotEvaluate(f'the param "{declared.name}" must be {_WORDS[declared.type]}, and it is {_word(value)}')
    if declared.type != "integer":
        return plain(value, size)
    whole = _number(value)
    if not whole.is_integer():
        raise CannotEvaluate(f'the param "{declared.name}" must be a whole number, and it has a fraction')
    return _within(int(whole))


def _is(wanted: ParamType, value: Any) -> bool:
    if wanted == "boolean" or isinstance(value, bool):
        return wanted == "boolean" and isinstance(value, bool)
    if wanted == "string":
        return isinstance(value, str)
    if wanted == "object":
        return isinstance(value, Mapping)
    return isinstance(value, (list, tuple) if wanted == "list" else (int, float))


def _number(value: int | float) -> float:
    """``value`` as a float that is exactly equal to it, never ``-0.0``."""
    if isinstance(value, int):
        return float(_within(value))
    if not math.isfinite(value):
        raise CannotEvaluate("a number is not finite")
    return value + 0.0


def _within(value: int) -> int:
    if abs(value) > MAX_INTEGER:
        raise CannotEvaluate("a whole number is beyond 2^53-1")
    return value


def _word(value: Any) -> str:
    if value is None:
        return "null"
    return next((word for kind, word in _WORDS.items() if kind != "integer" and _is(kind, value)), "no JSON")
