"""A pause in the running service: callers and voters are told, at every replica at once; what is harmless goes on."""

from __future__ import annotations

import httpx
import pytest

from sayso_bot.domain.request import Status
from sayso_bot.errors import ApprovalsPaused
from sayso_bot.ports import Edit
from service import ANA, BEN, serving, until

POLICY = """
rules:
  - action: pay
    ask: {channel: inbox, approvers: [email:ana@example.com, email:ben@example.com], editable: [amount]}
  - action: look
    allow: true
"""
ASK = {"action": "pay", "params": {"amount": 1}}


def _says_paused(answer: httpx.Response) -> None:
    assert answer.status_code == 423, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["code"] == "paused"
    assert "Nothing was made" in answer.json()["detail"]


async def test_a_pause_holds_at_every_replica_at_once_and_ends_there_at_once() -> None:
    async with serving(policy=POLICY) as sayso, serving(policy=POLICY, redis=sayso.redis) as other:
        agent = await sayso.agent()
        elsewhere = other.client(agent.headers["Authorization"].removeprefix("Bearer "))
        desk = sayso.service.desk
        for round_ in range(3):
            assert await desk.pause("ops", "an incident", f"p{round_}")
            for client in (elsewhere, agent):
                for action in ("pay", "look"):
                    _says_paused(await client.post("/v1/requests", json={**ASK, "action": action}))
            assert await desk.resume("ops", f"r{round_}")
            assert (await elsewhere.post("/v1/requests", json=ASK)).status_code == 201


async def test_a_retry_finds_its_request_although_nothing_new_is_made() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        key = {"Idempotency-Key": "k"}
        request = (await agent.post("/v1/requests", json=ASK, headers=key)).json()["id"]
        await sayso.service.desk.pause("ops", "an incident", "p")
        again = await agent.post("/v1/requests", json=ASK, headers=key)
        assert (again.status_code, again.json()["id"], again.headers["Idempotent-Replayed"]) == (200, request, "true")
        assert (await agent.get(f"/v1/requests/{request}")).json()["status"] == "pending"
        assert (await agent.post(f"/v1/requests/{request}/cancel")).json()["status"] == "cancelled"


async def test_who_approves_or_edits_is_told_who_paused_and_why_and_who_denies_is_heard() -> None:
    async with serving(policy=POLICY) as sayso:
        agent, desk = await sayso.agent(), sayso.service.desk
        request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
        await desk.pause("Olga", "leaked key", "p")
        with pytest.raises(ApprovalsPaused) as refused:
            await sayso.vote(request, "approve", person=ANA)
        assert refused.value.detail.startswith("Sayso is paused by Olga (leaked key): nothing can be approved now")
        assert refused.value.detail.endswith("Your vote was not counted; nothing changed.")
        with pytest.raises(ApprovalsPaused, match="not edited"):
            await desk.edit(Edit(request, 1, ANA, {"amount": 2}, "inbox", "e"))
        assert [entry["request"] for entry in await sayso.journal("vote_refused")] == [request]
        denied = await sayso.vote(request, "deny", person=BEN)
        assert denied.request.status is Status.DENIED


async def test_a_replica_that_did_nothing_hears_of_a_pause() -> None:
    async with serving(policy=POLICY) as sayso, serving(policy=POLICY, redis=sayso.redis) as other:
        await sayso.service.desk.pause("Olga", "leaked key", "p")
        pause = await until(lambda: other.service.configuration.pause)
        assert (pause.by, pause.why) == ("Olga", "leaked key")
        await sayso.service.desk.resume("Olga", "r")
        await until(lambda: other.service.configuration.pause is None)
