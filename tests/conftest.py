"""How the tests run: properties are judged by what they find, not by how busy the machine was, and the long ones begin
first, so that no worker is left alone with them at the end.

Who asks for ``server`` has one Redis for the module, who asks for ``store`` a book of its own there for the test.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop
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


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of `sayso serve`; what runs in processes of its own, on Python's loop, is tried on that."""
    below = item.path.relative_to(Path(__file__).parent).parts
    on_pythons = below[:2] == ("unit", "client") or below[0] == "benchmark"
    return {"python": asyncio.new_event_loop} if on_pythons else {"uvloop": uvloop.new_event_loop}


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
