"""Intake: how many requests a second the service takes, against the least that takes requests at all.

Slices of one second alternate between the service, the ceiling (`ceilings.intake`) and a server that does nothing
(`ceilings.echo`, which shows what the load generator can ask for at most). The row is the median of the ratios of
slices that lie side by side.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

from bench.load import Pump, close, connected
from bench.processes import cpu_seconds, program
from bench.redis import a_redis
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.workload import Submissions, under_test
from redis_server import free_port

AT_LEAST = 0.9
WARM_SECONDS = 2.0


@dataclass(slots=True)
class Contender:
    """A server under the same load, the processes that do its work, and what its slices took."""

    name: str
    pump: Pump
    pids: tuple[int, ...]
    rates: list[float] = field(default_factory=list)
    count: int = 0
    seconds: float = 0.0
    cpu: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cpu = [0.0] * (len(self.pids) + 1)

    async def slice(self, seconds: float) -> None:
        pids = (*self.pids, os.getpid())
        before = [cpu_seconds(pid) for pid in pids]
        taken = await self.pump.run(seconds)
        spent = [cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True)]
        self.cpu = [total + new for total, new in zip(self.cpu, spent, strict=True)]
        self.rates.append(taken.rate)
        self.count += taken.count
        self.seconds += taken.seconds

    def cpu_per_thousand(self) -> dict[str, float]:
        """Seconds of the processor for a thousand requests, by process."""
        return {name: round(spent / self.count * 1000, 3) for name, spent in self._by_process()}

    def shares(self) -> dict[str, float]:
        """Of one core, by process."""
        return {name: round(spent / self.seconds, 2) for name, spent in self._by_process()}

    def _by_process(self) -> list[tuple[str, float]]:
        names = ("server", "redis")[: len(self.pids)]
        return list(zip((*names, "generator"), self.cpu, strict=True))


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("intake", scale.slices)
    async with _contenders(scale.connections) as contenders:
        for contender in contenders:
            await contender.pump.run(min(WARM_SECONDS, scale.slice_seconds))
        for _ in range(scale.slices):
            for contender in contenders:
                await contender.slice(scale.slice_seconds)
            progress.step(f"{_ratio(contenders[0], contenders[1]):.2f} of the ceiling")
    return [_row(scale, *contenders)]


def _ratio(ours: Contender, ceiling: Contender) -> float:
    return median(mine / theirs for mine, theirs in zip(ours.rates, ceiling.rates, strict=True))


def _row(scale: Scale, ours: Contender, ceiling: Contender, echo: Contender) -> Row:
    return Row(
        name="intake: requests a second ÷ the ceiling's",
        value=round(_ratio(ours, ceiling), 3),
        unit="ratio",
        at_least=AT_LEAST,
        whole=scale.is_whole,
        measured_at={
            "slices": scale.slices,
            "slice_seconds": scale.slice_seconds,
            "connections": scale.connections,
            "cores": cores(),
            "requests_per_second": {one.name: round(median(one.rates)) for one in (ours, ceiling, echo)},
            "cpu_seconds_per_1000_requests": {one.name: one.cpu_per_thousand() for one in (ours, ceiling, echo)},
            "cpu_ratio_of_services": round(ceiling.cpu[0] / ceiling.count / (ours.cpu[0] / ours.count), 3),
            "cpu_share": {one.name: one.shares() for one in (ours, ceiling, echo)},
        },
    )


@asynccontextmanager
async def _contenders(connections: int) -> AsyncIterator[tuple[Contender, Contender, Contender]]:
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(under_test())
        url, redis_pid = await stack.enter_async_context(a_redis())
        ceiling_port, echo_port = free_port(), free_port()
        ceiling = await stack.enter_async_context(program("bench.ceilings.intake", ceiling_port, url))
        echo = await stack.enter_async_context(program("bench.ceilings.echo", echo_port))

        async def contender(name: str, port: int, submissions: Submissions, *pids: int) -> Contender:
            made = await connected(port, connections)
            stack.callback(close, made)
            return Contender(name, Pump(made, submissions.next, 201), pids)

        yield (
            await contender("sayso", ours.port, ours.submissions(), ours.pid, ours.redis_pid),
            await contender("ceiling", ceiling_port, Submissions(ceiling_port), ceiling, redis_pid),
            await contender("echo", echo_port, Submissions(echo_port), echo),
        )
