"""Answers leave side by side, in the turn of the loop after they were ready, and none is lost on the way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import pytest
from aiohttp import web

from sayso_bot.http.answer import answer_json
from sayso_bot.http.leaving import TOGETHER, Leaving
from unit.served import served

ASKED = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class _Wires:
    """Connections whose writes are noted in ``happened``, with all that goes on beside."""

    def __init__(self) -> None:
        self.leaving = Leaving()
        self.happened: list[str] = []
        self.closed: set[str] = set()

    async def answer(self, name: str) -> None:
        self.happened.append(f"{name} is ready")
        await self.leaving.leave(cast(Any, _Wire(self, name)), name.encode())


class _Wire:
    def __init__(self, wires: _Wires, name: str) -> None:
        self._wires = wires
        self._name = name

    def is_closing(self) -> bool:
        return self._name in self._wires.closed

    def write(self, answer: bytes) -> None:
        assert not self.is_closing()
        self._wires.happened.append(f"{answer.decode()} left")


async def test_what_is_ready_in_one_turn_of_the_loop_leaves_together_in_the_next() -> None:
    wires = _Wires()

    async def answer(name: str) -> None:
        await wires.answer(name)
        wires.happened.append(f"{name} is answered")

    def tell_turns(number: int) -> None:
        wires.happened.append(f"turn {number}")
        if number < 2:
            asyncio.get_running_loop().call_soon(tell_turns, number + 1)

    asyncio.get_running_loop().call_soon(tell_turns, 1)
    await asyncio.gather(answer("a"), answer("b"))
    assert wires.happened == [
        "turn 1", "a is ready", "b is ready", "turn 2", "a left", "b left", "a is answered", "b is answered",
    ]  # fmt: skip


async def test_what_gets_ready_as_others_leave_waits_for_its_own_turn() -> None:
    wires = _Wires()

    async def answer(*names: str) -> None:
        for name in names:
            await wires.answer(name)
            wires.happened.append(f"{name} is answered")

    await asyncio.gather(answer("a", "c"), answer("b"))
    assert wires.happened == [
        "a is ready", "b is ready", "a left", "b left", "a is answered", "c is ready", "b is answered", "c left",
        "c is answered",
    ]  # fmt: skip


async def test_many_do_not_wait_for_each_other() -> None:
    wires = _Wires()
    await asyncio.gather(*(wires.answer(str(number)) for number in range(2 * TOGETHER + 3)))
    waiting, most = 0, 0
    for happened in wires.happened:
        waiting += 1 if happened.endswith("ready") else -1
        most = max(most, waiting)
    assert (waiting, most) == (0, TOGETHER)


class _Counted(bytes):
    """An answer that is known to lie in memory."""

    alive = 0

    def __new__(cls) -> _Counted:
        cls.alive += 1
        return super().__new__(cls, b"an answer")

    def __del__(self) -> None:
        type(self).alive -= 1


async def test_an_answer_that_has_left_takes_no_memory_until_the_next_turn() -> None:
    leaving, most = Leaving(), 0

    class Wire:
        def is_closing(self) -> bool:
            return False

        def write(self, _: bytes) -> None:
            nonlocal most
            most = max(most, _Counted.alive)

    async def answer() -> None:
        await leaving.leave(cast(Any, Wire()), _Counted())

    await asyncio.gather(*(answer() for _ in range(5 * TOGETHER)))
    assert (most, _Counted.alive) == (TOGETHER, 0)


async def test_who_goes_in_that_turn_is_sent_nothing_and_takes_nobody_along() -> None:
    wires = _Wires()
    asked = [asyncio.create_task(wires.answer(name)) for name in "abc"]
    await asyncio.sleep(0)
    wires.closed.add("a")
    first, *others = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, ConnectionError)
    assert others == [None, None]
    assert [one for one in wires.happened if "left" in one] == ["b left", "c left"]


async def test_who_had_gone_before_is_not_waited_for() -> None:
    wires = _Wires()
    wires.closed.add("a")
    with pytest.raises(ConnectionError):
        wires.leaving.leave(cast(Any, _Wire(wires, "a")), b"a").send(None)
    assert wires.happened == []


@pytest.mark.parametrize("cancelled", ["a", "b"])
async def test_a_call_that_is_cancelled_in_that_turn_loses_no_answer(cancelled: str) -> None:
    wires = _Wires()
    asked = {name: asyncio.create_task(wires.answer(name)) for name in "ab"}
    await asyncio.sleep(0)
    asked[cancelled].cancel()
    await asyncio.gather(*asked.values(), return_exceptions=True)
    assert wires.happened[2:] == ["a left", "b left"]


async def test_what_is_ready_leaves_before_a_connection_ends() -> None:
    wires = _Wires()
    asked = asyncio.create_task(wires.answer("a"))
    await asyncio.sleep(0)
    wires.leaving.all_leave()
    assert wires.happened == ["a is ready", "a left"]
    await asked
    assert wires.happened == ["a is ready", "a left"]


def _nothing_more(caller: socket.socket) -> None:
    caller.shutdown(socket.SHUT_WR)


def _too_long_a_head(caller: socket.socket) -> None:
    caller.sendall(ASKED.removesuffix(b"\r\n") + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 1000) for n in range(40)))


@pytest.mark.parametrize("end", [_nothing_more, _too_long_a_head])
async def test_what_ends_a_connection_as_its_answer_gets_ready_comes_after_it(
    end: Callable[[socket.socket], None],
) -> None:
    async def handle(_: web.Request) -> web.StreamResponse:
        end(caller)  # the loop sees this in the turn in which the answer is ready
        await asyncio.sleep(0)
        return answer_json({})

    async with served(handle) as (_, port):
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(caller, ASKED)
            assert (await loop.sock_recv(caller, 4096)).startswith(b"HTTP/1.1 200 OK\r\n")
