"""Reading what platforms send: a value of the wrong kind reads as an empty one, so that no odd shape raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST_ID = 300


def as_object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def first(value: object) -> Mapping[str, Any]:
    """The first object of a list."""
    return as_object(value[0]) if isinstance(value, list) and value else {}


def as_id(value: object) -> str:
    """A platform's id of something; all of them are ASCII and short."""
    return value if isinstance(value, str) and value.isascii() and len(value) <= LONGEST_ID else ""
