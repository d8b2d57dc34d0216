"""Announcements that wait at one place: said together, and never before people are asked."""

from __future__ import annotations

from itertools import pairwise

import pytest

from book import PLACE, advance, made
from sayso_bot.domain.notice import Notice, new_notice
from sayso_bot.domain.request import Request
from sayso_bot.ports import AdapterError, Gone, NoticeWork, Rejected
from sayso_bot.store.redis import RedisStore
from sayso_bot.testing.context import Lines
from sayso_bot.workers.notices import Announcing

LONG = "x" * 1500
pytestmark = pytest.mark.usefixtures("still")


async def said(store: RedisStore, *texts: str) -> list[str]:
    """Have ``texts`` announced at the place, each by a deed of its own; their ids."""
    names = []
    for text in texts:
        names.append(new_notice(text).id)
        await store.office.tell(f"slack:{names[-1]}", "gone", None, ((Notice(names[-1], text), PLACE),))
    return names


@pytest.mark.parametrize(
    ("error", "level"), [(Gone("place_not_known"), "warning"), (Rejected("msg_too_long"), "error")]
)
async def test_what_no_place_takes_is_given_up_and_an_error_only_where_it_is_ours(
    store: RedisStore, error: AdapterError, level: str
) -> None:
    async def refused(_: NoticeWork) -> str | None:
        raise error

    log = Lines()
    [name] = await said(store, "Olga routed payments.* to ops.")
    assert await Announcing(store.notices, refused, log).deliver(name, PLACE)
    assert [(found, event) for found, event, _ in log.lines] == [(level, "announcement_given_up")]
    assert await store.due_work(PLACE, 10) == []


async def slowed(store: RedisStore) -> Request:
    """Have the place ask for patience; the request whose card it refused."""
    limited = await made(store)
    work = await store.begin(limited, PLACE, 15)
    assert work is not None
    await store.failed(work, "rate_limited", after_seconds=1, lost=False, alarm=False, whole_place=True)
    await advance(store, 1)
    return limited


async def looked_at(store: RedisStore, *names: str) -> None:
    """None of them has its turn yet."""
    assert [await store.notices.begin_notice(name, PLACE, 15) for name in names] == [None] * len(names)


async def when_due(store: RedisStore, name: str) -> NoticeWork:
    for _ in range(400):
        await advance(store, 0.2)
        if work := await store.notices.begin_notice(name, PLACE, 15):
            return work
    raise AssertionError(f"{name} never has its turn")


async def test_what_comes_while_one_waits_for_its_turn_is_said_with_it(store: RedisStore) -> None:
    await slowed(store)
    names = await said(store, "Olga routed a to ops.", 'Olga "paused" b.\nПока.', "Omar resumed b.")
    await looked_at(store, *names, *names)
    assert await store.client.exists(*(store.keys.notice(name) for name in names)) == 1
    work = await when_due(store, names[0])
    assert work.notice.text == 'Olga routed a to ops.\n\nOlga "paused" b.\nПока.\n\nOmar resumed b.'
    [late] = await said(store, "Omar routed c.")
    await looked_at(store, late)
    await store.notices.notice_posted(work, "ts1")
    assert (await when_due(store, late)).notice.text == "Omar routed c.", "the other had been begun"


async def test_what_was_begun_is_left_as_it_is_since_its_post_may_stand(store: RedisStore) -> None:
    first, second = await said(store, "one", "two")
    lost = await store.notices.begin_notice(first, PLACE, 15)
    assert lost is not None
    await store.notices.notice_failed(lost, "no_answer", after_seconds=0, lost=True, whole_place=False)
    await slowed(store)
    await looked_at(store, second)
    again = await when_due(store, first)
    assert again.lost_at is not None
    assert (again.notice.text, (await when_due(store, second)).notice.text) == ("one", "two")


async def test_no_more_is_said_in_one_message_than_is_shown(store: RedisStore) -> None:
    await slowed(store)
    names = await said(store, LONG, "short", LONG, "end")
    await looked_at(store, *names)
    texts = [(await when_due(store, name)).notice.text for name in (names[0], names[2])]
    assert texts == [f"{LONG}\n\nshort", f"{LONG}\n\nend"]


async def test_a_place_that_is_slow_no_longer_is_told_at_once(store: RedisStore) -> None:
    await slowed(store)
    gone, late = await said(store, "one", "two")
    await looked_at(store, gone)
    await store.client.delete(store.keys.notice(gone), store.keys.post(gone, PLACE))
    await advance(store, 60)
    work = await store.notices.begin_notice(late, PLACE, 15)
    assert work is not None, "it waits for nobody who is not there"
    assert work.notice.text == "two"


async def test_one_that_is_tried_again_keeps_nobody_from_joining(store: RedisStore) -> None:
    """What was begun can take nothing in, so it is not what others are to join."""
    [tried] = await said(store, "one")
    work = await store.notices.begin_notice(tried, PLACE, 15)
    assert work is not None
    await slowed(store)
    await store.notices.notice_failed(work, "500", after_seconds=0, lost=False, whole_place=False)
    names = await said(store, "two", "three", "four")
    await looked_at(store, names[0], tried, names[1], tried, names[2])
    assert (await when_due(store, names[0])).notice.text == "two\n\nthree\n\nfour"


async def test_however_much_is_announced_at_a_slow_place_its_cards_are_shown_in_time(store: RedisStore) -> None:
    limited = await slowed(store)
    waiting, shown, told = {limited.id: limited}, dict[str, float](), list[tuple[float, str]]()
    for tenth in range(150):
        await advance(store, 0.1)
        if tenth % 3 == 0 and tenth < 100:  # three times as many as the place takes
            notice = Notice(f"ntc_{100 + tenth}", f"deed {tenth}.")
            await store.office.tell(f"slack:C{tenth}", "is_archived", None, ((notice, PLACE),))
        if tenth % 20 == 0 and tenth < 100:
            card = await made(store)
            waiting[card.id] = card
        for name in await store.due_work(PLACE, 20):
            if name in waiting and (work := await store.begin(waiting[name], PLACE, 15)):
                await store.posted(work, f"ts{tenth}")
                shown[name] = tenth / 10
            elif name not in waiting and (notice_work := await store.notices.begin_notice(name, PLACE, 15)):
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
