"""Whatever people do in whatever order, Redis ends a request as `sayso_bot.domain.lifecycle` says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from book import EPOCHS, advance, cast, key, lying_in, new, now_ms, opened
from redis_server import RedisServer
from sayso_bot.domain.lifecycle import approvals, has_voted, is_due, settles
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Outcome, Request, Status, from_milliseconds
from sayso_bot.store.redis import RedisStore

TIMEOUT_SECONDS = 60
ACCOUNTS = ("email:a@x", "email:b@x", "email:c@x", "slack:T/U1", "slack:T/U2", "teams:x/y")


@dataclass(frozen=True)
class Answers:
    person: Person
    outcome: Outcome
    surface: str
    revision: int
    void: tuple[int, ...]


@dataclass(frozen=True)
class Withdraws:
    pass


@dataclass(frozen=True)
class Passes:
    seconds: int


people = st.builds(
    lambda aliases, joined: Person(joined, joined, frozenset(aliases)) if joined else Person.known_as("P", aliases),
    st.one_of(
        st.sampled_from(ACCOUNTS).map(lambda one: {one}), st.sets(st.sampled_from(ACCOUNTS), min_size=2, max_size=2)
    ),
    st.sampled_from([None, None, None, "person:ana"]),
)
answers = st.builds(
    Answers,
    people,
    st.sampled_from(["approve"] * 9 + ["deny"]),
    st.sampled_from(["slack", "inbox", "teams"]),
    st.sampled_from([1] * 9 + [2]),
    st.sampled_from([()] * 9 + [(0,), (1,), (0, 1)]),
)
seldom: list[st.SearchStrategy[Any]] = [st.just(Withdraws()), st.just(Passes(30)), st.just(Passes(60))]
steps = st.sampled_from([answers] * 27 + seldom).flatmap(lambda chosen: chosen)
"""Mostly answers: a request that ends at once tells little."""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(quorum=st.integers(1, 4), taken=st.lists(steps, min_size=1, max_size=10))
def test_redis_and_the_rules_agree(server: RedisServer, quorum: int, taken: list[Any]) -> None:
    asyncio.run(_hold_against_the_rules(server, quorum, taken))


async def _hold_against_the_rules(server: RedisServer, quorum: int, taken: list[Any]) -> None:
    async with opened(server.url) as store:
        await advance(store, 60)  # from here its time stands still
        asked = new(quorum=quorum, timeout_seconds=TIMEOUT_SECONDS, of=key())
        seen = (await store.submit(asked, EPOCHS)).request
        for step in taken:
            before = seen
            match step:
                case Answers():
                    seen = await _answered(store, before, step, quorum)
                case Withdraws():
                    due = is_due(before, await _now(store))
                    seen = await store.cancel(before, EPOCHS)
                    if not before.settled:
                        assert seen.status is (Status.EXPIRED if due else Status.CANCELLED)
                case Passes():
                    await advance(store, step.seconds)
            if before.settled:
                assert seen == before, "a terminal status never changes"
        seen = await store.expire(seen)
        assert await store.read(seen.id) == seen
        await _check_accounts(store, seen)


async def _answered(store: RedisStore, before: Request, step: Answers, quorum: int) -> Request:
    """Cast the vote and hold its code and the request after it against the rules; the request after it."""
    now = await _now(store)
    void = [before.votes[n].person for n in step.void if n < len(before.votes)]
    answer = await cast(
        store, before, step.person, step.outcome, surface=step.surface, revision=step.revision, void=void
    )
    after = answer.request
    assert after is not None
    kept = tuple(vote for vote in before.votes if vote.person not in void)
    if before.settled:
        assert answer.code == "settled"
    elif is_due(before, now):
        assert (answer.code, after.status) == ("settled", Status.EXPIRED)
    elif step.revision != before.revision:
        assert (answer.code, after) == ("stale", before)
    elif has_voted(replace(before, votes=kept), step.person):
        assert (answer.code, after) == ("voted", before)
    else:
        assert answer.code == "ok"
        assert after.votes[:-1] == kept
        assert (after.votes[-1].person, after.votes[-1].at) == (step.person.id, now)
        assert after.status is (settles(after.votes, 1, quorum) or Status.PENDING)
        assert (approvals(after.votes, 1) >= quorum) or after.status is not Status.APPROVED
    return after


async def _now(store: RedisStore) -> datetime:
    return from_milliseconds(await now_ms(store))


async def _check_accounts(store: RedisStore, request: Request) -> None:
    """What is kept beside the record agrees with it."""
    lying = await lying_in(store)
    assert lying["usage:agent"]["pending"] == ("0" if request.settled else "1")
    assert ("deadlines" in lying) is not request.settled
    places = [name for name in lying if name.startswith("index:status:")]
    assert places == [f"index:status:{request.status}"]
    kinds = [entry["kind"] for entry in lying["journal"]]
    assert kinds.count("settled") == int(request.settled)
    assert kinds.count("voted") - kinds.count("vote_void") == len(request.votes)
