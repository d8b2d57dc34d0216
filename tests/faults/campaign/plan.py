"""What is to happen to each request, and in which order the faults come: all of it from the seed, and nothing else.

The same seed plans the same run. When a thing happens within a run still depends on the machine.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

People: TypeAlias = Literal[
    "approve", "deny", "twice", "opposite", "both", "nobody", "at the deadline", "while cancelled", "stranger first",
    "while edited", "late", "never asked", "in a dialog", "page by page", "from a list",
]  # fmt: skip
Manner: TypeAlias = Literal["holds", "prefers", "hangs up", "sends twice", "sends again", "two hold"]
Submission: TypeAlias = Literal["once", "twice", "retried", "late", "stale"]
T = TypeVar("T")

RARE_EVERY = 4
CHANNELS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
"""A channel that is slow takes three posts in four seconds: with fewer channels a run would mostly wait for them."""
LISTED, CLOSING, BACK, OPS = "many", "closing", "back", "ops"
"""The channel whose requests are one message, the one that is archived now and then, its fallback, and one that only
admins send requests to."""
NIGHT = "night"
"""A channel that the policy does not name."""
CHOICES = ("Main", "Reserve", "Neither")

_PEOPLE: dict[People, float] = {
    "approve": 30,
    "deny": 10,
    "twice": 4,
    "opposite": 7,
    "both": 6,
    "nobody": 4,
    "at the deadline": 5,
    "while cancelled": 5,
    "stranger first": 3,
    "while edited": 4,
    "late": 3,
    "never asked": 3,
    "in a dialog": 16,
    "page by page": 3,
    "from a list": 12,
}
_MANNERS: dict[Manner, float] = {
    "holds": 35,
    "prefers": 20,
    "hangs up": 15,
    "sends twice": 10,
    "sends again": 10,
    "two hold": 10,
}
_SUBMISSIONS: dict[Submission, float] = {"once": 35, "twice": 20, "retried": 20, "late": 12, "stale": 13}
_DIALOGS = ("why", "type", "form")
_MOVING = ("back", "back", "back", "hush", "desk")


@dataclass(frozen=True, slots=True)
class Plan:
    """One request. ``people`` says who answers and how, ``manner`` how its agent asks, ``timeout`` what it asks for.

    ``submission`` is how a dialog is sent, and ``socket`` whether what people do comes over a socket.
    """

    number: int
    people: People
    manner: Manner
    family: str
    pause: float
    replica: int
    timeout: float | None
    submission: Submission = "once"
    socket: bool = False
    denies: bool = False

    @property
    def action(self) -> str:
        return f"{self.family}.n{self.number}"

    @property
    def params(self) -> dict[str, Any]:
        if self.family == "long":
            return {"number": self.number, "text": f"{self.number} of many lines\n" * 2_000}
        return {"number": self.number}

    @property
    def edited(self) -> dict[str, Any]:
        """The params of the second revision, where somebody edits it."""
        return {**self.params, "number": self.number + 1_000_000}

    @property
    def form(self) -> dict[str, Any] | None:
        if self.family != "form":
            return None
        fields: list[dict[str, Any]] = [
            {"name": "account", "type": "choose", "label": "Which account?", "options": list(CHOICES)},
            {"name": "limit", "type": "number", "label": "Up to how much?"},
        ]
        return {"fields": fields}


def plans(seed: str, first: int, count: int, *, only: People | None = None) -> Iterator[Plan]:
    """``count`` requests, numbered from ``first``."""
    for number in range(first, first + count):
        chance = random.Random(f"{seed}/{number}")
        people: People = only if only is not None else _one_of(chance, _PEOPLE)
        family = _family(people, chance)
        yield Plan(
            number=number,
            people=people,
            manner=_one_of(chance, _MANNERS),
            family=family,
            pause=chance.choice((0.0, 0.05, 0.2, 0.5, 1.0)) * chance.random(),
            replica=chance.randrange(2),
            timeout=chance.choice((2.0, 3.0, 4.0)) if people in ("nobody", "at the deadline") else None,
            submission=_one_of(chance, _SUBMISSIONS),
            socket=chance.random() < 0.5,
            denies=chance.random() < 0.2,
        )


def _family(people: People, chance: random.Random) -> str:
    match people:
        case "both" | "twice":
            return "pair"
        case "while edited":
            return chance.choice(("pair", *CHANNELS))
        case "never asked":
            return chance.choice(("allow", "deny", "deny", "gone"))
        case "in a dialog":
            return chance.choice(_DIALOGS)
        case "page by page":
            return "long"
        case "from a list":
            return LISTED
        case "approve" | "deny" if chance.random() < 0.2:
            return chance.choice(_MOVING)
    return chance.choice(CHANNELS)


def turns(seed: str, lane: str, faults: Sequence[T], rare: Collection[T]) -> Iterator[T]:
    """The faults of one lane without end: all of them in some order, then again in another; rare ones now and then."""
    chance = random.Random(f"{seed}/{lane}")
    common = [fault for fault in faults if fault not in rare]
    for number in itertools.count():
        these = faults if number % RARE_EVERY == 0 else common
        yield from chance.sample(these, len(these))


def _one_of(chance: random.Random, weights: Mapping[T, float]) -> T:
    return chance.choices(list(weights), list(weights.values()))[0]
