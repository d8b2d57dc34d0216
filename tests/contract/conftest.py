"""One Redis for each module of contract tests, and a book of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from book import advance, opened
from redis_server import RedisServer
from sayso_bot.store.redis import RedisStore


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    async with opened(server.url) as found:
        yield found


@pytest.fixture
async def still(store: RedisStore) -> None:
    """The book's time stands still from here on, and goes forward by `advance` alone."""
    await advance(store, 60)
