"""`vote` on a real Redis: each person once, one decision, and only on what was checked."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from msgspec.structs import replace

from book import ANA, BEN, EPOCHS, EVE, advance, cast, journal, key, lying_in, made, opened
from redis_server import RedisServer
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Cause, Request, Status
from sayso_bot.ports import Again
from sayso_bot.store.redis import RedisStore


async def _seen(store: RedisStore, request: Request) -> Request:
    found = await store.read(request.id)
    assert found is not None
    return found


async def test_opposite_votes_at_once_are_one_decision(server: RedisServer, store: RedisStore) -> None:
    async with opened(server.url, store.keys.book) as other:
        for _ in range(20):
            request = await made(store)
            people = [Person.known_as(f"P{n}", {f"email:p{n}@example.com"}) for n in range(10)]
            answers = await asyncio.gather(
                *(
                    cast(random.choice([store, other]), request, person, outcome)
                    for person in people
                    for outcome in ("approve", "deny")
                )
            )
            codes = [answer.code for answer in answers]
            assert codes.count("ok") == 1
            # who comes later has seen no vote, or the end
            assert set(codes) <= {"ok", "settled"}
            ends = {answer.request.status for answer in answers if answer.request}
            assert len(ends) == 1
    assert len(await journal(store, "settled")) == len(await journal(store, "voted")) == 20
    assert (await lying_in(store))["usage:agent"]["pending"] == "0"


async def test_a_person_votes_once_through_whichever_account(store: RedisStore) -> None:
    request = await made(store, quorum=3)
    slack = Person.known_as("Ana", {"slack:T1/U1", "email:ana@example.com"})
    joined = Person("person:ana", "Ana", frozenset({"slack:T1/U1", "teams:x/y"}))
    await cast(store, request, slack, "approve", surface="slack")
    request = await _seen(store, request)
    for alias in (ANA, joined, Person.known_as("Ana?", {"slack:T1/U1"})):
        for outcome in ("approve", "deny"):
            answer = await cast(store, request, alias, outcome)
            assert answer.code == "voted"
            assert answer.request == request
    assert (await _seen(store, request)).votes == request.votes


async def test_the_same_tap_is_one_vote_however_often_it_is_delivered(server: RedisServer, store: RedisStore) -> None:
    request = await made(store, quorum=2)
    async with opened(server.url, store.keys.book) as other:
        answers = await asyncio.gather(
            *(cast(each, request, ANA, "approve", operation="tap") for each in (store, other) * 10)
        )
    assert sorted(answer.code for answer in answers) == ["ok"] + ["replay"] * 19
    assert len(await journal(store, "voted")) == 1
    after = await _seen(store, request)
    assert (await cast(store, after, BEN, "approve")).code == "ok"
    late = await cast(store, request, ANA, "approve", operation="tap")
    assert late.code == "replay"
    assert late.request is not None
    assert late.request.status is Status.APPROVED


async def test_another_person_is_not_taken_for_a_repeated_tap(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    await cast(store, request, ANA, "approve", operation="same")
    answer = await cast(store, await _seen(store, request), BEN, "approve", operation="same")
    assert answer.code == "ok"
    assert answer.request is not None
    assert answer.request.status is Status.APPROVED


async def test_a_vote_on_another_revision_counts_for_nothing(store: RedisStore) -> None:
    request = await made(store)
    before = await lying_in(store)
    answer = await cast(store, request, ANA, "approve", revision=2)
    assert (answer.code, answer.request) == ("stale", request)
    assert {**await lying_in(store), "clock": None} == {**before, "clock": None}


async def test_a_vote_after_the_deadline_expires_the_request_however_late_the_worker_is(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    await advance(store, 60)
    answer = await cast(store, request, ANA, "approve")
    assert answer.code == "settled"
    assert answer.request is not None
    assert answer.request.status is Status.EXPIRED
    assert answer.request.decision is not None
    assert (answer.request.decision.cause, answer.request.decision.votes) == (Cause.TIMEOUT, ())


async def test_a_vote_just_before_the_deadline_counts(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    await advance(store, 59)
    assert (await cast(store, request, ANA, "approve")).code == "ok"


async def test_a_vote_under_a_configuration_that_has_moved_counts_for_nothing(store: RedisStore) -> None:
    request = await made(store)
    await store.put_key(key(key_id="key_9"), "key_created")
    with pytest.raises(Again):
        await cast(store, request, ANA, "approve")
    assert (await _seen(store, request)).votes == ()


async def test_a_vote_that_rests_on_votes_it_did_not_see_is_to_look_again(store: RedisStore) -> None:
    request = await made(store, quorum=3)
    await cast(store, request, ANA, "approve")
    assert (await cast(store, request, BEN, "approve")).code == "changed"
    seen = await _seen(store, request)
    await cast(store, seen, BEN, "approve", void=[ANA.id])  # Ana's is gone and Ben's is there: one vote, as before
    assert (await cast(store, seen, EVE, "approve")).code == "changed"
    assert [vote.person for vote in (await _seen(store, request)).votes] == [BEN.id]


async def test_an_earlier_vote_that_no_longer_holds_is_struck_and_written_down(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    await cast(store, request, ANA, "approve")
    answer = await cast(store, await _seen(store, request), BEN, "approve", void=[ANA.id])
    assert answer.request is not None
    assert answer.request.status is Status.PENDING
    assert [vote.person for vote in answer.request.votes] == [BEN.id]
    assert len(await journal(store, "vote_void")) == 1
    last = await cast(store, answer.request, EVE, "approve")
    assert last.request is not None
    assert last.request.decision is not None
    assert {vote.person for vote in last.request.decision.votes} == {BEN.id, EVE.id}


async def test_a_refused_second_vote_strikes_nobody_else_s(store: RedisStore) -> None:
    request = await made(store, quorum=3)
    await cast(store, request, ANA, "approve")
    await cast(store, await _seen(store, request), BEN, "approve")
    seen = await _seen(store, request)
    assert (await cast(store, seen, BEN, "approve", void=[ANA.id])).code == "voted"
    assert await _seen(store, request) == seen
    assert await journal(store, "vote_void") == []


async def test_people_who_cannot_be_told_apart_count_beside_those_of_their_own_surface_only(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    unknown = Person.known_as("Somebody", {"slack:T1/U7"})
    assert not unknown.comparable
    await cast(store, request, unknown, "approve", surface="slack")
    across = await cast(store, await _seen(store, request), ANA, "approve", surface="inbox")
    assert across.request is not None
    assert across.request.status is Status.PENDING
    beside = await cast(store, across.request, Person.known_as("Other", {"slack:T1/U8"}), "approve", surface="slack")
    assert beside.request is not None
    assert beside.request.status is Status.APPROVED


async def test_one_denial_denies_whatever_the_quorum(store: RedisStore) -> None:
    request = await made(store, quorum=3)
    await cast(store, request, ANA, "approve")
    answer = await cast(store, await _seen(store, request), BEN, "deny", reason="no\nand “no”")
    assert answer.request is not None
    assert answer.request.status is Status.DENIED
    assert answer.request.votes[1].reason == "no\nand “no”"


async def test_ends_race_and_one_wins(server: RedisServer, store: RedisStore) -> None:
    async with opened(server.url, store.keys.book) as other:
        winners = set()
        for number in range(30):
            request = await made(store, timeout_seconds=60)
            if number % 3 == 0:
                await advance(store, 60)
            ends: list[Any] = [
                cast(store, request, ANA, "approve"),
                cast(other, request, BEN, "deny"),
                store.cancel(request, EPOCHS),
                other.expire(request),
                other.cancel(request, EPOCHS),
            ]
            random.shuffle(ends)
            await asyncio.gather(*ends)
            after = await _seen(store, request)
            assert after.settled
            winners.add(after.status)
            indexes = {name for name, held in (await lying_in(store)).items() if _holds(name, held, request.id)}
            assert indexes == {f"index:status:{after.status}"}
    assert Status.EXPIRED in winners
    assert len(winners) > 1
    settled = [entry["request"] for entry in await journal(store, "settled")]
    assert len(settled) == len(set(settled)) == 30


def _holds(name: str, held: Any, request_id: str) -> bool:
    kept = name.startswith("index:status:") or name == "deadlines"
    return kept and any(member == request_id for member, _ in held)


async def test_a_decision_its_journal_entry_its_hint_and_its_publish_come_together(store: RedisStore) -> None:
    request = await made(store)
    work = await store.begin(request, "slack:C1", 15)
    assert work is not None
    await store.posted(work, "1.1")
    pubsub: Any = store.client.pubsub()
    await pubsub.subscribe(*(store.keys.tag + name for name in ("settled", "changes", "outbox")))
    for _ in range(3):
        await pubsub.get_message(timeout=5)
    await cast(store, request, ANA, "approve")
    heard = [await pubsub.get_message(ignore_subscribe_messages=True, timeout=5) for _ in range(3)]
    news = heard[1]["data"].partition(" ")[2]
    assert store.told(news) == (await store.read(request.id), EPOCHS)
    assert [(message["channel"].partition("}:")[2], message["data"].removesuffix(f" {news}")) for message in heard] == [
        ("outbox", "slack:C1"),
        ("settled", request.id),
        ("changes", f"settled {request.id}"),
    ]
    lying = await lying_in(store)
    assert lying[f"post:{request.id}:slack:C1"]["wanted"] == "2"
    assert [entry["kind"] for entry in lying["journal"]] == ["submitted", "posted", "voted", "settled"]
    await pubsub.aclose()


async def test_a_place_that_was_due_before_gets_no_second_hint(store: RedisStore) -> None:
    """Whoever works there looks again when it is done, so a flood of requests wakes the workers once."""
    pubsub: Any = store.client.pubsub()
    await pubsub.subscribe(store.keys.tag + "outbox")
    await pubsub.get_message(timeout=5)
    for _ in range(3):
        await made(store)
    heard = await pubsub.get_message(ignore_subscribe_messages=True, timeout=5)
    assert heard["data"] == "slack:C1"
    assert await pubsub.get_message(ignore_subscribe_messages=True, timeout=0.2) is None
    await pubsub.aclose()


@pytest.mark.parametrize("votes", [0, 1])
async def test_who_saw_an_end_that_is_not_there_has_checked_nothing_and_looks_again(
    store: RedisStore, votes: int
) -> None:
    """As where the end was lost with the server that told of it."""
    request = await made(store, quorum=2)
    for person in (BEN, EVE)[:votes]:
        await cast(store, request, person, "approve")
    ended = replace(await _seen(store, request), status=Status.CANCELLED)
    assert (await cast(store, ended, ANA, "approve")).code == "changed"
    assert len((await _seen(store, request)).votes) == votes
