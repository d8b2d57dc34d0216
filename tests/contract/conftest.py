"""What contract tests of the store ask for beside the book of their own."""

from __future__ import annotations

import pytest

from book import advance
from sayso_bot.store.redis import RedisStore


@pytest.fixture
async def still(store: RedisStore) -> None:
    """The book's time stands still from here on, and goes forward by `advance` alone."""
    await advance(store, 60)
