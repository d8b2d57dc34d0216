"""The order of one campaign: calm first, then everything at once, then clocks apart, then a Redis of the service's own.

Each stage has a world of its own. When its requests are asked and its faults are over, everything comes to rest, cards
that still have buttons are tapped once more, and the stage's ledger is balanced.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeAlias

import httpx
import structlog
from redis.exceptions import RedisError

from book import advance
from faults.campaign import people
from faults.campaign.admin_checks import of_admins
from faults.campaign.admins import Admins
from faults.campaign.agents import HOLD_SECONDS, Agents
from faults.campaign.balance import Failure, balance
from faults.campaign.evidence import Evidence, evidence_of
from faults.campaign.faults import EMBEDDED_LANES, LANES, LONG_LANES, MISSED, lane, strikes
from faults.campaign.ledger import SLACK, Case, Ledger, Span
from faults.campaign.plan import BACK, CHANNELS, CLOSING, LISTED, NIGHT, OPS, People, Plan, plans
from faults.campaign.platform import Platform, channel_of
from faults.campaign.scene import Fault, Scene
from faults.campaign.slack_checks import AGENTS, of_workspace
from faults.campaign.world import Embedded, Shared, World
from service import until

MOST_OPEN = 400
REST_SECONDS, SHORT_REST_SECONDS = 600.0, 40.0
"""At the end all that are open may wait at one channel, which takes one in 1.3 s when it is slow."""
STALL_SECONDS = 0.5
LATE_SECONDS, SHORT_LATE_SECONDS = 75.0, 9.0
PUMP_EVERY, PUMP_BY = 0.1, 3.0
WHOLE_REQUESTS = 10_000
CLOCKS = "clocks ten minutes apart"
Lanes: TypeAlias = Mapping[str, Mapping[str, Fault]]
NONE: Lanes = {}


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of it. ``long`` waits out every time-out in real time; else Redis's time is put forward at the end."""

    requests: int
    seed: str
    rate: float
    long: bool

    @property
    def is_whole(self) -> bool:
        return self.long and self.requests >= WHOLE_REQUESTS

    @property
    def lanes(self) -> Lanes:
        """What is done to the service while everything happens at once."""
        return LONG_LANES if self.long else LANES

    @property
    def rest_seconds(self) -> float:
        """The longest that everything may take to come to rest."""
        return REST_SECONDS if self.long else SHORT_REST_SECONDS

    def share(self, part: float) -> int:
        return max(12, round(self.requests * part))


class Watcher(Protocol):
    """Is told how far it is."""

    def stage(self, name: str, requests: int) -> None: ...
    def settled(self) -> None: ...
    def faults(self, now: Mapping[str, str]) -> None: ...


@dataclass(slots=True, repr=False)  # gigabytes, and asyncio spells out what its main task has returned
class Outcome:
    """What a campaign found. ``untried`` are faults that never took hold, ``broke_off`` is what ended it early."""

    ledger: Ledger
    scale: Scale
    seconds: float = 0.0
    failures: list[tuple[Failure, Evidence]] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    broke_off: str = ""

    @property
    def untried(self) -> list[str]:
        planned = {CLOCKS, *strikes(MISSED), *strikes(self.scale.lanes), *strikes(EMBEDDED_LANES)}
        return sorted(planned - self.ledger.faults.keys())

    @property
    def holds(self) -> bool:
        """In a whole run each fault has taken hold, else what should stand against it was not seen to."""
        is_balanced = not self.failures and not self.ledger.complaints and not self.broke_off
        return is_balanced and not (self.scale.is_whole and self.untried)


class Campaign:
    """One run, in ``folder``."""

    def __init__(self, scale: Scale, folder: Path, watcher: Watcher) -> None:
        self._scale = scale
        self._folder = folder
        self._watcher = watcher
        self._ledger = Ledger()
        self._first = 1
        self.outcome = Outcome(self._ledger, scale)

    async def run(self) -> Outcome:
        """What was found, also where the campaign itself could not go on."""
        begun = time.monotonic()
        try:
            await self._shared()
            await self._clocks_apart()
            await self._embedded()
        except Exception as error:  # noqa: BLE001 - whatever ended it, what was seen until then is told
            structlog.get_logger().exception("campaign_broke_off")
            self.outcome.broke_off = f"{type(error).__name__}: {error}"
        self.outcome.seconds = time.monotonic() - begun
        return self.outcome

    # ------------------------------------------------------------------ stages

    async def _shared(self) -> None:
        async with Platform(self._ledger) as platform:
            world = Shared("shared", self._folder, platform, self._ledger)
            async with world, _Stage(world, self._scale, self._watcher) as stage:
                await stage.ask(self._plans(0.1, only="approve"), "wake-ups missed", MISSED)
                await stage.answered()
                await stage.ask(self._plans(0.05), "calm")
                await stage.ask(self._plans(0.65), "everything at once", self._scale.lanes)
                await self._balance(stage)

    async def _clocks_apart(self) -> None:
        """The second replica's clock is ten minutes ahead: it says so, takes no taps, and keeps deadlines right."""
        begun = time.time()
        async with Platform(self._ledger) as platform:
            world = Shared("clocks", self._folder, platform, self._ledger, warped=True)
            async with world, _Stage(world, self._scale, self._watcher) as stage:
                plans = self._plans(0.05)
                signed = [replace(plan, replica=1, socket=False) for plan in plans[::2]]  # at the one that is wrong
                await stage.ask([*signed, *plans[1::2]], CLOCKS)
                await self._balance(stage)
                self._taps_were_refused_at("two")
        self._ledger.spans.append(Span(CLOCKS, SLACK, begun, time.time()))

    async def _embedded(self) -> None:
        async with Platform(self._ledger) as platform:
            world = Embedded("embedded", self._folder, platform, self._ledger)
            async with world, _Stage(world, self._scale, self._watcher) as stage:
                await stage.ask(self._plans(0.15), "a Redis of its own", EMBEDDED_LANES)
                await self._balance(stage)

    # ------------------------------------------------------------------ mechanics

    def _plans(self, part: float, *, only: People | None = None) -> Sequence[Plan]:
        made = list(plans(self._scale.seed, self._first, self._scale.share(part), only=only))
        self._first += len(made)
        return made

    async def _balance(self, stage: _Stage) -> None:
        evidence = await stage.at_rest()
        self.outcome.evidence.append(evidence)
        if problem := await stage.metrics_disagree(evidence):
            self._ledger.complaints.append(problem)
        self._ledger.complaints += of_workspace(self._ledger, evidence)
        self._ledger.complaints += of_admins(self._ledger, evidence)
        self.outcome.failures += [(failure, evidence) for failure in balance(self._ledger, evidence)]

    def _taps_were_refused_at(self, replica: str) -> None:
        taps = [tap for case in self._ledger.cases.values() if case.world == "clocks" for tap in case.taps]
        met = {tap.status for tap in taps if tap.replica == replica}
        if 503 not in met or met - {503, None}:
            statuses = sorted(map(str, met))
            self._ledger.complaints.append(f"taps at a replica whose clock is wrong were answered {statuses}, not 503")


class _Stage:
    """One world in use."""

    def __init__(self, world: World, scale: Scale, watcher: Watcher) -> None:
        self.world = world
        self._scale = scale
        self._watcher = watcher
        self._people = people.People(world, LATE_SECONDS if scale.long else SHORT_LATE_SECONDS)
        self._open: set[asyncio.Task[None]] = set()
        self._now: dict[str, str] = {}
        self._pumped_from = float("inf")
        self._agents: Agents | None = None
        self._admins: Admins | None = None

    async def __aenter__(self) -> _Stage:
        keys = await self.world.keys(AGENTS)
        self._agents = Agents(self.world, keys)
        self._admins = Admins(self.world, await self.world.admin_secret(), keys)
        self._watch = asyncio.create_task(self._watch_for_stalls())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._watch, *self._open):
            task.cancel()
        for used in (self._agents, self._admins, self._people):
            assert used is not None
            await used.close()

    async def ask(self, asked: Sequence[Plan], name: str, faults: Lanes = NONE) -> None:
        """All of ``asked`` at the scale's rate, with lanes of faults beside them. Returns when all are asked."""
        self._watcher.stage(name, len(asked))
        stop = asyncio.Event()
        lanes = [
            asyncio.create_task(lane(title, those, self._scene(f"{name}/{title}"), stop, self._now))
            for title, those in faults.items()
        ]
        begun = time.monotonic()
        for number, plan in enumerate(asked):
            await asyncio.sleep(max(0.0, begun + number / self._scale.rate - time.monotonic()))
            await self._begin(self.world.ledger.open(plan, self.world.name))
            for ended in lanes:
                if ended.done():
                    ended.result()
        stop.set()
        await asyncio.gather(*lanes)
        if faults:
            await asyncio.gather(*(replica.ready() for replica in self.world.replicas))

    async def _watch_for_stalls(self) -> None:
        """A disk that is busy with something else stalls Redis; the ledger must know, for nobody can be answered."""
        if not isinstance(self.world, Shared):
            return  # there a stall cannot be told from the restarts that the service makes itself
        async with self.world.store() as store:
            while True:
                begun = time.time()
                with suppress(RedisError, OSError):
                    await store.client.ping()
                    if time.time() - begun > STALL_SECONDS:
                        self.world.ledger.spans.append(Span("Redis stalls by itself", "wire", begun, time.time()))
                await asyncio.sleep(STALL_SECONDS / 2)

    async def answered(self) -> None:
        """Until all agents know, or could have found out by themselves: what follows must not wake anybody earlier."""
        if self._open:
            await asyncio.wait(set(self._open), timeout=2 * HOLD_SECONDS)

    def _scene(self, title: str) -> Scene:
        chance = Random(f"{self._scale.seed}/{self.world.name}/{title}")
        assert self._admins is not None
        return Scene(self.world, self._people, self._admins, chance, self._scale.long)

    async def _begin(self, case: Case) -> None:
        while len(self._open) >= MOST_OPEN:
            await asyncio.wait(self._open, return_when=asyncio.FIRST_COMPLETED)
        assert self._agents is not None
        task = asyncio.create_task(self._agents.ask(case))
        self._open.add(task)
        task.add_done_callback(self._ended)
        self._watcher.faults(self._now)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        self._watcher.settled()
        if not task.cancelled() and (error := task.exception()):
            self.world.ledger.complaints.append(f"an agent of the campaign failed: {error!r}")

    # ------------------------------------------------------------------ coming to rest

    async def at_rest(self) -> Evidence:
        """Wait until nothing is left to do, tap what still has buttons, and read everything."""
        self._watcher.faults({"": "coming to rest"})
        async with self.world.store() as store:
            pump = None if self._scale.long else asyncio.create_task(self._pump(store))
            try:
                async with asyncio.timeout(self._scale.rest_seconds):
                    while self._open:
                        await asyncio.wait(set(self._open))
                    await self._people.finish()
                    await self._cards_are_shown(store)
                    await self._tap_the_rest()
                    await self._cards_are_shown(store)
            except TimeoutError:
                waited = f"the world {self.world.name} did not come to rest in {self._scale.rest_seconds:.0f} s"
                self.world.ledger.complaints.append(f"{waited}: {len(self._open)} agents wait still")
            if pump is not None:
                pump.cancel()
            return await evidence_of(self.world.name, store, self.world.platform, self._pumped_from)

    async def metrics_disagree(self, evidence: Evidence) -> str | None:
        """Late doubles are counted for operators too, the same at every replica."""
        doubles = sum(entry.kind == "posted_twice" for entries in evidence.journal.values() for entry in entries)
        for replica in self.world.replicas:
            async with httpx.AsyncClient(base_url=replica.url, trust_env=False) as operator:
                said = (await operator.get("/metrics")).text
            if f"\nsayso_late_doubles {float(doubles)}\n" not in said:
                return f"the journal has {doubles} late doubles, and /metrics of {replica.name} another number"
        return None

    async def _pump(self, store: Any) -> None:
        """Put Redis's time forward, so that what waits for a minute to pass need not."""
        self._pumped_from = min(self._pumped_from, time.time())
        while True:
            await advance(store, PUMP_BY)
            await store.client.publish(store.keys.tag + "outbox", "now")
            await asyncio.sleep(PUMP_EVERY)

    async def _cards_are_shown(self, store: Any) -> None:
        places = [store.keys.work(f"slack:{channel_of(name)}") for name in (*CHANNELS, LISTED, BACK, OPS, NIGHT)]
        closing, tellings = store.keys.work(f"slack:{channel_of(CLOSING)}"), store.keys["tellings"]

        async def nothing_to_do() -> bool:
            return not any([await store.client.zcard(name) for name in (*places, tellings)])

        async def nor_there() -> bool:
            return not await store.client.zcard(closing)

        await until(nothing_to_do, self._scale.rest_seconds)
        if not await nor_there():  # what was refused there for good is tried again in minutes, then in hours
            pump = asyncio.create_task(self._pump(store))
            try:
                await until(nor_there, self._scale.rest_seconds)
            finally:
                pump.cancel()

    async def _tap_the_rest(self) -> None:
        """The service knows of no late double that nobody has tapped; a tap on it after the end must be harmless."""
        ledger = self.world.ledger
        for request in ledger.doubles & self.world.platform.cards.keys():
            for card in self.world.platform.cards[request]:
                if card.buttons and (case := ledger.case_of(request)):
                    await self._people.tap_the_rest(case, card)
