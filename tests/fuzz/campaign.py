"""The run: batches of cases against the service and its parsers, judged, until the time is over or something is wrong.

Chance comes from the seed and the number of the case alone, and a batch is made before any of it is sent. What answers
in a way not seen before is kept and changed further: a cheap stand-in for coverage, from outside the process.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import FrameType

from fuzz.admin_calls import admin_call
from fuzz.agent_calls import agent_call
from fuzz.case import Case
from fuzz.handover_calls import handover_call
from fuzz.inbox_calls import inbox_call
from fuzz.judge import complaint, kind_of
from fuzz.mutation import mutated_bytes
from fuzz.oauth_calls import oauth_call
from fuzz.operator_calls import operator_call
from fuzz.parsers import PARSERS, Parser, made
from fuzz.raw_calls import raw_call
from fuzz.slack_calls import slack_call
from fuzz.teams_calls import teams_call
from fuzz.wire import Exchange
from fuzz.world import GROWTH_KIB, World

TARGETS: dict[str, tuple[Callable[[Random], Case], int]] = {
    "agent": (agent_call, 4),
    "slack": (slack_call, 3),
    "oauth": (oauth_call, 1),
    "teams": (teams_call, 3),
    "inbox": (inbox_call, 4),
    "admin": (admin_call, 4),
    "handover": (handover_call, 2),
    "operator": (operator_call, 1),
    "raw": (raw_call, 4),
}
BATCH = 192
PARSED = 40
CHECK_EVERY = 5
MOST_KEPT = 400
PARSE_SECONDS = 5.0
WARM_AFTER = 0.25


class Found(Exception):
    """Something does not hold. ``cases`` reproduce it, the likeliest first."""

    def __init__(self, why: str, cases: list[Case]) -> None:
        super().__init__(why)
        self.why = why
        self.cases = cases


@dataclass(slots=True)
class Tally:
    """What was done. ``kinds`` counts the sorts of answer that were seen."""

    sent: Counter[str] = field(default_factory=Counter)
    parsed: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    kinds: set[object] = field(default_factory=set)
    slowest: float = 0.0
    grown_kib: int = 0

    @property
    def calls(self) -> int:
        return self.sent.total()


class Campaign:
    def __init__(self, world: World, seed: str, say: Callable[[str], None]) -> None:
        self.tally = Tally()
        self._world = world
        self._seed = seed
        self._say = say
        self._kept: list[Case] = []
        self._kept_of: defaultdict[str, list[bytes]] = defaultdict(list)
        self._before: list[Case] = []
        self._warm_kib: int | None = None

    async def run(self, seconds: float) -> Tally:
        """Raises `Found`."""
        begun = time.monotonic()
        number = 0
        while (spent := time.monotonic() - begun) < seconds:
            await self._batch(number)
            self._parse(number)
            if number % CHECK_EVERY == 0:
                await self._check()
                self._say(f"{spent:4.0f} s  {self.tally.calls:,} calls, {len(self.tally.kinds)} kinds of answer")
            if self._warm_kib is None and spent > seconds * WARM_AFTER:
                self._warm_kib = self._world.memory_kib()
            number += 1
        await self._check()
        return self.tally

    async def _batch(self, number: int) -> None:
        cases = [self._case(Random(f"{self._seed}:{number}:{index}")) for index in range(BATCH)]
        found = await asyncio.gather(*(self._world.send(case) for case in cases), return_exceptions=True)
        for case, exchanged in zip(cases, found, strict=True):
            if isinstance(exchanged, BaseException):
                raise Found(f"the service could not be reached: {exchanged!r}", [case, *cases])
            self._judge(case, exchanged)
        if trouble := self._world.new_log_trouble():
            raise Found(f"the service's log says: {trouble}", await self._guilty(cases))
        self._before = cases
        await self._world.set_right()

    def _case(self, chance: Random) -> Case:
        if self._kept and chance.random() < 0.2:
            case, other = chance.choice(self._kept), chance.choice(self._kept)
            body = mutated_bytes(case.body, chance, other.body)
            if case.whole and chance.random() < 0.7:
                return Case(case.target, case.head, body)
            return Case("raw", mutated_bytes(case.head, chance, other.head), body, whole=False)
        make = chance.choices([make for make, _ in TARGETS.values()], [weight for _, weight in TARGETS.values()])[0]
        return make(chance)

    def _judge(self, case: Case, found: Exchange) -> None:
        if wrong := complaint(case, found):
            raise Found(wrong, [case])
        tally = self.tally
        tally.sent[case.target] += 1
        tally.statuses.update(answer.status for answer in found.answers)
        tally.slowest = max(tally.slowest, found.seconds)
        kind = kind_of(case, found)
        if kind not in tally.kinds:
            tally.kinds.add(kind)
            if len(self._kept) < MOST_KEPT and case.size < 20_000:
                self._kept.append(case)

    async def _guilty(self, cases: list[Case]) -> list[Case]:
        """Those of the last two batches after which alone the log complains again; all of them where none does."""
        guilty = []
        for case in [*cases, *self._before]:
            await self._world.send(case)
            await asyncio.sleep(0.02)
            if self._world.new_log_trouble():
                guilty.append(case)
                break
        return guilty or [*cases, *self._before]

    def _parse(self, number: int) -> None:
        for parser in PARSERS:
            for index in range(PARSED):
                chance = Random(f"{self._seed}:{parser.name}:{number}:{index}")
                self._parse_one(parser, made(parser, chance, self._kept_of[parser.name]))

    def _parse_one(self, parser: Parser, data: bytes) -> None:
        try:
            with _no_longer_than(PARSE_SECONDS):
                kind = (parser.name, parser.run(data))
        except Exception as error:
            raise Found(f"{parser.name}: {type(error).__name__}: {error}", [Case(parser.name, b"", data)]) from error
        self.tally.parsed[parser.name] += 1
        kept = self._kept_of[parser.name]
        if kind not in self.tally.kinds and len(kept) < MOST_KEPT and len(data) < 20_000:
            kept.append(data)
        self.tally.kinds.add(kind)

    async def _check(self) -> None:
        """The service lives, works and has not grown; what the next cases need is there."""
        if not self._world.lives():
            raise Found("the service's process has ended", self._before)
        if wrong := await self._world.works():
            raise Found(wrong, self._before)
        if self._warm_kib is not None:
            self.tally.grown_kib = self._world.memory_kib() - self._warm_kib
            if self.tally.grown_kib > GROWTH_KIB:
                raise Found(f"the service has grown by {self.tally.grown_kib // 1024} MiB", self._before)
        await self._world.refresh()


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in what runs longer. For the main thread."""

    def late(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    begun = time.monotonic()
    try:
        yield
        if time.monotonic() - begun > seconds:
            raise TimeoutError(f"took longer than {seconds} s")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
