"""What is checked under one configuration is not carried out under another, wherever the change falls in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sayso_bot.domain.admin import Caller
from sayso_bot.domain.key import Key
from sayso_bot.domain.person import Person
from sayso_bot.errors import CannotCheck, NotAnAdmin, OwnRequest
from sayso_bot.policy import digest
from sayso_bot.ports import Edit, LookupFailed, PolicyEngine, Put, Sending
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
        deaf.service.subscription._on["config"].clear()
        revoked: Key = replace(key, revoked_at=datetime.now(UTC))
        await first.service.store.put_key(revoked, "key_revoked")
        assert (await agent.get("/v1/requests")).status_code == 401


EARLIER = """
admins: [email:ana@example.com]
rules:
  - name: payments
    action: payments.*
    params: {amount: number}
    when: params.amount < 10
    ask: {channel: inbox, approvers: [email:ana@example.com], editable: [amount]}
  - {name: hiring, action: hire, ask: {channel: inbox, approvers: [email:ana@example.com], forms: true}}
  - {name: rest, action: "*", ask: {channel: inbox, approvers: [email:ana@example.com]}}
"""
LATER = f"""
people:
  ana: [email:ana@example.com, email:ana@private.example]
{EARLIER.replace("< 10", "< 100").replace("ana@example.com]}}", "ana@example.com], forms: true}}")}
"""
FORM: dict[str, Any] = {"fields": [{"name": "papers", "type": "files"}]}


@asynccontextmanager
async def unaware() -> AsyncIterator[tuple[Sayso, Callable[[], Awaitable[None]]]]:
    """A replica of `EARLIER` that hears nothing, and what puts `LATER` in force elsewhere."""
    async with serving(policy=EARLIER) as first, serving(redis=first.redis) as deaf:
        deaf.service.subscription._on["config"].clear()

        async def activated() -> None:
            await first.service.store.activate(digest(LATER), LATER, digest(EARLIER), "test")
            await first.service.configuration.refresh()
            assert deaf.service.configuration.policy.digest == digest(EARLIER)

        yield deaf, activated


async def test_a_vote_is_not_refused_by_a_policy_that_is_not_in_force_any_more() -> None:
    async with unaware() as (deaf, activated):
        request, _ = await asked(deaf)
        await activated()
        assert (await deaf.vote(request, "approve", person=PRIVATE)).request.status == "approved"
        assert await deaf.journal("vote_refused") == []


async def test_a_vote_waits_for_a_policy_that_is_being_compiled_before_it_is_refused() -> None:
    async with unaware() as (deaf, activated):
        request, _ = await asked(deaf)
        configuration, go = deaf.service.configuration, threading.Event()
        compiled = configuration._compile

        def slow(document: str) -> PolicyEngine:
            assert go.wait(20)
            return compiled(document)

        configuration._compile = slow
        await activated()
        reading = asyncio.create_task(configuration.refresh())
        await until(lambda: configuration._unread)
        voting = asyncio.create_task(deaf.vote(request, "approve", person=PRIVATE))
        assert (await asyncio.wait({voting}, timeout=0.2))[0] == set()
        go.set()
        assert (await voting).request.status == "approved"
        await reading


async def test_nor_is_an_edit() -> None:
    async with unaware() as (deaf, activated):
        request, _ = await asked(deaf)
        await activated()
        edit = Edit(request, 1, ANA, {"amount": 50}, "inbox", "an-edit")
        assert (await deaf.service.desk.edit(edit)).request.params == {"amount": 50}


async def test_nor_is_a_file_of_an_approver_s() -> None:
    async with unaware() as (deaf, activated):
        agent = await deaf.agent()
        asked_for = await agent.post("/v1/requests", json={"action": "hire", "params": {}, "form": FORM})
        await activated()

        async def content() -> AsyncIterator[bytes]:
            yield b"%PDF-1.7"

        sending = Sending("cv.pdf", "application/pdf", content(), "a-file")
        filed = await deaf.service.desk.put_file(Put(asked_for.json()["id"], PRIVATE, "papers", sending, "inbox"))
        assert filed.file.name == "cv.pdf"


async def test_nor_is_a_submission_for_its_form_or_the_approver_whom_it_names() -> None:
    async with unaware() as (deaf, activated):
        agent = await deaf.agent()
        await activated()
        made = await agent.post("/v1/requests", json={"action": "look", "params": {}, "form": FORM})
        assert made.status_code == 201, made.text
    async with unaware() as (deaf, activated):
        agent = await deaf.agent()
        await activated()
        named = {"action": "Send it", "approver": "ana@private.example"}
        made = await agent.post("/handover/decisions", json=named)
        assert made.status_code == 201, made.text


async def test_nor_is_an_admin() -> None:
    async with unaware() as (deaf, activated):
        with pytest.raises(NotAnAdmin):
            await deaf.service.office.prove(Caller("inbox", PRIVATE))
        await activated()
        assert (await deaf.service.office.prove(Caller("inbox", PRIVATE))).name == "Ana at home"


async def test_a_flood_of_what_the_policy_refuses_reads_the_counters_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(policy=EARLIER) as sayso:
        agent = await sayso.agent()
        assert (await agent.post("/v1/requests", json=ASK)).status_code == 201
        looks, store = 0, sayso.service.store
        configuration = store.configuration

        async def counted(known: str | None) -> Any:
            nonlocal looks
            looks += 1
            return await configuration(known)

        monkeypatch.setattr(store, "configuration", counted)
        body = {"action": "look", "params": {}, "form": FORM}
        refused = await asyncio.gather(*(agent.post("/v1/requests", json=body) for _ in range(100)))
        assert {answer.status_code for answer in refused} == {422}
        assert looks == 0


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
