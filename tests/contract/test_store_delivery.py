"""The functions of delivery on a real Redis: one worker at a card, nothing posted twice, nothing forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from book import ANA, EPOCHS, PLACE, advance, cast, journal, lying_in, made, opened, requirement
from office_store import OPS, taken_along
from redis_server import RedisServer
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.request import Request, Status
from sayso_bot.ports import Work
from sayso_bot.store.cards import PACE_SECONDS
from sayso_bot.store.redis import RedisStore

pytestmark = pytest.mark.usefixtures("still")


async def _begun(store: RedisStore, request: Request, lease: float = 15) -> Work:
    work = await store.begin(request, PLACE, lease)
    assert work is not None
    return work


async def _failed(store: RedisStore, work: Work, **how: Any) -> None:
    usual: dict[str, Any] = {"after_seconds": 1, "lost": False, "alarm": False, "whole_place": False}
    await store.failed(work, "what", **(usual | how))


async def _due(store: RedisStore) -> tuple[tuple[str, ...], list[str]]:
    return (await store.due_places(10)).items, list(await store.due_work(PLACE, 10))


async def test_of_many_workers_one_gets_the_card(server: RedisServer, store: RedisStore) -> None:
    request = await made(store)
    async with opened(server.url, store.keys.book) as other:
        works = await asyncio.gather(*(each.begin(request, PLACE, 15) for each in (store, other) * 20))
    [work] = [work for work in works if work is not None]
    assert (work.wanted, work.post, work.attempts, work.lost_at) == (1, None, 1, None)
    assert await _due(store) == ((), [])


async def test_a_shown_card_is_no_work_any_more(store: RedisStore) -> None:
    request = await made(store)
    work = await _begun(store, request)
    await store.posted(work, "ts1")
    await store.posted(work, "ts1")
    assert await store.begin(request, PLACE, 15) is None
    lying = await lying_in(store)
    assert "places" not in lying
    assert f"work:{PLACE}" not in lying
    assert [entry["kind"] for entry in lying["journal"]] == ["submitted", "posted"]


async def test_what_changes_while_a_card_is_under_way_is_shown_next(store: RedisStore) -> None:
    request = await made(store)
    work = await _begun(store, request)
    await cast(store, request, ANA, "approve")
    assert await store.begin(request, PLACE, 15) is None
    await store.posted(work, "ts1")
    assert await _due(store) == ((PLACE,), [request.id])
    following = await _begun(store, request)
    assert (following.post, following.wanted, following.attempts) == ("ts1", 2, 1)
    assert following.request.status is Status.APPROVED
    await store.posted(following, "ts1")
    assert await _due(store) == ((), [])


async def test_a_dead_worker_s_card_is_taken_over_after_its_lease_and_not_posted_before_a_look(
    store: RedisStore,
) -> None:
    request = await made(store)
    dead = await _begun(store, request)
    await advance(store, 14.9)
    assert await store.begin(request, PLACE, 15) is None
    await advance(store, 0.1)
    assert await _due(store) == ((PLACE,), [request.id])
    assert await store.begin(request, PLACE, 15) is None  # a look makes sense 60 s after the attempt
    assert await _due(store) == ((), [])
    await advance(store, 45)
    heir = await _begun(store, request)
    assert heir.lost_at is not None
    assert heir.fence > dead.fence
    assert await store.renew(dead, 15) is False
    await _failed(store, dead)  # says nothing any more
    assert await store.begin(request, PLACE, 15) is None
    await store.posted(heir, "ts1")


async def test_a_late_worker_s_post_is_recorded_all_the_same(store: RedisStore) -> None:
    request = await made(store)
    late = await _begun(store, request)
    await advance(store, 75)
    heir = await _begun(store, request)
    await store.posted(late, "ts1")
    await store.posted(heir, "ts2")
    assert len(await journal(store, "posted_twice")) == 1
    following = await _begun(store, request)  # both copies are brought up to date
    assert (following.post, following.doubles) == ("ts1", ("ts2",))
    await store.posted(following, "ts1")
    assert await _due(store) == ((), [])


async def test_a_lease_that_is_renewed_is_nobody_s_work_meanwhile(store: RedisStore) -> None:
    request = await made(store)
    work = await _begun(store, request)
    for _ in range(4):
        await advance(store, 10)
        assert await store.renew(work, 15)
        assert await _due(store) == ((), [])
    due = await store.due_places(10)
    assert due.next_in_seconds == 15.0


async def test_a_repeated_begin_is_told_what_the_first_was(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    request = await made(store)
    monkeypatch.setattr("secrets.token_hex", lambda _: "the same operation")
    assert await _begun(store, request) == await _begun(store, request)


async def test_an_attempt_that_made_nothing_is_simply_tried_again(store: RedisStore) -> None:
    request = await made(store)
    await _failed(store, await _begun(store, request))
    assert await _due(store) == ((), [])
    await advance(store, 1)
    again = await _begun(store, request)
    assert (again.lost_at, again.attempts) == (None, 2)


async def test_a_lost_answer_is_remembered_until_somebody_could_look(store: RedisStore) -> None:
    """A look-up that fails must not be followed by a blind post."""
    request = await made(store)
    lost = await _begun(store, request)
    await _failed(store, lost, lost=True)
    await advance(store, 1)
    assert await store.begin(request, PLACE, 15) is None
    await advance(store, 59)
    first_look = await _begun(store, request)
    await _failed(store, first_look)  # the platform could not be asked
    await advance(store, 1)
    second_look = await _begun(store, request)
    assert second_look.lost_at == first_look.lost_at
    assert second_look.lost_at is not None
    await _failed(store, second_look, lost=True)  # nothing was there; this time the post's own answer was lost
    await advance(store, 59)
    assert await store.begin(request, PLACE, 15) is None
    await advance(store, 1)
    third = await _begun(store, request)
    assert third.lost_at is not None
    assert third.lost_at > second_look.lost_at


async def test_a_place_that_asked_us_to_wait_is_left_alone_by_all(server: RedisServer, store: RedisStore) -> None:
    first, second, third = [await made(store) for _ in range(3)]
    other_place = await made(store, place="slack:C2")
    limited, under_way = await _begun(store, first), await _begun(store, second)
    await _failed(store, limited, after_seconds=30, whole_place=True)
    await store.posted(under_way, "ts2")  # it was quicker than the refusal, and lifts nothing
    async with opened(server.url, store.keys.book) as other:
        assert (await other.due_places(10)).items == ("slack:C2",)
        assert await other.due_work(PLACE, 10) == []
        assert await other.begin(third, PLACE, 15) is None
        assert await other.begin(other_place, "slack:C2", 15) is not None
        await cast(other, second, ANA, "approve")
        assert await other.begin(second, PLACE, 15) is None
    await advance(store, 30)
    assert set((await store.due_places(10)).items) == {PLACE, "slack:C2"}
    assert set(await store.due_work(PLACE, 10)) == {first.id, second.id, third.id}
    assert await store.begin(third, PLACE, 15) is None, "its turn comes after that of the card that was refused"
    await store.posted(await _begun(store, first), "ts1")
    assert not await store.client.hexists(store.keys["blocked"], PLACE)


async def test_a_place_that_asked_us_to_wait_is_given_its_cards_one_by_one(
    server: RedisServer, store: RedisStore
) -> None:
    waiting = {request.id: request for request in [await made(store) for _ in range(12)]}
    first = waiting.pop(next(iter(waiting)))
    await _failed(store, await _begun(store, first), after_seconds=1, whole_place=True)
    waiting[first.id] = first
    shown = dict[str, float]()
    async with opened(server.url, store.keys.book) as other:
        for tenth in range(200):
            await advance(store, 0.1)
            for each in (store, other):
                for request_id in await each.due_work(PLACE, 20):
                    if work := await each.begin(waiting[request_id], PLACE, 15):
                        await each.posted(work, f"ts{tenth}")
                        shown[request_id] = tenth / 10
    assert set(shown) == set(waiting), "none is forgotten"
    times = list(shown.values())
    assert all(after - before >= 1 for before, after in pairwise(times)), times
    assert times[-1] < 1.2 * len(times), "the pace is kept, and no turn is left out"
    late = [await made(store) for _ in range(2)]
    await advance(store, 60)
    assert await store.begin(late[0], PLACE, 15) is not None
    await advance(store, 60)
    burst = [await made(store) for _ in range(3)]
    for request in burst:
        assert await store.begin(request, PLACE, 15) is not None
    assert not await store.client.hexists(store.keys["blocked"], f"{PLACE} pace"), "a calm place has no pace"


async def test_what_is_asked_where_others_wait_for_a_turn_is_given_its_own_at_once(store: RedisStore) -> None:
    limited, second = [await made(store) for _ in range(2)]
    await _failed(store, await _begun(store, limited), after_seconds=1, whole_place=True)
    await advance(store, 1)
    await store.posted(await _begun(store, limited), "ts1")
    assert await store.begin(second, PLACE, 15) is None
    late = [await made(store) for _ in range(3)]
    listed = await made(store, verdict=Verdict("ask", "a rule", requirement=replace(requirement(), digest=True)))
    assert await store.due_work(PLACE, 10) == [listed.id], "a list shows it, whoever waits for a turn"
    for request in (second, *late):
        await advance(store, PACE_SECONDS)
        assert set(await store.due_work(PLACE, 10)) == {request.id, listed.id}
        await store.posted(await _begun(store, request), f"ts of {request.id}")


async def test_a_turn_is_known_where_all_that_waits_is_due_much_later(store: RedisStore) -> None:
    stuck, limited = [await made(store) for _ in range(2)]
    await _failed(store, await _begun(store, stuck), after_seconds=3600, alarm=True)
    await _failed(store, await _begun(store, limited), after_seconds=1, whole_place=True)
    await advance(store, 1)
    await store.posted(await _begun(store, limited), "ts1")
    asked = await made(store)
    assert await _due(store) == ((), [])
    await advance(store, PACE_SECONDS)
    assert await _due(store) == ((PLACE,), [asked.id])


async def _slow(store: RedisStore, waiting: int, **how: Any) -> list[Request]:
    """What waits for its turn, in that order, at a place that asked us to wait and has just taken a card."""
    limited, first = [await made(store, **how) for _ in range(2)]
    await _failed(store, await _begun(store, limited), after_seconds=1, whole_place=True)
    await advance(store, 1)
    await store.posted(await _begun(store, limited), "ts1")
    assert await store.begin(first, PLACE, 15) is None
    return [first, *[await made(store, **how) for _ in range(waiting - 1)]]


async def _worked_at(store: RedisStore, requests: Sequence[Request], seconds: float) -> dict[str, float]:
    """When each was posted, of a worker that looks ten times a second."""
    known = {request.id: request for request in requests}
    shown = dict[str, float]()
    for tenth in range(int(seconds * 10)):
        await advance(store, 0.1)
        for request_id in await store.due_work(PLACE, 20):
            if work := await store.begin(known[request_id], PLACE, 15):
                await store.posted(work, f"ts{tenth}")
                shown[request_id] = tenth / 10
    return shown


async def test_cards_whose_turn_nobody_took_keep_their_place_before_those_that_came_later(store: RedisStore) -> None:
    waiting = await _slow(store, 6)
    await advance(store, 4)  # nobody works
    waiting += [await made(store) for _ in range(3)]
    shown = await _worked_at(store, waiting, 12)
    assert list(shown) == [request.id for request in waiting]
    assert all(1 <= after - before < 1.3 for before, after in pairwise(shown.values())), shown


async def test_a_card_that_is_refused_for_the_pace_keeps_its_turn_and_nobody_overtakes(store: RedisStore) -> None:
    waiting = await _slow(store, 5)
    await advance(store, PACE_SECONDS)
    refused = await _begun(store, waiting[0])
    await _failed(store, refused, after_seconds=3, whole_place=True)
    waiting.append(await made(store))
    shown = await _worked_at(store, waiting, 12)
    assert list(shown) == [request.id for request in waiting]
    assert all(1 <= after - before < 1.3 for before, after in pairwise(shown.values())), shown


async def test_a_card_that_failed_in_its_turn_is_tried_again_before_those_that_wait(store: RedisStore) -> None:
    waiting = await _slow(store, 8)
    await advance(store, PACE_SECONDS)
    await _failed(store, await _begun(store, waiting[0]), after_seconds=2)
    shown = await _worked_at(store, waiting, 14)
    assert set(shown) == {request.id for request in waiting}
    assert list(shown).index(waiting[0].id) <= 3
    assert all(1 <= after - before < 1.3 for before, after in pairwise(shown.values())), shown


async def test_turns_of_those_who_are_gone_are_given_to_others(store: RedisStore) -> None:
    waiting = await _slow(store, 20)
    for request in waiting:
        await store.cancel(request, EPOCHS)
        assert await store.begin(request, PLACE, 15) is None
    asked = await made(store)
    shown = await _worked_at(store, [*waiting, asked], 3)
    assert list(shown) == [asked.id]


async def test_a_place_that_was_late_is_free_when_all_that_waited_is_gone(store: RedisStore) -> None:
    """Also beside a card that cannot be shown and is tried again much later."""
    stuck = await made(store)
    await _failed(store, await _begun(store, stuck), after_seconds=3600, alarm=True)
    waiting = await _slow(store, 600)
    await advance(store, 300)  # nobody works
    await store.posted(await _begun(store, waiting[0]), "ts2")
    for request in waiting[1:]:
        await store.cancel(request, EPOCHS)
        assert await store.begin(request, PLACE, 15) is None
    await advance(store, 60)
    asked = [await made(store) for _ in range(2)]
    shown = await _worked_at(store, asked, 4)
    assert list(shown) == [request.id for request in asked]


async def test_an_update_that_is_refused_for_the_pace_makes_nobody_wait_twice(store: RedisStore) -> None:
    seen = await made(store)
    await store.posted(await _begun(store, seen), "ts0")
    waiting = await _slow(store, 3)
    await cast(store, seen, ANA, "approve")
    await _failed(store, await _begun(store, seen), after_seconds=10, whole_place=True)
    await advance(store, 10)
    waiting.append(await made(store))
    shown = await _worked_at(store, [seen, *waiting], 8)
    assert [name for name in shown if name != seen.id] == [request.id for request in waiting]
    assert max(shown.values()) < 5


async def test_one_card_that_is_late_alone_puts_nobody_behind(store: RedisStore) -> None:
    alone, *waiting = await _slow(store, 40)
    known = {request.id: request for request in waiting}
    shown = dict[str, float]()
    for tenth in range(300):
        await advance(store, 0.1)
        for request_id in await store.due_work(PLACE, 20):
            if request_id != alone.id or tenth > 200:  # it cannot be read before
                request = known.get(request_id, alone)
                if work := await store.begin(request, PLACE, 15):
                    await store.posted(work, f"ts{tenth}")
                    shown[request_id] = tenth / 10
    assert alone.id in shown
    assert len(shown) > 24, "some 1.1 s apart"


async def test_what_waits_for_its_turn_is_not_looked_at_for_what_changes_before_and_is_where_it_ends(
    store: RedisStore,
) -> None:
    first, second = await _slow(store, 2, quorum=2)
    await cast(store, first, ANA, "approve")
    assert await store.due_work(PLACE, 10) == []
    await store.cancel(second, EPOCHS)
    assert await store.due_work(PLACE, 10) == [second.id]
    await advance(store, PACE_SECONDS)
    assert (await _begun(store, first)).wanted == 2


async def test_a_list_s_failure_is_written_down_at_once_and_takes_no_turn(store: RedisStore) -> None:
    first, row, last = await _slow(store, 3)
    await store.client.zadd(store.keys.work(PLACE), {row.id: 0})  # as a row of a list is due
    work = await store.begin(row, PLACE, 15, "failed")
    assert work is not None
    await _failed(store, work, after_seconds=120, alarm=True)
    shown = await _worked_at(store, [first, row, last], 5)
    assert list(shown) == [first.id, last.id]
    assert [alarm.request_id for alarm in await store.alarms(10)] == [row.id]


async def test_a_card_of_a_paced_place_is_brought_up_to_date_before_others_are_posted(store: RedisStore) -> None:
    shown, limited, third = [await made(store) for _ in range(3)]
    await store.posted(await _begun(store, shown), "ts1")
    await _failed(store, await _begun(store, limited), after_seconds=1, whole_place=True)
    await advance(store, 1)
    await store.posted(await _begun(store, limited), "ts2")
    assert await store.begin(third, PLACE, 15) is None, "its turn comes later"
    await cast(store, shown, ANA, "approve")
    assert (await _begun(store, shown)).post == "ts1"


async def test_the_longer_of_two_waits_counts(store: RedisStore) -> None:
    first, second = await made(store), await made(store)
    works = [await _begun(store, first), await _begun(store, second)]
    await _failed(store, works[0], after_seconds=30, whole_place=True)
    await _failed(store, works[1], after_seconds=5, whole_place=True)
    await advance(store, 5)
    assert await store.begin(second, PLACE, 15) is None


async def test_an_undeliverable_card_is_an_alarm_until_it_is_shown(store: RedisStore) -> None:
    request = await made(store)
    for _ in range(3):
        await _failed(store, await _begun(store, request), alarm=True)
        await advance(store, 1)
    [alarm] = await store.alarms(10)
    assert (alarm.request_id, alarm.place) == (request.id, PLACE)
    assert (await store.totals()).alarms == 1
    assert len(await journal(store, "undeliverable")) == 1
    await store.posted(await _begun(store, request), "ts1")
    assert await store.alarms(10) == []


async def test_what_could_not_be_shown_is_tried_at_once_where_its_place_can_be_reached_again(store: RedisStore) -> None:
    request, other = await made(store), await made(store)
    for each in (request, other):
        await _failed(store, await _begun(store, each), after_seconds=600, alarm=each is request)
    await store.hasten(request, PLACE)
    await store.hasten(other, PLACE)  # it raised no alarm, so nothing is known of it
    assert await store.due_work(PLACE, 10) == [request.id]
    await _begun(store, request)
    await store.hasten(request, PLACE)
    assert await store.due_work(PLACE, 10) == [], "whoever is at it holds its lease"


async def test_what_ended_before_anybody_saw_it_is_not_shown(store: RedisStore) -> None:
    request = await made(store)
    await _failed(store, await _begun(store, request), alarm=True)
    await store.cancel(request, EPOCHS)
    assert await store.begin(request, PLACE, 15) is None
    assert await _due(store) == ((), [])
    assert await store.alarms(10) == []


async def test_what_ended_while_its_post_was_lost_is_looked_for_first(store: RedisStore) -> None:
    request = await made(store)
    await _failed(store, await _begun(store, request), lost=True)
    await store.cancel(request, EPOCHS)
    await advance(store, 60)
    work = await _begun(store, request)
    assert work.lost_at is not None
    await store.moot(work)
    assert await store.begin(request, PLACE, 15) is None
    assert await _due(store) == ((), [])


async def test_a_tap_records_a_post_that_nobody_had_recorded(store: RedisStore) -> None:
    request = await made(store)
    work = await _begun(store, request)
    await asyncio.gather(*(store.tapped(request, PLACE, "ts1") for _ in range(5)))
    await store.posted(work, "ts1")
    assert len(await journal(store, "posted")) == 1
    assert await journal(store, "posted_twice") == []
    assert await store.begin(request, PLACE, 15) is None


async def test_after_a_tap_nobody_posts_or_looks_even_where_the_worker_died(store: RedisStore) -> None:
    request = await made(store)
    await _begun(store, request)
    await store.tapped(request, PLACE, "ts1")
    await cast(store, request, ANA, "approve")
    await advance(store, 15)
    heir = await _begun(store, request)
    assert (heir.post, heir.lost_at) == ("ts1", None)


async def test_a_tap_on_a_card_that_was_given_up_brings_it_up_to_date(store: RedisStore) -> None:
    """Its answer was lost, it could not be found, and the request ended; then somebody taps it."""
    request = await made(store)
    await _failed(store, await _begun(store, request), lost=True)
    await store.cancel(request, EPOCHS)
    await advance(store, 60)
    await store.moot(await _begun(store, request))
    await store.tapped(request, PLACE, "ts1")
    assert await _due(store) == ((PLACE,), [request.id])
    work = await _begun(store, request)
    assert (work.post, work.request.status) == ("ts1", Status.CANCELLED)


async def test_a_tap_on_a_second_copy_brings_both_up_to_date(store: RedisStore) -> None:
    request = await made(store)
    await store.posted(await _begun(store, request), "ts1")
    await store.tapped(request, PLACE, "ts2")
    await store.tapped(request, PLACE, "ts2")
    work = await _begun(store, request)
    assert (work.post, work.doubles) == ("ts1", ("ts2",))
    assert len(await journal(store, "posted_twice")) == 1


async def test_a_tap_at_a_place_without_a_card_makes_none(store: RedisStore) -> None:
    request = await made(store)
    await store.tapped(request, "slack:C9", "ts1")
    assert not [name for name in await lying_in(store) if "C9" in name]


async def test_a_button_means_what_it_was_made_for_and_nothing_else_means_anything(store: RedisStore) -> None:
    request = await made(store, button="btn_a")
    button = await store.button("btn_a")
    assert button is not None
    assert (button.request_id, button.revision, button.place) == (request.id, 1, PLACE)
    assert await store.button("btn_b") is None


async def test_what_is_wanted_while_nothing_was_left_to_show_is_shown(store: RedisStore) -> None:
    """Its request went elsewhere, and came back before the look for a lost post was done."""
    request = await made(store)
    await _failed(store, await _begun(store, request), lost=True)
    assert await taken_along(store, request, OPS) == "ok"
    await advance(store, 60)
    looking = await _begun(store, request)
    moved = await store.read(request.id)
    assert moved is not None
    assert await taken_along(store, moved, PLACE, channel="payments") == "ok"
    await store.moot(looking)
    assert await store.due_work(PLACE, 10) == [request.id]
    work = await _begun(store, request)
    assert (work.post, work.request.place) == (None, PLACE)


async def test_a_renewal_that_comes_after_the_work_holds_nothing(store: RedisStore) -> None:
    request = await made(store)
    work = await _begun(store, request)
    await store.posted(work, "ts1")
    assert not await store.renew(work, 15)
    await cast(store, request, ANA, "approve")
    assert await _due(store) == ((PLACE,), [request.id])


async def test_what_failed_while_another_worker_thought_it_due_is_tried_again_when_it_said(store: RedisStore) -> None:
    request = await made(store)
    await _failed(store, await _begun(store, request), after_seconds=60, alarm=True)
    assert await store.begin(request, PLACE, 15) is None
    await advance(store, 60)
    assert (await _begun(store, request)).attempts == 2
