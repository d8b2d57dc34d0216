"""When this process looks for garbage: often among what is new, and among all only when all has grown.

Held calls live long and are many: a look at all of 10,000 takes a tenth of a second, in which nobody is woken. Python
would take it unasked: it counts what was made less what has ended, so while as many calls end as begin it does not look
at all, and then at all that has begun meanwhile at once.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from itertools import count

LOOK_SECONDS = 0.1
LOOKS_AT_GROWTH = 10
"""So many looks lie between two at how much memory is in use."""
GROWTH = 1.5
SPARE_BLOCKS = 500_000
"""Blocks of memory are some hundred bytes each."""
_NEW_AT_ONCE = 50_000
"""In a burst Python still looks among what is new by itself."""
_NEVER = 1_000_000_000


async def look_for_garbage() -> None:
    """Until cancelled. What was there when it begins is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_AT_ONCE, _NEVER, _NEVER)
    most = _most()
    for look in count():
        await asyncio.sleep(LOOK_SECONDS)
        if not gc.isenabled():
            continue  # a long policy is being read
        gc.collect(0)
        if look % LOOKS_AT_GROWTH == 0 and sys.getallocatedblocks() > most:
            gc.collect()
            most = _most()


def _most() -> float:
    """With how many blocks all is looked at again."""
    return GROWTH * sys.getallocatedblocks() + SPARE_BLOCKS
