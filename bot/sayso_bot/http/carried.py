"""Answers that are carried to their end, though a caller that hangs up ends its call (`connection`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from aiohttp import web

from sayso_bot.errors import SaysoError

T = TypeVar("T")
_REFUSALS = (SaysoError, web.HTTPException, web.RequestPayloadError, ConnectionError)


async def carried(answering: Awaitable[T]) -> T:
    """What ``answering`` gives, or raises. It goes on when who waits for it is cancelled."""
    task = asyncio.ensure_future(answering)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_unheard)
        raise


def _unheard(task: asyncio.Future[Any]) -> None:
    """Nobody is left to be refused anything. A fault of ours goes to the log, by the loop."""
    if task.cancelled() or (error := task.exception()) is None or isinstance(error, _REFUSALS):
        return
    task.get_loop().call_exception_handler({"message": "a call failed after its caller had left", "exception": error})
