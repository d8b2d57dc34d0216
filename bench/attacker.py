"""Who attacks: a process of its own that keeps one attack up until it is told to end.

Nothing that the service answers or closes stops it: what is closed is opened again. ``python -m bench.attacker`` is a
`helper`.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import Counter

from bench.helper import obey

ADDRESSES = 8
AT_ONCE = 100
OPENED_AGAIN_SECONDS = 0.5


class Wire(asyncio.Protocol):
    """A connection that speaks and does not listen; with ``statuses`` it counts what each call was answered."""

    transport: asyncio.Transport

    def __init__(self, statuses: Counter[str]) -> None:
        self._statuses = statuses
        self.lost = False
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"HTTP/"):
            self._statuses[data[9:12].decode()] += 1
        self.busy = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class Attacker:
    """One attack at a time. A text stands for the bytes of a call; ``<n>`` in it is another number each time."""

    def __init__(self) -> None:
        self._running: list[asyncio.Task[None]] = []
        self._wires: list[Wire] = []
        self._statuses = Counter[str]()
        self._numbers = itertools.count(10_000_000)

    async def stay(self, port: int, count: int, first: str, drip: str, every: float, reads: bool) -> int:
        """Keep ``count`` connections open: on each say ``first``, then ``drip`` again and again."""
        await self._open(port, count, reads)
        for wire in self._wires:
            wire.transport.write(first.encode())
        self._running.append(asyncio.create_task(self._keep(port, first, reads)))
        if drip:
            self._running.append(asyncio.create_task(self._drip(drip.encode(), every)))
        return len(self._wires)

    async def ask(self, port: int, count: int, called: str, rate: float) -> int:
        """Call ``rate`` times a second over ``count`` connections, on each when the last call was answered."""
        await self._open(port, count, True)
        self._running.append(asyncio.create_task(self._keep(port, "", True)))
        self._running.append(asyncio.create_task(self._calls(called, rate)))
        return len(self._wires)

    async def end(self) -> dict[str, int]:
        """Hang up; how often each status was the answer since the beginning."""
        for running in self._running:
            running.cancel()
        for wire in self._wires:
            wire.transport.abort()
        await asyncio.gather(*self._running, return_exceptions=True)
        found = dict(self._statuses)
        self._running, self._wires, self._statuses = [], [], Counter()
        return found

    async def _open(self, port: int, count: int, reads: bool) -> None:
        for first in range(0, count, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, count))
            self._wires += await asyncio.gather(*(self._wire(port, number, reads) for number in numbers))

    async def _wire(self, port: int, number: int, reads: bool) -> Wire:
        made = socket.socket()
        made.setblocking(False)
        if not reads:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.bind((f"127.0.0.{20 + number % ADDRESSES}", 0))
        loop = asyncio.get_running_loop()
        await loop.sock_connect(made, ("127.0.0.1", port))
        transport, wire = await loop.create_connection(lambda: Wire(self._statuses), sock=made)
        if not reads:
            transport.pause_reading()
        return wire

    async def _keep(self, port: int, first: str, reads: bool) -> None:
        """Open again what was closed."""
        while True:
            await asyncio.sleep(OPENED_AGAIN_SECONDS)
            for number, wire in enumerate(self._wires):
                if wire.lost:
                    self._wires[number] = again = await self._wire(port, number, reads)
                    again.transport.write(first.encode())

    async def _drip(self, drip: bytes, every: float) -> None:
        while True:
            for number, wire in enumerate(list(self._wires)):
                if not wire.lost:
                    wire.transport.write(drip)
                if number % AT_ONCE == AT_ONCE - 1:
                    await asyncio.sleep(every * AT_ONCE / len(self._wires))
            await asyncio.sleep(every / 10)

    async def _calls(self, called: str, rate: float) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        for sent in itertools.count():
            await asyncio.sleep(max(0.0, began + sent / rate - clock()))
            wire = self._wires[sent % len(self._wires)]
            if not wire.busy and not wire.lost:
                wire.busy = True
                wire.transport.write(called.replace("<n>", str(next(self._numbers))).encode())


if __name__ == "__main__":
    asyncio.run(obey(Attacker()))
