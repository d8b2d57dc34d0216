"""Many agents that wait, people who decide, and how long it takes from the one to the other.

`Waiting` is one side of a comparison: a server with held calls, whose agents and people are processes of their own.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bench.helper import Helper, helper
from bench.processes import Shares, own_memory, program
from bench.redis import a_redis
from bench.seed import seed
from bench.workload import UnderTest
from redis_server import free_port


@dataclass(slots=True)
class Waiting:
    """``slices`` holds the wakes of each slice in milliseconds. ``memory_each`` is what a held call costs the server
    beyond ``memory_before``, ``cpu_share`` what each process used while the calls came to be held.
    """

    port: int
    pid: int
    agents: Helper
    people: Helper
    memory_before: int = 0
    memory_each: float = 0.0
    cpu_share: dict[str, float] = field(default_factory=dict)
    slices: list[list[float]] = field(default_factory=list)
    _chance: random.Random = field(default_factory=lambda: random.Random(4))

    async def hold(self, ids: Sequence[str], held: int, called: str) -> None:
        """Have ``held`` calls held, for the first of ``ids``; the others are for who is woken. ``called`` is a call."""
        shares = self.shares()
        self.memory_before = own_memory(self.pid)
        await self.agents.do("hold", self.port, held, list(ids), called)
        await self.agents.do("settle", held)
        self.cpu_share = shares.so_far()
        self.memory_each = (own_memory(self.pid) - self.memory_before) / held

    async def slice(self, seconds: float, rate: float) -> list[float]:
        """Decide ``rate`` requests a second, each for a call that is held now; the wakes in milliseconds."""
        held = await self.agents.do("held")
        ids = self._chance.sample(held, round(rate * seconds))
        left = await self.people.do("decide", ids, rate)
        woken = await self.agents.do("woken", ids)
        wakes = [(told - at) * 1000 for told, at in zip(woken, left, strict=True)]
        self.slices.append(wakes)
        return wakes

    def shares(self) -> Shares:
        return Shares(server=self.pid, agents=self.agents.pid, people=self.people.pid)


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


@asynccontextmanager
async def at_sayso(sayso: UnderTest, held: int, decisions: int) -> AsyncIterator[Waiting]:
    """``held`` calls of the service, with requests enough for as many ``decisions``."""
    async with sayso.book() as store:
        seeded = await seed(store, sayso.key, held + decisions)
    async with held_for(sayso, held, seeded.ids) as waiting:
        yield waiting


@asynccontextmanager
async def held_for(sayso: UnderTest, held: int, ids: Sequence[str]) -> AsyncIterator[Waiting]:
    """``held`` calls of the service, for requests that are there: the first of ``ids``, the others for who is woken."""
    data = str(sayso.process.folder / "d")
    async with helper("bench.agents") as agents, helper("bench.people", data) as people:
        waiting = Waiting(sayso.port, sayso.pid, agents, people)
        await waiting.hold(ids, held, sayso.get("/v1/requests/<id>?wait=<wait>").decode())
        yield waiting


@asynccontextmanager
async def at_ceiling(held: int, decisions: int) -> AsyncIterator[Waiting]:
    """The same at the ceiling of waking."""
    async with AsyncExitStack() as stack:
        url, _ = await stack.enter_async_context(a_redis())
        port = free_port()
        pid = await stack.enter_async_context(program("bench.ceilings.wake", port, url))
        agents = await stack.enter_async_context(helper("bench.agents"))
        people = await stack.enter_async_context(helper("bench.people", "--publish", url.removeprefix("unix://")))
        waiting = Waiting(port, pid, agents, people)
        ids = [f"req_{number:032x}" for number in range(held + decisions)]
        await waiting.hold(ids, held, f"GET /hold/<id> HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
        yield waiting
