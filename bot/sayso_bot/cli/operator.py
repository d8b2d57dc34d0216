"""The way of an operator's command into the book: settings, the store, work, and out again.

It connects to the Redis of a running service, or starts the embedded one under its lock for as long as the command
takes. What goes wrong on the way is logged to standard error from WARNING on; standard output belongs to the command.
"""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sayso_bot.configuration import ActiveConfiguration
from sayso_bot.domain.text import one_line
from sayso_bot.opening import configuration_of, opened_book, review_url, shelves
from sayso_bot.ports import Log, OperatorDoor, OperatorTools
from sayso_bot.settings import Settings, environment
from sayso_bot.store.redis import RedisStore
from sayso_bot.telemetry import configure_logs, logger
from sayso_bot.workers.tasks import cancelled

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Book:
    """The open book, for one command."""

    settings: Settings
    store: RedisStore
    log: Log

    async def configuration(self) -> ActiveConfiguration:
        """Keys and policy as they are in force now."""
        found = configuration_of(self.store, self.log)
        await found.refresh()
        return found

    def review_url(self, request_id: str) -> str:
        return review_url(self.settings)(request_id)


def with_book(work: Callable[[Book], Coroutine[Any, Any, T]]) -> T:
    """Run ``work`` on the open book. Raises `Unusable`, KeyboardInterrupt, and whatever ``work`` raises."""
    return asyncio.run(_until_ended(_on_book(work)))


async def _until_ended(work: Coroutine[Any, Any, T]) -> T:
    """Await ``work`` in a task of its own, which a Ctrl-C asks to end until it has: see `cancelled`."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task])
    finally:
        await cancelled([task])
    return task.result()


async def _on_book(work: Callable[[Book], Awaitable[T]]) -> T:
    settings = Settings.load()
    configure_logs(settings.log_format, "warning")
    log = logger("command")
    async with opened_book(settings, log) as store:
        return await work(Book(settings, store, log))


def shell_user() -> str:
    """Who runs the command, as the system calls them; nothing where it has no name for them, as in some containers."""
    try:
        return one_line(getpass.getuser())[:64]
    except (KeyError, OSError):
        return ""


def shell() -> str:
    """Where the command is run, for the record: ``ana@ops-1``."""
    return "@".join(filter(None, (shell_user(), socket.gethostname())))


class _Door:
    """`sayso_bot.ports.OperatorDoor` on the book that the environment names."""

    def run(self, work: Callable[[OperatorTools], Awaitable[Any]]) -> Any:
        async def with_tools(book: Book) -> Any:
            async def journal(kind: str, about: Mapping[str, Any]) -> None:
                await book.store.note(kind, "", about)

            shelf = shelves(book.settings, book.store.client, book.log)
            tools = OperatorTools(
                shelf=shelf, public_url=book.settings.public_url, settings=environment(), journal=journal
            )
            return await work(tools)

        return with_book(with_tools)

    def public_url(self) -> str:
        return Settings.load().public_url


def door() -> OperatorDoor:
    """What commands of adapters are given as their context's object."""
    return _Door()
