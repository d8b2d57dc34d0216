"""A paused book on a real Redis: nothing is let happen, at once and whatever a caller has heard; the rest goes on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from book import ANA, BEN, EPOCHS, advance, cast, change, journal, lying_in, made, new, opened
from redis_server import RedisServer
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.request import Cause, Status
from sayso_bot.errors import Paused
from sayso_bot.ports import Filter
from sayso_bot.store.redis import RedisStore


async def _paused(store: RedisStore) -> None:
    assert await store.pause("ops", "an incident", "p1")


async def test_a_paused_book_makes_no_request_not_even_one_that_the_policy_allows(store: RedisStore) -> None:
    await _paused(store)
    for verdict in (None, Verdict("allow", "a rule"), Verdict("deny", "a rule", Cause.POLICY, reason="No.")):
        with pytest.raises(Paused) as told:
            await store.submit(new(verdict=verdict), EPOCHS)
        assert told.value.retry_after == 30
    assert {name for name in await lying_in(store) if name.startswith(("request:", "index:"))} == set()


async def test_a_retry_still_finds_what_was_made_before_the_pause(store: RedisStore) -> None:
    request = await made(store, idempotency_key="k")
    await _paused(store)
    again = await store.submit(new(idempotency_key="k"), EPOCHS)
    assert (again.request, again.replayed) == (request, True)


async def test_while_paused_no_approval_and_no_edit_counts(store: RedisStore) -> None:
    request = await made(store)
    await _paused(store)
    before = await lying_in(store)
    voted = await cast(store, request, ANA, "approve")
    changed = await change(store, request, ANA, {"amount": 2})
    assert (voted.code, voted.request, changed.code, changed.request) == ("paused", request, "paused", request)
    assert {**await lying_in(store), "clock": ""} == {**before, "clock": ""}


async def test_while_paused_denials_cancellations_reads_and_deadlines_go_on(store: RedisStore) -> None:
    denied, withdrawn, late = [await made(store, timeout_seconds=60) for _ in range(3)]
    await _paused(store)
    assert (await cast(store, denied, ANA, "deny")).code == "ok"
    assert (await store.cancel(withdrawn, EPOCHS)).status is Status.CANCELLED
    assert await store.read(late.id) == late
    await advance(store, 60)
    assert (await store.expire(late)).status is Status.EXPIRED
    assert len((await store.list(Filter(), cursor=None, limit=10)).items) == 3


async def test_a_vote_that_counted_before_is_answered_as_it_was_while_paused(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    await cast(store, request, ANA, "approve", operation="tap")
    await _paused(store)
    assert (await cast(store, request, ANA, "approve", operation="tap")).code == "replay"


async def test_approvals_from_before_a_pause_count_after_it(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    first = await cast(store, request, ANA, "approve")
    assert first.request is not None
    await _paused(store)
    assert (await cast(store, first.request, BEN, "approve")).code == "paused"
    assert await store.resume("ops", "r1")
    last = await cast(store, first.request, BEN, "approve")
    assert last.request is not None
    assert last.request.status is Status.APPROVED


async def test_who_paused_first_stays_and_everybody_can_read_it(store: RedisStore) -> None:
    assert (await store.configuration(None)).pause is None
    await _paused(store)
    assert not await store.pause("somebody else", "another reason", "p2")
    found = (await store.configuration(None)).pause
    assert found is not None
    assert (found.by, found.why) == ("ops", "an incident")
    assert await store.resume("ops", "r1")
    assert not await store.resume("ops", "r2")
    assert (await store.configuration(None)).pause is None


async def test_a_call_that_is_repeated_late_neither_pauses_again_nor_ends_a_later_pause(store: RedisStore) -> None:
    await store.pause("ops", "first", "p1")
    await store.resume("ops", "r1")
    assert await store.pause("ops", "first", "p1")
    assert (await store.configuration(None)).pause is None
    await store.pause("ops", "second", "p2")
    assert await store.resume("ops", "r1")
    assert (await store.configuration(None)).pause is not None


async def test_pauses_and_resumptions_at_once_alternate(server: RedisServer, store: RedisStore) -> None:
    async with opened(server.url, store.keys.book) as other:
        calls: list[Any] = [each.pause("ops", "why", f"p{n}") for n, each in enumerate((store, other) * 10)]
        calls += [each.resume("ops", f"r{n}") for n, each in enumerate((store, other) * 10)]
        await asyncio.gather(*calls)
    kinds = [entry["kind"] for entry in await journal(store)]
    assert kinds == ["paused", "resumed"] * (len(kinds) // 2) + ["paused"] * (len(kinds) % 2)
    assert int((await lying_in(store))["epochs"]["pause"]) == len(kinds)


async def test_pausing_and_resuming_are_journaled_and_every_replica_is_told(store: RedisStore) -> None:
    pubsub: Any = store.client.pubsub()
    await pubsub.subscribe(store.keys["config"])
    await pubsub.get_message(timeout=5)
    await _paused(store)
    await store.resume("ana", "r1")
    heard = [await pubsub.get_message(ignore_subscribe_messages=True, timeout=5) for _ in range(2)]
    assert [message["data"] for message in heard] == ["pause 1", "pause 2"]
    told = [(entry["kind"], json.loads(entry["data"])) for entry in await journal(store)]
    assert told == [("paused", {"by": "ops", "why": "an incident"}), ("resumed", {"by": "ana"})]
    await pubsub.aclose()
