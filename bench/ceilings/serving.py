"""Runs a ceiling's application on a port until the process is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from aiohttp import web

from bench.processes import raise_file_limit


async def serve(application: Awaitable[web.Application], port: int) -> None:
    raise_file_limit()
    runner = web.AppRunner(await application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()
