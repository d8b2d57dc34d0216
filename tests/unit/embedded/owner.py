"""One data folder, one owner, one server: what the tests start, kill and look at."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from sayso_bot.errors import Unusable
from sayso_bot.store.connect import connect
from sayso_bot.store.record import Record

OWNER = """
import asyncio, sys
from pathlib import Path
from structlog.testing import CapturingLogger
from sayso_bot.store.embedded import EmbeddedRedis

async def main():
    redis = EmbeddedRedis(Path(sys.argv[1]), log=CapturingLogger(), use=sys.argv[2])
    await redis.start()
    print(redis.url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await redis.stop()

asyncio.run(main())
"""


async def wait_until(done: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if done():
                return
            await asyncio.sleep(0.01)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def exists(path: Path) -> bool:
    return path.exists()


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if mode(path) & 0o077]


def spawn(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def unusable(work: Awaitable[object]) -> str:
    with pytest.raises(Unusable) as caught:
        await work
    return caught.value.detail


@asynccontextmanager
async def owner_elsewhere(folder: Path, use: str = "serve") -> AsyncIterator[subprocess.Popen[str]]:
    """Another process that owns ``folder`` until its standard input ends."""
    owner = spawn(sys.executable, "-c", OWNER, str(folder), use)
    assert owner.stdin is not None
    assert owner.stdout is not None
    try:
        assert (await asyncio.to_thread(owner.stdout.readline)).startswith("unix://")
        yield owner
    finally:
        with suppress(BrokenPipeError):
            owner.stdin.close()
        await asyncio.to_thread(owner.wait)
        owner.stdout.close()


async def orphan(folder: Path) -> Record:
    """A server whose owner was killed, with ``a`` = ``1`` in it."""
    async with owner_elsewhere(folder) as owner:
        record = Record.read(folder / "redis")
        assert record is not None
        async with connect(f"unix://{record.socket}") as client:
            await client.set("a", "1")
        owner.kill()
    assert record.process.is_alive
    return record


async def read(url: str, key: str) -> str | None:
    async with connect(url) as client:
        value = await client.get(key)
        assert not isinstance(value, bytes)
        return value


def events(log: CapturingLogger) -> list[str]:
    return [call.args[0] for call in log.calls]


def happened(log: CapturingLogger, event: str, times: int) -> bool:
    return events(log).count(event) == times
