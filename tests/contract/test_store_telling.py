"""The functions by which a principal is told an end, on a real Redis: one worker at each, and looked for first."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from book import ANA, advance, cast, journal, key, lying_in, made, opened
from redis_server import RedisServer
from sayso_bot.domain.request import Request
from sayso_bot.ports import Telling
from sayso_bot.store.redis import RedisStore

BOUND = replace(key(), principal="boss@example.com")


async def _ended(store: RedisStore) -> Request:
    await advance(store, 60)  # from here its time stands still
    request = await made(store, of=BOUND)
    await cast(store, request, ANA, "approve")
    return request


async def _begun(store: RedisStore, request: Request) -> Telling:
    telling = await store.tellings.begin_telling(request.id)
    assert telling is not None
    return telling


async def test_an_end_is_entered_with_the_decision_and_for_bound_keys_alone(store: RedisStore) -> None:
    request = await _ended(store)
    await cast(store, await made(store), ANA, "deny")
    due = await store.tellings.due_tellings(10)
    assert due.items == (request.id,)
    telling = await _begun(store, request)
    assert (telling.request.principal, telling.request.status) == ("boss@example.com", "approved")
    assert (telling.attempts, telling.perhaps) == (1, False)


async def test_of_many_workers_one_has_it_for_a_minute(server: RedisServer, store: RedisStore) -> None:
    request = await _ended(store)
    async with opened(server.url, store.keys.book) as other:
        begun = await asyncio.gather(*(each.tellings.begin_telling(request.id) for each in (store, other) * 20))
        assert len([telling for telling in begun if telling]) == 1
        await advance(store, 59)
        assert await other.tellings.begin_telling(request.id) is None
        await advance(store, 1)
        again = await other.tellings.begin_telling(request.id)
    assert again is not None
    assert (again.attempts, again.perhaps) == (2, True), "who died may have told it"


async def test_what_is_told_is_on_the_record_once_and_leaves_nothing(store: RedisStore) -> None:
    request = await _ended(store)
    telling = await _begun(store, request)
    for _ in range(2):
        await store.tellings.end_telling(telling, "slack:T0TEAM/U0BOSS/1.2")
    [entry] = await journal(store, "told")
    assert (entry["request"], "U0BOSS" in entry["data"]) == (request.id, True)
    assert not {"tellings", f"telling:{request.id}"} & (await lying_in(store)).keys()
    assert await store.tellings.begin_telling(request.id) is None


async def test_what_nobody_is_to_be_told_leaves_no_entry(store: RedisStore) -> None:
    telling = await _begun(store, await _ended(store))
    await store.tellings.end_telling(telling, None)
    assert await journal(store, "told") == []
    assert (await store.tellings.due_tellings(10)).items == ()


async def test_an_attempt_that_told_nothing_leaves_what_was_known_before_it(store: RedisStore) -> None:
    request = await _ended(store)
    await store.tellings.telling_failed(await _begun(store, request), after_seconds=5, lost=False)
    assert (await store.tellings.due_tellings(10)).next_in_seconds == 5
    await advance(store, 5)
    lost = await _begun(store, request)
    assert not lost.perhaps
    await store.tellings.telling_failed(lost, after_seconds=5, lost=True)
    await advance(store, 59)
    assert await store.tellings.begin_telling(request.id) is None, "it cannot be looked up yet"
    await advance(store, 1)
    for _ in range(2):
        telling = await _begun(store, request)
        assert telling.perhaps
        await store.tellings.telling_failed(telling, after_seconds=0, lost=False)


async def test_who_was_overtaken_puts_nothing_off(store: RedisStore) -> None:
    request = await _ended(store)
    slow = await _begun(store, request)
    await advance(store, 60)
    await _begun(store, request)
    await store.tellings.telling_failed(slow, after_seconds=0, lost=False)
    assert (await store.tellings.due_tellings(10)).items == ()
    await store.tellings.end_telling(slow, "D1/1.2")
    assert await store.tellings.begin_telling(request.id) is None
