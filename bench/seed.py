"""Puts pending requests into a book by the store's own functions, as many at a time as its pipelines take."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from bench.workload import ACTION, POLICY, body
from sayso_bot import policy
from sayso_bot.domain.fingerprint import digest, fingerprint
from sayso_bot.domain.json import loads
from sayso_bot.domain.key import Key
from sayso_bot.domain.policy import Asked
from sayso_bot.domain.request import new_button, new_request_id
from sayso_bot.http.schemas import read_submit
from sayso_bot.ports import Draft, NewRequest
from sayso_bot.store.redis import RedisStore

AT_ONCE = 512
NOW_AND_THEN = 1_000


@dataclass(frozen=True, slots=True)
class Seeded:
    """``bytes_each`` is what a request has added to Redis's memory: record, indexes, journal, card to be shown."""

    ids: list[str]
    bytes_each: float


def template(key: Key) -> NewRequest:
    """The workload's request, judged by the workload's policy."""
    value = loads(body())
    asked = read_submit(value)
    loaded = policy.load(POLICY, "policy.yaml")
    verdict = loaded.judge(Asked(ACTION, asked.params, key.name, asked.claims()))
    assert verdict.requirement is not None
    return NewRequest(
        id="",
        draft=Draft(ACTION, asked.params, asked.claims(), None, digest(value), None),
        fingerprint=fingerprint(ACTION, key.name, asked.params),
        key=key,
        verdict=verdict,
        policy_digest=loaded.digest,
        timeout_seconds=verdict.requirement.timeout_seconds,
        place=verdict.requirement.place,
        button="",
    )


async def seed(store: RedisStore, key: Key, count: int, done: Callable[[int], None] = lambda _: None) -> Seeded:
    """``count`` pending requests of the agent of ``key``; ``done`` is told how many there are, now and then."""
    alike, ids, numbers = template(key), list[str](), itertools.count(1)
    before = await _memory(store)

    async def work() -> None:
        while (number := next(numbers)) <= count:
            new = replace(alike, id=new_request_id(datetime.now(UTC)), button=new_button())
            await store.submit(new, epochs)
            ids.append(new.id)
            if number % NOW_AND_THEN == 0:
                done(number)

    epochs = (await store.configuration(None)).epochs
    await asyncio.gather(*(work() for _ in range(min(AT_ONCE, count))))
    return Seeded(ids, (await _memory(store) - before) / count)


async def _memory(store: RedisStore) -> int:
    return (await store.totals()).memory_bytes
