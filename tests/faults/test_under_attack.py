"""The service under attack, in a process of its own: honest agents are served meanwhile, and memory stays bounded."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from sayso_bot.domain.key import Quotas
from sayso_bot.opening import opened_book
from sayso_bot.settings import Settings
from sayso_bot.store.redis import RedisStore
from sayso_bot.telemetry import logger
from service import ServiceProcess, a_key, until

pytestmark = pytest.mark.alone
ASK = {"action": "payments.refund", "params": {"order": "A-1"}}
FEW_FILES = 1024
CONNECTIONS = FEW_FILES - 512
FLOOD_SECONDS = 2.0
Caller = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Attacked(ServiceProcess):
    """With ``files`` it may have so many open files, and cannot raise that."""

    files = 0

    def command(self, *arguments: str) -> list[str]:  # type: ignore[override]
        found = super().command(*arguments)
        return ["sh", "-c", f'ulimit -n {self.files}; exec "$@"', "sh", *found] if self.files else found

    @property
    def memory(self) -> int:
        """MiB that only the service's process uses."""
        assert self._child is not None
        lines = Path(f"/proc/{self._child.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) // 1024

    async def metric(self, name: str) -> float:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as operator:
            lines = (await operator.get("/metrics")).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    @asynccontextmanager
    async def agent(self, secret: str = "") -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {secret or await self.key('honest')}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30) as agent:
            yield agent

    def head(self, method: str, path: str, secret: str = "sk_main_bad") -> bytes:
        """A head without its last line."""
        return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {secret}\r\n".encode()


@pytest.fixture
def attacked(tmp_path: Path) -> Iterator[Attacked]:
    with Attacked(tmp_path) as process:
        yield process


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Attacked]:
    """A service with few open files."""
    process = Attacked(tmp_path)
    process.files = FEW_FILES
    with process:
        yield process


@asynccontextmanager
async def calls(attacked: ServiceProcess, count: int = 1, *, reads: bool = True) -> AsyncIterator[list[Caller]]:
    """So many connections. Where it does not read, the system takes next to nothing in advance for it."""
    made: list[Caller] = []
    try:
        for first in range(0, count, 100):
            made += await asyncio.gather(*(_call(attacked, reads) for _ in range(min(100, count - first))))
        yield made
    finally:
        for _, writer in made:
            writer.transport.abort()
        await asyncio.sleep(0.01)  # each is closed in the loop's next turn


async def _call(attacked: ServiceProcess, reads: bool) -> Caller:
    if reads:
        return await asyncio.open_connection("127.0.0.1", attacked.port)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", attacked.port))
    return await asyncio.open_connection(sock=made, limit=1)


async def told(reader: asyncio.StreamReader, seconds: float = 20) -> bytes:
    """All that the service says before it closes."""
    with suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), seconds)
    return b""


def _length(head: bytes) -> int:
    [line] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(line.split(b":")[1])


def says(answer: bytes, status: int, code: str) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b" ")[1] == b"%d" % status and json.loads(body)["code"] == code


async def served(agent: httpx.AsyncClient, times: int = 1) -> None:
    for _ in range(times):
        assert (await agent.post("/v1/requests", json=ASK)).status_code == 201


# --------------------------------------------------------------------------- connections


async def test_heads_that_never_end_and_connections_that_never_speak_are_closed_after_ten_seconds(
    attacked: Attacked,
) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    async with attacked.agent() as agent, calls(attacked, 100) as silent, calls(attacked, 100) as slow:
        for _, writer in slow:
            writer.write(attacked.head("POST", "/v1/requests"))
        dripping = asyncio.create_task(_drip(slow, 8))
        await served(agent, 20)
        answers = await asyncio.gather(*(told(reader) for reader, _ in slow))
        await dripping
        assert all(says(answer, 400, "bad_http") for answer in answers)
        assert await asyncio.gather(*(told(reader) for reader, _ in silent)) == [b""] * 100
        assert 9 < clock() - began < 15
        await served(agent)


async def _drip(slow: list[Caller], seconds: int) -> None:
    """Less than the ten seconds: where a line crosses the answer, the system drops the answer."""
    for _ in range(2 * seconds):
        for _, writer in slow:
            writer.write(b"X-Slow: 1\r\n")
        await asyncio.sleep(0.5)


async def test_idle_connections_make_room_for_agents_and_held_calls_are_kept(small: Attacked) -> None:
    async with small.agent() as agent, small.agent() as newcomer:
        request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
        held = asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=50"))
        await until(lambda: _holds(small, 1))
        async with calls(small, 3 * CONNECTIONS):
            await served(newcomer)
            assert await small.metric("sayso_connections ") <= CONNECTIONS
            assert await small.metric('sayso_connections_closed_total{why="made_room"}') >= 2 * CONNECTIONS
            await _approve(small, request)
            assert (await held).json()["status"] == "approved"
    assert "Too many open files" not in small.log.read_text()


async def test_where_every_connection_holds_a_call_a_new_one_is_told_to_come_back(small: Attacked) -> None:
    secret = await small.key()
    async with small.agent(secret) as agent:
        request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
    ask = small.head("GET", f"/v1/requests/{request}?wait=50", secret) + b"\r\n"
    async with calls(small) as [last], calls(small, CONNECTIONS - 1) as others:
        for _, writer in others:
            writer.write(ask)
        await until(lambda: _is_told_of(small, last, CONNECTIONS - 1))
        last[1].write(ask)
        answer = await until(lambda: _turned_away(small))
        assert says(answer, 503, "unavailable")
        assert b"Retry-After: 1" in answer
        await _approve(small, request)
        answers = await asyncio.gather(*(reader.readuntil(b'"approved"') for reader, _ in (last, *others)))
        assert all(found.startswith(b"HTTP/1.1 200") for found in answers)


async def _is_told_of(attacked: Attacked, operator: Caller, held: int) -> bool:
    """Ask for the number of held calls on a connection that is there already."""
    reader, writer = operator
    writer.write(f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{attacked.port}\r\n\r\n".encode())
    body = await reader.readexactly(_length(await reader.readuntil(b"\r\n\r\n")))
    return b"\nsayso_held_calls %d.0\n" % held in body


async def _turned_away(attacked: Attacked) -> bytes:
    """What the service says to somebody who has not spoken, if it says anything within a moment."""
    async with calls(attacked) as [(reader, _)]:
        try:
            return await told(reader, 0.2)
        except TimeoutError:
            return b""


async def _approve(attacked: Attacked, request: str) -> None:
    decided = await asyncio.to_thread(attacked.run, "decide", request, "approve")
    assert decided.returncode == 0, decided.stderr


async def _holds(attacked: Attacked, count: int) -> bool:
    return await attacked.metric("sayso_held_calls ") >= count


async def test_where_open_files_are_too_few_for_the_keys_the_log_and_readyz_say_so(small: Attacked) -> None:
    assert f"may have {CONNECTIONS} connections only" in small.log.read_text()
    async with httpx.AsyncClient(trust_env=False) as operator:
        warnings = (await operator.get(f"{small.url}/readyz")).json()["warnings"]
    assert any("ulimit -n, LimitNOFILE=" in warning for warning in warnings)


# --------------------------------------------------------------------------- what is sent


@pytest.mark.parametrize("how", ["whole at once", "by and by", "in many lines"])
async def test_a_head_that_is_too_large_is_refused(attacked: Attacked, how: str) -> None:
    head, line = attacked.head("GET", "/livez"), b"X-Large: " + b"x" * 4000 + b"\r\n"
    pieces = {
        "whole at once": [head + line * 12 + b"\r\n"],
        "by and by": [head, *([line] * 9)],
        "in many lines": [head + b"X-Many: 1\r\n" * 65 + b"\r\n"],
    }
    async with attacked.agent() as agent, calls(attacked) as [(reader, writer)]:
        for piece in pieces[how]:
            writer.write(piece)
            await writer.drain()
        assert says(await told(reader, 5), 400, "bad_http")
        await served(agent)


async def test_calls_that_are_sent_ahead_behind_a_held_one_are_bounded(attacked: Attacked) -> None:
    secret = await attacked.key()
    async with attacked.agent(secret) as agent, calls(attacked) as [(reader, writer)]:
        request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
        writer.write(attacked.head("GET", f"/v1/requests/{request}?wait=50", secret) + b"\r\n")
        await until(lambda: _holds(attacked, 1))
        for _ in range(12):
            writer.write(attacked.head("GET", "/livez") + b"X-Large: " + b"x" * 4000 + b"\r\n\r\n")
        assert await told(reader, 5) == b""
        await until(lambda: _holds_none(attacked))
        await served(agent)


async def _holds_none(attacked: Attacked) -> bool:
    return not await _holds(attacked, 1)


@pytest.mark.parametrize("path", ["/v1/requests", "/inbox/session", "/nothing/here"])
async def test_a_body_that_never_ends_is_refused_and_hung_up_on(attacked: Attacked, path: str) -> None:
    kind = "application/x-www-form-urlencoded" if "inbox" in path else "application/json"
    about = f"Origin: {attacked.url}\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    head = attacked.head("POST", path, await attacked.key()) + about
    async with attacked.agent() as agent, calls(attacked, 10) as callers:
        before = attacked.memory
        sending = asyncio.gather(*(_endless(writer, head) for _, writer in callers))
        await served(agent, 20)
        answers = [await told(reader, 8) for reader, _ in callers]
        assert not any(b" 20" in answer[:12] for answer in answers)
        await asyncio.wait_for(sending, 8)
        assert attacked.memory - before < 40


async def _endless(writer: asyncio.StreamWriter, head: bytes) -> None:
    writer.write(head)
    with suppress(ConnectionError):
        while True:
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)


# --------------------------------------------------------------------------- what is not read


async def test_answers_that_nobody_reads_hold_a_bounded_part_of_memory(attacked: Attacked) -> None:
    secret = await attacked.key("reader of nothing")
    page = attacked.head("GET", "/v1/requests", secret) + b"\r\n"
    async with attacked.agent(secret) as attacker, attacked.agent() as agent:
        await _pages_of_a_megabyte(attacker)
        before = attacked.memory
        async with calls(attacked, 150, reads=False) as callers:
            for number, (_, writer) in enumerate(callers):
                writer.write(page)
                if number % 10 == 9:
                    await served(agent)
            await until(lambda: _closed(attacked, "too_much", 100), 20)
            assert attacked.memory - before < 130
            await served(agent)


async def test_an_idle_connection_keeps_neither_its_last_call_nor_its_last_answer(attacked: Attacked) -> None:
    secret = await attacked.key("reader of all")
    page = attacked.head("GET", "/v1/requests", secret) + b"\r\n"
    async with attacked.agent(secret) as attacker:
        await _pages_of_a_megabyte(attacker)
        before = attacked.memory
        async with calls(attacked, 100) as callers:
            for reader, writer in callers:
                writer.write(page)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head))
            assert attacked.memory - before < 40


async def _pages_of_a_megabyte(agent: httpx.AsyncClient) -> None:
    for _ in range(5):
        large: dict[str, Any] = {"action": "a.b", "params": {"text": "x" * 200_000}}
        assert (await agent.post("/v1/requests", json=large)).status_code == 201
    for _ in range(10):
        assert len((await agent.get("/v1/requests")).content) > 1_000_000


async def _closed(attacked: Attacked, why: str, count: int) -> bool:
    return await attacked.metric(f'sayso_connections_closed_total{{why="{why}"}}') >= count


# --------------------------------------------------------------------------- floods


async def flood(attacked: Attacked, called: bytes, seconds: float, connections: int) -> Counter[int]:
    """Ask again as soon as there is an answer; how often each status came."""
    statuses = Counter[int]()
    clock = asyncio.get_running_loop().time
    end = clock() + seconds

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while clock() < end:
            writer.write(called)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            statuses[int(head[9:12])] += 1

    async with calls(attacked, connections) as callers:
        await asyncio.gather(*(ask(*caller) for caller in callers))
    return statuses


def _list(attacked: Attacked, secret: str) -> bytes:
    return attacked.head("GET", "/v1/requests?limit=1", secret) + b"\r\n"


def _submission(attacked: Attacked, secret: str) -> bytes:
    body = json.dumps(ASK).encode()
    about = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return attacked.head("POST", "/v1/requests", secret) + about + body


@pytest.mark.parametrize("called", [_list, _submission])
async def test_a_flood_from_one_key_costs_redis_next_to_nothing_and_others_are_served(
    attacked: Attacked, called: Callable[[Attacked, str], bytes]
) -> None:
    made, secret = a_key("flooder", quotas=Quotas(rate=20, burst=20))
    async with opened_book(Settings.load(attacked.environ), logger("test")) as store, attacked.agent() as agent:
        await store.put_key(made, "key_created")
        costs = await _cost(store, served(agent, 20))
        statuses, spent = await _flooded(store, attacked, called(attacked, secret), 16, served(agent, 20))
        taken = statuses[200] + statuses[201]
        assert set(statuses) <= {200, 201, 429}
        assert 20 <= taken <= 100
        assert statuses[429] > max(500, 4 * taken)
        assert spent - costs < 40 * taken + statuses[429]


async def test_a_flood_of_bad_keys_costs_redis_and_the_log_next_to_nothing(attacked: Attacked) -> None:
    async with opened_book(Settings.load(attacked.environ), logger("test")) as store, attacked.agent() as agent:
        quiet = asyncio.gather(served(agent, 20), asyncio.sleep(FLOOD_SECONDS))  # the service works by itself too
        costs, logged = await _cost(store, quiet), attacked.log.read_text().count("\n")
        statuses, spent = await _flooded(store, attacked, _list(attacked, "sk_main_unknown"), 500, served(agent, 20))
        assert set(statuses) == {401}
        assert statuses[401] > 1000
        assert spent - costs < 150
        assert attacked.log.read_text().count("\n") - logged < 20


async def _flooded(
    store: RedisStore, attacked: Attacked, called: bytes, connections: int, meanwhile: Awaitable[None]
) -> tuple[Counter[int], int]:
    """What a flood was told, and what it cost Redis with what happened ``meanwhile``."""
    flooding = asyncio.ensure_future(flood(attacked, called, FLOOD_SECONDS, connections))
    spent = await _cost(store, asyncio.gather(flooding, meanwhile))
    return await flooding, spent


async def _cost(store: RedisStore, doing: Awaitable[object]) -> int:
    """How many commands Redis runs for it."""
    before = (await store.client.info("stats"))["total_commands_processed"]
    await doing
    return int((await store.client.info("stats"))["total_commands_processed"] - before)
