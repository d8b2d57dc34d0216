"""What an adapter is given, for its tests: a real aiohttp server for its routes, tasks, a log that can be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sayso_bot.ports import AdapterContext, Handler
from sayso_bot.testing.desk import MemoryDesk


@dataclass
class Lines:
    """A log. ``lines`` are (level, event, fields)."""

    lines: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

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
    """`sayso_bot.ports.Shelf` that forgets nothing before its test ends."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None:
        if ttl_seconds <= 0:
            raise ValueError("nothing on a shelf lives for ever")
        self._values[name] = value

    async def get(self, name: str) -> bytes | None:
        return self._values.get(name)

    async def take(self, name: str) -> bytes | None:
        return self._values.pop(name, None)

    async def delete(self, name: str) -> bool:
        return self._values.pop(name, None) is not None

    async def names(self, prefix: str) -> Sequence[str]:
        return [name for name in self._values if name.startswith(prefix)]


class Surroundings:
    """The service around one adapter. ``failures`` are errors of spawned tasks, which the real one logs."""

    def __init__(self, desk: MemoryDesk, settings: Mapping[str, str]) -> None:
        self.log = Lines()
        self.clock_is_right = True
        self.failures: list[BaseException] = []
        self.url = ""
        self._app = web.Application()
        self._tasks: set[asyncio.Task[None]] = set()
        self.context = AdapterContext(
            desk=desk,
            log=self.log,
            settings=settings,
            public_url="https://sayso.example.com",
            mount=self._mount,
            shelf=MemoryShelf(),
            spawn=self._spawn,
            clock_is_right=lambda: self.clock_is_right,
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the mounted routes on a free port of loopback; yields the base URL."""
        runner = web.AppRunner(self._app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self.url
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await runner.cleanup()

    def _mount(self, method: str, path: str, handler: Handler) -> None:
        self._app.router.add_route(method, path, handler)

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
