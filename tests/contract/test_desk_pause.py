"""A pause in the running service: callers and voters are told, at every replica at once; what is harmless goes on."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import httpx
import pytest

from e2e.office import PAYMENTS, asked, office, recorded, workspace
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.deeds import Call, Done, PauseScope, Resume
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.request import Status
from sayso_bot.errors import ApprovalsPaused
from sayso_bot.ports import Edit
from service import ANA, BEN, Sayso, serving, until

POLICY = """
rules:
  - action: pay
    ask: {channel: inbox, approvers: [email:ana@example.com, email:ben@example.com], editable: [amount]}
  - action: look
    allow: true
  - action: deploy.*
    ask: {channel: inbox, approvers: [email:ana@example.com, email:ben@example.com], quorum: 2}
"""
ASK = {"action": "pay", "params": {"amount": 1}}


async def _pause(sayso: Sayso, scope: str = "everything", why: str = "leaked key") -> Done:
    return await _does(sayso, PauseScope(Scope.parse(scope), why))


async def _resume(sayso: Sayso, scope: str = "everything") -> Done:
    return await _does(sayso, Resume(scope=Scope.parse(scope)))


async def _does(sayso: Sayso, deed: Any) -> Done:
    call = Call(secrets.token_hex(8), confirmed=True)
    return await sayso.service.office.do(deed, Caller("cli"), call)


def _says_paused(answer: httpx.Response) -> None:
    assert answer.status_code == 423, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["code"] == "paused"
    assert "Nothing was made" in answer.json()["detail"]


async def test_a_pause_holds_at_every_replica_at_once_and_ends_there_at_once() -> None:
    async with serving(policy=POLICY) as sayso, serving(policy=POLICY, redis=sayso.redis) as other:
        agent = await sayso.agent()
        elsewhere = other.client(agent.headers["Authorization"].removeprefix("Bearer "))
        for scope in ("everything", "agent:agent", "action:*"):
            await _pause(sayso, scope)
            for client in (elsewhere, agent):
                for action in ("pay", "look"):
                    _says_paused(await client.post("/v1/requests", json={**ASK, "action": action}))
            await _resume(sayso, scope)
            assert (await elsewhere.post("/v1/requests", json=ASK)).status_code == 201


async def test_one_agent_or_one_kind_of_action_stands_still_and_the_others_go_on() -> None:
    async with serving(policy=POLICY) as sayso:
        refunder, deployer = await sayso.agent("refunder"), await sayso.agent("deployer")
        await _pause(sayso, "agent:refunder")
        _says_paused(await refunder.post("/v1/requests", json=ASK))
        assert (await deployer.post("/v1/requests", json=ASK)).status_code == 201
        await _pause(sayso, "action:deploy.*")
        _says_paused(await deployer.post("/v1/requests", json={**ASK, "action": "deploy.prod"}))
        assert (await deployer.post("/v1/requests", json=ASK)).status_code == 201


async def test_a_retry_finds_its_request_although_nothing_new_is_made() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        key = {"Idempotency-Key": "k"}
        request = (await agent.post("/v1/requests", json=ASK, headers=key)).json()["id"]
        await _pause(sayso)
        again = await agent.post("/v1/requests", json=ASK, headers=key)
        assert (again.status_code, again.json()["id"]) == (200, request)
        assert (await agent.get(f"/v1/requests/{request}")).json()["status"] == "pending"


async def test_a_voter_is_told_who_paused_what_and_may_still_deny() -> None:
    async with serving(policy=POLICY) as sayso:
        agent, desk = await sayso.agent(), sayso.service.desk
        request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
        await _pause(sayso, "action:pay")
        with pytest.raises(ApprovalsPaused) as refused:
            await sayso.vote(request, "approve", person=ANA)
        assert refused.value.detail.startswith("pay is paused by Operator (leaked key): nothing of it can be approved")
        assert refused.value.detail.endswith("Your vote was not counted; nothing changed.")
        with pytest.raises(ApprovalsPaused, match="not edited"):
            await desk.edit(Edit(request, 1, ANA, {"amount": 2}, "inbox", "e"))
        assert [entry["request"] for entry in await sayso.journal("vote_refused")] == [request]
        denied = await sayso.vote(request, "deny", person=BEN)
        assert denied.request.status is Status.DENIED


async def test_a_quorum_that_was_complete_but_for_the_pause_waits_for_a_vote_after_it() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        request = await asked(agent, "deploy.prod")
        await sayso.vote(request, "approve", person=ANA)
        await _pause(sayso, "action:deploy.*")
        with pytest.raises(ApprovalsPaused):
            await sayso.vote(request, "approve", person=BEN)
        done = await _resume(sayso, "action:deploy.*")
        assert "Paused by Operator" in done.said
        assert "leaked key" in done.said
        assert (await agent.get(f"/v1/requests/{request}")).json()["status"] == "pending"
        await sayso.vote(request, "approve", person=BEN)
        assert (await agent.get(f"/v1/requests/{request}")).json()["status"] == "approved"


async def test_a_replica_that_did_nothing_hears_of_a_pause() -> None:
    async with serving(policy=POLICY) as sayso, serving(policy=POLICY, redis=sayso.redis) as other:
        await _pause(sayso)
        [pause] = await until(lambda: other.service.configuration.pauses)
        assert (pause.by.name, pause.why) == ("Operator", "leaked key")
        await _resume(sayso)
        await until(lambda: not other.service.configuration.pauses)


async def test_votes_and_a_pause_at_two_replicas_race_and_none_counts_after_it() -> None:
    """Whoever is first: what was approved was so before the pause, and the rest is refused and pending."""
    async with serving(policy=POLICY) as sayso, serving(policy=POLICY, redis=sayso.redis) as other:
        agent = await sayso.agent()
        requests = [await asked(agent, "pay") for _ in range(30)]
        votes = [other.vote(each, "approve", person=ANA) for each in requests]
        first, pause, rest = votes[:10], _pause(sayso, "agent:agent"), votes[10:]
        told = await asyncio.gather(*first, pause, *rest, return_exceptions=True)
        outcomes = [answer for answer in told if not isinstance(answer, Done)]
        counted = [each for each, answer in zip(requests, outcomes, strict=True) if not isinstance(answer, Exception)]
        assert all(isinstance(answer, ApprovalsPaused) for answer in outcomes if isinstance(answer, Exception))
        journal = [(entry["kind"], entry["request"]) for entry in await sayso.journal()]
        at = next(number for number, (kind, _) in enumerate(journal) if kind == "paused")
        assert {request for kind, request in journal[:at] if kind == "voted"} == set(counted)
        assert not [request for kind, request in journal[at:] if kind == "voted"]
        for request in requests:
            status = (await agent.get(f"/v1/requests/{request}")).json()["status"]
            assert status == ("approved" if request in counted else "pending")


async def test_cards_of_what_waits_say_so_at_every_channel_and_say_it_no_more_when_it_goes_on() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        paid, other = await asked(agent), await asked(agent, "other.a")
        for request, place in ((paid, PAYMENTS), (other, "slack:C0OTHER")):
            await recorded(sayso, request, place)
        messages = {message.channel: message for message in slack.messages}
        await _pause(sayso, "action:payments.*")
        card = messages["C0PAYMENTS"]
        await until(lambda: "Paused by Operator" in str(card.blocks) and card.button("approve") is None)
        assert "leaked key" in str(card.blocks)
        assert card.button("deny") is not None
        assert "Paused" not in str(messages["C0OTHER"].blocks)
        await _resume(sayso, "action:payments.*")
        await until(lambda: "Paused" not in str(card.blocks) and card.button("approve") is not None)
