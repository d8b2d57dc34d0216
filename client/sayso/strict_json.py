"""JSON on which all readers agree: read, made from Python values, and compared.

A text that two readers understand differently (a key twice, a number that a double cannot hold) could let one thing be
approved and another be done, so it is refused, never repaired. `same` is equality under RFC 8785, on which the
fingerprint rests: 1 and 1.0 are one number; 1, true and "1" are three different things.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn, TypeAlias

from sayso.errors import NotJson

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

_MAX_INTEGER = 2**53 - 1
_MAX_DEPTH = 64


class Ambiguous(ValueError):
    """The text is JSON for some readers, or means different things to them."""


def loads(text: str | bytes) -> Json:
    """Parse ``text`` (bytes are UTF-8). Raises ValueError: `Ambiguous`, with a sentence, or the decoder's own."""
    try:
        value: Json = _STRICT.decode(text.decode("utf-8") if isinstance(text, bytes) else text)
    except RecursionError:
        raise Ambiguous("It is nested too deep.") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Ambiguous(f"The key {json.dumps(key)} occurs twice.")
        found[key] = value
    return found


def _integer(literal: str) -> int:
    if len(literal) > 17 or abs(value := int(literal)) > _MAX_INTEGER:
        raise Ambiguous(f"The integer {literal[:40]} is beyond 2^53-1; write it as a string.")
    return value


def _double(literal: str) -> float:
    value = float(literal)
    if len(literal) > 400 or not math.isfinite(value) or not _same_decimal(literal, value):
        raise Ambiguous(f"Readers disagree about the number {literal[:40]}; write it as a string.")
    return value


def _same_decimal(literal: str, value: float) -> bool:
    try:
        return Decimal(repr(value)) == Decimal(literal)
    except ArithmeticError:
        return False


def _constant(name: str) -> NoReturn:
    raise Ambiguous(f"{name} is not JSON.")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_double, parse_constant=_constant)


def plain(value: object, path: str = "", depth: int = 0) -> Json:
    """A deep copy of ``value`` made of JSON's own types. Raises `NotJson` with the path of what is not JSON."""
    if depth > _MAX_DEPTH:
        raise NotJson(f"It is nested deeper than {_MAX_DEPTH} levels, or holds itself.", path)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _plain_number(value, path)
    if isinstance(value, str):
        return _plain_text(value, path)
    if isinstance(value, Mapping):
        return {_plain_key(key, path): plain(item, _join(path, key), depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise NotJson(f"A {type(value).__name__} is not JSON. Give it as a string or a number that says the same.", path)


def _plain_number(value: int | float, path: str) -> int | float:
    if isinstance(value, int):
        if abs(value) > _MAX_INTEGER:
            raise NotJson("The integer is beyond 2^53-1. Give it as a string.", path)
        return int(value)
    if not math.isfinite(value):
        raise NotJson(f"{value!r} is not JSON.", path)
    return float(value)


def _plain_text(value: str, path: str) -> str:
    text = str.__str__(value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotJson("A text holds half of a surrogate pair, which is no character.", path) from None
    return text


def _plain_key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise NotJson(f"A key of a JSON object is a string, not a {type(key).__name__}.", path)
    return _plain_text(key, path)


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def same(left: object, right: object) -> bool:
    """Whether two JSON values have one canonical form."""
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return False
