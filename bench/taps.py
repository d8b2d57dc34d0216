"""Taps: how long Slack waits until it is told that a tap was received, while many agents wait for theirs.

Each tap is a signed call of Slack's at the running service, on a request of its own whose agent holds a call. A slice
ends when every one of its agents was woken with the approval, so nothing is acknowledged here that did not count.
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Any, cast
from urllib.parse import urlencode

from bench.load import call, connected, paced_calls
from bench.load import close as close_all
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.slack import APPROVER, CHANNEL
from bench.waiting import at_sayso, percentile
from bench.workload import UnderTest, under_test
from fakes.slack import FakeSlack
from fakes.slack_workspace import Message
from sayso_bot.store.redis import RedisStore

AT_MOST_MS = 300.0
P99 = 0.99
PLACE = f"slack:{CHANNEL}"


class Taps:
    """Slack's calls for taps on Approve: each of another request, signed when it is sent."""

    def __init__(self, sayso: UnderTest) -> None:
        self._slack = FakeSlack()
        self._host = f"127.0.0.1:{sayso.port}"
        self._bodies = deque[str]()

    async def prepare(self, store: RedisStore, ids: Sequence[str]) -> None:
        """Make the bodies of taps on the cards of ``ids``. Each card is a message of its own."""
        for request_id in ids:
            token = await cast("Any", store.client).hget(store.keys.post(request_id, PLACE), "button")
            card = Message(CHANNEL, self._slack.stamp(), "A card", [], None)
            payload = self._slack.payload(card, "approve", user=APPROVER, value=token)
            self._bodies.append(urlencode({"payload": json.dumps(payload)}))

    def next(self) -> bytes:
        body = self._bodies.popleft()
        return call("POST", "/slack/events", {"Host": self._host, **self._slack.signed(body)}, body.encode())


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("taps", scale.slices)
    each = round(scale.taps * scale.slice_seconds)
    async with (
        under_test() as sayso,
        at_sayso(sayso, scale.agents, each * (scale.slices + 1)) as waiting,
        sayso.book() as store,
    ):
        connections = await connected(sayso.port, scale.connections)
        taps, chance = Taps(sayso), random.Random(7)

        async def slice_() -> list[float]:
            ids = chance.sample(await waiting.agents.do("held"), each)
            await taps.prepare(store, ids)
            taken = await paced_calls(connections, taps.next, 200, scale.taps, scale.slice_seconds)
            await waiting.agents.do("woken", ids)
            return [wait * 1000 for wait in taken.waits]

        await slice_()  # the first one asks Slack who the approver is
        shares = waiting.shares()
        slices = []
        for _ in range(scale.slices):
            slices.append(await slice_())
            progress.step(f"p99 {percentile(slices[-1], P99):.0f} ms")
        cpu_share = shares.so_far()
        close_all(connections)
    waits = [wait for taken in slices for wait in taken]
    spread = {"p50": percentile(waits, 0.5), "p99": percentile(waits, P99), "most": max(waits)}
    return [
        Row(
            f"a tap is acknowledged, {scale.taps} a second while {scale.agents:,} agents wait: p99",
            round(median(percentile(taken, P99) for taken in slices), 1),
            "ms",
            at_most=AT_MOST_MS,
            whole=scale.is_whole,
            measured_at={
                "taps_per_second": scale.taps,
                "held": scale.agents,
                "slices": scale.slices,
                "slice_seconds": scale.slice_seconds,
                "cores": cores(),
                "cpu_share": cpu_share,
                "ms": {name: round(value, 1) for name, value in spread.items()},
            },
        )
    ]
