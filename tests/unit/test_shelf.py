"""An adapter's shelf on a real Redis, and the secret that closes it."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import CapturingLogger

from redis_server import RedisServer
from sayso_bot.errors import Unavailable, Unusable
from sayso_bot.store.connect import connect
from sayso_bot.store.secret import load_or_make_secret
from sayso_bot.store.shelf import RedisShelf

SECRET = bytes(range(32))


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    client = connect(server.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()


@pytest.fixture
def shelf(client: Redis, log: CapturingLogger) -> RedisShelf:
    return RedisShelf(client, "main", "slack", SECRET, log)


async def test_what_was_put_is_got_until_it_is_deleted(shelf: RedisShelf) -> None:
    await shelf.put("token", b"\xff\x00value", ttl_seconds=60)
    assert await shelf.get("token") == b"\xff\x00value"
    assert await shelf.delete("token")
    assert await shelf.get("token") is None
    assert not await shelf.delete("token")


async def test_of_many_who_put_something_new_one_does_until_it_lapses(shelf: RedisShelf) -> None:
    put = await asyncio.gather(*(shelf.put_new("lock", b"%d" % n, ttl_seconds=60) for n in range(20)))
    assert put.count(True) == 1
    assert await shelf.get("lock") == b"%d" % put.index(True)
    assert await shelf.delete("lock")
    assert await shelf.put_new("lock", b"again", ttl_seconds=1)
    await asyncio.sleep(1.1)
    assert await shelf.put_new("lock", b"later", ttl_seconds=60)
    with pytest.raises(ValueError, match="less than a second"):
        await shelf.put_new("other", b"", ttl_seconds=0)


async def test_of_many_takers_one_gets_it(shelf: RedisShelf) -> None:
    await shelf.put("link", b"once", ttl_seconds=60)
    taken = await asyncio.gather(*(shelf.take("link") for _ in range(50)))
    assert sorted(value for value in taken if value is not None) == [b"once"]


async def test_every_value_has_a_lifetime(shelf: RedisShelf, client: Redis) -> None:
    await shelf.put("a", b"1", ttl_seconds=60)
    assert 0 < await client.ttl("{main}:shelf:slack:a") <= 60
    with pytest.raises(ValueError, match="less than a second"):
        await shelf.put("a", b"1", ttl_seconds=0)


async def test_redis_never_sees_a_value_and_equal_values_look_different(server: RedisServer, shelf: RedisShelf) -> None:
    await shelf.put("a", b"xoxb-secret", ttl_seconds=60)
    await shelf.put("b", b"xoxb-secret", ttl_seconds=60)
    raw = Redis.from_url(server.url, protocol=2)
    stored = [await raw.get(f"{{main}}:shelf:slack:{name}") for name in "ab"]
    await raw.aclose()
    assert stored[0] != stored[1]
    assert all(value is not None and b"secret" not in value for value in stored)


@pytest.mark.parametrize("to", ["{main}:shelf:slack:b", "{other}:shelf:slack:a", "{main}:shelf:inbox:a"])
async def test_a_value_put_in_anothers_place_is_absent_and_logged(
    client: Redis, shelf: RedisShelf, log: CapturingLogger, to: str
) -> None:
    await shelf.put("a", b"value", ttl_seconds=60)
    await client.rename("{main}:shelf:slack:a", to)
    book, _, adapter, name = to.split(":")
    reader = RedisShelf(client, book.strip("{}"), adapter, SECRET, log)
    assert await reader.get(name) is None
    assert log.calls[-1].args == ("shelf_value_unreadable",)
    assert log.calls[-1].kwargs == {"key": to}


@pytest.mark.parametrize("stored", ["", "x", "\x01", "\x01short", "plain text of whoever can write to Redis"])
async def test_what_somebody_else_wrote_is_absent(client: Redis, shelf: RedisShelf, stored: str) -> None:
    await client.set("{main}:shelf:slack:a", stored, ex=60)
    assert await shelf.get("a") is None
    assert await shelf.take("a") is None


async def test_another_secret_opens_nothing(client: Redis, shelf: RedisShelf, log: CapturingLogger) -> None:
    await shelf.put("a", b"value", ttl_seconds=60)
    assert await RedisShelf(client, "main", "slack", bytes(32), log).get("a") is None


async def test_names_are_those_of_this_adapter_with_the_prefix_taken_literally(
    client: Redis, shelf: RedisShelf, log: CapturingLogger
) -> None:
    for name in ["session:1", "session:2", "sess*", "sess[a-z]", "other"]:
        await shelf.put(name, b"x", ttl_seconds=60)
    await RedisShelf(client, "main", "inbox", SECRET, log).put("session:3", b"x", ttl_seconds=60)
    assert await shelf.names("session:") == ["session:1", "session:2"]
    assert await shelf.names("sess*") == ["sess*"]
    assert await shelf.names("sess[") == ["sess[a-z]"]
    assert len(await shelf.names("")) == 5


async def test_an_adapters_name_cannot_reach_into_another_shelf(client: Redis, log: CapturingLogger) -> None:
    with pytest.raises(ValueError, match="separates"):
        RedisShelf(client, "main", "slack:x", SECRET, log)


async def test_without_redis_the_shelf_is_unavailable(tmp_path: Path, log: CapturingLogger) -> None:
    client = connect(f"unix://{tmp_path}/none")
    with pytest.raises(Unavailable) as caught:
        await RedisShelf(client, "main", "slack", SECRET, log).get("a")
    assert caught.value.retry_after
    await client.aclose()


def test_a_given_secret_is_used_and_none_is_written(tmp_path: Path) -> None:
    assert load_or_make_secret(SECRET, tmp_path / "data") == SECRET
    assert not (tmp_path / "data").exists()


def test_a_secret_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    made = load_or_make_secret(None, tmp_path / "data")
    assert len(made) == 32
    assert load_or_make_secret(None, tmp_path / "data") == made
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600


def test_with_a_shared_redis_no_secret_is_made_up() -> None:
    with pytest.raises(Unusable, match="openssl rand -base64 32"):
        load_or_make_secret(None, None)


def test_a_secret_that_others_can_read_or_that_is_damaged_is_refused(tmp_path: Path) -> None:
    load_or_make_secret(None, tmp_path)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(Unusable, match="chmod 600"):
        load_or_make_secret(None, tmp_path)
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "secret").write_text("not base64")
    with pytest.raises(Unusable, match="damaged"):
        load_or_make_secret(None, tmp_path)


async def test_where_a_disk_is_waited_for_a_write_that_it_does_not_have_is_not_acknowledged(
    client: Redis, log: CapturingLogger
) -> None:
    lasting = RedisShelf(client, "main", "inbox", SECRET, log, wait_for=(1, 0, 1000))
    await lasting.put("session", b"x", ttl_seconds=60)
    assert await lasting.take("session") == b"x"
    without_replicas = RedisShelf(client, "main", "inbox", SECRET, log, wait_for=(1, 1, 50))
    with pytest.raises(Unavailable):
        await without_replicas.put("session", b"x", ttl_seconds=60)


async def test_listing_names_looks_at_no_key_but_the_list(shelf: RedisShelf, client: Redis) -> None:
    async with client.pipeline(transaction=False) as pipe:
        for number in range(2000):
            pipe.set(f"{{main}}:request:{number}", "x")
        await pipe.execute()
    await shelf.put("place/1", b"1", ttl_seconds=60)
    await client.config_resetstat()
    assert await shelf.names("place/") == ["place/1"]
    commands = {
        name.removeprefix("cmdstat_"): stat["calls"] for name, stat in (await client.info("commandstats")).items()
    }
    assert {name: count for name, count in commands.items() if "config" not in name} == {"zrange": 1}


async def test_what_was_taken_deleted_or_has_lapsed_is_listed_no_longer(
    shelf: RedisShelf, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        await shelf.put(name, b"1", ttl_seconds=60)
    await shelf.put("a", b"2", ttl_seconds=10)
    await shelf.put("d", b"1", ttl_seconds=10_000)
    await shelf.put("other/d", b"1", ttl_seconds=10_000)
    await shelf.take("b")
    await shelf.delete("c")
    assert await shelf.names("") == ["a", "d"]
    later = time.time() + 3600 + 61
    monkeypatch.setattr("sayso_bot.store.shelf.time.time", lambda: later)
    assert await shelf.names("") == ["d"]
    await shelf.put("e", b"1", ttl_seconds=60)
    assert await client.zcard("{main}:shelf-names:slack:") == 2, "what has lapsed leaves the list with the next write"
