"""Our own connections before a handler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from sayso_bot.http.app import Entrance
from sayso_bot.http.connection import Runner, Site
from sayso_bot.http.health import Metrics
from sayso_bot.http.limits import Connections, Limits
from sayso_bot.telemetry import logger


@asynccontextmanager
async def served(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[tuple[Connections, int]]:
    """The connections, and the port; ``handle`` answers ``GET /``."""
    metrics = Metrics()
    entrance = Entrance("http://localhost", logger("test"), metrics)
    entrance.app.router.add_get("/", handle)
    connections = Connections(Limits(), asyncio.get_running_loop().time)
    runner = Runner(entrance, metrics, connections, shutdown_timeout=0.1)
    await runner.setup()
    await Site(runner, "127.0.0.1", 0).start()
    yield connections, runner.addresses[0][1]
    await runner.cleanup()
