"""When this process looks for garbage: often among what is new, and among all only when all has grown.

Held calls live long and are many: a look at all of 10,000 takes a third of a second, in which nobody is woken. Python
would take it unasked: it counts what was made less what has ended, so while as many calls end as begin it does not look
at all, and then at all that has begun meanwhile at once. Open connections explain growth, so they cause no such look.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Sized

LOOK_SECONDS = 0.02
"""A look takes as long as much was made since the last one and is in use, and who is woken just then waits for it."""
FEW_CONNECTIONS = 100
RARE_LOOK_SECONDS = 1.0
"""Where few connections are open, little is in use at any time, so a look takes no longer for coming rarely. A
submission that was answered leaves nothing to be found.
"""
GROWTH_SECONDS = 1.0
"""How often it is looked at how much memory is in use."""
GROWTH = 1.5
SPARE_BLOCKS = 500_000
"""Blocks of memory are some hundred bytes each."""
BLOCKS_OF_A_CONNECTION = 120
"""As many as one with a held call has. One on which nobody asks has 46."""
_NEW_AT_ONCE = 50_000
"""In a burst Python still looks among what is new by itself."""
_NEVER = 1_000_000_000


async def look_for_garbage(connections: Sized) -> None:
    """Until cancelled. What was there when it begins is never looked at. ``connections`` are those now open."""
    gc.freeze()
    gc.set_threshold(_NEW_AT_ONCE, _NEVER, _NEVER)
    gc.enable()
    most, since_growth = _most(connections), 0.0
    while True:
        seconds = LOOK_SECONDS if len(connections) > FEW_CONNECTIONS else RARE_LOOK_SECONDS
        await asyncio.sleep(seconds)
        if not gc.isenabled():
            continue  # a long policy is being read
        gc.collect(0)
        since_growth += seconds
        if since_growth >= GROWTH_SECONDS:
            since_growth = 0.0
            if _unexplained(connections) > most:
                gc.collect()
                most = _most(connections)


def _most(connections: Sized) -> float:
    """With how many blocks beside those of connections all is looked at again."""
    return GROWTH * _unexplained(connections) + SPARE_BLOCKS


def _unexplained(connections: Sized) -> int:
    return sys.getallocatedblocks() - BLOCKS_OF_A_CONNECTION * len(connections)
