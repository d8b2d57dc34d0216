"""Changing params by hand: what may be changed, as text that a person edits and back.

A value keeps its type, so an edit can change how much and to whom, never what kind of thing an executor is given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sayso_bot.domain.json import Json, loads
from sayso_bot.domain.text import one_line, visible
from sayso_bot.errors import InvalidField, SaysoError


def editable_texts(params: Mapping[str, Json], editable: tuple[str, ...]) -> dict[str, str]:
    """The params that may be edited and are there, each as the text that its editor begins with."""
    return {name: as_text(params[name]) for name in editable if name in params}


def as_text(value: Json) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def edited(params: Mapping[str, Json], editable: tuple[str, ...], texts: Mapping[str, str]) -> dict[str, Json]:
    """``params`` with ``texts`` read back as values of the same types. Raises `InvalidField` for the first wrong."""
    found = dict(params)
    for name, text in texts.items():
        if name not in editable or name not in params:
            raise InvalidField(f"The rule does not let {one_line(name)[:80]} be edited.", field=name)
        found[name] = _read(name, params[name], text)
    return found


def _read(name: str, old: Json, text: str) -> Json:
    if text == as_text(old):
        return old
    if isinstance(old, str):
        if visible(text) != text:
            raise InvalidField("This holds invisible characters.", field=name)
        return text
    try:
        value = loads(text.encode())
    except (SaysoError, UnicodeError):
        raise InvalidField(f"This must be {_KINDS[_kind(old)]}, written as JSON.", field=name) from None
    if _kind(value) != _kind(old):
        raise InvalidField(f"This must stay {_KINDS[_kind(old)]}.", field=name)
    return value


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "list"


_KINDS = {
    "boolean": "true or false",
    "null": "null",
    "number": "a number",
    "string": "a text",
    "object": "an object",
    "list": "a list",
}
