"""JSON on which all readers agree (I-JSON, RFC 7493), or a refusal that names the path.

Two readers that understand one body differently would let an agent show a person one thing and
execute another. So duplicate keys, numbers that a double cannot hold as written, integers beyond
2^53-1, lone surrogates, NUL and nesting deeper than 32 are refused, never repaired. What is accepted is accepted again
in its canonical form. A person must be able to take it in, so names of members are short and values are not too many.

Reading is quick: hooks run inside the C scanner and only notice that something is wrong. The slow second reading,
which finds the path for the message, happens only then.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ForwardRef, NoReturn, TypeAlias

import orjson

from sayso_bot.errors import BadJson, InvalidField

_Link: TypeAlias = "tuple[_Link, str | int] | None"
"""Where a node is: its parent's place and its own key or index. The path is written out for an error only."""
if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
else:  # whoever looks at a record's fields, wherever it is declared, finds the names of this module
    Json = ForwardRef("bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None", module=__name__)

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
MAX_LITERAL = 400
MAX_NAME = 256
MAX_VALUES = 5000
PRINTED_AS_POWER = 1e21


class _Suspicious(Exception):
    """The quick reading met something that only the slow one can name."""


_LENIENT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dumps(value: Any) -> bytes:
    """``value`` as short JSON in UTF-8, members in the order in which they are.

    Raises `UnicodeEncodeError` for half of a surrogate pair, which only what a platform sends can hold.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return _LENIENT(value).encode()


def loads(body: bytes) -> Json:
    """Parse ``body`` (UTF-8). A whole number is an int however it is spelled: 1.0 is 1.

    Raises `BadJson` where it is no JSON at all, `InvalidField` with its path where readers would disagree.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadJson("The body is not UTF-8. Nothing was changed.") from None
    try:
        value: Json = _QUICK.decode(text)
    except _Suspicious:
        _explain(text)
    except RecursionError:
        raise InvalidField(f"The body is nested deeper than {MAX_DEPTH} levels.", field="") from None
    except ValueError as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadJson(f"The body is not JSON{where}. Nothing was changed.") from None
    if "\\u" in text or _could_be_too_much(text):
        _check_whole(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs) or (len("".join(found)) > MAX_NAME and max(map(len, found)) > MAX_NAME):
        raise _Suspicious
    return found


def _integer(literal: str) -> int:
    if len(literal) > 17 or abs(value := int(literal)) > MAX_INTEGER:
        raise _Suspicious
    return value


def _double(literal: str) -> float:
    if len(literal) > MAX_LITERAL or not _same_number(literal, value := float(literal)):
        raise _Suspicious
    return int(value) if value.is_integer() and abs(value) <= MAX_INTEGER else value


def _same_number(literal: str, value: float) -> bool:
    """Whether RFC 8785 prints ``value`` as the same decimal as ``literal``, and not as an integer beyond 2^53-1."""
    if repr(value) == literal and abs(value) <= MAX_INTEGER:
        return True
    if math.isinf(value) or (value.is_integer() and MAX_INTEGER < abs(value) < PRINTED_AS_POWER):
        return False
    try:
        return Decimal(repr(value)) == Decimal(literal)
    except ArithmeticError:
        return False


def _constant(_: str) -> NoReturn:
    raise _Suspicious


_QUICK = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_double, parse_constant=_constant)


def _could_be_too_much(text: str) -> bool:
    """Whether ``text`` could be nested too deep or hold too many values; exact only where it says no."""
    opened = text.count("[") + text.count("{")
    return opened > MAX_DEPTH or opened + text.count(",") > MAX_VALUES


def _check_whole(value: Json) -> None:
    for count, (link, node, depth) in enumerate(_walk(value)):
        if count > MAX_VALUES:
            raise InvalidField(f"The body holds more than {MAX_VALUES} values. Nothing was changed.", field="")
        if isinstance(node, str):
            _check_string(node, link)
        elif isinstance(node, (Mapping, list)) and depth >= MAX_DEPTH:
            raise InvalidField(f"The body is nested deeper than {MAX_DEPTH} levels.", field=_path(link))
        if isinstance(node, Mapping):
            for key in node:
                _check_string(key, link)


def _check_string(text: str, link: _Link) -> None:
    if "\0" in text:
        raise InvalidField("A text holds the character NUL, which Sayso does not accept.", field=_path(link))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidField("A text holds half of a surrogate pair, which is no character.", field=_path(link)) from None


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, duplicates kept."""


class _Number(str):
    """A number as it was written."""


def _explain(text: str) -> NoReturn:
    """Read again, keeping what was written, and name the first thing on which readers disagree."""
    slow = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    try:
        tree = slow.decode(text)
    except RecursionError:
        raise InvalidField(f"The body is nested deeper than {MAX_DEPTH} levels.", field="") from None
    except ValueError:
        raise BadJson("The body is not JSON. Nothing was changed.") from None
    for link, node, _ in _walk(tree):
        if isinstance(node, _Pairs):
            _explain_names(node, link)
        elif isinstance(node, _Number):
            _explain_number(node, link)
    raise BadJson("The body is not JSON. Nothing was changed.")


def _explain_names(pairs: _Pairs, link: _Link) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if len(name) > MAX_NAME:
            raise InvalidField(f"The name of a member has at most {MAX_NAME} characters.", field=_path(link))
        if name in seen:
            raise InvalidField("An object holds the same key twice.", field=_path((link, name)))
        seen.add(name)


def _explain_number(literal: str, link: _Link) -> None:
    shown = literal if len(literal) <= 40 else literal[:40] + "…"
    if literal.lstrip("-").isdigit():
        if len(literal) > 17 or abs(int(literal)) > MAX_INTEGER:
            raise InvalidField(f"The integer {shown} is beyond 2^53-1; send it as a string.", field=_path(link))
    elif (
        len(literal) > MAX_LITERAL
        or literal in ("NaN", "Infinity", "-Infinity")
        or not _same_number(literal, float(literal))
    ):
        raise InvalidField(f"JSON readers disagree about the number {shown}; send it as a string.", field=_path(link))


def _path(link: _Link) -> str:
    steps: list[str] = []
    while link is not None:
        link, step = link
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
    return "".join(reversed(steps)).removeprefix(".")


def _walk(value: Any) -> Iterator[tuple[_Link, Any, int]]:
    """Every node with its place and depth, without recursion (a body may be nested as deep as it is long)."""
    todo: list[tuple[_Link, Any, int]] = [(None, value, 0)]
    while todo:
        link, node, depth = todo.pop()
        yield link, node, depth
        if isinstance(node, _Pairs):
            todo += [((link, key), item, depth + 1) for key, item in reversed(node)]
        elif isinstance(node, Mapping):
            todo += [((link, key), item, depth + 1) for key, item in reversed(list(node.items()))]
        elif isinstance(node, list):
            todo += [((link, index), item, depth + 1) for index, item in reversed(list(enumerate(node)))]
