"""Taking a lease, holding it while a slow platform answers, and how long to pause after it did not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from sayso_bot.errors import SaysoError
from sayso_bot.workers.tasks import cancelled

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
T = TypeVar("T")


async def taken(taking: Awaitable[T], hand_back: Callable[[T], Awaitable[None]]) -> T:
    """What the call that takes a lease answers. Told to stop meanwhile, hand it back first."""
    call = asyncio.ensure_future(taking)
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        with suppress(SaysoError):
            await hand_back(await call)
        raise


@asynccontextmanager
async def keeping(renew: Callable[[], Awaitable[object]], lease_seconds: float) -> AsyncIterator[None]:
    """Renew the lease three times in its life until the work is done."""

    async def again_and_again() -> None:
        while True:
            await asyncio.sleep(lease_seconds / 3)
            with suppress(SaysoError):  # the next one may come in time, and the fence guards what does not
                await renew()

    task = asyncio.create_task(again_and_again())
    try:
        yield
    finally:
        await cancelled([task])


def pause(attempts: int) -> float:
    """Exponential back-off with full jitter over its upper half, in seconds."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(attempts, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
