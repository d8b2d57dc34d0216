"""The faults by lane. Each hurts, sees that it took hold, and repairs; the ledger knows when.

Lanes run beside one another, so that faults also meet. A fault that waits for a step which does not come up in time
takes itself back and is not counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from faults.campaign import ledger
from faults.campaign.admin_deeds import ADMIN_LANES
from faults.campaign.ledger import Span
from faults.campaign.plan import turns
from faults.campaign.process_faults import AT_DEEDS, KILLS, SELDOM, WIRE, miss_what_is_published
from faults.campaign.scene import Fault, Scene, passed
from faults.campaign.slack_faults import CHANNELS, LONG, SLACK, SOCKETS

SHORTER = 0.25
PAUSES = {
    "kills": (0.5, 1.5),
    "wire": (0.1, 0.6),
    ledger.DEEDS: (0.1, 0.6),
    ledger.SLACK: (0.1, 0.6),
    ledger.SOCKETS: (0.1, 1.0),
    ledger.CHANNELS: (3.0, 8.0),
    **dict.fromkeys(ADMIN_LANES, (0.5, 2.5)),
}
LANES: Mapping[str, Mapping[str, Fault]] = {
    "kills": KILLS,
    "wire": WIRE,
    ledger.SLACK: SLACK,
    ledger.SOCKETS: SOCKETS,
    ledger.CHANNELS: CHANNELS,
    **ADMIN_LANES,
}
LONG_LANES = {
    **LANES, "wire": {**WIRE, **SELDOM}, ledger.SLACK: {**SLACK, **LONG}, ledger.DEEDS: AT_DEEDS,
}  # fmt: skip
"""With a lane that hurts at the steps of deeds, with other steps of which hardly one comes up in a short run, and with
troubles that outlast every time-out.
"""
MISSED = {"wire": {"a subscription misses what is published": miss_what_is_published}}
"""Alone: a kill would make an agent ask again, and hide that nobody woke it."""
RARE = frozenset({"kill -9 of every replica", "kill -9 of Redis and every replica", "Slack hangs", *LONG})
EMBEDDED_LANES: Mapping[str, Mapping[str, Fault]] = {
    "kills": {f"{name}, embedded": KILLS[name] for name in (
        "kill -9 at a random moment", "kill -9 of Redis", "kill -9 of Redis and every replica",
        "kill -9 before a card is posted", "kill -9 after Slack took a card",
        "kill -9 while a card is updated", "kill -9 before an acknowledgement",
    )},
    ledger.SOCKETS: SOCKETS,
    **ADMIN_LANES,
}  # fmt: skip


def strikes(lanes: Mapping[str, Mapping[str, Fault]]) -> set[str]:
    """The faults among them that take hold at some moment; what admins do is done, or not."""
    return {title for name, faults in lanes.items() if name not in ADMIN_LANES for title in faults}


async def lane(name: str, faults: Mapping[str, Fault], scene: Scene, stop: asyncio.Event, now: dict[str, str]) -> None:
    """One fault after the other, until told to stop. ``now`` says which one is on, for whoever watches."""
    spans = scene.world.ledger.spans
    for title in turns(f"{scene.world.name}/{scene.chance.random()}", name, list(faults), RARE):
        if stop.is_set():
            return
        now[name] = title
        scene.struck.clear()
        await faults[title](scene)
        spans += [Span(title, name, at, time.time()) for at in scene.struck[:1]]
        now.pop(name)
        await passed(stop, scene.chance.uniform(*PAUSES[name]) * (1.0 if scene.long else SHORTER))
