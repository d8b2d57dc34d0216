"""A burst of requests to one channel is posted at Slack's pace: none is lost or doubled, and nobody else waits."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter

import pytest

from bench.slack import LimitedSlack
from e2e.office import PAYMENTS, asked, later, office, recorded

pytestmark = pytest.mark.alone
STEP_SECONDS = 0.25
PATIENCE_SECONDS = 90.0
LONGEST_SECONDS = 1.0


class BookTime:
    """A clock for the stand-in that moves with the book's own."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_burst_is_paced_by_all_replicas_together_and_holds_up_no_other_channel() -> None:
    clock = BookTime()
    async with LimitedSlack(clock=clock) as slack:
        slack.add_channel("C0OTHER")
        async with office(slack) as (one, agent), office(slack, redis=one.redis) as (_, other):
            await later(one, 60)  # from here the book's time moves by steps alone

            async def step() -> None:
                clock.seconds += STEP_SECONDS
                await later(one, STEP_SECONDS)
                await asyncio.sleep(0.03)

            burst = await asyncio.gather(*(asked(each) for _ in range(30) for each in (agent, other)))
            elsewhere = []
            end = time.monotonic() + PATIENCE_SECONDS
            for count in itertools.count(1):
                assert time.monotonic() < end, f"{len(slack.messages)} were posted"
                await step()
                if count % 40 == 0:
                    elsewhere.append(await asked(agent, "other.thing"))
                    await asyncio.wait_for(recorded(one, elsewhere[-1], "slack:C0OTHER"), timeout=LONGEST_SECONDS)
                if len(slack.messages) == len(burst) + len(elsewhere):
                    break
            for request in burst:
                await recorded(one, request, PAYMENTS)
            shown = Counter(
                message.metadata["event_payload"]["request_id"] for message in slack.messages if message.metadata
            )
            assert shown == dict.fromkeys([*burst, *elsewhere], 1)
            assert elsewhere, "somebody asked in the other channel meanwhile"
            assert slack.limited <= 15, "one at a time would have been refused sixty times"
