"""Where a rule says `digest`, a burst is one message with a list; each request is still decided on its own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from e2e.office import (
    PAYMENTS,
    POLICY,
    Stalled,
    answered_late,
    asked,
    away_when_told,
    later,
    office,
    office_process,
    recorded,
    workspace,
)
from fakes.slack import FakeSlack
from fakes.slack_workspace import Message
from fakes.stand_in import Answer, Do, Dropped
from redis_server import RedisServer
from sayso_bot.ports import Edit
from service import ANA, BEN, Sayso, serving, until

OTHER = "slack:C0OTHER"
DIGEST = POLICY.replace("ben@example.com], timeout: 30m}", "ben@example.com], timeout: 30m, digest: true}")


def rows(message: Message) -> list[str]:
    """The button of each row."""
    elements = [element for block in message.blocks if block["type"] == "actions" for element in block["elements"]]
    return [str(element["value"]) for element in elements if element["action_id"] == "review"]


def words(message: Message) -> str:
    return json.dumps(message.blocks, ensure_ascii=False)


async def says(sayso: Sayso, message: Message, sentence: str) -> None:
    """Until the list says so, while the book's time goes on: it is changed once a second at most."""

    async def said() -> bool:
        await later(sayso, 0.5)
        return sentence in words(message)

    await until(said)


async def listed(sayso: Sayso, slack: FakeSlack, agent: httpx.AsyncClient, count: int) -> tuple[list[str], Message]:
    """So many requests, and the message in which all of them wait."""
    requests = [await asked(agent) for _ in range(count)]
    message = await slack.posted()
    await says(sayso, message, f"{count} requests wait")
    return requests, message


async def all_recorded(sayso: Sayso, requests: Iterable[str]) -> None:
    for request in requests:
        await recorded(sayso, request)


async def without(sayso: Sayso, message: Message, sentence: str) -> None:
    async def gone() -> bool:
        await later(sayso, 0.5)
        return sentence not in words(message)

    await until(gone)


def told(slack: FakeSlack, message: Message) -> list[str]:
    """What stands in its thread: a line for each thing, without the words that people gave with it."""
    return [line for text in slack.thread(message) for line in text.split("\n") if not line.startswith("| ")]


async def _tells(sayso: Sayso, slack: FakeSlack, message: Message, count: int) -> None:
    async def tells() -> bool:
        await later(sayso, 0.5)
        return len(told(slack, message)) >= count

    await until(tells)


async def test_a_burst_is_one_message_that_lists_the_first_and_counts_the_others() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 40)
        await all_recorded(sayso, requests)
        assert len(slack.messages) == 1
        assert len(rows(message)) == len(set(rows(message))) == 15
        assert "And 25 more wait, see the inbox." in words(message)
        first = await sayso.service.desk.button(rows(message)[0])
        assert first is not None
        assert first.request_id == requests[0]
        assert (await sayso.journal("posted"))[-1]["request"] in requests
        assert len(slack.called("chat.update")) < 10, "the list is changed about once a second, however many change"


async def test_each_request_of_a_list_is_reviewed_and_decided_on_its_own() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        (first, second, third), message = await listed(sayso, slack, agent, 3)
        await slack.tap(sayso.url, message, "review", user="U0ANA", value=rows(message)[1])
        dialog = await slack.dialog()
        await slack.submit(sayso.url, dialog, user="U0ANA")
        await says(sayso, message, "2 requests wait")
        assert "Ended: 1 approved." in words(message)
        statuses = [(await sayso.service.desk.look(request)).status for request in (first, second, third)]
        assert statuses == ["pending", "approved", "pending"]
        assert {(await sayso.service.desk.button(row)).request_id for row in rows(message)} == {first, third}  # type: ignore[union-attr]


async def test_the_thread_of_a_list_tells_each_request_s_votes_edits_and_end_once() -> None:
    policy = DIGEST.replace("digest: true}", "digest: true, quorum: 2, editable: [order]}")
    async with workspace() as slack, office(slack, policy=policy) as (sayso, agent):
        first, second = [await asked(agent) for _ in range(2)]
        message = await slack.posted()
        await all_recorded(sayso, (first, second))
        await sayso.vote(first, "approve", person=ANA)
        await _tells(sayso, slack, message, 1)
        await sayso.service.desk.edit(Edit(first, 1, BEN, {"order": "A-2"}, "inbox", "edit"))
        await sayso.vote(second, "deny", person=BEN, reason="Not *this* one")
        await _tells(sayso, slack, message, 3)
        for person in (ANA, BEN):
            await sayso.vote(first, "approve", person=person, revision=2)
        await _tells(sayso, slack, message, 4)
        assert sorted(told(slack, message)) == sorted([
            f"payments.refund ({first}): Ana approved in inbox.",
            f"payments.refund ({first}): Ben edited the params. Earlier answers count no longer; the card shows both"
            " forms.",
            f"payments.refund ({second}): Denied by Ben.",
            f"payments.refund ({first}): Approved by Ana and Ben.",
        ])  # fmt: skip
        assert "| Ben: Not *this* one" in "\n".join(slack.thread(message))
        assert slack.called("conversations.replies") == []


async def test_what_ends_at_once_is_told_in_few_messages_and_none_twice() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 50)
        await all_recorded(sayso, requests)
        slack.drop("chat.postMessage")
        await asyncio.gather(*(sayso.vote(request, "approve", person=ANA) for request in requests))
        await _tells(sayso, slack, message, 50)
        await all_recorded(sayso, requests)
        assert sorted(told(slack, message)) == sorted(f"payments.refund ({one}): Approved by Ana." for one in requests)
        assert len(slack.thread(message)) <= 6
        assert len(slack.called("conversations.replies")) == 1, "only what may have been told is looked up"


async def test_what_a_lost_message_told_is_not_told_again_when_more_has_ended_meanwhile() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 50)
        await all_recorded(sayso, requests)
        slack.drop("chat.postMessage")
        await asyncio.gather(*(sayso.vote(request, "approve", person=ANA) for request in requests[30:]))
        await _tells(sayso, slack, message, 20)
        await asyncio.gather(*(sayso.vote(request, "approve", person=ANA) for request in requests[:30]))
        await _tells(sayso, slack, message, 50)
        await all_recorded(sayso, requests)
        assert sorted(told(slack, message)) == sorted(f"payments.refund ({one}): Approved by Ana." for one in requests)


async def test_what_a_lost_message_told_is_looked_for_though_it_was_put_off_meanwhile() -> None:
    """As when somebody else had the list just then: the next try is for others, and nobody after it knows."""
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 3)
        await all_recorded(sayso, requests)
        store = sayso.service.store
        slack.drop("chat.postMessage")
        await sayso.vote(requests[0], "approve", person=ANA)
        await until(lambda: has_failed(sayso))
        free = int(await store.client.hget(store.keys.listing(PAYMENTS), "not_before") or 0)
        await store.client.zadd(store.keys.work(PAYMENTS), {requests[0]: free + 900})
        await sayso.vote(requests[1], "approve", person=ANA)
        await _tells(sayso, slack, message, 2)
        await until(lambda: nothing_is_due(sayso))
        each = sorted(f"payments.refund ({one}): Approved by Ana." for one in requests[:2])
        assert sorted(told(slack, message)) == each


@pytest.mark.parametrize(("method", "trouble"), [("chat.postMessage", "limit_rate"), ("chat.update", "drop")])
async def test_what_a_list_has_shown_is_on_the_record_though_what_came_after_failed(method: str, trouble: str) -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 2)
        await all_recorded(sayso, requests)
        getattr(slack, trouble)(method, **({"after": 2} if trouble == "limit_rate" else {}))
        await sayso.vote(requests[0], "approve", person=ANA)
        shown = await asked(agent)
        await says(sayso, message, "2 requests wait")
        await until(lambda: has_failed(sayso))
        store = sayso.service.store
        free = int(await store.client.hget(store.keys.listing(PAYMENTS), "not_before") or 0)
        await store.client.hset(store.keys.listing(PAYMENTS), "not_before", free + 10_000)
        await later(sayso, 2)
        unseen = await asked(agent)
        for request in (shown, unseen):
            await sayso.vote(request, "deny", person=ANA)
        await _tells(sayso, slack, message, 1)
        await until(lambda: nothing_is_due(sayso))
        posted = [entry["request"] for entry in await sayso.journal("posted")]
        assert sorted(posted) == sorted([*requests, shown])


async def test_what_a_list_may_have_shown_goes_nowhere_else_while_nobody_knows() -> None:
    policy = DIGEST.replace("digest: true}", "digest: true, fallback: other}")
    async with workspace() as slack, office(slack, policy=policy) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 2)
        await all_recorded(sayso, requests)
        slack.drop("chat.update")
        seen = await asked(agent)
        await says(sayso, message, "3 requests wait")
        await until(lambda: has_failed(sayso))
        slack.break_("chat.update", status=503, times=10)
        await later(sayso, 2)
        unseen = await asked(agent)
        await until(lambda: _alarm_of(sayso, seen, 3))
        assert (await sayso.service.desk.look(seen)).place == PAYMENTS
        await until(lambda: _is_moved(sayso, unseen))


async def test_what_a_list_may_show_is_not_moved_by_a_replica_without_the_platform_s_variables() -> None:
    policy = DIGEST.replace("digest: true}", "digest: true, fallback: other}")
    async with workspace() as slack, RedisServer() as redis:
        async with office(slack, policy=policy, redis=redis) as (sayso, agent):
            slack.drop("chat.postMessage")
            request = await asked(agent)
            await slack.posted()
            await until(lambda: has_failed(sayso))
        async with serving(policy=policy, redis=redis) as without:
            await until(lambda: _alarm_of(without, request, 30))
            assert (await without.service.desk.look(request)).place == PAYMENTS
        async with office(slack, policy=policy, redis=redis) as (heir, _):
            await later(heir, 61)
            await recorded(heir, request)
        assert len(slack.messages) == 1


async def test_what_no_list_can_show_yet_leaves_a_replica_without_the_platform_s_variables_at_once() -> None:
    async with serving(policy=DIGEST.replace("digest: true}", "digest: true, fallback: inbox}")) as sayso:
        requests = [await asked(await sayso.agent()) for _ in range(2)]
        await until(lambda: _are_in_the_inbox(sayso, requests))
        assert "slack_not_configured" in (await sayso.journal("undeliverable"))[0]["data"]


async def _are_in_the_inbox(sayso: Sayso, requests: Iterable[str]) -> bool:
    return {(await sayso.service.desk.look(request)).place for request in requests} == {"inbox"}


async def _alarm_of(sayso: Sayso, request: str, seconds: float) -> bool:
    await later(sayso, seconds)
    return any(alarm.request_id == request for alarm in await sayso.service.store.alarms(10))


async def _is_moved(sayso: Sayso, request: str) -> bool:
    await later(sayso, 3)
    return (await sayso.service.desk.look(request)).place == "slack:C0OTHER"


async def test_what_was_answered_from_a_list_that_cannot_be_looked_up_is_on_the_record_when_it_can_be() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        slack.drop("chat.postMessage")
        request, waits = await asked(agent), await asked(agent)
        await slack.posted()
        await sayso.vote(request, "approve", person=ANA)
        slack.break_("conversations.history", status=503, times=8)
        await until(lambda: _looked_up(sayso, slack, 7))
        await sayso.vote(waits, "deny", person=ANA)
        await until(lambda: _looked_up(sayso, slack, 8))
        await asked(agent)
        await until(lambda: _looked_up(sayso, slack, 9, step=0.3))
        for each in (request, waits):
            await until(lambda: _is_posted(sayso, each))  # noqa: B023 - it is called before the next round
        assert len(slack.messages) == 1


async def test_what_was_answered_from_a_lost_list_is_on_the_record_though_it_is_due_after_that_was_found() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        slack.drop("chat.postMessage")
        answered, waits = await asked(agent), await asked(agent)
        await slack.posted()
        await until(lambda: _is_released(sayso))
        await sayso.vote(answered, "approve", person=ANA)
        store = sayso.service.store
        client: Any = store.client
        work = store.keys.work(PAYMENTS)

        async def when(request: str) -> float:
            return float(await client.zscore(work, request))

        async def put_off() -> bool:
            return min(await when(answered), await when(waits)) > (time.time() + 30) * 1000

        await until(put_off)
        await client.zadd(work, {answered: await when(waits) + 90_000})
        await later(sayso, 61)
        await recorded(sayso, waits)
        assert not await _is_posted(sayso, answered)
        await later(sayso, 60)
        await until(lambda: _is_posted(sayso, answered))
        assert len(slack.messages) == 1


async def test_what_was_answered_from_a_list_that_is_deleted_before_it_is_known_is_on_the_record() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 2)
        await all_recorded(sayso, requests)
        slack.drop("chat.update")
        shown = await asked(agent)
        await says(sayso, message, "3 requests wait")
        await until(lambda: has_failed(sayso))
        slack.messages.remove(message)
        await sayso.vote(shown, "deny", person=ANA)
        await until(lambda: _is_posted(sayso, shown))
        await all_recorded(sayso, requests)


async def test_a_list_that_cannot_be_looked_up_for_good_is_asked_for_seldom() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        slack.drop("chat.postMessage")
        request = await asked(agent)
        await slack.posted()
        await sayso.vote(request, "approve", person=ANA)
        slack.fail("conversations.history", "is_archived", times=100)
        await until(lambda: _looked_up(sayso, slack, 1))
        for _ in range(20):
            await later(sayso, 1.5)
            await asyncio.sleep(0.05)
        assert len(slack.called("conversations.history")) < 4


async def test_a_row_that_came_here_after_a_list_was_lost_was_not_shown_by_that() -> None:
    policy = DIGEST.replace("rules:", "admins: [email:olga@example.com]\nrules:", 1)
    async with workspace() as slack, office(slack, policy=policy) as (sayso, agent):
        (early, late), _ = await listed(sayso, slack, agent, 2)
        await all_recorded(sayso, [early, late])
        admin = await sayso.agent("terraform", kinds=frozenset({"admin"}))

        async def taken_along(request: str) -> None:
            body = {"channel": OTHER, "confirm": True}
            answer = await admin.post(f"/v1/admin/requests/{request}/move", json=body)
            assert answer.status_code == 200, answer.text

        async def as_always(do: Do) -> Answer:
            return do()

        slack.trouble("chat.postMessage", as_always)  # whether anything can be posted there
        slack.drop("chat.postMessage")
        await taken_along(early)
        store = sayso.service.store
        client: Any = store.client

        async def is_done(request: str) -> bool:
            await later(sayso, 2)
            return await client.zscore(store.keys.work(OTHER), request) is None

        await until(lambda: is_done(early))
        await taken_along(late)
        await sayso.vote(late, "deny", person=ANA)
        await until(lambda: is_done(late))
        posted = [(entry["request"], json.loads(entry["data"])["place"]) for entry in await sayso.journal("posted")]
        assert posted == [(early, PAYMENTS), (late, PAYMENTS), (early, OTHER)]


async def test_a_list_that_cannot_be_changed_for_good_is_asked_for_what_was_moved_away_seldom() -> None:
    policy = DIGEST.replace("rules:", "admins: [email:olga@example.com]\nrules:", 1)
    async with workspace() as slack, office(slack, policy=policy) as (sayso, agent):
        (moved, _), _ = await listed(sayso, slack, agent, 2)
        await until(lambda: nothing_is_due(sayso))
        before = len(slack.called("chat.update"))
        slack.fail("chat.update", "is_archived", times=100)
        admin = await sayso.agent("terraform", kinds=frozenset({"admin"}))
        body = {"channel": "slack:C0OTHER", "confirm": True}
        assert (await admin.post(f"/v1/admin/requests/{moved}/move", json=body)).status_code == 200
        await slack.until_called("chat.update", count=before + 1)
        for _ in range(20):
            await later(sayso, 1.5)
            await asyncio.sleep(0.05)
        assert len(slack.called("chat.update")) < before + 4


async def _looked_up(sayso: Sayso, slack: FakeSlack, times: int, *, step: float = 5) -> bool:
    await later(sayso, step)
    return len(slack.called("conversations.history")) >= times


async def _is_posted(sayso: Sayso, request: str) -> bool:
    await later(sayso, 5)
    return any(entry["request"] == request for entry in await sayso.journal("posted"))


async def test_a_thread_that_fails_after_its_list_is_over_holds_up_no_new_list() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 50)
        await all_recorded(sayso, requests)
        slack.limit_rate("chat.postMessage", after=2)
        await asyncio.gather(*(sayso.vote(request, "approve", person=ANA) for request in requests))
        await _tells(sayso, slack, message, 20)
        slack.drop("chat.postMessage")
        await until(lambda: _is_over(sayso))
        await until(lambda: has_failed(sayso))
        new = await asked(agent)
        before = await sayso.service.store.client.get(sayso.service.store.keys["clock"])
        await until(lambda: _lists(sayso, slack, 2))
        after = await sayso.service.store.client.get(sayso.service.store.keys["clock"])
        assert int(after or 0) - int(before or 0) < 30_000
        await recorded(sayso, new)


async def _is_over(sayso: Sayso) -> bool:
    await later(sayso, 0.5)
    return not await sayso.service.store.client.hexists(sayso.service.store.keys.listing(PAYMENTS), "post")


async def _lists(sayso: Sayso, slack: FakeSlack, count: int) -> bool:
    await later(sayso, 0.5)
    return len(slack.messages) >= count


async def test_a_store_that_goes_away_while_the_thread_is_told_makes_no_cards_of_what_the_list_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        workspace() as slack,
        RedisServer() as redis,
        office(slack, policy=DIGEST, redis=redis) as (sayso, agent),
    ):
        requests, message = await listed(sayso, slack, agent, 2)
        await all_recorded(sayso, requests)
        away = away_when_told(sayso, redis, monkeypatch)
        await sayso.vote(requests[0], "approve", person=ANA)
        requests.append(await asked(agent))
        await until(away.is_set)
        await later(sayso, 16)
        await says(sayso, message, "2 requests wait")
        await all_recorded(sayso, requests)
        assert len(told(slack, message)) == 1
        assert len(slack.messages) == 1
        assert await sayso.journal("undeliverable") == []


async def has_failed(sayso: Sayso) -> bool:
    store = sayso.service.store
    client: Any = store.client
    return bool(await client.hmget(store.keys.listing(PAYMENTS), "lease_until", "attempts") == ["0", "1"])


async def nothing_is_due(sayso: Sayso) -> bool:
    await later(sayso, 0.5)
    store = sayso.service.store
    client: Any = store.client
    return not await client.zcard(store.keys.work(PAYMENTS))


async def test_a_thread_that_takes_nothing_leaves_the_list_right() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 2)
        slack.fail("chat.postMessage", "restricted_action_thread_locked", times=5)
        await sayso.vote(requests[0], "approve", person=ANA)
        await says(sayso, message, "1 request waits")
        await recorded(sayso, requests[0])
        assert slack.thread(message) == []
        assert await sayso.service.store.alarms(1) == []


async def test_a_list_of_which_nothing_waits_says_so_and_the_next_request_begins_another() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 2)
        for request, outcome in zip(requests, ("approve", "deny"), strict=True):
            await sayso.vote(request, outcome, person=ANA)
        await says(sayso, message, "Nothing of this list waits")
        assert "Ended: 1 approved, 1 denied." in words(message)
        assert rows(message) == []
        await later(sayso, 2)
        again = await asked(agent)
        other = await slack.posted()
        await recorded(sayso, again)
        assert "1 request waits" in words(other)
        assert "Ended" not in words(other)
        assert "Nothing of this list waits" in words(message)


async def test_a_request_that_ends_before_its_list_is_posted_is_shown_to_nobody() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        slack.limit_rate("chat.postMessage", after=5)
        request, stays = await asked(agent), await asked(agent)
        await slack.until_called("chat.postMessage")
        await agent.post(f"/v1/requests/{request}/cancel")
        await later(sayso, 6)
        message = await slack.posted()
        await recorded(sayso, stays)
        await says(sayso, message, "1 request waits")
        assert "Ended" not in words(message)


async def test_other_rules_cards_in_the_same_channel_are_cards() -> None:
    both = DIGEST.replace("rules:", "rules:\n  - action: single.*\n    ask: {channel: payments, timeout: 30m}")
    async with workspace() as slack, office(slack, policy=both) as (sayso, agent):
        one_of_a_list, single = await asked(agent), await asked(agent, "single.thing")
        await all_recorded(sayso, (one_of_a_list, single))
        assert sorted(message.buttons[0] for message in slack.messages) == ["approve", "review"]


async def test_two_replicas_make_one_list() -> None:
    async with (
        workspace() as slack,
        office(slack, policy=DIGEST) as (one, agent),
        office(slack, policy=DIGEST, redis=one.redis) as (two, other),
    ):
        requests = await asyncio.gather(*(asked(each) for _ in range(15) for each in (agent, other)))
        message = await slack.posted()
        await says(one, message, "30 requests wait")
        await all_recorded(one, requests)
        votes = [replica.vote(request, "approve", person=ANA) for request in requests for replica in (one, two)]
        await asyncio.gather(*votes, return_exceptions=True)
        await says(two, message, "Ended: 30 approved.")
        assert len(slack.messages) == 1


@pytest.mark.parametrize("lost", ["drop", "break_"])
async def test_a_list_whose_answer_was_lost_is_looked_up_and_not_repeated(lost: str) -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        getattr(slack, lost)("chat.postMessage")
        requests = [await asked(agent) for _ in range(3)]
        await slack.until_called("chat.postMessage")
        await until(lambda: _is_released(sayso))
        await later(sayso, 30)
        await asyncio.sleep(0.1)
        assert slack.called("conversations.history") == [], "Slack may show it only later"
        await later(sayso, 31)
        await all_recorded(sayso, requests)
        [message] = slack.messages
        assert "3 requests wait" in words(message)
        assert len(slack.cards_called()) == (1 if lost == "drop" else 2)


async def test_a_row_that_ends_as_its_list_is_lost_at_last_is_on_the_record_as_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sayso_bot.workers.listings.ALARM_ATTEMPTS", 1)
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        asking = asyncio.Event()

        async def answered_and_lost(do: Do) -> Answer:
            do()
            await asking.wait()
            raise Dropped

        slack.trouble("chat.postMessage", answered_and_lost)
        first, second = [await asked(agent) for _ in range(2)]
        await until(lambda: slack.messages)
        await sayso.vote(first, "approve", person=ANA)
        asking.set()
        await until(lambda: _is_released(sayso))
        await later(sayso, 61)

        async def on_record() -> bool:
            await later(sayso, 1)
            return {entry["request"] for entry in await sayso.journal("posted")} == {first, second}

        await until(on_record)
        await all_recorded(sayso, [first, second])
        assert len(slack.messages) == 1
        assert await sayso.service.store.alarms(10) == []


async def test_a_row_that_ends_as_its_list_is_refused_is_shown_to_nobody_and_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sayso_bot.workers.listings.ALARM_ATTEMPTS", 1)
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        asked_for, asking = asyncio.Event(), asyncio.Event()

        async def refused(_: Do) -> Answer:
            asked_for.set()
            await asking.wait()
            return web.Response(status=503)

        slack.trouble("chat.postMessage", refused)
        slack.break_("chat.postMessage", status=503, times=100)
        request, _ = await asked(agent), await asked(agent)
        await asked_for.wait()
        await sayso.vote(request, "approve", person=ANA)
        asking.set()
        store = sayso.service.store
        client: Any = store.client

        async def is_done() -> bool:
            return await client.zscore(store.keys.work(PAYMENTS), request) is None

        await until(is_done)
        assert request not in {alarm.request_id for alarm in await store.alarms(10)}
        assert (await sayso.journal("posted"), slack.messages) == ([], [])


async def test_a_row_that_the_list_has_and_nobody_wrote_down_is_no_row_that_was_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sayso_bot.workers.listings.ALARM_ATTEMPTS", 1)
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 2)
        await all_recorded(sayso, requests)
        store = sayso.service.store
        client: Any = store.client
        post = store.keys.post(requests[0], PAYMENTS)  # as if it had died when the list was written down
        await client.hdel(post, "post", "listed", "told")
        await client.hset(post, "posted", 0)
        slack.break_("chat.update", status=503)
        await sayso.vote(requests[0], "deny", person=ANA)
        await until(lambda: has_failed(sayso))
        await says(sayso, message, "1 request waits")
        assert (await recorded(sayso, requests[0]))["post"] == message.ts


async def test_a_row_that_is_reviewed_before_its_list_is_recorded_stays_a_row() -> None:
    """A tap on it is no proof of a card of its own: the list would forget it, and nobody could answer it any more."""
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        slack.drop("chat.postMessage")
        request = await asked(agent)
        message = await slack.posted()
        await slack.tap(sayso.url, message, "review", user="U0ANA")
        await slack.dialog()
        await later(sayso, 61)
        await recorded(sayso, request)
        assert len(slack.messages) == 1
        assert len(rows(message)) == 1
        await sayso.vote(request, "deny", person=ANA)
        await says(sayso, message, "Nothing of this list waits")
        assert "posted_twice" not in [entry["kind"] for entry in await sayso.journal()]


async def test_a_worker_that_dies_after_the_post_makes_no_second_list() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        store = sayso.service.store
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        client: Any = store.client
        await client.hdel(store.keys.listing(PAYMENTS), "post")  # as if it had died before the post was written down
        await client.delete(store.keys.listed(PAYMENTS))
        await client.hset(store.keys.listing(PAYMENTS), "tried_at", await client.get(store.keys["clock"]))
        await client.hdel(store.keys.post(request, PAYMENTS), "post", "listed")
        await client.hset(store.keys.post(request, PAYMENTS), "posted", 0)
        await client.zadd(store.keys.work(PAYMENTS), {request: 0})
        await client.zadd(store.keys["places"], {PAYMENTS: 0})
        await later(sayso, 61)
        assert (await recorded(sayso, request))["post"] == message.ts
        assert len(slack.messages) == 1


async def test_a_service_that_is_stopped_while_it_takes_a_list_hands_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with workspace() as slack, RedisServer() as redis:
        async with office(slack, policy=DIGEST, redis=redis) as (sayso, agent):
            taken = answered_late(monkeypatch, sayso.service.store.listings, "begin_listing")
            request = await asked(agent)
            await taken.wait()
        async with office(slack, policy=DIGEST, redis=redis) as (heir, _):
            await recorded(heir, request)
        assert slack.called("conversations.history") == []


async def test_a_replica_killed_while_it_posts_a_list_leaves_it_to_another(tmp_path: Path) -> None:
    """kill -9 of a real process: another replica looks first, and brings the list that is there up to date."""
    async with (
        workspace() as slack,
        RedisServer() as redis,
        office_process(slack, redis, tmp_path, policy=DIGEST) as (dying, agent),
    ):
        stalled = Stalled(slack, "chat.postMessage")
        requests = [await asked(agent) for _ in range(5)]
        message = await stalled.carried_out()
        dying.kill()
        stalled.answer()
        async with office(slack, policy=DIGEST, redis=redis) as (heir, _):
            assert (
                await heir.service.store.client.hget(heir.service.store.keys.post(requests[0], PAYMENTS), "post")
                is None
            )
            await later(heir, 76)
            await says(heir, message, "5 requests wait")
            await all_recorded(heir, requests)
        assert len(slack.messages) == len(slack.cards_called()) == 1


async def test_a_list_that_somebody_deleted_is_posted_anew() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        first = await asked(agent)
        await recorded(sayso, first)
        slack.messages.clear()
        second = await asked(agent)
        await until(lambda: _moved_on(sayso, slack))
        await recorded(sayso, second)
        assert len(rows(slack.messages[0])) == 2


async def test_a_list_that_somebody_deleted_before_it_was_known_is_posted_anew_and_not_looked_up() -> None:
    """The new one was never posted, so where nobody may read the channel it comes all the same."""
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 2)
        await all_recorded(sayso, requests)
        slack.drop("chat.update")
        requests.append(await asked(agent))
        await says(sayso, message, "3 requests wait")
        await until(lambda: has_failed(sayso))
        slack.messages.remove(message)
        slack.fail("conversations.history", "missing_scope", times=100)
        await until(lambda: _moved_on(sayso, slack))
        await all_recorded(sayso, requests)
        assert slack.called("conversations.history") == []


async def test_a_channel_that_cannot_be_reached_raises_an_alarm_for_each_request_of_the_list() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        slack.fail("chat.postMessage", "channel_not_found", times=2)
        requests = [await asked(agent) for _ in range(2)]

        async def alarmed() -> bool:
            await later(sayso, 0.5)
            return {alarm.request_id for alarm in await sayso.service.store.alarms(10)} == set(requests)

        await until(alarmed)


async def test_a_list_that_cannot_be_shown_goes_to_the_fallback() -> None:
    policy = DIGEST.replace("digest: true}", "digest: true, fallback: other}").replace("C0PAYMENTS", "C0GONE")
    async with workspace() as slack, office(slack, policy=policy) as (sayso, agent):
        requests = [await asked(agent) for _ in range(2)]

        async def moved() -> bool:
            await later(sayso, 0.5)
            return [message.channel for message in slack.messages] == ["C0OTHER"] and len(rows(slack.messages[0])) == 2

        await until(moved)
        for request in requests:
            await recorded(sayso, request, "slack:C0OTHER")


async def _is_released(sayso: Sayso) -> bool:
    store = sayso.service.store
    client: Any = store.client
    return bool(await client.hget(store.keys.listing(PAYMENTS), "lease_until") == "0")


async def _moved_on(sayso: Sayso, slack: FakeSlack) -> bool:
    await later(sayso, 0.5)
    return len(slack.messages) == 1


async def test_what_an_admin_moves_leaves_the_list_and_what_is_paused_says_so_in_it() -> None:
    policy = DIGEST.replace("rules:", "admins: [email:olga@example.com]\nrules:", 1)
    async with workspace() as slack, office(slack, policy=policy) as (sayso, agent):
        slack.add_channel("C0OPS", members=["U0ANA"])
        first, second = await asked(agent), await asked(agent)
        message = await slack.posted()
        await says(sayso, message, "2 requests wait")
        admin = await sayso.agent("terraform", kinds=frozenset({"admin"}))
        pause = await admin.post("/v1/admin/pauses", json={"action": "payments.*", "reason": "a leak"})
        await says(sayso, message, "Paused by the key terraform")
        assert words(message).count(": a leak.") == 2
        await admin.delete(f"/v1/admin/pauses/{pause.json()['id']}")
        await without(sayso, message, "Paused by")

        body = {"channel": "slack:C0OPS", "confirm": True}
        assert (await admin.post(f"/v1/admin/requests/{first}/move", json=body)).status_code == 200
        await says(sayso, message, "1 request waits")
        assert [(await sayso.service.desk.button(row)).request_id for row in rows(message)] == [second]  # type: ignore[union-attr]
        await sayso.vote(second, "deny", person=ANA, reason="No")
        await says(sayso, message, "Nothing of this list waits")
        there = next(found for found in slack.messages if found.channel == "C0OPS" and found.buttons)
        await sayso.vote(first, "deny", person=ANA, reason="No")
        await until(lambda: there.button("deny") is None)
        assert "Ended: 1 denied." in words(message), "what was moved away did not end in this list"
