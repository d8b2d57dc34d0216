"""The load generator: HTTP/1.1 over connections that stay open, one call at a time on each, nothing pipelined.

A call's bytes are made by its caller and an answer is looked at no further than its status and length, so that asking
costs a fraction of answering. It keeps the rest honest: an answer other than the expected one, or a connection that
ends, fails the run.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

PER_ADDRESS = 5_000
"""How many connections to one port come from one address: a system gives an address some 28,000 ports."""
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


class Unexpected(Exception):
    """Something other than the expected answer, which makes the measurement worthless."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``at`` is when it was whole, on `perf_counter`'s clock."""

    status: int
    body: bytes
    at: float

    def json(self) -> Any:
        return json.loads(self.body)


Then = Callable[[Answer], None]


def length(head: bytes) -> int:
    """The length of the body that follows ``head``; none where it names none. Raises `Unexpected` for chunks."""
    found = _LENGTH.search(head)
    if found is None and _CHUNKED.search(head):
        raise Unexpected("an answer in chunks, which are not read here")
    return int(found[1]) if found else 0


def call(method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
    """The bytes of one call. ``headers`` must name the host."""
    said = dict(headers) if body is None else {**headers, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b"")


class Connection(asyncio.Protocol):
    """`send` a call when no other is under way; ``then`` is called with its answer, and may send the next.

    ``broken`` says why the connection ended, where nobody here closed it.
    """

    def __init__(self) -> None:
        self.broken: Unexpected | None = None
        self._transport: asyncio.Transport | None = None
        self._then: Then | None = None
        self._asked: asyncio.Future[Answer] | None = None
        self._closing = False
        self._read = b""
        self._body = self._end = 0

    def send(self, called: bytes, then: Then) -> None:
        if self.broken is not None:
            raise self.broken
        assert self._then is None, "one call at a time"
        assert self._transport is not None
        self._then = then
        self._transport.write(called)

    async def ask(self, called: bytes, *, expect: int | None = None) -> Answer:
        """One call and its answer. Raises `Unexpected` for a status other than ``expect``."""
        self._asked = asyncio.get_running_loop().create_future()
        self.send(called, self._asked.set_result)
        answer = await self._asked
        if expect is not None:
            check(answer, expect)
        return answer

    def close(self) -> None:
        self._closing, self._then = True, None
        if self._transport is not None:
            self._transport.close()

    # ------------------------------------------------------------------ asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read = self._read + data if self._read else data
        if not self._end:
            body = self._read.find(b"\r\n\r\n") + 4
            if body < 4:
                return
            self._body, self._end = body, body + length(self._read[:body])
        if len(self._read) >= self._end:
            self._answered()

    def _answered(self) -> None:
        read, then = self._read, self._then
        answer = Answer(int(read[9:12]), read[self._body : self._end], perf_counter())
        self._read, self._end, self._then = b"", 0, None
        if then is not None:
            then(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closing:
            self.broken = Unexpected(f"a connection ended: {exc or 'closed by the other side'}")
            if self._asked is not None and not self._asked.done():
                self._asked.set_exception(self.broken)


def check(answer: Answer, expect: int) -> None:
    if answer.status != expect:
        raise Unexpected(f"{answer.status}: {answer.body[:300]!r}")


async def connected(port: int, count: int, *, first: int = 0) -> list[Connection]:
    """``count`` connections to ``port`` of this machine; the caller has ``first`` others.

    They come from as many of the machine's addresses as it takes for each to have ports enough.
    """
    loop = asyncio.get_running_loop()

    async def connect(number: int) -> Connection:
        source = f"127.0.0.{1 + number // PER_ADDRESS}"
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port, local_addr=(source, 0))
        return connection

    return await asyncio.gather(*(connect(number) for number in range(first, first + count)))


def close(connections: Sequence[Connection]) -> None:
    for connection in connections:
        connection.close()


# --------------------------------------------------------------------------- load


@dataclass(slots=True)
class Taken:
    """What one slice took: how many answers, in how many seconds, and how long each was waited for."""

    count: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.count / self.seconds


class Pump:
    """As much as can be answered: each connection sends its next call when it has its answer."""

    def __init__(self, connections: Sequence[Connection], next_call: Callable[[], bytes], expect: int) -> None:
        self._connections = connections
        self._next_call = next_call
        self._expect = expect

    async def run(self, seconds: float) -> Taken:
        """Ends with the answer to the last call that was sent within ``seconds``. Raises `Unexpected`."""
        taken, start = Taken(), perf_counter()
        until, done = start + seconds, asyncio.get_running_loop().create_future()
        left = len(self._connections)

        def lap(connection: Connection) -> None:
            sent = perf_counter()

            def then(answer: Answer) -> None:
                nonlocal left
                try:
                    check(answer, self._expect)
                except Unexpected as error:
                    if not done.done():
                        done.set_exception(error)
                    return
                taken.count += 1
                taken.waits.append(answer.at - sent)
                if answer.at < until:
                    lap(connection)
                    return
                left -= 1
                if not left:
                    done.set_result(None)

            connection.send(self._next_call(), then)

        for connection in self._connections:
            lap(connection)
        await _unless_broken(done, self._connections)
        taken.seconds = perf_counter() - start
        return taken


async def _unless_broken(done: asyncio.Future[None], connections: Sequence[Connection]) -> None:
    while not done.done():
        await asyncio.wait([done], timeout=1)
        for connection in connections:
            if connection.broken is not None:
                raise connection.broken
    done.result()


async def paced(rate: float, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
    """Call ``do`` ``rate`` times a second for ``seconds``, however long each call takes.

    What is late is made up for, so the rate is kept. Raises what ``do`` does.
    """
    loop = asyncio.get_running_loop()
    start, count, wanted = loop.time(), 0, round(rate * seconds)
    under_way = deque[asyncio.Future[None]]()
    try:
        while count < wanted:
            due = min(wanted, int((loop.time() - start) * rate) + 1)
            while count < due:
                count += 1
                under_way.append(asyncio.ensure_future(do()))
            while under_way and under_way[0].done():
                under_way.popleft().result()
            await asyncio.sleep(max(0.0, start + count / rate - loop.time()))
        await asyncio.gather(*under_way)
    finally:
        for doing in under_way:
            doing.cancel()


async def paced_calls(
    connections: Sequence[Connection], next_call: Callable[[], bytes], expect: int, rate: float, seconds: float
) -> Taken:
    """Send calls at ``rate`` for ``seconds``, each on the connection that has been free for longest.

    Where none is free a call waits for one, and those after it are sent when they are due all the same. Raises
    `Unexpected`.
    """
    free, taken, start = asyncio.Queue[Connection](), Taken(), perf_counter()
    for connection in connections:
        free.put_nowait(connection)

    async def one() -> None:
        due = perf_counter()
        connection = await free.get()
        answer = await connection.ask(next_call(), expect=expect)
        taken.count += 1
        taken.waits.append(answer.at - due)
        free.put_nowait(connection)

    await paced(rate, seconds, one)
    taken.seconds = perf_counter() - start
    return taken
