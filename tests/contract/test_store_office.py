"""What an admin changes, on a real Redis: in one step, once, under the version that was seen, and by Redis's time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from book import EPOCHS, PLACE, advance, journal, key, lying_in, new, now_ms, opened
from office_store import OLGA, OPS, a_route, changed, paused, removing, setting
from redis_server import RedisServer
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.request import Moved, Request, from_milliseconds
from sayso_bot.domain.routing import LiveChannel, LiveRoute
from sayso_bot.ports import Again, Epochs, KeyChange, NoticeWork
from sayso_bot.store.keys import spec_of
from sayso_bot.store.redis import RedisStore


async def _routes(store: RedisStore) -> tuple[LiveRoute, ...]:
    return (await store.configuration(None)).routes


async def _asked_by(store: RedisStore, route: LiveRoute, version: int = 1) -> Request:
    """A request that a replica makes by ``route``, having seen this version of routes."""
    submitted = await store.submit(structs.replace(new(place=route.place), route=route), Epochs(0, 0, version))
    return submitted.request


# --------------------------------------------------------------------------- routes and channels


async def test_a_route_is_kept_with_redis_s_time_and_read_back(store: RedisStore) -> None:
    at = await advance(store, 60)
    route = a_route("payments.*", until=from_milliseconds(at + 3_600_000))
    channel = LiveChannel("ops", OPS, OLGA, "a new team", route.at)
    answer = await changed(store, setting(channel), setting(route), version=0)
    assert (answer.code, answer.version, answer.what) == ("ok", 1, route.id)
    found = await store.configuration(None)
    assert found.routes == (replace(route, at=from_milliseconds(at)),)
    assert found.channels == (replace(channel, at=from_milliseconds(at)),)
    assert found.epochs == Epochs(0, 0, 1)
    assert [entry["kind"] for entry in await journal(store)] == ["channel_named", "route_set"]


async def test_of_two_admins_at_once_one_is_told_that_it_has_changed(server: RedisServer, store: RedisStore) -> None:
    async with opened(server.url, store.keys.book) as other:
        calls = (changed(each, setting(a_route(f"a.{n}")), version=0) for n, each in enumerate((store, other) * 5))
        answers = await asyncio.gather(*calls)
    assert sorted(answer.code for answer in answers) == ["changed"] * 9 + ["ok"]
    assert {answer.version for answer in answers} == {1}
    assert len(await _routes(store)) == 1


async def test_a_deed_that_is_repeated_is_done_once_and_answered_the_same(store: RedisStore) -> None:
    route = a_route("payments.*")
    first = await changed(store, setting(route), version=0, operation="o1")
    await changed(store, removing(route), version=1, operation="o2")
    again = await changed(store, setting(route), version=0, operation="o1")
    assert (again.code, again.version, again.what) == ("replay", first.version, route.id)
    assert await _routes(store) == ()


async def test_a_change_under_keys_that_were_withdrawn_is_proved_again(store: RedisStore) -> None:
    await store.put_key(key(key_id="key_9"), "key_created")
    with pytest.raises(Again):
        await changed(store, setting(a_route("a")), epochs=Epochs(0, 0))
    assert await _routes(store) == ()


async def test_an_end_that_is_over_is_refused_and_nothing_of_the_deed_is_done(store: RedisStore) -> None:
    over = a_route("a", until=from_milliseconds(await now_ms(store)))
    channel = LiveChannel("ops", OPS, OLGA, "", over.at)
    assert (await changed(store, setting(channel), setting(over))).code == "past"
    found = await store.configuration(None)
    assert (found.routes, found.channels, found.epochs.routes) == ((), (), 0)


async def test_a_submission_under_routes_that_have_moved_looks_again(store: RedisStore) -> None:
    await changed(store, setting(a_route("deploy.*")))
    with pytest.raises(Again):
        await store.submit(new(), EPOCHS)
    await store.submit(new(), Epochs(0, 0, 1))


async def test_a_route_ends_by_redis_s_time_without_anybody_s_doing(store: RedisStore) -> None:
    at = await advance(store, 60)
    route = a_route("payments.*", until=from_milliseconds(at + 90_000))
    await changed(store, setting(route))
    await advance(store, 89.999)
    request = await _asked_by(store, route)
    assert (request.place, request.moved) == (OPS, Moved("ops", "Olga", "they are away", route.id))
    await advance(store, 0.001)
    with pytest.raises(Again):
        await _asked_by(store, route)
    found = await store.configuration(None)
    assert found.now == from_milliseconds(at + 90_000) == found.routes[0].until
    assert found.epochs.routes == 1
    await changed(store, setting(a_route("other")))
    assert [entry["kind"] for entry in await journal(store)][-2:] == ["route_ended", "route_set"]
    assert [route.action for route in await _routes(store)] == ["other"]


async def test_a_pattern_has_one_route_also_where_two_admins_set_it_at_once(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_bot.store.office.MOST_OF_A_KIND", 2)
    other_one = a_route("deploy.prod")
    await changed(store, setting(other_one))
    async with opened(server.url, store.keys.book) as other:
        routes = [a_route("deploy.*") for _ in range(10)]
        calls = (changed(each, setting(route)) for each, route in zip((store, other) * 5, routes, strict=True))
        assert {answer.code for answer in await asyncio.gather(*calls)} == {"ok"}
    assert sorted(route.action for route in await _routes(store)) == ["deploy.*", "deploy.prod"]
    kinds = [entry["kind"] for entry in await journal(store)]
    assert (kinds.count("route_set"), kinds.count("route_replaced")) == (11, 9)


async def test_there_is_room_for_so_many_routes_and_no_more(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso_bot.store.office.MOST_OF_A_KIND", 2)
    first = a_route("a")
    await changed(store, setting(first))
    await changed(store, setting(a_route("b")))
    assert (await changed(store, setting(a_route("c")))).code == "full"
    assert (await changed(store, setting(replace(first, channel="other")))).code == "ok", "one that is there may change"


async def test_what_a_newer_version_wrote_is_refused_and_never_guessed_at(store: RedisStore) -> None:
    await changed(store, setting(a_route("a")))
    client: Any = store.client
    [(name, text)] = (await client.hgetall(store.keys["routes"])).items()
    await client.hset(store.keys["routes"], name, text.replace('"v":"1"', '"v":"2"'))
    with pytest.raises(Exception, match="Upgrade this replica"):
        await store.configuration(None)


# --------------------------------------------------------------------------- keys


async def test_a_key_and_its_successor_change_together(store: RedisStore) -> None:
    old, successor = key(key_id="key_1"), key(key_id="key_2")
    await store.put_key(old, "key_created")
    lapsing = replace(old, lapses_at=from_milliseconds(await now_ms(store) + 60_000))
    changes = [KeyChange(successor, "key_created", {}, new=True), KeyChange(lapsing, "key_rotated", {})]
    assert await store.office.put_keys(changes, Epochs(1, 0)) == "ok"
    assert await store.office.put_keys(changes, Epochs(1, 0)) == "same"
    other = KeyChange(replace(successor, name="other"), "key_created", {}, new=True)
    assert await store.office.put_keys([other], None) == "made"
    assert set((await store.configuration(None)).keys) == {successor, lapsing}


async def test_nothing_of_a_rotation_is_done_where_the_key_was_revoked(store: RedisStore) -> None:
    old = key(key_id="key_1")
    revoked = replace(old, revoked_at=from_milliseconds(1))
    await store.put_key(revoked, "key_revoked")
    changes = [KeyChange(key(key_id="key_2"), "key_created", {}, new=True), KeyChange(old, "key_rotated", {})]
    assert await store.office.put_keys(changes, None) == "revoked"
    assert (await store.configuration(None)).keys == (revoked,)


async def test_a_key_lapses_when_redis_says_so_and_once(store: RedisStore) -> None:
    at = await advance(store, 60)
    lapsing = replace(key(), lapses_at=from_milliseconds(at + 60_000))
    await store.put_key(lapsing, "key_rotated")
    over = [(lapsing, replace(lapsing, revoked_at=lapsing.lapses_at))]
    assert await store.office.lapse_keys(over) == 0
    await advance(store, 60)
    assert [await store.office.lapse_keys(over) for _ in range(2)] == [1, 0]
    [found] = (await store.configuration(None)).keys
    assert found.revoked_at == lapsing.lapses_at
    assert (await store.configuration(None)).epochs.keys == 2


async def test_when_a_key_was_used_is_kept_for_each(store: RedisStore) -> None:
    await store.office.note_use(["key_1", "key_2"])
    at = await advance(store, 60)
    await store.office.note_use(["key_2"])
    used = await store.office.last_used()
    assert used["key_2"] == from_milliseconds(at) > used["key_1"]


# --------------------------------------------------------------------------- announcements and ill places


async def _notice(store: RedisStore, name: str, place: str = PLACE) -> NoticeWork | None:
    return await store.notices.begin_notice(name, place, 15)


async def test_an_announcement_is_work_of_its_place_until_it_is_posted(store: RedisStore) -> None:
    said = Notice("ntc_1", "Olga routed payments.* to ops.")
    await changed(store, setting(a_route("payments.*")), notices=((said, PLACE), (replace(said, id="ntc_2"), OPS)))
    assert set((await store.due_places(10)).items) == {PLACE, OPS}
    work = await _notice(store, "ntc_1")
    assert work is not None
    assert (work.notice, work.post, work.attempts) == (said, None, 1)
    assert await _notice(store, "ntc_1") is None, "it is leased"
    await store.notices.notice_posted(work, "ts1")
    assert await _notice(store, "ntc_1") is None
    assert (await store.due_places(10)).items == (OPS,)
    assert [entry["request"] for entry in await journal(store, "posted")] == ["ntc_1"]


async def test_one_whose_answer_was_lost_is_looked_up_before_it_is_posted_again(store: RedisStore) -> None:
    await changed(store, setting(a_route("a")), notices=((Notice("ntc_1", "…"), PLACE),))
    work = await _notice(store, "ntc_1")
    assert work is not None
    await store.notices.notice_failed(work, "no_answer", after_seconds=0, lost=True, whole_place=False)
    assert await _notice(store, "ntc_1") is None, "not before the platform could be asked"
    await advance(store, 61)
    again = await _notice(store, "ntc_1")
    assert again is not None
    assert again.lost_at is not None
    await store.notices.notice_given_up(again)
    assert (await store.due_places(10)).items == ()


async def test_an_ill_place_is_reported_once_and_so_is_its_recovery(store: RedisStore) -> None:
    assert [await store.office.report(OPS, "is_archived") for _ in range(3)] == [True, False, False]
    [ill] = await store.office.reported()
    assert (ill.place, ill.what) == (OPS, "is_archived")
    assert [await store.office.report(OPS, "") for _ in range(2)] == [True, False]
    assert await store.office.reported() == []
    assert [entry["kind"] for entry in await journal(store)] == ["place_ill", "place_well"]


async def test_another_value_of_a_fact_is_told_once_and_only_over_the_one_that_was_told_last(store: RedisStore) -> None:
    told = store.office.tell
    assert await store.office.told("a") == ""
    answers = [await told("a", "1", "", ((Notice(f"ntc_{n}", "…"), "slack:U0OLGA"),)) for n in range(3)]
    assert answers == [True, False, False]
    assert await store.due_work("slack:U0OLGA", 10) == ["ntc_0"]
    assert [await told("a", "3", "2", ()), await told("a", "2", "1", ()), await told("a", "3", None, ())] == [
        False, True, True,
    ]  # fmt: skip
    assert await store.office.told("a") == "3"
    assert await store.office.all_told() == {"a": "3"}
    assert [await told("a", "", None, ()) for _ in range(2)] == [True, False]
    assert await store.office.told("a") == ""


# --------------------------------------------------------------------------- all of it


async def test_all_that_lies_there_is_of_a_kind_that_is_written_down(store: RedisStore) -> None:
    await changed(store, setting(a_route("a")), notices=((Notice("ntc_1", "…"), PLACE),))
    await paused(store, "agent:agent")
    await store.office.note_use(["key_1"])
    await store.office.report(OPS, "gone")
    await store.office.tell("a", "1", "", ())
    assert all(spec_of(store.keys.tag + name, store.keys.book) for name in await lying_in(store))
    assert (
        timedelta(days=6) < timedelta(milliseconds=await store.client.pttl(store.keys.deed("p1"))) <= timedelta(days=7)
    )
