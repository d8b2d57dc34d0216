"""A listing is one message for a burst: the first requests that wait at a place, and how many more there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.request import Status

MOST_ROWS = 15
MOST_TOLD = 20
"""How many things are told beside a listing in one message."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One request of a listing, and the button that opens it. ``paused`` is who stopped it, where it waits for that."""

    request: Brief
    button: str
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """``name`` is the id of a request of it, by which its message is found again. ``waiting`` counts all that wait,
    those without a row too; ``ended`` counts those of it that have ended. ``url`` leads to the inbox.
    """

    name: str
    rows: tuple[Listed, ...]
    waiting: int
    ended: Mapping[Status, int]
    url: str
