"""Many callers who come in one moment."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from itertools import pairwise

from aiohttp import web

from sayso_bot.http.limits import RESERVED_DESCRIPTORS
from unit.served import served

CALLERS = 300


async def _nothing(_: web.Request) -> web.Response:
    return web.Response()


async def test_all_who_come_while_nobody_looks_are_taken_and_counted_few_at_a_time() -> None:
    """More at a time would be more open files than are kept for those who are not counted yet."""
    async with served(_nothing) as (connections, port):
        with ExitStack() as callers:
            for _ in range(CALLERS):  # the loop does nothing meanwhile
                callers.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            counts = [len(connections)]
            async with asyncio.timeout(10):
                while counts[-1] < CALLERS:
                    await asyncio.sleep(0)
                    counts.append(len(connections))
    assert max(now - before for before, now in pairwise(counts)) < RESERVED_DESCRIPTORS / 2
