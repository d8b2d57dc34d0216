"""Held calls answer with the end as it was published while that is fresh, and read again what may be overtaken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from book import ANA, advance, cast, key, made
from sayso_bot import policy
from sayso_bot.configuration import ActiveConfiguration
from sayso_bot.desk import Desk
from sayso_bot.domain.request import Request, Status
from sayso_bot.errors import NotFound, Unauthenticated
from sayso_bot.ports import Epochs
from sayso_bot.store.redis import RedisStore
from sayso_bot.waiting import Subscription
from service import until

OF_KEYS = Epochs(1, None)
"""What is in force once a key was put."""


class ByHand(Subscription):
    """Hears of an end when it is told to."""

    def deliver(self, text: str) -> None:
        self._hear("settled", text)


@dataclass(slots=True)
class Held:
    """A request of ``agent`` for which a call is held, and how often requests were read since."""

    request: Request
    call: asyncio.Task[Request]
    reads: list[str]
    hears: Callable[[], Awaitable[None]]
    """The process hears what was published last."""


async def a_desk(store: RedisStore) -> tuple[Desk, ByHand]:
    """A desk of its own process, which hears nothing by itself, and a key of ``agent`` that it knows."""
    await store.put_key(key(), "key_created")
    configuration = ActiveConfiguration(
        store, policy.built_in(), lambda text: policy.load(text, "test"), CapturingLogger()
    )
    await configuration.refresh()
    subscription = ByHand(store.client, store.keys.tag, CapturingLogger())
    return Desk(store, configuration, subscription, str, CapturingLogger(), store.files), subscription


@asynccontextmanager
async def held(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Held]:
    request = await made(store)
    desk, subscription = await a_desk(store)
    news: Any = store.client.pubsub()
    await news.subscribe(store.keys.tag + "settled")
    await news.get_message(timeout=5)
    reads, read = list[str](), store.read

    async def counted(request_id: str, epochs: Epochs | None = None) -> Request | None:
        reads.append(request_id)
        return await read(request_id, epochs)

    async def hears() -> None:
        subscription.deliver((await news.get_message(timeout=5))["data"])

    monkeypatch.setattr(store, "read", counted)
    call = asyncio.create_task(_waits(desk, request.id))
    await until(lambda: desk.held == 1)
    yield Held(request, call, reads, hears)
    assert desk.held == 0
    await news.aclose()


async def _waits(desk: Desk, request_id: str) -> Request:
    return await asyncio.wait_for(desk.wait(key(), request_id, 30, asyncio.get_running_loop().time), 10)


async def test_a_call_that_is_held_and_woken_reads_no_request(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held(store, monkeypatch) as waiting:
        await store.cancel(waiting.request, OF_KEYS)
        await waiting.hears()
        assert (await waiting.call).status is Status.CANCELLED
        assert waiting.reads == []


async def test_an_end_that_is_heard_late_is_not_told_to_a_key_that_was_revoked_meanwhile(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held(store, monkeypatch) as waiting:
        await store.cancel(waiting.request, OF_KEYS)
        await store.put_key(replace(key(), revoked_at=datetime.now(UTC)), "key_revoked")
        monkeypatch.setattr("sayso_bot.holding.FRESH", timedelta(seconds=-1))
        await waiting.hears()
        with pytest.raises(Unauthenticated):
            await waiting.call


async def test_what_has_ended_is_answered_at_once_and_what_is_another_s_is_not_found(store: RedisStore) -> None:
    request, other = await made(store), await made(store, of=key("other"))
    await cast(store, request, ANA, "deny")
    desk, _ = await a_desk(store)
    assert (await _waits(desk, request.id)).status is Status.DENIED
    for request_id in (other.id, "req_none"):
        with pytest.raises(NotFound):
            await _waits(desk, request_id)


async def test_a_deadline_that_passes_while_nobody_looks_ends_the_wait(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    desk, _ = await a_desk(store)
    await advance(store, 60)
    assert (await _waits(desk, request.id)).status is Status.EXPIRED
