"""When the service looks for garbage, and that what has ended leaves none that would be looked for among all."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from sayso_bot.cli import garbage
from sayso_bot.cli.garbage import BLOCKS_OF_A_CONNECTION, FEW_CONNECTIONS, SPARE_BLOCKS, look_for_garbage
from service import until
from unit.served import served

FRESH_BLOCKS = 1_000_000


@pytest.fixture
def full_looks(monkeypatch: pytest.MonkeyPatch, garbage_as_it_was: None) -> list[int | None]:
    """What was looked at since the service began: 0 is what is new, None is all."""
    looks: list[int | None] = []

    def collect(generation: int | None = None) -> int:
        looks.append(generation)
        return 0

    for seconds in ("LOOK_SECONDS", "RARE_LOOK_SECONDS", "GROWTH_SECONDS"):
        monkeypatch.setattr(garbage, seconds, 0.001)
    monkeypatch.setattr(gc, "collect", collect)
    return looks


@asynccontextmanager
async def looking(connections: list[None]) -> AsyncIterator[None]:
    task = asyncio.create_task(look_for_garbage(connections))
    await asyncio.sleep(0.01)
    yield
    await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_memory_that_open_connections_explain_is_not_looked_through(
    monkeypatch: pytest.MonkeyPatch, full_looks: list[int | None]
) -> None:
    connections, blocks = list[None](), FRESH_BLOCKS
    monkeypatch.setattr(sys, "getallocatedblocks", lambda: blocks)
    async with looking(connections):
        full_looks.clear()
        connections += [None] * 20_000
        blocks += 20_000 * BLOCKS_OF_A_CONNECTION
    assert set(full_looks) == {0}


@pytest.mark.parametrize(("many", "looks"), [(FEW_CONNECTIONS, False), (FEW_CONNECTIONS + 1, True)])
async def test_where_few_are_connected_it_looks_rarely(
    monkeypatch: pytest.MonkeyPatch, full_looks: list[int | None], many: int, looks: bool
) -> None:
    monkeypatch.setattr(garbage, "RARE_LOOK_SECONDS", 60.0)
    async with looking([None] * many):
        full_looks.clear()
    assert bool(full_looks) is looks


async def test_memory_that_nothing_explains_is_looked_through_once(
    monkeypatch: pytest.MonkeyPatch, full_looks: list[int | None]
) -> None:
    blocks = FRESH_BLOCKS
    monkeypatch.setattr(sys, "getallocatedblocks", lambda: blocks)
    async with looking([]):
        full_looks.clear()
        blocks += FRESH_BLOCKS // 2 + SPARE_BLOCKS + 1
    assert full_looks.count(None) == 1


@pytest.mark.parametrize("called", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=["silent", "answered"])
async def test_a_connection_that_has_ended_leaves_nothing_to_be_looked_for(
    called: bytes, garbage_as_it_was: None
) -> None:
    loop = asyncio.get_running_loop()

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="yes")

    async with served(answer) as (connections, port):
        gc.collect()
        gc.disable()
        before = _transports()
        wires = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        for wire in wires:
            wire.setblocking(False)
            await loop.sock_sendall(wire, called)
            if called:
                assert await loop.sock_recv(wire, 4096)
        await until(lambda: len(connections) == len(wires))
        assert _transports() == before + len(wires)
        for wire in wires:
            wire.close()
        await until(lambda: not len(connections))
        await until(lambda: _transports() == before, seconds=1)


def _transports() -> int:
    return sum(isinstance(one, asyncio.Transport) for one in gc.get_objects())
