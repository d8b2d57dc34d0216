"""One data folder has one owner: who comes second is told so, waits, or shares."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from sayso_bot.store.connect import connect
from sayso_bot.store.embedded import EmbeddedRedis, attach_or_start
from sayso_bot.store.record import Record
from unit.embedded.owner import owner_elsewhere, read, unusable


async def test_a_second_service_on_the_folder_is_told_who_holds_it(folder: Path, log: CapturingLogger) -> None:
    async with owner_elsewhere(folder) as owner:
        told = await unusable(EmbeddedRedis(folder, log=log).start())
        assert f"in use by a running Sayso service (process {owner.pid})" in told
        assert "SAYSO_DATA_DIR" in told
        record = Record.read(folder / "redis")
        assert record is not None
        assert record.process.is_alive


async def test_a_command_uses_the_running_services_redis_and_leaves_it_running(
    folder: Path, log: CapturingLogger
) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        async with attach_or_start(folder, log=log) as url:
            assert url == redis.url
        async with connect(redis.url) as client:
            assert await client.ping()


async def test_a_command_without_a_service_starts_one_and_stops_it(folder: Path, log: CapturingLogger) -> None:
    async with attach_or_start(folder, log=log) as url, connect(url) as client:
        await client.set("a", "1")
        record = Record.read(folder / "redis")
    assert record is not None
    assert not record.process.is_alive
    async with attach_or_start(folder, log=log) as url:
        assert await read(url, "a") == "1"


async def test_commands_and_a_service_wait_for_a_command_to_end(folder: Path, log: CapturingLogger) -> None:
    async def command() -> None:
        async with attach_or_start(folder, log=log) as url, connect(url) as client:
            await client.incr("n")

    await asyncio.gather(*(command() for _ in range(5)))
    async with EmbeddedRedis(folder, log=log) as redis:
        assert await read(redis.url, "n") == "5"


async def test_a_command_that_never_ends_is_named(
    folder: Path, log: CapturingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_bot.store.embedded.COMMAND_SECONDS", 0.2)
    async with owner_elsewhere(folder, "command") as owner:
        told = await unusable(EmbeddedRedis(folder, log=log).start())
    assert f"another Sayso command (process {owner.pid})" in told
