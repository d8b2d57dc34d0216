"""Slack does not answer for a while: nothing is tried in vain over and over, and all is shown when it is back."""

from __future__ import annotations

import asyncio
from collections import Counter

from e2e.office import POLICY, asked, office, recorded, workspace
from fakes.redis_proxy import RedisProxy
from redis_server import RedisServer
from service import serving, until


async def test_while_a_place_does_not_answer_its_cards_are_not_tried_one_after_the_other() -> None:
    failed: Counter[str] = Counter()

    def heard(moment: str, name: str, request: str) -> None:
        if moment == "call" and name.endswith("_failed"):
            failed[request] += 1

    async with workspace() as slack, RedisServer() as redis, RedisProxy(redis, heard) as wire:
        environ = {**slack.settings(), "SAYSO_REDIS_URL": wire.url}
        async with serving(policy=POLICY, redis=redis, environ=environ) as sayso:
            agent = await sayso.agent()
            await slack.refuse_connections()
            requests = await asyncio.gather(*(asked(agent) for _ in range(40)))
            await until(lambda: failed.total() >= 2)
            await asyncio.sleep(1.5)
            assert failed.total() < 10
            await slack.accept_connections()
            for request in requests:
                await recorded(sayso, request)
            assert len(slack.messages) == 40
            assert await sayso.service.store.alarms(1) == []


async def test_a_place_that_answers_again_is_served_again() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.break_("chat.postMessage", status=503, times=3)
        requests = [await asked(agent) for _ in range(3)]
        for request in requests:
            await recorded(sayso, request)
        await until(lambda: len(slack.messages) == 3)
        assert len(slack.cards_called()) == 6
        await asyncio.wait_for(recorded(sayso, await asked(agent)), 2)
