"""Announcements that wait at one place: said together, and never before people are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count, pairwise

import pytest

from book import PLACE, advance, made, opened
from office_store import a_route, changed, setting
from redis_server import RedisServer
from sayso_bot.domain.notice import Notice
from sayso_bot.ports import NoticeWork
from sayso_bot.store.redis import RedisStore

LONG = "x" * 1500


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    async with opened(server.url) as found:
        await advance(found, 60)  # from here its time stands still
        yield found


async def said(store: RedisStore, *texts: str) -> list[str]:
    """Have ``texts`` announced at the place, each by a deed of its own; their ids."""
    names = []
    for number, text in enumerate(texts):
        names.append(f"ntc_{number}")
        await changed(store, setting(a_route(f"a{number}")), notices=((Notice(names[-1], text), PLACE),))
    return names


async def begun(store: RedisStore, name: str) -> NoticeWork:
    work = await store.notices.begin_notice(name, PLACE, 15)
    assert work is not None
    return work


async def test_what_waits_together_is_said_in_one_message(store: RedisStore) -> None:
    names = await said(store, "Olga routed a to ops.", 'Olga "paused" b.\nПока.', "Omar resumed b.")
    assert await store.notices.join_notices(names, PLACE) == [names[0]]
    assert await store.notices.join_notices(names, PLACE) == [names[0]], "whoever does it again changes nothing"
    assert await store.due_work(PLACE, 10) == [names[0]]
    assert [await store.notices.begin_notice(name, PLACE, 15) for name in names[1:]] == [None, None]
    work = await begun(store, names[0])
    assert work.notice.text == 'Olga routed a to ops.\n\nOlga "paused" b.\nПока.\n\nOmar resumed b.'
    await store.notices.notice_posted(work, "ts1")
    assert (await store.due_places(10)).items == ()


async def test_what_somebody_has_begun_is_left_as_it_is(store: RedisStore) -> None:
    """Its post may stand already, and is looked up by its id."""
    first, *rest = await said(store, "one", "two", "three")
    work = await begun(store, first)
    assert await store.notices.join_notices([first, *rest], PLACE) == [first, rest[0]]
    await store.notices.notice_failed(work, "no_answer", after_seconds=0, lost=True, whole_place=False)
    assert await store.notices.join_notices([first, *rest], PLACE) == [first, rest[0]]
    assert (await begun(store, rest[0])).notice.text == "two\n\nthree"


async def test_no_more_is_said_in_one_message_than_is_shown(store: RedisStore) -> None:
    names = await said(store, LONG, "short", LONG, LONG, "end")
    assert await store.notices.join_notices(names, PLACE) == [names[0], names[2], names[3]]
    assert (await begun(store, names[0])).notice.text == f"{LONG}\n\nshort"
    assert (await begun(store, names[3])).notice.text == f"{LONG}\n\nend"


async def test_at_a_slow_place_announcements_give_way_to_cards_and_are_said_all_the_same(store: RedisStore) -> None:
    limited = await made(store)
    work = await store.begin(limited, PLACE, 15)
    assert work is not None
    await store.failed(work, "rate_limited", after_seconds=1, lost=False, alarm=False, whole_place=True)
    waiting, shown, told = {limited.id: limited}, dict[str, float](), list[tuple[float, str]]()
    numbers = count(100)
    for tenth in range(150):
        await advance(store, 0.1)
        if tenth % 3 == 0 and tenth < 100:  # three times as many as the place takes
            notice = Notice(f"ntc_{next(numbers)}", f"deed {tenth}.")
            await store.office.report(f"slack:C{tenth}", "is_archived", ((notice, PLACE),))
        if tenth % 20 == 0 and tenth < 100:
            card = await made(store)
            waiting[card.id] = card
        due = await store.due_work(PLACE, 20)
        for name in (name for name in due if name in waiting):
            if work := await store.begin(waiting[name], PLACE, 15):
                await store.posted(work, f"ts{tenth}")
                shown[name] = tenth / 10
        for name in await store.notices.join_notices([name for name in due if name not in waiting], PLACE):
            if notice_work := await store.notices.begin_notice(name, PLACE, 15):
                await store.notices.notice_posted(notice_work, f"ts{tenth}")
                told.append((tenth / 10, notice_work.notice.text))
    asked = [created / 10 for created in (0, 0, 20, 40, 60, 80)]
    assert len(shown) == len(asked)
    assert all(at - began <= 3.5 for at, began in zip(shown.values(), asked, strict=True)), shown
    words = "\n\n".join(text for _, text in told).split("\n\n")
    assert sorted(words) == sorted(f"deed {tenth}." for tenth in range(0, 100, 3)), "each once"
    times = sorted([*shown.values(), *(at for at, _ in told)])
    assert all(after - before >= 1 for before, after in pairwise(times)), times
    assert times[-1] < 13
