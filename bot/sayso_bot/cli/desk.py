"""Desk and office for one command: the real ones, with the adapters that it needs and no service around them.

Routes of adapters lead nowhere here and their background work ends with the command.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import EntryPoint

from sayso_bot.cli.operator import Book
from sayso_bot.configuration import ActiveConfiguration
from sayso_bot.desk import Desk
from sayso_bot.office import Office
from sayso_bot.opening import office_of, shelves
from sayso_bot.ports import AdapterContext, ChatAdapter, Handler
from sayso_bot.settings import environment
from sayso_bot.telemetry import logger
from sayso_bot.waiting import Subscription


@asynccontextmanager
async def opened_desk(
    book: Book,
    configuration: ActiveConfiguration,
    platforms: Mapping[str, EntryPoint],
    clock_is_right: Callable[[], bool] = lambda: True,
) -> AsyncIterator[Desk]:
    """A desk with the adapters of ``platforms``, started. Raises `Unusable`."""
    async with opened_office(book, configuration, platforms, clock_is_right) as (desk, _):
        yield desk


@asynccontextmanager
async def opened_office(
    book: Book,
    configuration: ActiveConfiguration,
    platforms: Mapping[str, EntryPoint],
    clock_is_right: Callable[[], bool] = lambda: True,
) -> AsyncIterator[tuple[Desk, Office]]:
    """A desk and an office with the adapters of ``platforms``, started. Raises `Unusable`."""
    unheard = Subscription(book.store.client, book.store.keys.tag, book.log)
    desk = Desk(book.store, configuration, unheard, book.review_url, book.log, book.store.files)
    office = office_of(book.store, configuration, desk.adapters, book.log)
    background: set[asyncio.Future[None]] = set()

    def spawn(work: Awaitable[None]) -> None:
        background.add(asyncio.ensure_future(work))

    async with AsyncExitStack() as stack:
        stack.push_async_callback(_end, background)
        for name, point in platforms.items():
            context = AdapterContext(
                desk=desk,
                office=office,
                log=logger(name),
                settings=environment(),
                public_url=book.settings.public_url,
                mount=_nowhere,
                shelf=shelves(book.settings, book.store.client, book.log)(name),
                spawn=spawn,
                clock_is_right=clock_is_right,
                journal=lambda kind, data: book.store.note(kind, "", data),
                hears=False,
                loopback=book.settings.is_loopback,
            )
            adapter: ChatAdapter = point.load()(context)
            desk.join(adapter)
            await adapter.start()
            stack.push_async_callback(adapter.stop)
        yield desk, office


async def _end(background: set[asyncio.Future[None]]) -> None:
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)


def _nowhere(_method: str, _path: str, _handler: Handler, /, *, takes_files: bool = False) -> None:
    return None
