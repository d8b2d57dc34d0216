"""How the tests run: properties are judged by what they find, not by how busy the machine was, and the long ones begin
first, so that no worker is left alone with them at the end.

Who asks for ``server`` has one Redis for the module, who asks for ``store`` a book of its own there for the test.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from book import opened
from redis_server import RedisServer
from sayso_bot.store.redis import RedisStore

LONGEST_FIRST = ("browser", "stories", "e2e", "faults", "contract", "unit")

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By folder; within one, in the random order that they came in."""
    here = Path(__file__).parent
    order = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(here).parts[0], 0))


@pytest.fixture
def garbage_as_it_was() -> Iterator[None]:
    """How garbage is looked for is the whole process's: undo what the test changes."""
    threshold = gc.get_threshold()
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    async with opened(server.url) as found:
        yield found
