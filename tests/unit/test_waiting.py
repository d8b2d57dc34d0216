"""Held calls on a real Redis: nothing is missed, whatever happens to the subscription."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from book import ANA, EPOCHS, cast, made, opened
from fakes.redis_proxy import RedisProxy
from redis_server import RedisServer
from sayso_bot import waiting
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Request
from sayso_bot.ports import Change
from sayso_bot.store.connect import connect
from sayso_bot.store.redis import RedisStore
from sayso_bot.waiting import Subscription
from service import until


@asynccontextmanager
async def _subscribed(url: str, store: RedisStore, log: Any = None) -> AsyncIterator[Subscription]:
    client = connect(url)
    subscription = Subscription(client, store.keys.tag, log or CapturingLogger())
    running = asyncio.create_task(subscription.run())
    try:
        await asyncio.wait_for(subscription.connected.wait(), 5)
        yield subscription
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await client.aclose()


async def test_a_hold_ends_when_its_request_is_settled_and_only_then(server: RedisServer, store: RedisStore) -> None:
    async with _subscribed(server.url, store) as subscription:
        mine, other = await made(store), await made(store)
        with subscription.hold(mine.id) as held, subscription.hold(other.id) as elsewhere:
            waits = asyncio.create_task(held.wait(10))
            await store.cancel(mine, EPOCHS)
            assert await waits is True
            assert await elsewhere.wait(0.05) is False


async def test_what_is_settled_between_registering_and_waiting_is_not_missed(
    server: RedisServer, store: RedisStore
) -> None:
    async with _subscribed(server.url, store) as subscription:
        for _ in range(50):
            request = await made(store)
            with subscription.hold(request.id) as held:
                before = await store.read(request.id)
                assert before is not None
                assert not before.settled
                await cast(store, request, ANA, "approve")
                assert await held.wait(5) is True


async def test_every_hold_is_woken_by_a_new_subscription(server: RedisServer, store: RedisStore) -> None:
    async with RedisProxy(server) as proxy, _subscribed(proxy.url, store) as subscription:
        requests = [await made(store) for _ in range(5)]
        with subscription.hold(requests[0].id) as one, subscription.hold(requests[1].id) as two:
            tasks = [asyncio.create_task(each.wait(10)) for each in (one, two)]
            proxy.cut()
            await store.cancel(requests[0], EPOCHS)  # nobody hears this
            assert await asyncio.gather(*tasks) == [True, True]


async def test_a_second_gap_while_holds_are_still_being_woken_wakes_all_again(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "CHUNK", 1)
    async with RedisProxy(server) as proxy, _subscribed(proxy.url, store) as subscription:
        holds = [subscription.hold(f"req_{n}") for n in range(100)]
        first = holds[0].__enter__()
        for hold in holds[1:]:
            hold.__enter__()
        proxy.cut()
        assert await first.wait(5)
        proxy.cut()
        assert await first.wait(5), "it was woken before the second gap only"


async def test_a_connection_that_has_fallen_silent_is_given_up(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SILENT_SECONDS", 0.1)
    log = CapturingLogger()
    async with RedisProxy(server) as proxy, _subscribed(proxy.url, store, log) as subscription:
        request = await made(store)
        await until(lambda: proxy.passed == 1)
        with subscription.hold(request.id) as held:
            waits = asyncio.create_task(held.wait(10))
            proxy.freeze()
            await store.cancel(request, EPOCHS)
            await until(lambda: not subscription.connected.is_set())
            proxy.thaw()
            assert await waits is True
        assert [call.args for call in log.calls] == [("subscription_lost",)]


async def test_nobody_is_woken_to_read_from_a_redis_that_still_loads_its_data() -> None:
    slow = {"key-load-delay": "20000", "loading-process-events-interval-bytes": "1024"}  # microseconds for each key
    with RedisServer(config=slow) as server:
        async with opened(server.url) as store, _subscribed(server.url, store) as subscription:
            requests = [await made(store) for _ in range(20)]
            await store.client.bgrewriteaof()
            await until(lambda: _is_rewritten(store))
            with subscription.hold(requests[0].id) as held:
                await held.wait(0.05)
                woken = asyncio.create_task(_reads_when_woken(held, store, requests[0]))
                await asyncio.to_thread(server.restart)
                assert await woken == requests[0]


async def _is_rewritten(store: RedisStore) -> bool:
    persistence: Any = await store.client.info("persistence")
    return not persistence["aof_rewrite_in_progress"] and not persistence["aof_rewrite_scheduled"]


async def _reads_when_woken(held: Any, store: RedisStore, request: Request) -> Request | None:
    assert await held.wait(10)
    return await store.read(request.id)


async def test_a_quiet_but_living_connection_is_kept(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SILENT_SECONDS", 0.3)
    async with RedisProxy(server) as proxy, _subscribed(proxy.url, store) as subscription:
        with subscription.hold("req_1") as held:
            await held.wait(0.1)  # the confirmation of the subscription wakes it
            assert await held.wait(1) is False, "three times as long as a silence is borne"
        assert proxy.passed == 1
        assert subscription.connected.is_set()


async def test_each_loss_is_logged_once_however_long_it_lasts(server: RedisServer, store: RedisStore) -> None:
    log = CapturingLogger()
    async with RedisProxy(server) as proxy, _subscribed(proxy.url, store, log) as subscription:
        for losses in (1, 2):
            proxy.cut()
            await until(lambda: not subscription.connected.is_set())
            await asyncio.wait_for(subscription.connected.wait(), 5)
            assert len(log.calls) == losses


async def test_two_thousand_held_calls_are_each_woken_and_leave_nothing(server: RedisServer, store: RedisStore) -> None:
    async with _subscribed(server.url, store) as subscription:
        requests = [await made(store) for _ in range(20)]

        async def hold(number: int) -> bool:
            with subscription.hold(requests[number % 20].id) as held:
                while True:
                    assert await held.wait(20), "it was not woken"
                    found = await store.read(requests[number % 20].id)
                    if found is not None and found.settled:
                        return True

        tasks = [asyncio.create_task(hold(number)) for number in range(2000)]
        await until(lambda: sum(map(len, subscription._holds.values())) == 2000)
        await asyncio.gather(*(cast(store, request, ANA, "approve") for request in requests))
        assert await asyncio.gather(*tasks) == [True] * 2000
        assert subscription._holds == {}


async def test_holds_whose_callers_have_gone_leave_nothing(server: RedisServer, store: RedisStore) -> None:
    async with _subscribed(server.url, store) as subscription:

        async def hold() -> None:
            with subscription.hold("req_1") as held:
                await held.wait(30)

        tasks = [asyncio.create_task(hold()) for _ in range(10)]
        await until(lambda: len(subscription._holds.get("req_1", ())) == 10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert subscription._holds == {}


async def test_on_release_nobody_is_held_any_longer(server: RedisServer, store: RedisStore) -> None:
    async with _subscribed(server.url, store) as subscription:
        with subscription.hold("req_1") as held:
            waits = asyncio.create_task(held.wait(30))
            subscription.release()
            assert await waits is True
            assert subscription.closing


async def test_others_are_told_of_their_channels_and_of_each_new_subscription(
    server: RedisServer, store: RedisStore
) -> None:
    async with RedisProxy(server) as proxy, _subscribed(proxy.url, store) as subscription:
        heard: list[str] = []
        for channel in ("config", "outbox"):
            subscription.on(channel, lambda channel=channel: heard.append(channel))  # type: ignore[misc]
        await made(store)
        await until(lambda: heard == ["outbox"])
        await store.activate("d1", "a document", None, "a file")
        await until(lambda: heard == ["outbox", "config"])
        proxy.cut()
        await until(lambda: heard == ["outbox", "config", "config", "outbox"])


# --------------------------------------------------------------------------- changes


async def _next(changes: AsyncIterator[Change | None]) -> Change | None:
    return await asyncio.wait_for(anext(changes), 5)


async def test_every_listener_hears_every_change(server: RedisServer, store: RedisStore) -> None:
    async with (
        _subscribed(server.url, store) as subscription,
        subscription.changes() as one,
        subscription.changes() as two,
    ):
        assert await _next(one) is None  # from here nothing is missed
        request = await made(store, quorum=2)
        await cast(store, request, ANA, "approve")
        await store.cancel(request, EPOCHS)
        for changes in (one, two):
            heard: list[Change | None] = []
            while len(heard) < 3:
                heard += [change] if (change := await _next(changes)) else []  # the later one may join before or after
            assert heard == [Change(request.id, kind) for kind in ("submitted", "voted", "settled")]


async def test_a_process_in_which_nobody_listens_hears_no_changes(server: RedisServer, store: RedisStore) -> None:
    channel = store.keys.tag + "changes"

    async def listeners() -> int:
        [(_, count)] = await store.client.pubsub_numsub(channel)
        return int(count)

    async with _subscribed(server.url, store) as subscription:
        assert await listeners() == 0
        for _ in range(3):
            async with subscription.changes() as changes:
                assert await _next(changes) is None
                assert await listeners() == 1
            await until(lambda: _is_zero(listeners))


async def _is_zero(count: Any) -> bool:
    return bool(await count() == 0)


async def test_a_listener_that_comes_as_another_goes_hears_what_happens(server: RedisServer, store: RedisStore) -> None:
    async with _subscribed(server.url, store) as subscription:
        request = await made(store, quorum=100)
        for number in range(30):
            leaving = subscription.changes()
            await leaving.__aenter__()
            async with asyncio.TaskGroup() as group:
                group.create_task(_leave(leaving))
                coming = group.create_task(_come(subscription))
            changes, entered = coming.result()
            assert await _next(changes) is None
            seen = await store.read(request.id)
            assert seen is not None
            await cast(store, seen, _person(number), "approve")
            change = await _next(changes)
            while change is None:
                change = await _next(changes)
            assert change.kind == "voted"
            await entered.__aexit__(None, None, None)


def _person(number: int) -> Person:
    return Person.known_as(f"P{number}", {f"email:p{number}@example.com"})


async def _leave(entered: Any) -> None:
    await entered.__aexit__(None, None, None)


async def _come(subscription: Subscription) -> tuple[AsyncIterator[Change | None], Any]:
    entered = subscription.changes()
    return await entered.__aenter__(), entered


async def test_a_listener_that_does_not_keep_up_is_told_that_it_missed_some_and_slows_nobody(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "QUEUED_CHANGES", 10)
    async with _subscribed(server.url, store) as subscription, subscription.changes() as slow:
        assert await _next(slow) is None
        requests = [await made(store) for _ in range(25)]
        async with subscription.changes() as quick:
            await cast(store, requests[0], ANA, "approve")
            change = await _next(quick)
            while change is None or change.kind != "settled":
                change = await _next(quick)
        heard = [await _next(slow)]
        while heard[-1] is None or heard[-1].kind != "settled":
            heard.append(await _next(slow))
        assert None in heard
        assert len(heard) <= 11


async def test_after_a_gap_listeners_are_told_to_read_again(server: RedisServer, store: RedisStore) -> None:
    async with (
        RedisProxy(server) as proxy,
        _subscribed(proxy.url, store) as subscription,
        subscription.changes() as changes,
    ):
        assert await _next(changes) is None
        proxy.cut()
        await made(store)
        assert await _next(changes) is None
        following = await made(store)
        change = await _next(changes)
        while change is None:
            change = await _next(changes)
        assert change == Change(following.id, "submitted")
