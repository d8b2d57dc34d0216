"""What is to happen to each request, and in which order the faults come: all of it from the seed, and nothing else.

The same seed plans the same run. When a thing happens within a run still depends on the machine.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

People: TypeAlias = Literal[
    "approve", "deny", "twice", "opposite", "both", "nobody", "at the deadline", "while cancelled", "stranger first",
    "while edited", "late", "never asked",
]  # fmt: skip
Manner: TypeAlias = Literal["holds", "prefers", "hangs up", "sends twice", "sends again", "two hold"]
T = TypeVar("T")

RARE_EVERY = 4
CHANNELS = ("one", "two", "three", "four", "five", "six")

_PEOPLE: dict[People, float] = {
    "approve": 38,
    "deny": 12,
    "twice": 5,
    "opposite": 8,
    "both": 8,
    "nobody": 5,
    "at the deadline": 6,
    "while cancelled": 7,
    "stranger first": 4,
    "late": 4,
    "never asked": 3,
}
_MANNERS: dict[Manner, float] = {
    "holds": 35,
    "prefers": 20,
    "hangs up": 15,
    "sends twice": 10,
    "sends again": 10,
    "two hold": 10,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One request. ``people`` says who answers and how, ``manner`` how its agent asks, ``timeout`` what it asks for."""

    number: int
    people: People
    manner: Manner
    family: str
    pause: float
    replica: int
    timeout: float | None

    @property
    def action(self) -> str:
        return f"{self.family}.n{self.number}"

    @property
    def params(self) -> dict[str, int]:
        return {"number": self.number}

    @property
    def edited(self) -> dict[str, int]:
        """The params of the second revision, where somebody edits it."""
        return {"number": self.number + 1_000_000}


def plans(seed: str, first: int, count: int, *, only: People | None = None) -> Iterator[Plan]:
    """``count`` requests, numbered from ``first``."""
    for number in range(first, first + count):
        chance = random.Random(f"{seed}/{number}")
        people: People = only if only is not None else _one_of(chance, _PEOPLE)
        yield Plan(
            number=number,
            people=people,
            manner=_one_of(chance, _MANNERS),
            family=_family(people, chance),
            pause=chance.choice((0.0, 0.05, 0.2, 0.5, 1.0)) * chance.random(),
            replica=chance.randrange(2),
            timeout=chance.choice((2.0, 3.0, 4.0)) if people in ("nobody", "at the deadline") else None,
        )


def _family(people: People, chance: random.Random) -> str:
    if people in ("both", "twice"):
        return "pair"
    if people == "while edited":
        return chance.choice(("pair", *CHANNELS))
    if people == "never asked":
        return chance.choice(("allow", "deny", "deny", "gone"))
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
