"""A Policy says, for each action, whether it is asked, allowed or denied, where, and by whom.

The first rule that matches wins; no match is a denial. A rule that cannot be evaluated chooses nothing and denies,
so an agent cannot reach another rule by breaking a condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from sayso_bot.domain.json import Json
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.request import Cause, Claims, Requirement, rfc3339
from sayso_bot.domain.routing import LiveRoute

MIN_TIMEOUT_SECONDS = 10
DEFAULT_TIMEOUT_SECONDS = 24 * 3600
DEFAULT_RECEIPT_SECONDS = 15 * 60
BUILT_IN_RULE = "built-in default"

_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhd])\Z")
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MAX_DURATION_SECONDS = 366 * 86400


class Asked(msgspec.Struct, frozen=True):
    """What an agent asks, as the policy sees it."""

    action: str
    params: Mapping[str, Json]
    agent: str
    claims: Claims


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy makes of an ask. ``requirement`` is given for ``ask`` alone, ``reason`` for the others."""

    kind: Literal["ask", "allow", "deny"]
    rule: str
    cause: Cause = Cause.POLICY
    requirement: Requirement | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """What becomes of an action type, for people to read. ``requirement`` is given where people are asked, ``when`` is
    the condition as the policy has it.
    """

    rule: str
    action: str
    conditional: bool
    kind: Literal["ask", "allow", "deny"]
    requirement: Requirement | None
    when: str = ""


def places_of(platform: str, routes: Iterable[Route], live: Iterable[LiveRoute]) -> dict[str, list[str]]:
    """The places of a platform that are asked or fallen back to, each with the policy's names, in its order; then those
    to which ``live`` routes lead."""
    asked: list[tuple[str | None, str | None]] = []
    for requirement in (route.requirement for route in routes if route.requirement):
        asked += [(requirement.place, requirement.channel), (requirement.fallback_place, requirement.fallback)]
    places: dict[str, list[str]] = {}
    for place, named in (*asked, *((route.place, route.channel) for route in live)):
        if place and named and place.startswith(f"{platform}:"):
            names = places.setdefault(place, [])
            names += [] if named in names else [named]
    return places


StepOutcome = Literal["matched", "other_action", "condition_false", "cannot_evaluate", "not_reached"]


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one rule: ``why`` is a sentence."""

    rule: str
    line: int
    outcome: StepOutcome
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every rule in order, and what comes of them."""

    steps: tuple[Step, ...]
    verdict: Verdict


class Placement(msgspec.Struct, frozen=True):
    """Where a request is asked: an admin's name, and the platform's address. Where that is not what the rule says,
    ``route`` is the live one that has it so, and ``why`` a sentence about it.
    """

    channel: str
    place: str
    why: str = ""
    route: LiveRoute | None = None


@dataclass(frozen=True, slots=True)
class ExplainedNow:
    """An explanation, where such a request is asked now (None where nobody is), and the pause that holds for it."""

    found: Explanation
    placed: Placement | None
    paused: Pause | None = None


def placement(verdict: Verdict) -> Placement | None:
    """Where the rule itself asks; None where nobody is asked."""
    requirement = verdict.requirement
    return Placement(requirement.channel, requirement.place) if requirement else None


def routed(route: LiveRoute) -> Placement:
    """Where a live route has it asked."""
    return Placement(route.channel, route.place, f"{route.by.name} has it so since {rfc3339(route.at)}.", route)


def parse_duration(text: str) -> int:
    """Seconds of ``90s``, ``15m``, ``2h`` or ``3d``. Raises ValueError for anything else or beyond 366 days."""
    found = _DURATION.match(text)
    if not found or (seconds := int(found[1]) * UNIT_SECONDS[found[2]]) > MAX_DURATION_SECONDS:
        raise ValueError(text)
    return seconds


def format_duration(seconds: int) -> str:
    """The shortest text that `parse_duration` reads as ``seconds``."""
    for unit in "dhm":
        if seconds % UNIT_SECONDS[unit] == 0:
            return f"{seconds // UNIT_SECONDS[unit]}{unit}"
    return f"{seconds}s"
