"""What a Redis must be, and the sentence for each that is not. Real servers, but for one that is too old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError

from redis_server import RedisServer, free_port
from sayso_bot.errors import Unusable
from sayso_bot.store.checks import check
from sayso_bot.store.connect import connect, server_time_skew
from sayso_bot.store.durability import Durability

SERVER, FSYNC, NONE = Durability("server"), Durability("fsync"), Durability("none")


async def judge(url: str, durability: Durability = SERVER) -> list[str]:
    async with connect(url) as client:
        return await check(client, durability)


async def refusal(url: str, durability: Durability = SERVER) -> str:
    """The sentence that refuses; no words of a library in it, and no password."""
    with pytest.raises(Unusable) as caught:
        await judge(url, durability)
    detail = caught.value.detail
    for foreign in ("Error", "errno", "NOAUTH", "WRONGPASS", "hunter2"):
        assert foreign not in detail
    assert detail.endswith((".", "+config|get"))
    return detail


async def call(redis: RedisServer, *words: str) -> str:
    client: Any = connect(redis.url)
    async with client:
        return str(await client.execute_command(*words))


@asynccontextmanager
async def answering(answers: Mapping[str, str]) -> AsyncIterator[str]:
    """A server that speaks just enough of the protocol: a bulk string for each command that ``answers`` names."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2].decode())
            said = answers.get(words[0].upper())
            writer.write(b"-ERR unknown command\r\n" if said is None else f"${len(said)}\r\n{said}\r\n".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


# --------------------------------------------------------------------------- reaching it


async def test_a_redis_that_keeps_what_it_acknowledged_has_no_warnings() -> None:
    with RedisServer() as redis:
        assert await judge(redis.url) == []
        assert await judge(redis.url, FSYNC) == []


@pytest.mark.parametrize("url", ["redis://h/0?nonsense=1", "redis://h?db=x", "http://h", "redis://h?socket_timeout=x"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(Unusable, match="SAYSO_REDIS_URL"):
        connect(url)


async def test_nothing_there() -> None:
    assert "Nothing answers" in await refusal(f"redis://:hunter2@127.0.0.1:{free_port()}")


async def test_no_socket_there(tmp_path: Path) -> None:
    assert "Nothing answers" in await refusal(f"unix://{tmp_path}/none")


async def test_a_host_that_does_not_exist() -> None:
    assert "does not resolve" in await refusal("redis://:hunter2@redis.invalid:6379")


async def test_something_else_there() -> None:
    async def speak_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak_http, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert "see whether it is a Redis at all" in await refusal(f"redis://127.0.0.1:{port}")


async def test_tls_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso_bot.store.connect.CONNECT_SECONDS", 0.3)
    with RedisServer(tcp=True) as redis:
        assert "If it speaks none, use redis://" in await refusal(f"rediss://127.0.0.1:{redis.port}")


async def test_a_database_that_does_not_exist() -> None:
    with RedisServer(config={"databases": "1"}) as redis:
        assert "/0 at its end" in await refusal(f"{redis.url}?db=5")


async def test_no_password_and_a_wrong_one() -> None:
    with RedisServer(tcp=True, config={"requirepass": "right"}) as redis:
        assert "wants a password" in await refusal(redis.tcp_url)
        assert "does not accept" in await refusal(f"redis://:hunter2@127.0.0.1:{redis.port}")
        assert await judge(f"redis://:right@127.0.0.1:{redis.port}") == []


async def test_no_room_for_another_connection() -> None:
    with RedisServer(config={"maxclients": "1"}) as redis:
        async with connect(redis.url) as other:
            await other.ping()
            assert "maxclients" in await refusal(redis.url)


# --------------------------------------------------------------------------- what it must be


async def test_a_version_that_is_too_old() -> None:
    async with answering({"INFO": "redis_version:6.2.14\r\nredis_mode:standalone\r\nrole:master"}) as url:
        assert "is 6.2, and Sayso needs 7.0 or later" in await refusal(url)


async def test_waiting_for_the_disk_needs_a_newer_version() -> None:
    async with answering({"INFO": "redis_version:7.0.15\r\nredis_mode:standalone\r\nrole:master"}) as url:
        assert "SAYSO_DURABILITY=fsync needs Redis 7.2" in await refusal(url, FSYNC)


async def test_a_sentinel_is_not_the_redis() -> None:
    async with answering({"INFO": "redis_version:7.2.0\r\nredis_mode:sentinel\r\nrole:sentinel"}) as url:
        assert "is a Sentinel" in await refusal(url)


async def test_functions_that_are_not_offered() -> None:
    async with answering({"INFO": "redis_version:7.2.0\r\nredis_mode:standalone\r\nrole:master"}) as url:
        assert "does not offer FUNCTION" in await refusal(url)


async def test_a_replica_takes_no_writes() -> None:
    with (
        RedisServer(tcp=True) as primary,
        RedisServer(config={"replicaof": f"127.0.0.1 {primary.port}"}) as replica,
    ):
        assert "is a replica" in await refusal(replica.url)


async def test_enough_replicas_for_what_was_asked() -> None:
    with RedisServer(tcp=True, config={"repl-diskless-sync-delay": "0"}) as primary:
        assert "has 0 of the 1 that it needs" in await refusal(primary.url, Durability("fsync", 1))
        with RedisServer(config={"replicaof": f"127.0.0.1 {primary.port}"}):
            async with connect(primary.url) as client:
                await client.set("a", "1")
                assert await client.wait(1, 10_000) == 1
            assert await judge(primary.url, Durability("fsync", 1)) == []


async def test_a_policy_that_throws_data_away() -> None:
    with RedisServer(config={"maxmemory-policy": "allkeys-lru"}) as redis:
        assert "Set maxmemory-policy noeviction" in await refusal(redis.url)


async def test_a_redis_that_forgets_is_refused_unless_accepted_openly() -> None:
    with RedisServer(config={"appendonly": "no"}) as redis:
        for durability in (SERVER, FSYNC):
            assert "appendonly yes, appendfsync always" in await refusal(redis.url, durability)
        [warning] = await judge(redis.url, NONE)
        assert "may be lost" in warning


async def test_a_disk_that_is_written_once_a_second_is_warned_of() -> None:
    with RedisServer(config={"appendfsync": "everysec"}) as redis:
        [warning] = await judge(redis.url)
        assert "up to a second of what was acknowledged" in warning
        [warning] = await judge(redis.url, FSYNC)
        assert "each answer waits" in warning


async def test_waiting_for_a_disk_that_never_reports_is_refused() -> None:
    with RedisServer(config={"appendfsync": "no"}) as redis:
        assert "never says when" in await refusal(redis.url, FSYNC)
        [warning] = await judge(redis.url)
        assert "many seconds" in warning


async def test_one_node_of_a_cluster_that_does_not_hold_the_book() -> None:
    with RedisServer(tcp=True, config={"cluster-enabled": "yes", "cluster-port": str(free_port())}) as redis:
        assert "one node of a cluster" in await refusal(redis.url)
        await call(redis, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        async with asyncio.timeout(15):
            while True:
                if "cluster_state:ok" in await call(redis, "CLUSTER", "INFO"):
                    break
                await asyncio.sleep(0.02)
        assert await judge(redis.url) == []


# --------------------------------------------------------------------------- what a user may do


async def as_user(redis: RedisServer, *rules: str) -> str:
    await call(redis, "ACL", "SETUSER", "sayso", "on", ">pw", *rules)
    return f"redis://sayso:pw@127.0.0.1:{redis.port}"


async def test_the_grant_that_the_refusal_names_is_enough() -> None:
    with RedisServer(tcp=True) as redis:
        told = await refusal(await as_user(redis, "~*", "&*", "+@all", "-fcall"))
        rules = told.partition("SETUSER NAME ")[2].split()
        assert await judge(await as_user(redis, "reset", "on", ">pw", *rules)) == []


@pytest.mark.parametrize("missing", ["-function|load", "-fcall", "-publish", "resetkeys", "resetchannels"])
async def test_each_missing_permission_is_noticed(missing: str) -> None:
    with RedisServer(tcp=True) as redis:
        assert "Grant it: ACL SETUSER" in await refusal(await as_user(redis, "~*", "&*", "+@all", missing))


async def test_what_a_managed_redis_hides_is_a_warning() -> None:
    with RedisServer(tcp=True) as redis:
        [warning] = await judge(await as_user(redis, "~*", "&*", "+@all", "-config"))
        assert "CONFIG, so appendfsync could not be checked" in warning
        warnings = await judge(await as_user(redis, "-info"), Durability("fsync", 1))
        assert len(warnings) == 3
        assert all("could not be checked" in warning for warning in warnings)


# --------------------------------------------------------------------------- the client itself


async def test_the_clock_of_a_server_on_this_machine_is_ours() -> None:
    with RedisServer() as redis:
        async with connect(redis.url) as client:
            assert abs(await server_time_skew(client)) < 1


async def test_a_call_whose_reply_was_lost_is_not_sent_again() -> None:
    calls = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        while data := await reader.read(4096):
            if b"INCR" in data:
                calls += 1
                break
            writer.write(b"+OK\r\n" * data.count(b"SETINFO"))
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server, connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(ConnectionError):
            await client.incr("a")
    assert calls == 1


async def test_a_restarted_redis_is_found_again_by_the_same_client() -> None:
    with RedisServer() as redis:
        async with connect(redis.url) as client:
            await client.set("a", "1")
            await asyncio.to_thread(redis.restart)
            assert await client.get("a") == "1"


async def test_more_callers_than_connections_wait_for_one() -> None:
    with RedisServer() as redis:
        async with connect(redis.url) as client:
            assert sorted(await asyncio.gather(*(one(client) for _ in range(300)))) == list(range(1, 301))


async def one(client: Redis) -> int:
    return int(await client.incr("n"))


@pytest.mark.parametrize("text", ["", "always", "fsync:", "fsync:-1", "fsync:100", "none:1", "Server"])
def test_a_durability_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be server"):
        Durability.parse(text)
