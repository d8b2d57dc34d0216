"""Redis dies, takes no writes or is full while everything runs: callers are told, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from e2e.admin_office import ROUTE, Admin, administering
from e2e.office import Stalled, asked, final, office, recorded, workspace
from redis_server import RedisServer
from sayso_bot.errors import Unavailable
from service import Sayso, serving, until

ASK = {"action": "payments.refund", "params": {"order": "A-1"}}


async def _down(redis: RedisServer) -> None:
    await asyncio.to_thread(redis.kill)


async def _up(redis: RedisServer) -> None:
    await asyncio.to_thread(redis.restart)


def _says_come_back(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    told = answer.json()
    assert told["code"] == "unavailable"
    assert not {"redis", "readonly", "oom", "maxmemory"} & set(told["detail"].lower().replace(".", " ").split())


async def test_while_redis_is_dead_callers_are_told_and_held_calls_get_their_decision_afterwards() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        request = await asked(agent)
        held = [asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=50")) for _ in range(20)]
        await until(lambda: sayso.service.desk.held == 20)
        await _down(sayso.redis)
        await until(lambda: not sayso.service.subscription.connected.is_set())
        _says_come_back(await agent.post("/v1/requests", json=ASK))
        _says_come_back(await agent.get(f"/v1/requests/{request}"))
        ready = await agent.get("/readyz")
        assert (ready.status_code, "Retry-After" in ready.headers) == (503, True)
        with pytest.raises(Unavailable):
            await sayso.vote(request, "approve")
        await _up(sayso.redis)
        await until(lambda: _ready(agent))
        assert not any(task.done() for task in held)
        await sayso.vote(request, "approve")
        told = await asyncio.gather(*held)
        assert {answer.json()["status"] for answer in told} == {"approved"}


async def _ready(agent: httpx.AsyncClient) -> bool:
    return (await agent.get("/readyz")).status_code == 200


async def test_what_was_decided_while_nobody_could_hear_it_is_told_on_reconnecting() -> None:
    """The decision is taken at another replica, in the gap between Redis's return and this one's new subscription."""
    async with serving() as sayso, serving(redis=sayso.redis) as other:
        agent = await sayso.agent()
        request = await asked(agent)
        held = asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=50"))
        await until(lambda: sayso.service.desk.held == 1)
        await _down(sayso.redis)
        await _up(sayso.redis)
        await until(lambda: _voted(other, request))
        assert (await asyncio.wait_for(held, 10)).json()["status"] == "denied"


async def _voted(sayso: Sayso, request: str) -> bool:
    try:
        await sayso.vote(request, "deny")
    except Unavailable:
        return False
    return True


async def test_nothing_acknowledged_is_lost_and_nothing_is_made_twice_however_often_redis_dies() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        made: dict[str, str] = {}
        going = True

        async def ask(worker: int) -> None:
            number = 0
            while going:
                key = f"{worker}-{number}"
                answer = await agent.post("/v1/requests", json=ASK, headers={"Idempotency-Key": key})
                if answer.status_code in (200, 201):
                    made[key] = answer.json()["id"]
                    number += 1
                else:
                    assert answer.status_code == 503
                    await asyncio.sleep(0.02)

        workers = [asyncio.create_task(ask(worker)) for worker in range(8)]
        for _ in range(3):
            await _thirty_more(made)
            await _down(sayso.redis)
            await _up(sayso.redis)
        await _thirty_more(made)
        going = False
        await asyncio.gather(*workers)
        assert len(set(made.values())) == len(made)
        journaled = [entry["request"] for entry in await sayso.journal("submitted")]
        assert sorted(journaled) == sorted(made.values())
        for request in list(made.values())[::10]:
            assert (await agent.get(f"/v1/requests/{request}")).json()["status"] == "pending"


async def _thirty_more(made: dict[str, str]) -> None:
    wanted = len(made) + 30
    await until(lambda: len(made) >= wanted)


async def test_a_deed_of_an_admins_after_which_redis_dies_is_answered_with_what_only_its_answer_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with administering() as admin:
        key, _ = await admin.sayso.key("shop")
        deeds: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
            "put_keys": lambda: admin.client.post(f"/v1/admin/keys/{key.id}/rotate", json={"overlap": "0s"}),
            "pause": lambda: admin.client.post("/v1/admin/pauses", json={"agent": "shop"}),
            "change_places": admin.route,
        }
        for step, deed in deeds.items():
            _dies_after(admin, step, monkeypatch)
            answer = await deed()
            assert answer.status_code == 201, answer.text
            await _up(admin.sayso.redis)
            await until(lambda: _ready(admin.agent))
            if step == "put_keys":
                assert (await admin.sayso.client(answer.json()["secret"]).get("/v1/requests")).status_code == 200
            if step == "change_places":
                assert [route["action"] for route in await admin.listed("routes")] == [ROUTE["action"]]


def _dies_after(admin: Admin, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis dies when the next ``step`` of the office's has taken effect."""
    books = admin.sayso.service.store.office
    take_it = getattr(books, step)

    async def then_dies(*given: Any, **named: Any) -> Any:
        monkeypatch.undo()
        answer = await take_it(*given, **named)
        await _down(admin.sayso.redis)
        return answer

    monkeypatch.setattr(books, step, then_dies)


async def test_workers_recover_by_themselves() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        await _down(sayso.redis)
        await asyncio.sleep(0.5)
        await _up(sayso.redis)
        await until(lambda: _ready(agent))
        request = await asked(agent, timeout="1s")
        message = await slack.posted()
        await slack.changed(message)
        assert final(message)
        assert (await agent.get(f"/v1/requests/{request}")).json()["status"] == "expired"


async def test_a_post_that_slack_took_while_redis_died_is_written_down_when_it_is_back() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        stalled = Stalled(slack, "chat.postMessage")
        request = await asked(agent)
        await stalled.carried_out()
        await _down(sayso.redis)
        stalled.answer()
        await asyncio.sleep(0.5)
        await _up(sayso.redis)
        await recorded(sayso, request)
        assert len(slack.cards_called()) == 1
        assert slack.called("conversations.history") == []


@pytest.mark.parametrize("fault", ["read-only", "full"])
async def test_a_redis_that_takes_no_writes_changes_nothing_and_comes_back(fault: str) -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        request = await asked(agent)
        held = asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=50"))
        await until(lambda: sayso.service.desk.held == 1)
        client: Any = sayso.service.store.client
        await (client.replicaof("127.0.0.1", 1) if fault == "read-only" else client.config_set("maxmemory", "1mb"))

        for answer in (
            await agent.post("/v1/requests", json=ASK),
            await agent.post(f"/v1/requests/{request}/cancel"),
        ):
            _says_come_back(answer)
            assert "Nothing was changed" in answer.json()["detail"]
        with pytest.raises(Unavailable, match="Nothing was changed"):
            await sayso.vote(request, "approve")
        assert (await agent.get(f"/v1/requests/{request}")).json()["status"] == "pending"

        await (client.replicaof("NO", "ONE") if fault == "read-only" else client.config_set("maxmemory", "0"))
        await sayso.vote(request, "approve")
        assert (await asyncio.wait_for(held, 10)).json()["status"] == "approved"
        assert (await agent.post("/v1/requests", json=ASK)).status_code == 201


async def test_who_waits_with_a_submission_is_told_that_it_was_made_though_redis_is_away_at_the_end() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        call = asyncio.create_task(agent.post("/v1/requests", json=ASK, headers={"Prefer": "wait=2"}))
        await until(lambda: sayso.service.desk.held == 1)
        await _down(sayso.redis)
        answer = await call
        assert (answer.status_code, answer.json()["status"]) == (201, "pending")
        assert "Preference-Applied" not in answer.headers
        await _up(sayso.redis)
        await until(lambda: _ready(agent))
        assert (await agent.get(answer.headers["Location"])).json()["status"] == "pending"
