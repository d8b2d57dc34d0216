"""A pause on a real Redis: what it covers is not let happen, at once, whatever a caller has heard; the rest goes on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from book import ANA, BEN, EPOCHS, advance, cast, change, journal, key, lying_in, made, new, opened
from office_store import paused, resumed, taken_along
from redis_server import RedisServer
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.request import Cause, Status
from sayso_bot.errors import Paused
from sayso_bot.ports import Again, Epochs, Filter
from sayso_bot.store.redis import RedisStore

NOTHING_HOLDS = ("agent:somebody-else", "action:deploy.*", "action:payments.refund.more", "action:refund")
HOLDS = (
    "everything",
    "agent:agent",
    "action:payments.refund",
    "action:payments.*",
    "action:*",
    "action:*fun*",
    "action:p*.*d",
)


@pytest.mark.parametrize("scope", HOLDS)
async def test_what_is_paused_is_not_asked_not_even_what_the_policy_allows(store: RedisStore, scope: str) -> None:
    await paused(store, scope)
    for verdict in (None, Verdict("allow", "a rule"), Verdict("deny", "a rule", Cause.POLICY, reason="No.")):
        with pytest.raises(
            Paused, match=r"is paused by an admin: nothing of it is asked now\. Nothing was made"
        ) as told:
            await store.submit(new(verdict=verdict), EPOCHS)
        assert told.value.retry_after == 30
        assert "incident" not in told.value.detail, "an agent may be the reason"
    assert {name for name in await lying_in(store) if name.startswith(("request:", "index:"))} == set()


@pytest.mark.parametrize("scope", HOLDS)
async def test_while_paused_no_approval_and_no_edit_counts(store: RedisStore, scope: str) -> None:
    request = await made(store)
    await paused(store, scope)
    before = await lying_in(store)
    voted = await cast(store, request, ANA, "approve")
    changed = await change(store, request, ANA, {"amount": 2})
    assert (voted.code, voted.request, changed.code, changed.request) == ("paused", request, "paused", request)
    for told in (voted.pause, changed.pause):
        assert told is not None
        assert (str(told.scope), told.by.name, told.why) == (scope, "Olga", "an incident")
    assert {**await lying_in(store), "clock": ""} == {**before, "clock": ""}


@pytest.mark.parametrize("scope", NOTHING_HOLDS)
async def test_a_pause_of_something_else_stops_nothing(store: RedisStore, scope: str) -> None:
    await paused(store, scope)
    request = await made(store)
    assert (await change(store, request, ANA, {"amount": 2})).code == "ok"
    answer = await cast(store, request, ANA, "approve", revision=2)
    assert answer.request is not None
    assert answer.request.status is Status.APPROVED


async def test_several_pauses_are_counted_one_by_one(store: RedisStore) -> None:
    request = await made(store)
    await paused(store, "agent:agent", "p1")
    await paused(store, "action:payments.*", "p2")
    await paused(store, "everything", "p3")
    for number, scope in enumerate(("everything", "agent:agent", "action:payments.*")):
        assert (await cast(store, request, ANA, "approve")).code == "paused"
        await resumed(store, scope, f"r{number}")
    assert (await cast(store, request, ANA, "approve")).code == "ok"


async def test_a_retry_still_finds_what_was_made_before_the_pause(store: RedisStore) -> None:
    request = await made(store, idempotency_key="k")
    await paused(store, "agent:agent")
    again = await store.submit(new(idempotency_key="k"), EPOCHS)
    assert (again.request, again.replayed) == (request, True)


async def test_while_paused_denials_cancellations_reads_and_deadlines_go_on(store: RedisStore) -> None:
    denied, withdrawn, late = [await made(store, timeout_seconds=60) for _ in range(3)]
    await paused(store)
    assert (await cast(store, denied, ANA, "deny")).code == "ok"
    assert (await store.cancel(withdrawn, EPOCHS)).status is Status.CANCELLED
    assert await store.read(late.id) == late
    await advance(store, 60)
    assert (await store.expire(late)).status is Status.EXPIRED
    assert len((await store.list(Filter(), cursor=None, limit=10)).items) == 3


async def test_a_vote_that_counted_before_is_answered_as_it_was_while_paused(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    await cast(store, request, ANA, "approve", operation="tap")
    await paused(store)
    assert (await cast(store, request, ANA, "approve", operation="tap")).code == "replay"


@pytest.mark.parametrize("scope", ["everything", "action:payments.*"])
async def test_approvals_from_before_a_pause_have_no_effect_by_its_end_and_count_at_the_next_vote(
    store: RedisStore, scope: str
) -> None:
    request = await made(store, quorum=2)
    first = await cast(store, request, ANA, "approve")
    assert first.request is not None
    await paused(store, scope)
    assert (await cast(store, first.request, BEN, "approve")).code == "paused"
    await resumed(store, scope)
    after = await store.read(request.id)
    assert after is not None
    assert (after.status, len(after.votes)) == (Status.PENDING, 1)
    last = await cast(store, first.request, BEN, "approve")
    assert last.request is not None
    assert last.request.status is Status.APPROVED


@pytest.mark.parametrize("scope", ["everything", "agent:agent"])
async def test_who_paused_first_stays_and_everybody_can_read_it(store: RedisStore, scope: str) -> None:
    assert (await store.configuration(None)).pauses == ()
    first = await paused(store, scope)
    again = await paused(store, scope, "p2", why="another reason")
    assert (again.code, again.pause) == ("same", first.pause)
    [found] = (await store.configuration(None)).pauses
    assert (found, found.by.name, found.why) == (first.pause, "Olga", "an incident")
    ended = await resumed(store, scope)
    assert (ended.code, ended.pause) == ("ok", first.pause), "who resumes is told who paused, and why"
    assert (await resumed(store, scope, "r2")).code == "same"
    assert (await store.configuration(None)).pauses == ()


async def test_a_pause_is_ended_by_its_own_id_and_no_other(store: RedisStore) -> None:
    await paused(store, "agent:agent", "p1", pause_id="pause_1")
    await resumed(store, "agent:agent", "r1", pause_id="pause_1")
    await paused(store, "agent:agent", "p2", pause_id="pause_2")
    late = await resumed(store, "agent:agent", "r2", pause_id="pause_1")
    assert late.code == "same"
    assert [pause.id for pause in (await store.configuration(None)).pauses] == ["pause_2"]


@pytest.mark.parametrize("scope", ["everything", "agent:agent"])
async def test_a_call_that_is_repeated_late_neither_pauses_again_nor_ends_a_later_pause(
    store: RedisStore, scope: str
) -> None:
    await paused(store, scope, "p1")
    await resumed(store, scope, "r1")
    assert (await paused(store, scope, "p1")).code == "replay"
    assert (await store.configuration(None)).pauses == ()
    await paused(store, scope, "p2")
    assert (await resumed(store, scope, "r1")).code == "replay"
    assert len((await store.configuration(None)).pauses) == 1


async def test_pauses_and_resumptions_at_once_alternate(server: RedisServer, store: RedisStore) -> None:
    async with opened(server.url, store.keys.book) as other:
        calls: list[Any] = [paused(each, operation=f"p{n}") for n, each in enumerate((store, other) * 10)]
        calls += [resumed(each, operation=f"r{n}") for n, each in enumerate((store, other) * 10)]
        await asyncio.gather(*calls)
    kinds = [entry["kind"] for entry in await journal(store)]
    assert kinds == ["paused", "resumed"] * (len(kinds) // 2) + ["paused"] * (len(kinds) % 2)
    assert int((await lying_in(store))["epochs"]["pause"]) == len(kinds)


async def test_pausing_and_resuming_are_journaled_and_every_replica_is_told(store: RedisStore) -> None:
    pubsub: Any = store.client.pubsub()
    await pubsub.subscribe(store.keys["config"])
    await pubsub.get_message(timeout=5)
    await paused(store)
    await resumed(store)
    await paused(store, "action:deploy.*", "p2")
    heard = [await pubsub.get_message(ignore_subscribe_messages=True, timeout=5) for _ in range(3)]
    assert [message["data"] for message in heard] == ["pause 1", "pause 2", "pause 4"]
    told = [(entry["kind"], json.loads(entry["data"])) for entry in await journal(store)]
    assert [kind for kind, _ in told] == ["paused", "resumed", "paused"]
    assert [data["scope"] for _, data in told] == ["everything", "everything", "action:deploy.*"]
    assert all(data["by"]["name"] == "Olga" for _, data in told)
    await pubsub.aclose()


async def test_an_admin_proved_under_other_keys_is_proved_again(store: RedisStore) -> None:
    await store.put_key(key("other", key_id="key_2"), "key_created")
    with pytest.raises(Again):
        await paused(store, epochs=Epochs(0, 0))
    with pytest.raises(Again):
        await resumed(store, epochs=Epochs(0, 0))
    assert (await paused(store, epochs=Epochs(1, 0))).code == "ok"


async def test_a_book_paused_by_an_earlier_version_is_paused(store: RedisStore) -> None:
    request = await made(store)
    client: Any = store.client
    await client.hset(store.keys["epochs"], "pause", 1)
    await client.hset(store.keys["pause"], mapping={"by": "ops", "why": "an incident", "since": 1})
    answer = await cast(store, request, ANA, "approve")
    assert (answer.code, answer.pause) == ("paused", None)
    [pause] = (await store.configuration(None)).pauses
    assert (pause.by.name, pause.why) == ("ops", "an incident")
    assert (await paused(store, operation="p9")).code == "same"
    assert (await resumed(store)).code == "ok"
    assert (await cast(store, request, ANA, "approve")).code == "ok"


async def test_a_pause_announces_itself_with_the_change(store: RedisStore) -> None:
    notice = Notice("ntc_" + "0" * 24, "Olga paused everything.")
    for _ in range(2):
        await paused(store, notices=((notice, "slack:C1"),))
    assert (await store.due_places(10)).items == ("slack:C1",)
    assert await store.due_work("slack:C1", 10) == [notice.id]


# --------------------------------------------------------------------------- cards


async def _shown(store: RedisStore, request: Any) -> Any:
    """Begin the card and record it as shown; what its worker was told, or None where nothing is wanted."""
    work = await store.begin(request, "slack:C1", 15)
    if work is not None:
        await store.posted(work, work.post or "ts1")
    return work


async def test_a_card_is_told_which_pause_holds_when_it_is_begun(store: RedisStore) -> None:
    request = await made(store)
    await paused(store, "action:payments.*")
    work = await _shown(store, request)
    assert str(work.pause.scope) == "action:payments.*"
    other = await store.begin(await made(store, action="look"), "slack:C1", 15)
    assert other is not None
    assert other.pause is None


async def test_a_card_that_says_otherwise_is_wanted_again_once(store: RedisStore) -> None:
    request = await made(store)
    assert (await _shown(store, request)).pause is None
    await store.office.want(request.id, request.agent, request.place)
    assert await _shown(store, request) is None, "it says what is so"
    await paused(store, "agent:agent")
    for _ in range(3):
        await store.office.want(request.id, request.agent, request.place)
    assert (await _shown(store, request)).pause is not None
    assert await _shown(store, request) is None
    await resumed(store, "agent:agent")
    await store.office.want(request.id, request.agent, request.place)
    assert (await _shown(store, request)).pause is None


async def test_a_request_in_the_inbox_has_no_card_to_be_wanted(store: RedisStore) -> None:
    request = await made(store)
    await taken_along(store, request, "inbox")
    await paused(store, "everything")
    before = await lying_in(store)
    await store.office.want(request.id, request.agent, "inbox")
    assert {**await lying_in(store), "clock": ""} == {**before, "clock": ""}


async def test_how_far_the_cards_were_looked_at_lies_in_the_store_and_a_new_turn_begins_anew(store: RedisStore) -> None:
    await paused(store, "agent:agent")
    [(scope, looked)] = (await store.office.to_repaint()).items()
    await store.office.repainted(scope, looked, "17")
    [(_, later)] = (await store.office.to_repaint()).items()
    assert later == f"{looked.strip()} 17"
    await resumed(store, "agent:agent")
    await store.office.repainted(scope, later, None)
    [(_, anew)] = (await store.office.to_repaint()).items()
    assert anew not in (looked, later), "what was looked at before the turn is looked at again"
    await store.office.repainted(scope, anew, None)
    assert await store.office.to_repaint() == {}
