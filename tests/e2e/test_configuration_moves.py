"""What is checked under one configuration is not carried out under another, wherever the change falls in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sayso_bot.domain.key import Key
from sayso_bot.domain.person import Person
from sayso_bot.errors import CannotCheck, OwnRequest
from sayso_bot.policy import digest
from sayso_bot.ports import LookupFailed
from service import ANA, BEN, Sayso, serving, until

ASK = {"action": "payments.refund", "params": {"amount": 1}}
BEFORE = """
rules:
  - action: "*"
    ask: {channel: inbox}
"""
AFTER = """
people:
  ana: [email:ana@example.com, email:ana@private.example]
rules:
  - action: "*"
    ask: {channel: inbox}
"""
PRIVATE = Person.known_as("Ana at home", {"email:ana@private.example"})


async def asked(sayso: Sayso, **options: Any) -> tuple[str, Any]:
    agent = await sayso.agent(**options)
    answer = await agent.post("/v1/requests", json=ASK)
    assert answer.status_code == 201
    return str(answer.json()["id"]), agent


def once_before(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, act: Callable[[], Awaitable[None]]) -> None:
    """Run ``act`` in the middle of the next call of ``owner.name``, and leave that call as it is otherwise."""
    original = getattr(owner, name)

    async def run(*given: Any, **options: Any) -> Any:
        monkeypatch.setattr(owner, name, original)
        found = await original(*given, **options)
        await act()
        return found

    monkeypatch.setattr(owner, name, run)


async def test_a_vote_in_flight_is_judged_by_the_policy_that_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(policy=BEFORE) as sayso:
        request, _ = await asked(sayso, principal="ana@example.com")
        service = sayso.service

        async def joined_now() -> None:
            active = service.configuration.policy.digest
            assert (await service.store.activate(digest(AFTER), AFTER, active, "test")).changed
            await service.configuration.refresh()

        once_before(monkeypatch, service.store, "read", joined_now)
        with pytest.raises(OwnRequest):
            await sayso.vote(request, "approve", person=PRIVATE)
        assert (await service.desk.look(request)).status == "pending"


async def test_a_key_that_is_revoked_while_it_cancels_cancels_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as sayso:
        key, secret = await sayso.key()
        agent = sayso.client(secret)
        request = (await agent.post("/v1/requests", json=ASK)).json()["id"]

        async def revoked_now() -> None:
            await sayso.revoke(key)
            await sayso.service.configuration.refresh()

        once_before(monkeypatch, sayso.service.store, "read", revoked_now)
        answer = await agent.post(f"/v1/requests/{request}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert (await sayso.service.desk.look(request)).status == "pending"


async def test_a_replica_that_hears_nothing_lists_nothing_for_a_revoked_key() -> None:
    async with serving() as first, serving(redis=first.redis) as deaf:
        key, secret = await first.key()
        agent = deaf.client(secret)
        await agent.post("/v1/requests", json=ASK)
        deaf.service.subscription.on("config", lambda: None)
        revoked: Key = replace(key, revoked_at=datetime.now(UTC))
        await first.service.store.put_key(revoked, "key_revoked")
        assert (await agent.get("/v1/requests")).status_code == 401


QUORUM = """
approvers:
  finance: [email:ana@example.com, email:ben@example.com, email:cleo@example.com]
rules:
  - action: "*"
    ask: {channel: inbox, approvers: finance, quorum: 3}
"""


async def test_a_denial_counts_though_an_earlier_approver_cannot_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(policy=QUORUM) as sayso:
        request, _ = await asked(sayso)
        await sayso.vote(request, "approve", person=ANA)
        admission = sayso.service.desk._admission  # the look-up that fails is an earlier voter's alone
        original = admission._find

        async def find(requirement: Any, person: Person, *rest: Any) -> str | None:
            if person.is_any("email:ana@example.com"):
                raise LookupFailed("away")
            return await original(requirement, person, *rest)

        monkeypatch.setattr(admission, "_find", find)
        with pytest.raises(CannotCheck):
            await sayso.vote(request, "approve", person=BEN)
        await sayso.vote(request, "deny", person=BEN)
        assert (await sayso.service.desk.look(request)).status == "denied"


async def test_a_bystander_who_taps_on_and_on_fills_nothing() -> None:
    async with serving(policy=QUORUM) as sayso:
        request, _ = await asked(sayso)
        for _ in range(100):
            with pytest.raises(Exception, match="Only finance may decide"):
                await sayso.vote(request, "approve", person=PRIVATE)
        assert len(await sayso.journal("vote_refused")) <= 21


async def test_a_clock_watch_outlives_a_redis_that_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso_bot.workers.clock.LOOK_SECONDS", 0.02)
    async with serving() as sayso:
        await asyncio.to_thread(sayso.redis.kill)
        await asyncio.sleep(0.2)  # for as many looks that fail
        await asyncio.to_thread(sayso.redis.restart)
        ready = sayso.client()

        async def is_ready() -> bool:
            return (await ready.get("/readyz")).status_code == 200

        await until(is_ready)
        monkeypatch.setattr("sayso_bot.wiring.server_time_skew", _an_hour_ahead)

        async def says_so() -> bool:
            return "clock" in str((await ready.get("/readyz")).json()["problems"])

        await until(says_so)


async def _an_hour_ahead(_: object) -> float:
    return 3600.0
