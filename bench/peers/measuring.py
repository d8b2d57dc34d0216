"""Visits: each service in turn, with a number of agents waiting, is asked for a second and then answers them.

Services take turns within one run, so that what else the machine does falls on all of them. Waiting agents are held
for the length of the visit only: nobody's polling disturbs another's slice. People answer one after the other, each
when the one before was acknowledged and `GAP_SECONDS` passed: no service gets more taps than it takes.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

from bench.load import Pump, close, connected
from bench.peers.gates import Gate

SLICE_SECONDS = 1.0
CALLERS = 24
GAP_SECONDS = 0.01
ALONE = 5
ALONE_WITHIN_SECONDS = 1.0
WOKEN_WITHIN_SECONDS = 60.0


@dataclass(slots=True)
class Sample:
    """What was seen of one service at one number of waiting agents. ``busy``: the load generator's share of a core."""

    rates: list[float] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)


async def visit(gate: Gate, waiting: int, sample: Sample, chance: random.Random) -> None:
    """One slice of intake while ``waiting`` agents wait, then an approval for each of them."""
    agents = [await _waiting_agent(gate) for _ in range(waiting)]
    await _intake(gate, sample)
    for agent in agents:
        await _approve(gate, agent)
        await asyncio.sleep(GAP_SECONDS)
    sample.wakes.extend([await _wake(agent) for agent in agents])
    for _ in range(ALONE if waiting == 1 else 0):
        agent = await _waiting_agent(gate)
        await asyncio.sleep(chance.uniform(0, ALONE_WITHIN_SECONDS))  # anywhere between two looks of one that polls
        await _approve(gate, agent)
        sample.wakes.append(await _wake(agent))


@dataclass(slots=True)
class _Agent:
    request_id: str
    told_at: asyncio.Task[float]
    approved_at: float = 0.0


async def _waiting_agent(gate: Gate) -> _Agent:
    request_id = await gate.ask()
    return _Agent(request_id, asyncio.create_task(_told_at(gate, request_id)))


async def _told_at(gate: Gate, request_id: str) -> float:
    await gate.wait(request_id)
    return time.perf_counter()


async def _approve(gate: Gate, agent: _Agent) -> None:
    agent.approved_at = time.perf_counter()
    await gate.approve(agent.request_id)


async def _wake(agent: _Agent) -> float:
    """Seconds from the moment at which the person's answer was sent until the agent had it."""
    return await asyncio.wait_for(agent.told_at, WOKEN_WITHIN_SECONDS) - agent.approved_at


async def _intake(gate: Gate, sample: Sample) -> None:
    """Requests accepted a second, by `CALLERS` agents of which each asks again as soon as it is answered."""
    connections = await connected(gate.port, CALLERS)
    busy = time.process_time()
    taken = await Pump(connections, gate.asking, gate.accepted).run(SLICE_SECONDS)
    sample.busy.append((time.process_time() - busy) / taken.seconds)
    sample.rates.append(taken.rate)
    close(connections)
