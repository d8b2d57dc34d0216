"""The embedded Redis starts, answers and stops; when it is killed it comes back with all that it acknowledged."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.testing import CapturingLogger

from book import made
from sayso_bot.store.checks import check
from sayso_bot.store.connect import connect
from sayso_bot.store.durability import Durability
from sayso_bot.store.embedded import EmbeddedRedis
from sayso_bot.store.process import Process
from sayso_bot.store.redis import RedisStore
from unit.embedded.owner import events, happened, mode, open_to_others, read, unusable, wait_until

# --------------------------------------------------------------------------- an ordinary life


async def test_it_starts_private_lasting_and_reachable_by_its_socket_alone(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        async with connect(redis.url) as client:
            assert await check(client, Durability("fsync")) == []
            assert (await client.config_get("port"))["port"] == "0"
        for private in (folder, folder / "redis"):
            assert mode(private) == 0o700
        assert open_to_others(folder) == []


async def test_a_request_of_ordinary_size_is_one_block_of_memory(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis, connect(redis.url) as client:
        store = RedisStore(client, "main")
        await store.load_functions()
        for text, encoding in (("x" * 1_000, "listpack"), ("x" * 3_000, "hashtable")):
            request = await made(store, params={"text": text})
            assert await client.object("ENCODING", store.keys.request(request.id)) == encoding
        await store.close()


async def test_stopping_ends_the_server_and_keeps_the_data(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        first = redis.pid
        async with connect(redis.url) as client:
            await client.set("a", "1")
    assert first is not None
    assert Process.of(first) is None
    assert not (folder / "redis" / "redis.sock").exists()
    async with EmbeddedRedis(folder, log=log) as redis:
        assert redis.pid != first
        assert await read(redis.url, "a") == "1"
    assert events(log) == []


async def test_the_terminals_interrupt_does_not_reach_the_server(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        assert redis.pid is not None
        assert os.getpgid(redis.pid) != os.getpgid(0)
        assert os.getsid(redis.pid) != os.getsid(0)


async def test_a_server_that_does_not_answer_is_ended_all_the_same(folder: Path, log: CapturingLogger) -> None:
    redis = EmbeddedRedis(folder, log=log)
    await redis.start()
    assert redis.pid is not None
    process = Process.of(redis.pid)
    assert process is not None
    process.send(signal.SIGSTOP)
    async with asyncio.timeout(5):
        await redis.stop()
    assert not process.is_alive


# --------------------------------------------------------------------------- its Redis is killed


async def test_every_acknowledged_write_survives_kill_9(folder: Path, log: CapturingLogger) -> None:
    acknowledged: list[int] = []

    async def write(client: Redis, first: int) -> None:
        with suppress(RedisError):
            for number in range(first, first + 1_000_000):
                await client.set(f"k{number}", number)
                acknowledged.append(number)

    async with EmbeddedRedis(folder, log=log) as redis, connect(redis.url) as client:
        writers = asyncio.gather(*(write(client, lane * 1_000_000) for lane in range(8)))
        await wait_until(lambda: len(acknowledged) > 2000)
        assert redis.pid is not None
        os.kill(redis.pid, signal.SIGKILL)
        await writers
        await redis.wait_died()
        await redis.restart()
        found = await client.mget([f"k{number}" for number in acknowledged])
    assert found == [str(number) for number in acknowledged]


async def test_a_killed_server_comes_back_on_the_same_socket_again_and_again(
    folder: Path, log: CapturingLogger
) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        supervision = asyncio.create_task(redis.supervise())
        url = redis.url
        async with connect(url) as client:
            await client.set("a", "1")
        for times in (1, 2):
            before = redis.pid
            assert before is not None
            os.kill(before, signal.SIGKILL)
            await wait_until(partial(happened, log, "redis_restarted", times))
            assert redis.pid != before
            assert redis.url == url
            assert await read(url, "a") == "1"
    await supervision
    assert events(log) == ["redis_died", "redis_restarted"] * 2


async def test_after_stop_nothing_is_restarted(folder: Path, log: CapturingLogger) -> None:
    redis = EmbeddedRedis(folder, log=log)
    await redis.start()
    supervision = asyncio.create_task(redis.supervise())
    await redis.stop()
    await supervision
    assert events(log) == []


async def test_what_is_damaged_is_said_and_what_to_do(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis, connect(redis.url) as client:
        await client.mset({f"k{number}": "x" * 100 for number in range(100)})
    [log_of_writes] = (folder / "redis" / "appendonlydir").glob("*.incr.aof")
    content = log_of_writes.read_bytes()
    log_of_writes.write_bytes(content[:200] + b"\0garbage\0" * 20 + content[200:])
    told = await unusable(EmbeddedRedis(folder, log=log).start())
    assert "is damaged" in told
    assert "redis-check-aof --fix" in told


async def test_loading_is_waited_for_and_told(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis, connect(redis.url) as client:
        script = "for i = 1, 400000 do redis.call('SET', i, string.rep('x', 50)) end"
        await client.eval(script, 0)
    told: list[float] = []
    async with EmbeddedRedis(folder, log=log, progress=told.append) as redis:
        assert await read(redis.url, "400000") == "x" * 50
    assert told
    assert all(0 <= percent <= 100 for percent in told)
