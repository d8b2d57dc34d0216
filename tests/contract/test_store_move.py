"""A card that cannot be shown goes to another place: in one step, once, and never beside one that is shown."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from book import ANA, BEN, EPOCHS, PLACE, advance, cast, change, journal, lying_in, made, opened
from office_store import OPS, taken_along
from redis_server import RedisServer
from sayso_bot.domain.request import Request, Status
from sayso_bot.ports import Again, Due, Work
from sayso_bot.store.redis import RedisStore

BACKUP = "slack:C9"


async def _begun(store: RedisStore, request: Request, place: str = PLACE) -> Work:
    work = await store.begin(request, place, 15)
    assert work is not None
    return work


async def _moved(store: RedisStore, request: Request, to: str = BACKUP, button: str = "btn_9") -> Request:
    assert await store.move(await _begun(store, request), to, button, "is_archived", "delivery")
    found = await store.read(request.id)
    assert found is not None
    return found


async def _shown_and_taken_along(store: RedisStore, **more: Any) -> Request:
    """A request whose card is shown, after an admin has had it asked at `OPS`."""
    request = await made(store, **more)
    await store.posted(await _begun(store, request), "ts1")
    assert await taken_along(store, request, OPS) == "ok"
    away = await store.read(request.id)
    assert away is not None
    return away


async def test_a_moved_card_is_wanted_at_the_other_place_with_a_button_of_its_own(store: RedisStore) -> None:
    request = await made(store, button="btn_1")
    moved = await _moved(store, request)
    assert moved.place == BACKUP
    assert await store.due_work(PLACE, 10) == []
    assert (await store.due_places(10)).items == (BACKUP,)
    work = await _begun(store, moved, BACKUP)
    assert (work.button, work.wanted, work.post, work.attempts, work.lost_at) == ("btn_9", 1, None, 1, None)
    meant = [await store.button(token) for token in ("btn_1", "btn_9")]
    assert [button.place for button in meant if button] == [PLACE, BACKUP]
    [entry] = await journal(store, "moved")
    assert json.loads(entry["data"]) == {"from": PLACE, "to": BACKUP, "why": "is_archived", "by": "delivery"}
    assert len(await journal(store, "undeliverable")) == 1


async def test_the_alarm_stays_until_the_card_is_shown_at_the_other_place(store: RedisStore) -> None:
    moved = await _moved(store, await made(store))
    assert [(alarm.request_id, alarm.place) for alarm in await store.alarms(10)] == [(moved.id, PLACE)]
    await store.posted(await _begun(store, moved, BACKUP), "ts9")
    assert await store.alarms(10) == []


async def test_the_alarm_stays_when_nothing_is_found_at_the_place_that_was_left(store: RedisStore) -> None:
    """A lost answer may have left a card there, so it is looked for; that there is none shows it to nobody."""
    request = await made(store)
    work = await _begun(store, request)
    await store.failed(work, "no_answer", after_seconds=0, lost=True, alarm=False, whole_place=False)
    await advance(store, 61)
    moved = await _moved(store, request)
    await advance(store, 61)
    await store.moot(await _begun(store, moved))
    assert [(alarm.request_id, alarm.place) for alarm in await store.alarms(10)] == [(moved.id, PLACE)]
    assert await store.due_work(PLACE, 10) == []
    await store.posted(await _begun(store, moved, BACKUP), "ts9")
    assert await store.alarms(10) == []


async def test_a_tap_on_a_card_that_nobody_knew_of_at_a_place_that_was_left_has_it_say_so(store: RedisStore) -> None:
    request = await made(store)
    work = await _begun(store, request)
    await store.failed(work, "no_answer", after_seconds=0, lost=True, alarm=False, whole_place=False)
    await advance(store, 61)
    moved = await _moved(store, request)
    await store.tapped(moved, PLACE, "ts1")
    assert await store.due_work(PLACE, 10) == [request.id]
    left = await _begun(store, moved)
    assert (left.post, left.wanted) == ("ts1", 2)


async def test_a_card_that_was_taken_along_while_it_failed_is_no_alarm_of_the_place_that_it_left(
    store: RedisStore,
) -> None:
    request = await made(store)
    work = await _begun(store, request)
    assert await taken_along(store, request, OPS) == "ok"
    away = await store.read(request.id)
    assert away is not None
    await store.failed(work, "is_archived", after_seconds=60, lost=False, alarm=True, whole_place=False)
    await store.posted(await _begun(store, away, OPS), "ts9")
    assert await store.alarms(10) == []


async def test_a_card_that_comes_back_has_no_old_turn(store: RedisStore) -> None:
    limited, *waiting = [await made(store) for _ in range(60)]
    await store.failed(
        await _begun(store, limited), "rate_limited", after_seconds=1, lost=False, alarm=False, whole_place=True
    )
    await advance(store, 1)
    for request in waiting:
        assert await store.begin(request, PLACE, 15) is None
    away = waiting[-1]
    assert await taken_along(store, away, OPS) == "ok"
    assert await store.begin(away, PLACE, 15) is None
    for request in (limited, *waiting[:-1]):
        await store.cancel(request, EPOCHS)
        assert await store.begin(request, PLACE, 15) is None
    gone = await store.read(away.id)
    assert gone is not None
    assert await taken_along(store, gone, PLACE) == "ok"
    await advance(store, 3)
    back = await store.read(away.id)
    assert back is not None
    await store.begin(back, PLACE, 15)
    await advance(store, 3)
    assert await store.due_work(PLACE, 10) == [away.id]
    assert (await _begun(store, back)).post is None


async def test_the_alarm_ends_with_a_request_that_was_shown_nowhere(store: RedisStore) -> None:
    moved = await _moved(store, await made(store))
    await store.cancel(moved, EPOCHS)
    assert await store.begin(moved, BACKUP, 15) is None
    assert await store.alarms(10) == []


async def test_what_is_moved_to_the_inbox_has_no_card_and_goes_on(store: RedisStore) -> None:
    moved = await _moved(store, await made(store, quorum=2), "inbox", "")
    assert moved.place == "inbox"
    assert await store.alarms(10) == []
    await cast(store, moved, ANA, "approve")
    seen = await store.read(moved.id)
    assert seen is not None
    edited = await change(store, seen, ANA, {"amount": 2}, button="btn_unused")
    assert edited.request is not None
    assert await store.button("btn_unused") is None
    await cast(store, edited.request, BEN, "deny", revision=2)
    lying = await lying_in(store)
    assert "places" not in lying
    assert not any(name.startswith(("work:", f"post:{moved.id}:inbox")) for name in lying)


async def test_who_saw_the_request_before_it_moved_looks_again_before_anything_changes(store: RedisStore) -> None:
    before = await made(store, timeout_seconds=60)
    after = await _moved(store, before)
    lying = await lying_in(store)
    with pytest.raises(Again):
        await cast(store, before, ANA, "approve")
    with pytest.raises(Again):
        await change(store, before, ANA, {"amount": 2})
    with pytest.raises(Again):
        await store.cancel(before, EPOCHS)
    lying.pop("clock")
    assert {name: held for name, held in (await lying_in(store)).items() if name != "clock"} == lying
    await store.posted(await _begun(store, after, BACKUP), "ts9")
    await advance(store, 60)
    assert (await store.expire(before)).status is Status.EXPIRED
    work = await _begun(store, before, BACKUP)
    assert (work.wanted, work.post) == (2, "ts9"), "its card says that it ended"


async def test_a_place_that_was_left_is_posted_to_no_more(store: RedisStore) -> None:
    request = await made(store)
    await _moved(store, request)
    await store.client.zadd(store.keys.work(PLACE), {request.id: 0})
    assert await store.begin(request, PLACE, 15) is None
    assert await store.due_work(PLACE, 10) == []
    assert len(await store.alarms(10)) == 1, "it is shown nowhere yet"


async def test_a_card_that_was_shown_or_has_ended_or_is_another_s_stays(store: RedisStore) -> None:
    shown = await made(store)
    work = await _begun(store, shown)
    await store.tapped(shown, PLACE, "ts1")
    assert not await store.move(work, BACKUP, "btn", "gone", "delivery")

    ended = await made(store)
    work = await _begun(store, ended)
    await store.cancel(ended, EPOCHS)
    assert not await store.move(work, BACKUP, "btn", "gone", "delivery")

    lapsed = await made(store)
    work = await _begun(store, lapsed)
    await advance(store, 75)
    await _begun(store, lapsed)
    assert not await store.move(work, BACKUP, "btn", "gone", "delivery")
    assert await journal(store, "moved") == []
    assert await store.button("btn") is None


async def test_of_many_moves_at_once_there_is_one(server: RedisServer, store: RedisStore) -> None:
    request = await made(store)
    work = await _begun(store, request)
    async with opened(server.url, store.keys.book) as other:
        moves = (each.move(work, BACKUP, f"btn_{n}", "gone", "delivery") for n in range(10) for each in (store, other))
        assert all(await asyncio.gather(*moves))
    assert len(await journal(store, "moved")) == 1
    works = [await store.begin(request, BACKUP, 15) for _ in range(3)]
    assert [work is not None for work in works] == [True, False, False]


async def _expired(store: RedisStore, request: Request) -> str | None:
    await advance(store, 60)
    ended = await store.expire(request)
    assert ended.decision is not None
    assert (ended.decision.outcome, ended.decision.cause) == ("expired", "timeout")
    return ended.decision.reason


async def test_a_request_that_nobody_was_shown_says_so_when_its_time_is_over(store: RedisStore) -> None:
    unseen = await made(store, timeout_seconds=60)
    work = await _begun(store, unseen)
    await store.failed(work, "channel_not_found", after_seconds=90, lost=False, alarm=True, whole_place=False)
    limited = await made(store, timeout_seconds=60)
    await store.failed(
        await _begun(store, await made(store)), "rate_limited", after_seconds=90, lost=False, alarm=False,
        whole_place=True,
    )  # fmt: skip
    assert (
        await _expired(store, unseen) == "Nobody was shown a card: slack:C1 could not be reached (channel_not_found)."
    )
    ended = await store.expire(limited)
    assert ended.decision is not None
    assert ended.decision.reason == "Nobody was shown a card: slack:C1 could not be reached (rate_limited)."


async def test_one_that_somebody_was_shown_before_it_went_elsewhere_is_not_said_to_be_seen_by_nobody(
    store: RedisStore,
) -> None:
    away = await _shown_and_taken_along(store, timeout_seconds=60)
    await store.failed(
        await _begun(store, away, OPS), "is_archived", after_seconds=90, lost=False, alarm=True, whole_place=False
    )
    assert (
        await _expired(store, away)
        == f"Nobody was shown a card where it was asked last: {OPS} could not be reached (is_archived)."
    )


async def test_the_end_is_left_to_a_card_elsewhere_only_where_none_is_here(store: RedisStore) -> None:
    away = await _shown_and_taken_along(store)
    waits = await _begun(store, away, OPS)
    assert (waits.tells, waits.teller) == (True, None), "people may still be shown it here"
    await store.failed(waits, "busy", after_seconds=0, lost=False, alarm=False, whole_place=False)
    ended = await store.cancel(away, EPOCHS)
    assert ended.status is Status.CANCELLED
    assert not (await _begun(store, ended)).tells
    unseen = await _begun(store, ended, OPS)
    assert (unseen.tells, unseen.teller) == (True, PLACE)
    await store.moot(unseen)
    assert await store.begin(ended, OPS, 15) is None
    await advance(store, 16)
    assert (await _begun(store, ended)).tells


async def test_what_ended_as_its_card_failed_is_no_alarm_and_handed_on_at_once(store: RedisStore) -> None:
    away = await _shown_and_taken_along(store)
    work = await _begun(store, away, OPS)
    ended = await store.cancel(away, EPOCHS)
    await store.failed(work, "is_archived", after_seconds=120, lost=False, alarm=True, whole_place=False)
    assert await store.alarms(10) == []
    died = await _begun(store, ended, OPS)
    assert (died.lost_at, died.teller) == (None, PLACE)
    await advance(store, 16)
    again = await _begun(store, ended, OPS)
    assert (again.lost_at, again.teller) == (None, PLACE), "nobody has tried to post it"
    await store.moot(again)
    assert (await _begun(store, ended)).tells


async def test_what_goes_on_from_where_it_was_never_shown_is_said_on_the_card_before(store: RedisStore) -> None:
    away = await _shown_and_taken_along(store)
    first = await _begun(store, away)
    await store.posted(first, "ts1")
    assert await store.move(await _begun(store, away, OPS), "inbox", "", "is_archived", "delivery")
    inbox = await store.read(away.id)
    assert inbox is not None
    unseen = await _begun(store, inbox, OPS)
    assert (unseen.tells, unseen.teller) == (False, PLACE)
    await store.moot(unseen)
    assert [(alarm.place) for alarm in await store.alarms(10)] == []
    says = await _begun(store, inbox)
    assert (says.post, says.tells, says.wanted) == ("ts1", False, first.wanted + 1)
    await store.posted(says, "ts1")
    await store.cancel(inbox, EPOCHS)
    assert await store.due_places(10) == Due((), None)


async def test_what_ended_elsewhere_before_that_could_be_said_is_said_with_its_end(store: RedisStore) -> None:
    away = await _shown_and_taken_along(store)
    await store.posted(await _begun(store, away), "ts1")
    refused = await _begun(store, away, OPS)
    assert await taken_along(store, away, BACKUP) == "ok"
    further = await store.read(away.id)
    assert further is not None
    await store.failed(refused, "is_archived", after_seconds=3600, lost=False, alarm=True, whole_place=False)
    assert await store.alarms(10) == []
    await store.posted(await _begun(store, further, BACKUP), "ts3")
    ended = await store.cancel(further, EPOCHS)
    await store.moot(await _begun(store, ended, OPS))
    says = await _begun(store, ended)
    assert (says.post, says.tells) == ("ts1", False), "its end is told beside the card that was shown last"
    assert (await _begun(store, ended, BACKUP)).tells


async def test_a_look_up_where_it_was_lost_leaves_the_end_to_the_card_before_that(store: RedisStore) -> None:
    """Shown at one place, perhaps at the next, not at the third, and brought back to the second."""
    request = await made(store)
    await store.posted(await _begun(store, request), "ts1")
    for place, to in ((PLACE, OPS), (OPS, BACKUP), (BACKUP, OPS)):
        here = await store.read(request.id)
        assert here is not None
        if place != PLACE:
            work = await _begun(store, here, place)
            await store.failed(work, "busy", after_seconds=0, lost=place == OPS, alarm=False, whole_place=False)
        assert await taken_along(store, here, to) == "ok"
    back = await store.read(request.id)
    assert back is not None
    ended = await store.cancel(back, EPOCHS)
    await advance(store, 61)
    looking = await _begun(store, ended, OPS)
    assert looking.lost_at is not None
    assert looking.teller == PLACE
    await store.moot(looking)
    assert (await _begun(store, ended)).tells


async def test_two_that_may_have_shown_it_do_not_hand_it_to_and_fro(store: RedisStore) -> None:
    request = await made(store)
    for place, to in ((PLACE, OPS), (OPS, PLACE)):
        here = await store.read(request.id)
        assert here is not None
        work = await _begun(store, here, place)
        await store.failed(work, "no_answer", after_seconds=0, lost=True, alarm=False, whole_place=False)
        assert await taken_along(store, here, to) == "ok"
    back = await store.read(request.id)
    assert back is not None
    ended = await store.cancel(back, EPOCHS)
    await advance(store, 61)
    for _ in range(6):
        for place in (PLACE, OPS):
            if (found := await store.begin(ended, place, 15)) is not None:
                await store.moot(found)
    assert await store.due_places(10) == Due((), None)


async def test_what_came_back_leaves_its_end_to_no_other(store: RedisStore) -> None:
    away = await _shown_and_taken_along(store)
    await store.posted(await _begun(store, away, OPS), "ts2")
    assert await taken_along(store, away, PLACE) == "ok"
    back = await store.read(away.id)
    assert back is not None
    ended = await store.cancel(back, EPOCHS)
    work = await _begun(store, ended)
    assert (work.post, work.tells, work.teller) == ("ts1", True, None)
    assert not (await _begun(store, ended, OPS)).tells


async def test_a_card_that_may_have_been_shown_is_told_apart(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    work = await _begun(store, request)
    await store.failed(work, "no_answer", after_seconds=1, lost=True, alarm=False, whole_place=False)
    assert (
        await _expired(store, request)
        == "It is not known whether a card was shown: slack:C1 had not answered (no_answer)."
    )
    killed = await made(store, timeout_seconds=60)
    await _begun(store, killed)
    assert await _expired(store, killed) == "It is not known whether a card was shown: slack:C1 had not answered."


async def test_silence_after_a_card_was_shown_needs_no_excuse(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    await store.failed(
        await _begun(store, request), "http_503", after_seconds=0, lost=False, alarm=False, whole_place=False
    )
    await store.posted(await _begun(store, request), "ts1")
    assert await _expired(store, request) is None


async def test_a_fallback_that_has_a_card_of_it_already_has_that_one_brought_up_to_date(store: RedisStore) -> None:
    """It fell back, was taken along by an admin to where it cannot be shown either, and falls back again."""
    request = await _moved(store, await made(store))
    await store.posted(await _begun(store, request, BACKUP), "ts9")
    assert await taken_along(store, request, OPS) == "ok"
    away = await store.read(request.id)
    assert away is not None
    left = await _begun(store, away, BACKUP)
    assert await store.move(await _begun(store, away, OPS), BACKUP, "btn_10", "is_archived", "delivery")
    await store.posted(left, "ts9")
    back = await store.read(request.id)
    assert back is not None
    work = await _begun(store, back, BACKUP)
    assert (work.post, work.button, work.wanted) == ("ts9", "btn_10", left.wanted + 1)


async def test_what_has_left_a_place_that_can_be_reached_again_is_no_alarm_of_that_place(store: RedisStore) -> None:
    moved = await _moved(store, await made(store))
    work = await _begun(store, moved, BACKUP)
    await store.failed(work, "is_archived", after_seconds=60, lost=False, alarm=True, whole_place=False)
    assert {alarm.place for alarm in await store.alarms(10)} == {PLACE, BACKUP}
    assert await store.hasten(moved, BACKUP)
    assert not await store.hasten(moved, PLACE)
    assert [alarm.place for alarm in await store.alarms(10)] == [BACKUP]
