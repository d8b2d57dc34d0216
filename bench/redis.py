"""The embedded Redis exactly as the service starts it, for a ceiling alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sayso_bot.store.embedded import EmbeddedRedis
from sayso_bot.store.record import Record
from sayso_bot.telemetry import logger


@asynccontextmanager
async def a_redis() -> AsyncIterator[tuple[str, int]]:
    """Its address and pid."""
    with TemporaryDirectory(prefix="sb-", ignore_cleanup_errors=True) as name:
        async with EmbeddedRedis(Path(name), log=logger("bench")) as redis:
            yield redis.url, pid_of_redis(Path(name))


def pid_of_redis(data_dir: Path) -> int:
    record = Record.read(data_dir / "redis")
    assert record is not None, f"no Redis runs on {data_dir}"
    return record.pid
