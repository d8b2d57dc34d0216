"""What an adapter is given, for its tests: a real aiohttp server for its routes, tasks, a log that can be read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from sayso_bot.errors import SaysoError
from sayso_bot.ports import AdapterContext, Handler
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.office import MemoryOffice


@dataclass
class Lines:
    """A log. ``lines`` are (level, event, fields)."""

    lines: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def debug(self, event: str, **fields: Any) -> None:
        self.lines.append(("debug", event, fields))

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append(("error", event, fields))

    def exception(self, event: str, **fields: Any) -> None:
        self.lines.append(("exception", event, fields))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [fields for _, found, fields in self.lines if found == event]


class MemoryShelf:
    """`sayso_bot.ports.Shelf` whose values lapse by the clock ``now``. ``kept`` are they, and until when.

    Reading raises ``broken``, and writing ``read_only``, until it is None again.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.kept: dict[str, tuple[bytes, datetime]] = {}
        self.broken: SaysoError | None = None
        self.read_only: SaysoError | None = None

    async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None:
        if self.read_only is not None:
            raise self.read_only
        if ttl_seconds <= 0:
            raise ValueError("nothing on a shelf lives for ever")
        self.kept[name] = (value, self._now() + timedelta(seconds=ttl_seconds))

    async def put_new(self, name: str, value: bytes, *, ttl_seconds: int) -> bool:
        if await self.get(name) is not None:
            return False
        await self.put(name, value, ttl_seconds=ttl_seconds)
        return True

    async def get(self, name: str) -> bytes | None:
        if self.broken is not None:
            raise self.broken
        value, until = self.kept.get(name, (b"", self._now()))
        return value if until > self._now() else None

    async def take(self, name: str) -> bytes | None:
        value, until = self.kept.pop(name, (b"", self._now()))
        return value if until > self._now() else None

    async def delete(self, name: str) -> bool:
        return await self.take(name) is not None

    async def names(self, prefix: str) -> Sequence[str]:
        return [name for name, (_, until) in self.kept.items() if name.startswith(prefix) and until > self._now()]


class Surroundings:
    """The service around one adapter, with its port open from the start and answered while `serving`.

    ``public_url`` is that of the port where none is given. ``failures`` are errors of spawned tasks, which the real
    one logs; ``journal`` is what was put on the record, and ``journal_trouble`` is raised instead while it is set.
    """

    def __init__(
        self,
        desk: MemoryDesk,
        settings: Mapping[str, str],
        *,
        public_url: str | None = "https://sayso.example.com",
        now: Callable[[], datetime] | None = None,
        loopback: bool = True,
    ) -> None:
        self.log = Lines()
        self.clock_is_right = True
        self.failures: list[BaseException] = []
        self.journal: list[tuple[str, Mapping[str, Any]]] = []
        self.journal_trouble: SaysoError | None = None
        self.shelf = MemoryShelf(now or Clock())
        self.office = MemoryOffice()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._app = web.Application()
        self._tasks: set[asyncio.Task[None]] = set()
        self.context = AdapterContext(
            desk=desk,
            office=self.office,
            log=self.log,
            settings=settings,
            public_url=public_url or self.url,
            mount=self._mount,
            shelf=self.shelf,
            spawn=self._spawn,
            clock_is_right=lambda: self.clock_is_right,
            journal=self._note,
            loopback=loopback,
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the mounted routes; yields the base URL."""
        runner = web.AppRunner(self._app, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self._listening).start()
        try:
            yield self.url
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await runner.cleanup()

    def _mount(self, method: str, path: str, handler: Handler, /, *, takes_files: bool = False) -> None:
        self._app.router.add_route(method, path, handler)

    async def _note(self, kind: str, data: Mapping[str, Any]) -> None:
        if self.journal_trouble is not None:
            raise self.journal_trouble
        self.journal.append((kind, data))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(_finish(work))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self.failures.append(failure)


async def _finish(work: Awaitable[None]) -> None:
    await work
