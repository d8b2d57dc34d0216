"""Agents that wait: each holds one call until its request is decided, then the call for another one.

A process of its own (``python -m bench.agents``, a `helper`). When a hold lapses undecided it is asked for again, as a
client does; first holds are of different lengths, so that they do not all lapse at once. Times are `perf_counter`'s,
which on one machine is one clock for all processes.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque

from bench.helper import obey
from bench.load import Answer, Connection, Unexpected, call, check, connected

DECIDED = b'"status":"approved"'
PATIENCE_SECONDS = 60.0
SHORTEST_HOLD, LONGEST_HOLD = 5, 55
HELD_SHARE = 0.995
AT_ONCE, PAUSE_SECONDS = 50, 0.02
_HELD = re.compile(rb"^sayso_held_calls ([0-9.]+)", re.MULTILINE)


class Agents:
    """``<id>`` and ``<wait>`` in the call's bytes stand for the request and for how many seconds to hold."""

    def __init__(self) -> None:
        self._port, self._call = 0, b""
        self._chance = random.Random(4)
        self._spare: deque[str] = deque()
        self._held: dict[str, Connection] = {}
        self._woken: dict[str, float] = {}
        self._failed: Unexpected | None = None

    async def hold(self, port: int, count: int, ids: list[str], called: str) -> int:
        """Open ``count`` connections and hold a call for one of ``ids`` on each; the others are for later."""
        self._port, self._call = port, called.encode()
        self._spare.extend(ids)
        for first in range(0, count, AT_ONCE):  # they arrive over a while, as agents do
            for connection in await connected(port, min(AT_ONCE, count - first), first=first):
                self._ask(connection, self._spare.popleft(), self._chance.randint(SHORTEST_HOLD, LONGEST_HOLD))
            await asyncio.sleep(PAUSE_SECONDS)
        return len(self._held)

    async def more(self, ids: list[str]) -> int:
        """For who is woken from now on; how many there are."""
        self._spare.extend(ids)
        return len(self._spare)

    async def settle(self, count: int) -> None:
        """Return once the server says in ``/metrics`` that it holds ``count`` calls, but for those just asked again.

        Raises `Unexpected`.
        """
        asking = (await connected(self._port, 1))[0]
        called = call("GET", "/metrics", {"Host": f"127.0.0.1:{self._port}"})
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while float(_HELD.findall((await asking.ask(called, expect=200)).body)[0]) < count * HELD_SHARE:
            if asyncio.get_running_loop().time() > until:
                raise Unexpected(f"the server does not come to hold {count:,} calls")
            await asyncio.sleep(0.1)
        asking.close()

    async def held(self) -> list[str]:
        return list(self._held)

    async def woken(self, ids: list[str]) -> list[float]:
        """When each of ``ids`` was told, waiting until all were. Raises `Unexpected` where one is never told."""
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while missing := [request_id for request_id in ids if request_id not in self._woken]:
            self._check(missing)
            if asyncio.get_running_loop().time() > until:
                raise Unexpected(f"{len(missing)} of {len(ids)} were not woken in {PATIENCE_SECONDS:.0f} s")
            await asyncio.sleep(0.01)
        return [self._woken.pop(request_id) for request_id in ids]

    def _check(self, missing: list[str]) -> None:
        """Raise what has gone wrong."""
        if self._failed is not None:
            raise self._failed
        for request_id in missing:
            if request_id in self._held and (broken := self._held[request_id].broken) is not None:
                raise broken

    def _ask(self, connection: Connection, request_id: str, wait: int = LONGEST_HOLD) -> None:
        def then(answer: Answer) -> None:
            try:
                check(answer, 200)
            except Unexpected as error:
                self._failed = error
                return
            if DECIDED not in answer.body.replace(b": ", b":"):
                self._ask(connection, request_id)  # its time was up
                return
            self._woken[request_id] = answer.at
            del self._held[request_id]
            self._ask(connection, self._spare.popleft())

        self._held[request_id] = connection
        connection.send(self._call.replace(b"<id>", request_id.encode()).replace(b"<wait>", b"%d" % wait), then)


if __name__ == "__main__":
    asyncio.run(obey(Agents()))
