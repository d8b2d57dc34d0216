"""Calls that travel together: each gets its own answer, and an acknowledged one is on disk where that is asked."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from book import EPOCHS, made, new, opened
from fakes.redis_proxy import RedisProxy
from redis_server import RedisServer
from sayso_bot.errors import Unavailable
from sayso_bot.store.batch import MAX_CALLS, Batch, NotOnDisk
from sayso_bot.store.connect import connect
from sayso_bot.store.lane import Command, Words


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer(config={"appendfsync": "everysec"}) as running:
        yield running


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    client = connect(server.url)
    await client.flushall()
    await client.config_resetstat()
    yield client
    await client.aclose()


@pytest.fixture
async def batch(client: Redis) -> AsyncIterator[Batch]:
    batch = Batch(client)
    yield batch
    await batch.close()


async def _calls_of(client: Redis, command: str) -> int:
    stats: Any = await client.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])


async def test_each_call_gets_its_own_answer(batch: Batch) -> None:
    answers = await asyncio.gather(
        *(batch.call(Command.of("ECHO", f"ä{n}"), writes=False) for n in range(2 * MAX_CALLS + 7))
    )
    assert answers == [f"ä{n}" for n in range(2 * MAX_CALLS + 7)]


async def test_what_does_not_fit_a_pipeline_that_was_begun_takes_a_free_lane(batch: Batch, client: Redis) -> None:
    first = batch.call(Command.of("BLPOP", "list", 0), writes=True)
    await asyncio.sleep(0)  # it is under way, and these come before its pipeline leaves
    others = [batch.call(Command.of("ECHO", str(n)), writes=False) for n in range(2 * MAX_CALLS)]
    async with asyncio.timeout(5):
        await asyncio.gather(*others[MAX_CALLS:])
    assert not first.done()
    await client.rpush("list", "an end")
    assert await first == ("list", "an end")
    assert await asyncio.gather(*others) == [str(n) for n in range(2 * MAX_CALLS)]


async def test_one_that_is_refused_leaves_its_neighbours_alone(batch: Batch) -> None:
    words = (("SET", "a", 1), ("NOSUCHCOMMAND",), ("INCR", "a"))
    answers = await asyncio.gather(
        *(batch.call(Command.of(*each), writes=True) for each in words), return_exceptions=True
    )
    assert answers[0]
    assert isinstance(answers[1], ResponseError)
    assert answers[2] == 2


def test_what_is_no_text_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(UnicodeEncodeError):
        Command.of("ECHO", "\ud800")
    with pytest.raises(UnicodeEncodeError):
        Words.of("ECHO", "\ud800")


def test_a_command_of_parts_is_the_one_of_its_words() -> None:
    parts = (Words.of("SET", "a"), Words.of("ä\r\n*1"), Words.of(1, b"\n"))
    assert Command.joined("SET", *parts) == Command.of("SET", "a", "ä\r\n*1", 1, b"\n")


async def test_one_whose_caller_has_gone_leaves_its_neighbours_alone(batch: Batch) -> None:
    gone, stays = (batch.call(Command.of("INCR", name), writes=True) for name in ("gone", "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 1


async def test_a_lost_connection_is_told_to_each_and_nothing_is_sent_twice(server: RedisServer) -> None:
    async with RedisProxy(server) as proxy:
        client = connect(proxy.url)
        await client.delete("n")
        batch = Batch(client)
        proxy.lose("n")
        answers = await asyncio.gather(
            *(batch.call(Command.of("INCR", "n"), writes=True) for _ in range(5)), return_exceptions=True
        )
        assert all(isinstance(answer, RedisConnectionError) for answer in answers)
        assert await client.get("n") == "5"
        await batch.close()
        await client.aclose()


async def test_closing_waits_for_what_is_under_way(batch: Batch, client: Redis) -> None:
    task = batch.call(Command.of("INCR", "n"), writes=True)
    await asyncio.sleep(0)
    await batch.close()
    assert await client.get("n") == "1"
    await task


# --------------------------------------------------------------------------- on disk


async def test_a_write_is_acknowledged_when_the_disk_has_it(server: RedisServer) -> None:
    async with opened(server.url, wait_for=(1, 0, 5000)) as store:
        await store.client.config_resetstat()
        request = await made(store)
        assert await _calls_of(store.client, "waitaof") == 1
        server.restart()
        assert await store.read(request.id) == request


async def test_writes_that_wait_share_their_waits_and_reads_do_not_wait(server: RedisServer) -> None:
    async with opened(server.url, wait_for=(1, 0, 5000)) as store:
        await store.client.config_resetstat()
        writes = []
        for _ in range(100):
            writes.append(asyncio.create_task(store.submit(new(), EPOCHS)))
            await asyncio.sleep(0)
        assert await store.read("req_none") is None
        assert not all(task.done() for task in writes), "the read waited for the disk"
        assert len({(await task).request.id for task in writes}) == 100
        assert await _calls_of(store.client, "waitaof") < 20


async def test_an_end_is_not_shown_before_the_disk_has_it(server: RedisServer) -> None:
    """An agent that reads approved acts on it, so what it read must not be undone by a crash."""
    async with opened(server.url, wait_for=(1, 0, 5000)) as store:
        request = await made(store)
        await store.cancel(request, EPOCHS)
        await store.client.config_resetstat()
        await store.read(request.id)
        assert await _calls_of(store.client, "waitaof") == 1


async def test_a_write_that_the_disks_do_not_confirm_is_not_acknowledged(client: Redis) -> None:
    batch = Batch(client, (1, 1, 20))  # one replica, and there is none
    with pytest.raises(NotOnDisk):
        await batch.call(Command.of("SET", "a", 1), writes=True)
    assert await batch.call(Command.of("GET", "a"), writes=False) == "1"
    await batch.close()


async def test_the_caller_of_a_write_that_is_not_confirmed_is_told_to_come_back(server: RedisServer) -> None:
    async with opened(server.url, wait_for=(1, 1, 20)) as store:
        asked = new()
        with pytest.raises(Unavailable):
            await store.submit(asked, EPOCHS)
        found = await store.read(asked.id)
        assert found is not None, "it was taken, only not acknowledged"


async def test_an_answer_that_cannot_be_read_is_an_error_and_the_next_calls_go_on(
    batch: Batch, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    monkeypatch.setitem(client.response_callbacks, "ECHO", int)
    answers = [batch.call(Command.of("ECHO", word), writes=False) for word in ("no number", "1")]
    told = await asyncio.gather(*answers, return_exceptions=True)
    assert [type(answer).__name__ for answer in told] == ["RedisError", "RedisError"]
    assert await batch.call(Command.of("ECHO", "7"), writes=False) == 7
    gc.collect()
    assert len(complaints) == 1
