"""Intake: how many requests a second the service takes, against the least that takes requests at all.

Slices of one second alternate between the service, the ceiling (`ceilings.intake`) and a server that does nothing
(`ceilings.echo`, which shows what the load generator can ask for at most). The row is the median of the ratios of
slices that lie side by side. Two processes of one program differ by up to 5 % for as long as they live, so all are
started anew for each of `ROUNDS`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
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
ROUNDS = 4
PROCESSES = ("server", "redis")


@dataclass(slots=True)
class Tally:
    """What the slices of one kind of server took. ``cpu`` is in seconds, by process."""

    rates: list[float] = field(default_factory=list)
    count: int = 0
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)

    def cpu_per_thousand(self) -> dict[str, float]:
        """Seconds of the processor for a thousand requests, by process."""
        return {name: round(spent / self.count * 1000, 3) for name, spent in self.cpu.items()}

    def shares(self) -> dict[str, float]:
        """Of one core, by process."""
        return {name: round(spent / self.seconds, 2) for name, spent in self.cpu.items()}


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under the same load as the others. ``pids`` do its work, in the order of `PROCESSES`."""

    tally: Tally
    pump: Pump
    pids: tuple[int, ...]

    async def slice(self, seconds: float) -> None:
        pids = dict(zip(PROCESSES, self.pids, strict=False)) | {"generator": os.getpid()}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        taken = await self.pump.run(seconds)
        tally = self.tally
        for name, pid in pids.items():
            tally.cpu[name] = tally.cpu.get(name, 0.0) + cpu_seconds(pid) - before[name]
        tally.rates.append(taken.rate)
        tally.count += taken.count
        tally.seconds += taken.seconds


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    rounds, tallies = min(ROUNDS, scale.slices), {name: Tally() for name in ("sayso", "ceiling", "echo")}
    progress.begin("intake", scale.slices)
    for number in range(rounds):
        async with _contenders(tallies, scale.connections) as contenders:
            for contender in contenders:
                await contender.pump.run(min(WARM_SECONDS, 2 * scale.slice_seconds))
            for _ in range(number, scale.slices, rounds):  # its share of them
                for contender in contenders:
                    await contender.slice(scale.slice_seconds)
                progress.step(f"{_ratio(tallies):.2f} of the ceiling")
    return [_row(scale, rounds, tallies)]


def _ratio(tallies: Mapping[str, Tally]) -> float:
    beside = zip(tallies["sayso"].rates, tallies["ceiling"].rates, strict=True)
    return median(mine / theirs for mine, theirs in beside)


def _row(scale: Scale, rounds: int, tallies: Mapping[str, Tally]) -> Row:
    server = {name: tally.cpu["server"] / tally.count for name, tally in tallies.items()}
    return Row(
        name="intake: requests a second ÷ the ceiling's",
        value=round(_ratio(tallies), 3),
        unit="ratio",
        at_least=AT_LEAST,
        whole=scale.is_whole,
        measured_at={
            "slices": scale.slices,
            "rounds": rounds,
            "slice_seconds": scale.slice_seconds,
            "connections": scale.connections,
            "cores": cores(),
            "requests_per_second": {name: round(median(tally.rates)) for name, tally in tallies.items()},
            "cpu_seconds_per_1000_requests": {name: tally.cpu_per_thousand() for name, tally in tallies.items()},
            "cpu_ratio_of_services": round(server["ceiling"] / server["sayso"], 3),
            "cpu_share": {name: tally.shares() for name, tally in tallies.items()},
        },
    )


@asynccontextmanager
async def _contenders(tallies: Mapping[str, Tally], connections: int) -> AsyncIterator[tuple[Contender, ...]]:
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(under_test())
        url, redis_pid = await stack.enter_async_context(a_redis())
        ceiling_port, echo_port = free_port(), free_port()
        ceiling = await stack.enter_async_context(program("bench.ceilings.intake", ceiling_port, url))
        echo = await stack.enter_async_context(program("bench.ceilings.echo", echo_port))

        async def contender(name: str, port: int, submissions: Submissions, *pids: int) -> Contender:
            made = await connected(port, connections)
            stack.callback(close, made)
            return Contender(tallies[name], Pump(made, submissions.next, 201), pids)

        yield (
            await contender("sayso", ours.port, ours.submissions(), ours.pid, ours.redis_pid),
            await contender("ceiling", ceiling_port, Submissions(ceiling_port), ceiling, redis_pid),
            await contender("echo", echo_port, Submissions(echo_port), echo),
        )
