"""Reading what Slack sends: a value of the wrong kind reads as an empty one, so that odd shapes meet no exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def first(value: object) -> Mapping[str, Any]:
    """The first object of a list."""
    return as_object(value[0]) if isinstance(value, list) and value else {}


def as_id(value: object) -> str:
    """An id of Slack's; all of them are ASCII."""
    return value if isinstance(value, str) and value.isascii() else ""
