"""Reading, listing, ending and configuring on a real Redis."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from book import ANA, EPOCHS, advance, cast, change, journal, key, lying_in, made
from sayso_bot.domain.brief import brief
from sayso_bot.domain.request import Cause, Request, Status
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Again, Epochs, Filter
from sayso_bot.store import redis as store_module
from sayso_bot.store.codec import RECORD_VERSIONS
from sayso_bot.store.library import library
from sayso_bot.store.redis import RedisStore

# --------------------------------------------------------------------------- reading and ending


async def test_a_reader_ends_what_is_due_and_quotas_are_given_back(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    assert (await store.due_requests(10)).items == ()
    await advance(store, 60)
    assert (await store.due_requests(10)).items == (request.id,)
    read = await asyncio.gather(*(store.read(request.id, EPOCHS) for _ in range(10)))
    assert {found.status for found in read if found} == {Status.EXPIRED}
    assert len(await journal(store, "settled")) == 1
    assert (await store.due_requests(10)).items == ()
    assert (await lying_in(store))["usage:agent"] == {"pending": "0", "bytes": "0"}


async def test_reading_writes_nothing(store: RedisStore) -> None:
    request = await made(store)
    before = await lying_in(store)
    await store.read(request.id, EPOCHS)
    await store.pending(request.id, EPOCHS)
    await store.list(Filter(), cursor=None, limit=10)
    await store.browse(Filter(), cursor=None, limit=10)
    await store.due_requests(10)
    await store.due_places(10)
    await store.due_work("slack:C1", 10)
    await store.configuration(None)
    assert await lying_in(store) == before


async def test_expire_leaves_alone_what_is_not_due(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    assert await store.expire(request) == request


async def test_a_cancellation_ends_once_and_never_undoes_a_decision(store: RedisStore) -> None:
    request = await made(store)
    ended = await asyncio.gather(*(store.cancel(request, EPOCHS) for _ in range(20)))
    assert {found.status for found in ended} == {Status.CANCELLED}
    assert len(await journal(store, "settled")) == 1
    decided = await made(store)
    await cast(store, decided, ANA, "approve")
    late = await store.cancel(decided, EPOCHS)
    assert late.status is Status.APPROVED


async def test_a_cancellation_after_the_deadline_comes_too_late(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    await advance(store, 61)
    late = await store.cancel(request, EPOCHS)
    assert late.decision is not None
    assert (late.status, late.decision.cause) == (Status.EXPIRED, Cause.TIMEOUT)


async def test_an_unknown_id_reads_as_nothing(store: RedisStore) -> None:
    assert await store.read("req_none", EPOCHS) is None


async def test_the_next_deadline_is_told(store: RedisStore) -> None:
    await advance(store, 60)
    await made(store, timeout_seconds=90)
    await made(store, timeout_seconds=30)
    due = await store.due_requests(10)
    assert (due.items, due.next_in_seconds) == ((), 30.0)


async def test_a_record_of_a_newer_version_is_not_guessed_at(store: RedisStore) -> None:
    request = await made(store)
    fields: Any = {"v": str(max(map(int, RECORD_VERSIONS)) + 1)}
    await store.client.hset(store.keys.request(request.id), mapping=fields)
    with pytest.raises(Unavailable, match="newer version"):
        await store.read(request.id)
    with pytest.raises(Unavailable, match="newer version"):
        await store.pending(request.id, EPOCHS)


async def test_a_request_is_pending_until_it_has_ended_or_its_deadline_has_passed(store: RedisStore) -> None:
    request, due = await made(store), await made(store, timeout_seconds=60)
    assert await store.pending(request.id, EPOCHS) == await store.pending(due.id, EPOCHS) == request.agent
    with pytest.raises(Again):
        await store.pending(request.id, Epochs(1, None))
    await cast(store, request, ANA, "approve")
    await advance(store, 60)
    for request_id in (request.id, due.id, "req_none"):
        assert await store.pending(request_id, EPOCHS) is None


async def test_a_request_that_redis_has_lost_is_an_error_that_says_so(store: RedisStore) -> None:
    request = await made(store)
    await store.client.delete(store.keys.request(request.id))
    for call in (store.cancel(request, EPOCHS), store.expire(request)):
        with pytest.raises(Unavailable, match="cannot be read"):
            await call
    assert (await cast(store, request, ANA, "approve")).request is None


# --------------------------------------------------------------------------- lists


async def _edited(store: RedisStore, request: Request, params: dict[str, Any]) -> Request:
    answer = await change(store, request, ANA, params)
    assert answer.request is not None
    return answer.request


async def _looked_at(store: RedisStore, request_id: str) -> int:
    """How many characters of a request's record Redis sends to whoever lists it."""
    name, key = library().name("glance"), store.keys.request(request_id)
    _, _, record = await store.client.fcall_ro(name, 2, key, store.keys["clock"])
    return sum(map(len, record))


async def test_a_list_shows_the_same_of_a_large_request_and_reads_little_of_it(store: RedisStore) -> None:
    much: dict[str, Any] = {**{f"p{number}": number for number in range(40)}, "text": "é" * 100_000}
    small, large = await made(store, params={"amount": 1}), await made(store, params=much)
    grown = await _edited(store, await made(store, params={"amount": 1}), much)
    shrunk = await _edited(store, await made(store, params=much), {"amount": 2})
    await cast(store, large, ANA, "approve")
    page = await store.browse(Filter(), cursor=None, limit=10)
    whole = [await store.read(request.id) for request in (shrunk, grown, large, small)]
    assert list(page.items) == [brief(request) for request in whole if request]
    assert (await store.browse(Filter(Status.APPROVED), cursor=None, limit=10)).items == (page.items[2],)
    assert max([await _looked_at(store, request.id) for request in (small, large, grown, shrunk)]) < 4000


async def test_a_brief_of_an_earlier_revision_is_not_believed(store: RedisStore) -> None:
    large = await made(store, params={"amount": 1, "text": "x" * 10_000})
    edit: Any = {"revision": 2, "edit": orjson.dumps({"params": {"amount": 2}, "fingerprint": "sha256:02"}).decode()}
    await store.client.hset(store.keys.request(large.id), mapping=edit)
    [found] = (await store.browse(Filter(), cursor=None, limit=10)).items
    assert (found.revision, [fact.value for fact in found.gist.facts]) == (2, ["2"])


async def test_a_list_ends_what_is_due(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60, params={"text": "x" * 10_000})
    await advance(store, 60)
    assert (await store.browse(Filter(Status.PENDING), cursor=None, limit=10)).items == ()
    [ended] = (await store.browse(Filter(), cursor=None, limit=10)).items
    assert (ended.id, ended.status) == (request.id, Status.EXPIRED)


async def _all(store: RedisStore, wanted: Filter, limit: int) -> list[str]:
    found, cursor = [], None
    for _ in range(1000):
        page = await store.list(wanted, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        found += [request.id for request in page.items]
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("walked", [2, 1000])
async def test_pages_show_each_request_once_newest_first(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch, walked: int
) -> None:
    monkeypatch.setattr(store_module, "MOST_WALKED", walked)
    agents = {name: key(name, key_id=f"key_{name}") for name in ("one", "two")}
    requests = []
    for number in range(24):
        agent = agents["one" if number % 2 else "two"]
        request = await made(store, of=agent, action="a.b" if number % 3 else "c.d")
        if number % 4 == 0:
            request = await store.cancel(request, EPOCHS)
        requests.append(request)
    requests.reverse()
    for status in (None, Status.PENDING, Status.CANCELLED, Status.APPROVED):
        for action in (None, "a.b", "c.d", "e.f"):
            for agent_name in (None, "one", "two", "three"):
                wanted = Filter(status, action, agent_name)
                expected = [
                    request.id
                    for request in requests
                    if status in (None, request.status)
                    and action in (None, request.action)
                    and agent_name in (None, request.agent)
                ]
                assert await _all(store, wanted, 5) == expected


async def test_what_is_new_or_ends_while_somebody_turns_pages_moves_nothing(store: RedisStore) -> None:
    requests = [await made(store) for _ in range(9)]
    first = await store.list(Filter(Status.PENDING), cursor=None, limit=3)
    await made(store)
    await store.cancel(requests[5], EPOCHS)
    second = await store.list(Filter(Status.PENDING), cursor=first.cursor, limit=9)
    assert [request.id for request in second.items] == [request.id for request in reversed(requests[:5])]


async def test_a_list_of_pending_requests_never_shows_one_whose_deadline_has_passed(store: RedisStore) -> None:
    await made(store, timeout_seconds=60)
    await advance(store, 60)
    assert (await store.list(Filter(Status.PENDING), cursor=None, limit=10)).items == ()
    assert len((await store.list(Filter(Status.EXPIRED), cursor=None, limit=10)).items) == 1


# --------------------------------------------------------------------------- configuration


async def test_a_key_that_was_put_is_read_back_and_moves_the_epoch_once(store: RedisStore) -> None:
    put = key(key_id="key_7")
    await asyncio.gather(*(store.put_key(put, "key_created") for _ in range(10)))
    stored = await store.configuration(None)
    assert (stored.keys, stored.epochs) == ((put,), Epochs(1, 0))
    assert len(await journal(store, "key_created")) == 1


async def test_a_revoked_key_stays_revoked_whoever_repeats_its_making(store: RedisStore) -> None:
    put = key(key_id="key_7")
    await store.put_key(put, "key_created")
    revoked = replace(put, revoked_at=datetime(2026, 5, 1, tzinfo=UTC))
    await store.put_key(revoked, "key_revoked")
    await store.put_key(put, "key_created")
    await store.put_key(replace(revoked, revoked_at=datetime(2026, 6, 1, tzinfo=UTC)), "key_revoked")
    stored = await store.configuration(None)
    assert (stored.keys, stored.epochs) == ((revoked,), Epochs(2, 0))


async def test_a_key_of_a_newer_version_admits_nobody_here(store: RedisStore) -> None:
    await store.put_key(key(key_id="key_7"), "key_created")
    fields: Any = {"key_8": '{"v":"2","something":"else"}'}
    await store.client.hset(store.keys["keys"], mapping=fields)
    assert [found.id for found in (await store.configuration(None)).keys] == ["key_7"]


async def test_a_document_is_sent_only_to_who_has_not_compiled_it(store: RedisStore) -> None:
    await store.activate("d0", "zero", None, "file")
    assert (await store.configuration("d0")).document is None
    assert (await store.configuration("d1")).document == "zero"
    assert await store.was_active("d0")
    assert not await store.was_active("d1")


async def test_no_step_is_taken_under_an_epoch_that_has_moved(store: RedisStore) -> None:
    request = await made(store)
    await store.activate("d0", "zero", None, "file")
    for call in (store.read(request.id, EPOCHS), store.cancel(request, EPOCHS)):
        with pytest.raises(Again):
            await call
    assert await store.read(request.id, Epochs(0, 1)) == request


async def test_totals_count_the_whole_book(store: RedisStore) -> None:
    await store.cancel(await made(store), EPOCHS)
    await made(store)
    totals = await store.totals()
    assert totals.requests[Status.PENDING] == totals.requests[Status.CANCELLED] == 1
    assert (totals.alarms, totals.journal_entries) == (0, 3)
    assert totals.memory_bytes > totals.request_bytes > 0
