"""A request that an admin takes along, on a real Redis: its card leaves one place and is wanted at another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from book import ANA, PLACE, advance, cast, change, journal, made, requirement
from office_store import OPS, taken_along
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.request import Moved, Request, Status
from sayso_bot.ports import Again
from sayso_bot.store.redis import RedisStore

FALLBACK = "slack:C9"


async def _shown(store: RedisStore, request: Request, place: str, post: str) -> None:
    work = await store.begin(request, place, 15)
    assert work is not None
    await store.posted(work, post)


async def _now(store: RedisStore, request: Request) -> Request:
    found = await store.read(request.id)
    assert found is not None
    return found


async def test_a_request_that_is_taken_along_leaves_a_card_that_says_so_and_has_another(store: RedisStore) -> None:
    request = await made(store, button="btn_1")
    await _shown(store, request, PLACE, "ts1")
    assert await taken_along(store, request, OPS, button="btn_2") == "ok"
    moved = await _now(store, request)
    assert (moved.place, moved.moved, moved.requirement) == (
        OPS,
        Moved("ops", "Olga", "they are away"),
        request.requirement,
    )
    assert not moved.at_fallback
    left, there = await store.begin(moved, PLACE, 15), await store.begin(moved, OPS, 15)
    assert left is not None
    assert there is not None
    assert (left.post, left.request.place) == ("ts1", OPS)
    assert (there.post, there.wanted, there.button) == (None, 1, "btn_2")
    meant = [await store.button(token) for token in ("btn_1", "btn_2")]
    assert [button.place for button in meant if button] == [PLACE, OPS]
    [entry] = await journal(store, "moved")
    about = json.loads(entry["data"])
    assert (about["from"], about["to"], about["by"]["name"]) == (PLACE, OPS, "Olga")


async def test_one_that_nobody_was_shown_leaves_nothing_and_no_alarm(store: RedisStore) -> None:
    request = await made(store)
    work = await store.begin(request, PLACE, 15)
    assert work is not None
    await store.failed(work, "is_archived", after_seconds=0, lost=False, alarm=True, whole_place=False)
    assert await taken_along(store, request, OPS) == "ok"
    assert await store.begin(await _now(store, request), PLACE, 15) is None
    assert await store.alarms(10) == []
    assert (await store.due_places(10)).items == (OPS,)


async def test_one_that_neither_its_place_nor_the_fallback_could_show_leaves_no_alarm_of_either(
    store: RedisStore,
) -> None:
    request = await made(store)
    work = await store.begin(request, PLACE, 15)
    assert work is not None
    assert await store.move(work, FALLBACK, "btn_9", "is_archived", "delivery")
    fallen = await _now(store, request)
    work = await store.begin(fallen, FALLBACK, 15)
    assert work is not None
    await store.failed(work, "is_archived", after_seconds=0, lost=False, alarm=True, whole_place=False)
    assert {alarm.place for alarm in await store.alarms(10)} == {PLACE, FALLBACK}
    assert await taken_along(store, fallen, OPS) == "ok"
    assert await store.alarms(10) == []


async def test_a_card_that_may_be_there_is_looked_up_at_the_place_that_it_leaves(store: RedisStore) -> None:
    request = await made(store)
    work = await store.begin(request, PLACE, 15)
    assert work is not None
    await store.failed(work, "no_answer", after_seconds=0, lost=True, alarm=False, whole_place=False)
    assert await taken_along(store, request, OPS) == "ok"
    moved = await _now(store, request)
    assert await store.begin(moved, PLACE, 15) is None, "the platform may show it only later"
    await advance(store, 61)
    assert await store.due_work(PLACE, 10) == [request.id]
    left = await store.begin(moved, PLACE, 15)
    assert left is not None
    assert (left.post, left.lost_at is None, left.request.place) == (None, False, OPS)
    await store.posted(left, "ts1")
    assert await store.due_work(PLACE, 10) == []


async def test_one_may_be_brought_back_and_its_first_card_is_used_again(store: RedisStore) -> None:
    request = await made(store, button="btn_1")
    await _shown(store, request, PLACE, "ts1")
    await taken_along(store, request, OPS)
    moved = await _now(store, request)
    await _shown(store, moved, PLACE, "ts1")
    await taken_along(store, moved, PLACE, button="btn_3", channel="payments")
    back = await _now(store, request)
    work = await store.begin(back, PLACE, 15)
    assert work is not None
    assert (work.post, work.button) == ("ts1", "btn_3")


async def test_into_the_inbox_no_card_goes_and_from_there_one_comes(store: RedisStore) -> None:
    request = await made(store)
    assert await taken_along(store, request, "inbox") == "ok"
    inside = await _now(store, request)
    assert inside.place == "inbox"
    await taken_along(store, inside, OPS)
    assert OPS in (await store.due_places(10)).items
    plain = await made(store, place=None)
    assert await taken_along(store, plain, OPS, button="btn_9") == "ok"
    assert (await _now(store, plain)).place == OPS


async def test_whoever_saw_it_before_looks_again_and_what_has_ended_is_taken_nowhere(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    await taken_along(store, request, OPS)
    with pytest.raises(Again):
        await cast(store, request, ANA, "approve")
    with pytest.raises(Again):
        await change(store, request, ANA, {"amount": 2})
    with pytest.raises(Again):
        await taken_along(store, request, PLACE)
    moved = await _now(store, request)
    assert await taken_along(store, moved, OPS) == "same"
    await advance(store, 60)
    assert await taken_along(store, moved, PLACE) == "settled"
    assert (await _now(store, request)).status is Status.EXPIRED
    assert len(await journal(store, "moved")) == 1


async def test_the_same_move_again_is_one_and_votes_given_before_it_count(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    await cast(store, request, ANA, "approve")
    seen = await _now(store, request)
    assert await taken_along(store, seen, OPS, operation="m") == "ok"
    assert await taken_along(store, seen, OPS, operation="m") == "replay"
    assert len((await _now(store, request)).votes) == 1
    assert len(await journal(store, "moved")) == 1


async def test_where_a_moved_card_cannot_be_shown_the_rule_s_fallback_counts_as_ever(store: RedisStore) -> None:
    request = await made(store)
    await taken_along(store, request, OPS)
    moved = await _now(store, request)
    work = await store.begin(moved, OPS, 15)
    assert work is not None
    assert await store.move(work, FALLBACK, "btn_9", "is_archived", "delivery")
    fallen = await _now(store, request)
    assert (fallen.place, fallen.moved) == (FALLBACK, None)


async def test_a_move_leaves_a_record_that_older_versions_refuse_as_it_was(store: RedisStore) -> None:
    verdict = Verdict("ask", "a rule", requirement=replace(requirement(), high_risk=True))
    request = await made(store, verdict=verdict)
    client: Any = store.client
    before = await client.hget(store.keys.request(request.id), "v")
    assert await taken_along(store, request, OPS) == "ok"
    assert await client.hget(store.keys.request(request.id), "v") == before > "4"
