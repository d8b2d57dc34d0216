"""`submit` on a real Redis: one request for one Idempotency-Key, whatever races, within the key's bounds."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from book import EPOCHS, MANY, advance, journal, key, lying_in, made, new, now_ms, opened
from redis_server import RedisServer
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.request import Cause, Status
from sayso_bot.errors import IdempotencyMismatch, QuotaExceeded, RateLimited
from sayso_bot.ports import Again, Epochs
from sayso_bot.store.redis import RedisStore


async def test_one_key_makes_one_request_however_many_ask_and_wherever(server: RedisServer, store: RedisStore) -> None:
    async with opened(server.url, store.keys.book) as other:
        answers = await asyncio.gather(
            *(each.submit(new(idempotency_key="k"), EPOCHS) for _ in range(40) for each in (store, other))
        )
    assert len({answer.request.id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    lying = await lying_in(store)
    assert lying["counters"]["seq"] == "1"
    assert lying["usage:agent"]["pending"] == "1"
    assert len([name for name in lying if name.startswith(("request:", "button:", "post:"))]) == 3
    assert len(await journal(store, "submitted")) == 1


async def test_different_requests_at_once_each_have_a_number_of_their_own(store: RedisStore) -> None:
    answers = await asyncio.gather(*(store.submit(new(idempotency_key=f"k{n}"), EPOCHS) for n in range(100)))
    assert len({answer.request.id for answer in answers}) == 100
    everything = (await lying_in(store))["index:all"]
    assert sorted(seq for _, seq in everything) == list(range(1, 101))


async def test_the_same_key_with_another_body_is_refused_and_the_first_stands(store: RedisStore) -> None:
    first = await store.submit(new(idempotency_key="k"), EPOCHS)
    with pytest.raises(IdempotencyMismatch):
        await store.submit(new(idempotency_key="k", body_digest="other"), EPOCHS)
    again = await store.submit(new(idempotency_key="k"), EPOCHS)
    assert (again.request, again.replayed) == (first.request, True)


async def test_a_key_belongs_to_its_agent(store: RedisStore) -> None:
    mine = await store.submit(new(idempotency_key="k"), EPOCHS)
    theirs = await store.submit(new(idempotency_key="k", of=key("other", key_id="key_2")), EPOCHS)
    assert mine.request.id != theirs.request.id
    assert not theirs.replayed


async def test_a_replay_answers_how_the_request_stands_now(store: RedisStore) -> None:
    first = (await store.submit(new(idempotency_key="k"), EPOCHS)).request
    await store.cancel(first, EPOCHS)
    again = await store.submit(new(idempotency_key="k"), EPOCHS)
    assert (again.request.id, again.request.status) == (first.id, Status.CANCELLED)


async def test_the_very_same_call_twice_is_one_request_and_reads_as_it_was_made(store: RedisStore) -> None:
    asked = new()
    first, second = await store.submit(asked, EPOCHS), await store.submit(asked, EPOCHS)
    assert first == second
    assert len(await journal(store, "submitted")) == 1


async def test_what_is_read_back_is_what_was_asked(store: RedisStore) -> None:
    params = {"empty": [], "nothing": {}, "big": 2**53 - 1, "text": 'ä\u2028\n"\\', "deep": [[{"a": None}]]}
    request = await made(store, params=params, quorum=2)
    assert await store.read(request.id, EPOCHS) == request
    assert request.params == params


async def test_a_policy_that_decides_ends_the_request_at_once_and_asks_nobody(store: RedisStore) -> None:
    allow = Verdict("allow", "reading is free", reason=None)
    deny = Verdict("deny", "never", cause=Cause.POLICY_ERROR, reason="“when” failed")
    allowed, denied = await made(store, verdict=allow), await made(store, verdict=deny)
    assert (allowed.status, denied.status) == (Status.APPROVED, Status.DENIED)
    assert denied.decision is not None
    assert (denied.decision.cause, denied.decision.reason) == (Cause.POLICY_ERROR, "“when” failed")
    lying = await lying_in(store)
    assert not [name for name in lying if name.startswith(("post:", "work:", "button:", "deadlines", "usage:"))]
    assert [entry["kind"] for entry in await journal(store)] == ["submitted", "settled"] * 2
    assert await store.read(denied.id) == denied


@pytest.mark.parametrize("moved", [Epochs(1, 0), Epochs(0, 1)])
async def test_nothing_is_made_under_a_configuration_that_has_moved(store: RedisStore, moved: Epochs) -> None:
    with pytest.raises(Again):
        await store.submit(new(), moved)
    assert set(await lying_in(store)) == {"clock"}


async def test_a_key_asks_as_often_as_its_rate_allows_over_all_replicas(server: RedisServer, store: RedisStore) -> None:
    slow = key(quotas=replace(MANY, rate=2.0, burst=5))
    await advance(store, 60)  # from here time stands still
    async with opened(server.url, store.keys.book) as other:
        answers = await asyncio.gather(
            *(each.submit(new(of=slow), EPOCHS) for _ in range(10) for each in (store, other)), return_exceptions=True
        )
    refused = [answer for answer in answers if isinstance(answer, RateLimited)]
    assert len(answers) - len(refused) == 5
    assert {refusal.retry_after for refusal in refused} == {0.5}
    await advance(store, 0.5)
    await store.submit(new(of=slow), EPOCHS)
    with pytest.raises(RateLimited):
        await store.submit(new(of=slow), EPOCHS)
    await advance(store, 60)
    made_now = await asyncio.gather(*(store.submit(new(of=slow), EPOCHS) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(answer, RateLimited) for answer in made_now) == 1


async def test_an_agent_has_as_many_pending_requests_as_its_quota(store: RedisStore) -> None:
    few = key(quotas=replace(MANY, pending=3))
    answers = await asyncio.gather(*(store.submit(new(of=few), EPOCHS) for _ in range(10)), return_exceptions=True)
    requests = [answer.request for answer in answers if not isinstance(answer, BaseException)]
    assert len(requests) == 3
    assert sum(isinstance(answer, QuotaExceeded) for answer in answers) == 7
    await store.cancel(requests[0], EPOCHS)
    await store.submit(new(of=few), EPOCHS)
    with pytest.raises(QuotaExceeded, match="pending requests"):
        await store.submit(new(of=few), EPOCHS)


async def test_an_agent_has_as_many_pending_bytes_as_its_quota(store: RedisStore) -> None:
    big = key(quotas=replace(MANY, bytes=3000))
    first = await made(store, of=big, params={"text": "x" * 2000})
    with pytest.raises(QuotaExceeded, match="bytes"):
        await store.submit(new(of=big, params={"text": "x" * 2000}), EPOCHS)
    await store.cancel(first, EPOCHS)
    await made(store, of=big, params={"text": "x" * 2000})
    assert (await store.totals()).request_bytes > 4000


async def test_a_refused_submission_can_be_repeated_with_its_key(store: RedisStore) -> None:
    none = key(quotas=replace(MANY, pending=0))
    with pytest.raises(QuotaExceeded):
        await store.submit(new(of=none, idempotency_key="k"), EPOCHS)
    assert not (await store.submit(new(idempotency_key="k"), EPOCHS)).replayed


async def test_times_are_redis_s_and_never_go_back(store: RedisStore) -> None:
    before = await made(store)
    ahead = await advance(store, 3600)
    later = await made(store)
    assert later.created_at.timestamp() * 1000 == pytest.approx(ahead)
    assert await now_ms(store) == ahead
    assert (await made(store)).created_at >= later.created_at > before.created_at
