"""The functions of a place's listing on a real Redis: one worker at it, one message, nothing is told untrue."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from book import ANA, PLACE, advance, cast, journal, made, opened, requirement
from office_store import paused, resumed, taken_along
from redis_server import RedisServer
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.request import Request, Status
from sayso_bot.ports import ListingWork
from sayso_bot.store.redis import RedisStore

pytestmark = pytest.mark.usefixtures("still")


async def _begun(store: RedisStore, name: str = "req_1") -> ListingWork:
    work = await store.listings.begin_listing(PLACE, 15, name)
    assert isinstance(work, ListingWork)
    return work


async def test_of_many_workers_one_gets_the_list(server: RedisServer, store: RedisStore) -> None:
    async with opened(server.url, store.keys.book) as other:
        begun = await asyncio.gather(*(each.listings.begin_listing(PLACE, 15, "req_1") for each in (store, other) * 20))
    [work] = [found for found in begun if isinstance(found, ListingWork)]
    assert (work.name, work.post, work.attempts, work.lost_at, work.ids) == ("req_1", None, 1, None, frozenset())
    assert {found for found in begun if not isinstance(found, ListingWork)} == {1.0}, "who holds it may soon be done"


async def test_what_is_shown_is_kept_until_nothing_waits(store: RedisStore) -> None:
    work = await _begun(store)
    assert await store.listings.listing_shown(work, "ts1", ["req_1", "req_2"], {}, 1)
    assert await store.listings.begin_listing(PLACE, 15, "req_3") == 1.0, "it is changed once a second at most"
    await advance(store, 1)
    second = await _begun(store, "req_3")
    assert (second.name, second.post, second.ids) == ("req_1", "ts1", frozenset({"req_1", "req_2"}))
    ended = {"req_1": Status.APPROVED}
    for _ in range(2):
        assert await store.listings.listing_shown(second, "ts1", [], ended, 0), "told twice it counts once"
    third = await _begun(store)
    assert (third.ids, third.ended) == (frozenset({"req_2"}), {Status.APPROVED: 1})
    assert await store.listings.listing_shown(third, "ts1", [], {"req_2": Status.DENIED}, 0)
    fresh = await _begun(store, "req_9")
    assert (fresh.name, fresh.post, fresh.ids, fresh.ended) == ("req_9", None, frozenset(), {})


async def test_a_late_worker_records_its_post_and_nothing_else(store: RedisStore) -> None:
    late = await _begun(store)
    await advance(store, 76)  # its lease has lapsed, and its post may be looked up
    heir = await _begun(store)
    assert heir.lost_at is not None
    assert await store.listings.listing_shown(heir, "ts1", ["req_1"], {}, 0)
    assert not await store.listings.listing_shown(late, "ts2", ["req_1", "req_2"], {}, 0)
    after = await _begun(store)
    assert (after.post, after.ids) == ("ts1", frozenset({"req_1"}))
    assert (await store.totals()).doubles == 1


async def test_a_late_worker_s_post_that_nobody_knew_of_is_the_list_s(store: RedisStore) -> None:
    late = await _begun(store)
    await advance(store, 76)
    heir = await _begun(store)
    assert not await store.listings.listing_shown(late, "ts1", ["req_1"], {}, 0)
    await store.listings.listing_failed(heir, "http_503", after_seconds=0, lost=False, whole_place=False, gone=False)
    assert (await _begun(store)).post == "ts1"


async def test_a_lost_answer_is_looked_up_later_and_a_plain_failure_is_not(store: RedisStore) -> None:
    for lost, wait in ((False, 0.0), (True, 60.0)):
        work = await _begun(store)
        await store.listings.listing_failed(work, "http_503", after_seconds=0, lost=lost, whole_place=False, gone=False)
        if wait:
            assert await store.listings.begin_listing(PLACE, 15, "req_2") == wait
            await advance(store, wait)
        again = await _begun(store, "req_2")
        assert (again.lost_at is not None) is lost
        assert again.name == ("req_1" if lost else "req_2"), "a list that may be there keeps its name"
        await store.listings.listing_failed(
            again, "http_503", after_seconds=0, lost=False, whole_place=False, gone=False
        )


async def test_a_place_that_asked_us_to_wait_is_left_alone(store: RedisStore) -> None:
    request = await made(store)
    await store.listings.listing_failed(
        await _begun(store), "http_503", after_seconds=30, lost=False, whole_place=True, gone=False
    )
    assert await store.listings.begin_listing(PLACE, 15, "req_1") == 30.0
    assert (await store.due_places(10)).items == ()
    assert await store.begin(request, PLACE, 15) is None
    await advance(store, 30)
    assert (await store.due_places(10)).items == (PLACE,)
    await _begun(store)


async def test_a_message_that_is_gone_is_forgotten_and_what_waits_is_not(store: RedisStore) -> None:
    assert await store.listings.listing_shown(await _begun(store), "ts1", ["req_1"], {}, 0)
    await store.listings.listing_failed(
        await _begun(store), "http_503", after_seconds=0, lost=False, whole_place=False, gone=True
    )
    work = await _begun(store, "req_2")
    assert (work.post, work.ids, work.name) == (None, frozenset({"req_1"}), "req_2")


async def test_a_row_is_work_until_the_version_that_is_wanted_is_shown(store: RedisStore) -> None:
    request = await made(store)
    row = await store.listings.listing_row(request.id, PLACE)
    assert row is not None
    assert (row.request.id, row.version, row.post, row.listed) == (request.id, 1, None, False)
    await cast(store, request, ANA, "approve")
    await store.listings.row_shown(row, PLACE, "ts1")
    assert await store.due_work(PLACE, 10) == [request.id], "it was decided meanwhile"
    row = await store.listings.listing_row(request.id, PLACE)
    assert row is not None
    assert (row.request.status, row.version, row.post, row.listed) == (Status.APPROVED, 2, "ts1", True)
    await store.listings.row_shown(row, PLACE, "ts1")
    assert await store.due_work(PLACE, 10) == []
    assert len(await journal(store, "posted")) == 1
    assert await store.listings.listing_row(request.id, "slack:C2") is None


async def test_what_is_put_off_is_due_later_and_what_is_done_stays_done(store: RedisStore) -> None:
    request, done = await made(store), await made(store)
    row = await store.listings.listing_row(done.id, PLACE)
    assert row is not None
    await store.listings.row_shown(row, PLACE, "ts1")
    await store.listings.put_off(PLACE, [request.id, done.id], 5)
    assert (await store.due_places(10)).items == ()
    await advance(store, 5)
    assert await store.due_work(PLACE, 10) == [request.id]


DIGEST = Verdict("ask", "a rule", requirement=replace(requirement(), digest=True))


async def _reason(store: RedisStore, request: Request) -> str | None:
    ended = await store.expire(request)
    assert ended.decision is not None
    assert (ended.decision.outcome, ended.decision.cause) == ("expired", "timeout")
    return ended.decision.reason


@pytest.mark.parametrize("was_there", [False, True])
@pytest.mark.parametrize(
    ("what", "lost", "said"),
    [
        ("http_503", False, "Nobody was shown a card: slack:C1 could not be reached (http_503)."),
        ("no_answer", True, "It is not known whether a card was shown: slack:C1 had not answered (no_answer)."),
        (None, False, "It is not known whether a card was shown: slack:C1 had not answered."),
        ("", False, None),
    ],
)
async def test_what_a_list_was_to_show_and_nobody_saw_says_so_when_its_time_is_over(
    store: RedisStore, was_there: bool, what: str | None, lost: bool, said: str | None
) -> None:
    """Where a list was there before as well as where it was not; None is a worker that died at it."""
    if was_there:
        assert await store.listings.listing_shown(await _begun(store), "ts1", ["req_1"], {}, 0)
    unseen, other = await made(store, verdict=DIGEST, timeout_seconds=60), await made(store, timeout_seconds=60)
    work = await _begun(store)
    if what is not None:
        await store.listings.listing_failed(work, what, after_seconds=0, lost=lost, whole_place=False, gone=False)
    await advance(store, 60)
    assert await _reason(store, unseen) == said
    assert await _reason(store, other) is None, "it has a card of its own"


async def test_what_kept_a_list_back_before_a_request_was_made_is_no_reason_of_it(store: RedisStore) -> None:
    work = await _begun(store)
    await store.listings.listing_failed(work, "msg_blocks", after_seconds=0, lost=False, whole_place=False, gone=False)
    await advance(store, 1)
    request = await made(store, verdict=DIGEST, timeout_seconds=60)
    await advance(store, 60)
    assert await _reason(store, request) is None


async def test_what_a_list_has_shown_ends_in_silence_whatever_became_of_the_list(store: RedisStore) -> None:
    request, late = [await made(store, verdict=DIGEST, timeout_seconds=60) for _ in range(2)]
    work = await _begun(store)
    await store.listings.listing_failed(work, "http_503", after_seconds=0, lost=False, whole_place=False, gone=False)
    assert await store.listings.listing_shown(await _begun(store), "ts1", [request.id], {}, 0)
    row = await store.listings.listing_row(request.id, PLACE)
    assert row is not None
    await store.listings.row_shown(row, PLACE, "ts1")
    await advance(store, 60)
    assert await _reason(store, late) is None, "the list is well again"
    work = await _begun(store)
    await store.listings.listing_failed(work, "http_503", after_seconds=0, lost=False, whole_place=False, gone=False)
    assert await _reason(store, request) is None


async def test_what_was_moved_away_is_told_as_such_and_waits_in_the_list_no_more(store: RedisStore) -> None:
    request, other = await made(store), await made(store)
    work = await _begun(store)
    assert await store.listings.listing_shown(work, "ts1", [request.id, other.id], {}, 0)
    for each in (request, other):
        row = await store.listings.listing_row(each.id, PLACE)
        assert row is not None
        await store.listings.row_shown(row, PLACE, "ts1")
    assert await store.due_work(PLACE, 9) == []
    assert await taken_along(store, request, "slack:C2") == "ok"
    assert await store.due_work(PLACE, 9) == [request.id]
    row = await store.listings.listing_row(request.id, PLACE)
    assert row is not None
    assert (row.left, row.listed, row.post) == (True, True, "ts1")
    work = await _begun(store)
    assert work.ids == {request.id, other.id}
    assert await store.listings.listing_shown(work, "ts1", [], {request.id: None}, 0)
    await store.listings.row_shown(row, PLACE, None)
    assert await store.due_work(PLACE, 9) == []
    after = await _begun(store)
    assert (after.ids, after.ended) == (frozenset({other.id}), {})


async def test_a_row_says_who_has_paused_it(store: RedisStore) -> None:
    request = await made(store)
    await paused(store, f"agent:{request.agent}", why="an incident")
    row = await store.listings.listing_row(request.id, PLACE)
    assert row is not None
    assert row.pause is not None
    assert row.pause.why == "an incident"
    await resumed(store, f"agent:{request.agent}")
    row = await store.listings.listing_row(request.id, PLACE)
    assert row is not None
    assert row.pause is None


async def test_a_renewal_that_comes_after_the_list_was_shown_holds_nothing(store: RedisStore) -> None:
    work = await _begun(store)
    assert await store.listings.listing_shown(work, "ts1", ["req_1"], {}, 0)
    await store.listings.renew_listing(work, 15)
    await _begun(store)


async def test_a_row_that_says_paused_is_wanted_again_when_the_pause_is_over(store: RedisStore) -> None:
    request = await made(store)
    await paused(store)
    row = await store.listings.listing_row(request.id, PLACE)
    assert row is not None
    assert row.pause is not None
    await store.listings.row_shown(row, PLACE, "ts1")
    await store.office.want(request.id, request.agent, PLACE)
    assert await store.due_work(PLACE, 9) == [], "it says so"
    await resumed(store)
    await store.office.want(request.id, request.agent, PLACE)
    assert await store.due_work(PLACE, 9) == [request.id]
