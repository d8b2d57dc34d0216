"""Many callers who come in one moment."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from itertools import pairwise

from aiohttp import web

from sayso_bot.http.limits import RESERVED_DESCRIPTORS
from service import CALLERS_AT_ONCE
from unit.served import served

TURNS, ADDRESSES = 3, 2


async def _nothing(_: web.Request) -> web.Response:
    return web.Response()


async def test_all_who_come_while_nobody_looks_are_taken_and_counted_few_at_a_time() -> None:
    """None is counted for three turns of the loop. Open files are kept for so many, also where ``localhost`` is two."""
    async with served(_nothing) as (connections, port):
        with ExitStack() as callers:
            for _ in range(CALLERS_AT_ONCE):  # the loop does nothing meanwhile
                callers.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            counts = [len(connections)]
            async with asyncio.timeout(10):
                while counts[-1] < CALLERS_AT_ONCE:
                    await asyncio.sleep(0)
                    counts.append(len(connections))
    at_a_time = max(now - before for before, now in pairwise(counts))
    assert at_a_time * TURNS * ADDRESSES < RESERVED_DESCRIPTORS
