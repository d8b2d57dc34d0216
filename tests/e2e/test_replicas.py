"""Several replicas on one Redis are one service, and what one leaves behind another takes up."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from book import opened
from e2e.office import PAYMENTS, Stalled, asked, final, later, office, office_process, recorded, workspace
from redis_server import RedisServer
from service import ANA, BEN, LOCAL, Sayso, serving, until


async def test_two_replicas_show_each_card_once() -> None:
    async with workspace() as slack, office(slack) as (one, agent), office(slack, redis=one.redis) as (two, other):
        calls = [asked(each, action) for _ in range(10) for each in (agent, other) for action in ("a.b", "other.c")]
        requests = await asyncio.gather(*calls)
        await until(lambda: len(slack.messages) >= 40)
        for request, place in zip(requests, [PAYMENTS, "slack:C0OTHER"] * 20, strict=True):
            await recorded(one, request, place)
        shown = Counter(
            message.metadata["event_payload"]["request_id"] for message in slack.messages if message.metadata
        )
        assert shown == dict.fromkeys(requests, 1)

        votes = [replica.vote(request, "approve", person=ANA) for request in requests for replica in (one, two)]
        told = await asyncio.gather(*votes, return_exceptions=True)
        assert sum(not isinstance(vote, BaseException) for vote in told) == 40
        await until(lambda: all(final(message) for message in slack.messages))
        assert len(slack.messages) == 40


async def test_a_place_that_one_replica_was_told_to_leave_alone_is_left_alone_by_the_other() -> None:
    async with workspace() as slack, office(slack) as (one, agent), office(slack, redis=one.redis) as (two, other):
        slack.limit_rate("chat.postMessage", after=30)
        first = await asked(agent)
        await slack.until_called("chat.postMessage")
        await until(lambda: _is_blocked(one))
        second = await asked(other)
        await later(two, 15)
        await asyncio.sleep(0.2)
        assert slack.messages == []
        await later(two, 16)
        await recorded(one, first)
        await later(two, 2)
        await recorded(one, second)
        assert len(slack.cards_called()) == 3


async def _is_blocked(sayso: Sayso) -> bool:
    store = sayso.service.store
    return bool(await store.client.exists(store.keys["blocked"]))


async def test_a_tap_that_reaches_both_replicas_is_one_vote() -> None:
    async with workspace() as slack, office(slack) as (one, agent), office(slack, redis=one.redis) as (two, _):
        request = await asked(agent)
        message = await slack.posted()
        stamp = slack.stamp()
        taps = [slack.tap(each.url, message, "approve", user="U0ANA", action_ts=stamp) for each in (one, two) * 3]
        assert set(await asyncio.gather(*taps)) == {200}
        assert (await agent.get(f"/v1/requests/{request}?wait=5")).json()["status"] == "approved"
        assert len(await one.journal("voted")) == 1
        assert await one.journal("vote_refused") == []


async def test_a_denial_in_a_dialog_whose_answer_was_lost_is_told_as_one_by_the_other_replica() -> None:
    """Slack gives a tap to another replica where the first one says nothing; by then it counts."""
    async with workspace() as slack, office(slack) as (one, agent), office(slack, redis=one.redis) as (two, _):
        large = {"text": "\n".join(f"line {number}" for number in range(1000))}
        answer = await agent.post("/v1/requests", json={"action": "a.b", "params": large})
        message = await slack.posted()
        await slack.tap(one.url, message, "review", user="U0ANA")
        dialog = await slack.dialog()
        while "review_next" in dialog.buttons:
            version = dialog.version
            await slack.step(one.url, dialog, "review_next")
            await until(lambda: dialog.version > version)  # noqa: B023 - it is called before the next round
        stamp = slack.stamp()
        slack.fail("views.update", "internal_error")
        await slack.step(one.url, dialog, "deny", stamp=stamp)
        await until(lambda: _is_denied(agent, answer.json()["id"]))
        await slack.step(two.url, dialog, "deny", stamp=stamp)
        await until(lambda: dialog.words == "You denied a.b. The agent is told.")
        assert len(await one.journal("voted")) == 1
        assert await one.journal("vote_refused") == []


async def _is_denied(agent: httpx.AsyncClient, request: str) -> bool:
    return str((await agent.get(f"/v1/requests/{request}")).json()["status"]) == "denied"


async def test_people_who_answer_at_two_replicas_at_once_are_counted_together() -> None:
    policy = """
rules:
  - action: "*"
    ask: {channel: inbox, approvers: [email:ana@example.com, email:ben@example.com], quorum: 2}
"""
    async with serving(policy=policy) as one, serving(policy=policy, redis=one.redis) as two:
        agent = await one.agent()
        for _ in range(10):
            request = await asked(agent)
            await asyncio.gather(one.vote(request, "approve", person=ANA), two.vote(request, "approve", person=BEN))
            told = (await agent.get(f"/v1/requests/{request}?wait=5")).json()
            assert told["status"] == "approved"
            assert len(told["decision"]["votes"]) == 2


async def test_a_key_is_revoked_everywhere_at_once() -> None:
    async with serving() as one, serving(redis=one.redis) as two:
        key, secret = await one.key()
        elsewhere = two.client(secret)
        assert (await elsewhere.get("/v1/requests")).status_code == 200
        await one.revoke(key)
        told = await elsewhere.post("/v1/requests", json={"action": "a.b", "params": {}})
        assert told.status_code == 401


async def test_what_is_done_at_one_replica_is_seen_by_listeners_at_the_other() -> None:
    async with serving() as one, serving(redis=one.redis) as two:
        agent = await one.agent()
        async with two.service.desk.changes() as changes:
            assert await asyncio.wait_for(anext(changes), 5) is None
            request = await asked(agent)
            told = (each async for each in changes if each is not None)  # of the agent's key one is told to look again
            change = await asyncio.wait_for(anext(told), 5)
            assert (change.request_id, change.kind) == (request, "submitted")


async def test_a_replica_killed_while_it_posts_leaves_its_card_to_another(tmp_path: Path) -> None:
    """kill -9 of a real process that holds the lease: another replica takes over, looks first, and makes no second."""
    async with workspace() as slack, RedisServer() as redis, office_process(slack, redis, tmp_path) as (dying, agent):
        stalled = Stalled(slack, "chat.postMessage")
        request = await asked(agent)
        await stalled.carried_out()
        dying.kill()
        stalled.answer()
        async with office(slack, redis=redis) as (heir, _):
            await later(heir, 76)
            await recorded(heir, request)
        assert len(slack.messages) == len(slack.cards_called()) == 1


async def test_two_books_on_one_redis_know_nothing_of_each_other() -> None:
    async with serving(book="one") as one, serving(book="two", redis=one.redis) as two:
        agent = await one.agent()
        stranger = two.client(agent.headers["Authorization"].removeprefix("Bearer "))
        assert (await stranger.get("/v1/requests")).status_code == 401
        request = await asked(agent)
        async with opened(one.redis.url, "two") as store:
            assert await store.read(request) is None


@pytest.mark.parametrize(("characters", "reads"), [(10, 0), (20_000, 1)], ids=["small", "large"])
async def test_a_held_call_takes_the_end_as_it_was_published_and_reads_only_a_large_one(
    monkeypatch: pytest.MonkeyPatch, characters: int, reads: int
) -> None:
    async with serving() as one, serving(redis=one.redis) as two:
        agent = await one.agent()
        asked = {"action": "a.b", "params": {"text": "x" * characters}}
        request = (await agent.post("/v1/requests", json=asked)).json()["id"]
        held = asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=30"))
        await until(lambda: one.service.desk.held == 1)
        read, seen = one.service.store.read, []

        async def counted(*arguments: Any) -> Any:
            seen.append(arguments)
            return await read(*arguments)

        monkeypatch.setattr(one.service.store, "read", counted)
        await two.vote(request, "deny", person=LOCAL, reason="Not today.")
        told = (await held).json()
        assert (told["status"], told["decision"]["votes"][0]["reason"]) == ("denied", "Not today.")
        assert len(seen) == reads
        monkeypatch.undo()
        assert (await agent.get(f"/v1/requests/{request}")).json() == told


async def test_what_was_published_under_another_configuration_is_not_taken_for_true() -> None:
    """A replica that has not heard of a revoked key looks again before it tells anything."""
    async with serving() as one, serving(redis=one.redis) as two:
        key, secret = await one.key()
        agent = one.client(secret)
        request = (await agent.post("/v1/requests", json={"action": "a.b", "params": {}})).json()["id"]
        held = asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=30"))
        await until(lambda: one.service.desk.held == 1)
        one.service.subscription.on("config", lambda: None)
        await two.revoke(key)
        await two.vote(request, "approve", person=LOCAL)
        assert (await held).status_code == 401
