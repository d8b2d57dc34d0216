"""Live routes: where an action is asked while an admin has it so, whatever the rule's channel is.

A route changes the place of a card and nothing else: who may approve, how many and how long stay the rule's. One
pattern has one route. Where several name an action the most exact one counts (`LiveRoute.strength`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.globs import Glob

KNOWN_ACTIONS = 4096


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """``action`` is a pattern. ``channel`` is what ``place`` was called when it was tested and the route set.

    ``until`` is Redis's time at which it ends by itself, None for good.
    """

    id: str
    action: str
    channel: str
    place: str
    by: Admin
    why: str
    at: datetime
    until: datetime | None = None

    @property
    def strength(self) -> tuple[bool, int, datetime]:
        """An exact name before a pattern, more letters before fewer, the later before the earlier."""
        return "*" not in self.action, len(self.action.replace("*", "")), self.at


@dataclass(frozen=True, slots=True)
class LiveChannel:
    """A name that an admin gave to a place, beside those of the policy."""

    name: str
    place: str
    by: Admin
    why: str
    at: datetime


class Routing:
    """The routes in force, by action."""

    def __init__(self, routes: Iterable[LiveRoute] = ()) -> None:
        self.routes = tuple(sorted(routes, key=lambda route: route.strength, reverse=True))
        self._globs = tuple((Glob(route.action), route) for route in self.routes)
        self.of = lru_cache(KNOWN_ACTIONS)(self._of)

    def __bool__(self) -> bool:
        return bool(self.routes)

    def _of(self, action: str) -> LiveRoute | None:
        """The route that counts for ``action``."""
        return next((route for glob, route in self._globs if glob.matches(action)), None)


NO_ROUTES = Routing()


def new_route_id() -> str:
    return f"route_{secrets.token_hex(8)}"
