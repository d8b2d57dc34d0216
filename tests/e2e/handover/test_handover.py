"""The Handover's API in the running service: what its clients ask, and what they are told."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from e2e.handover.calls import ASK, create, get, refused
from service import ANA, Sayso

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_decision_is_asked_approved_and_told_in_their_words(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    asked = {"context": "The campaign is ready.", "context_images": ["https://example.com/a.png"]}
    answer = await agent.post("/handover/decisions", json=ASK | asked)
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"id", "status", "expires_at"}
    assert made["status"] == "pending"
    told = await get(agent, made["id"])
    left = datetime.fromisoformat(told["expires_at"]) - datetime.fromisoformat(told["created_at"])
    assert left == timedelta(minutes=60)
    assert told == {
        "id": made["id"], "status": "pending", "action": ASK["action"], "context": "The campaign is ready.",
        "urgency": "high", "response_notes": None, "response_data": None, "resolved_at": None, "resolved_by": None,
        "expires_at": made["expires_at"], "created_at": told["created_at"], "execute_at": None,
        "context_images": ["https://example.com/a.png"], "attachments": [], "enforce": False,
    }  # fmt: skip
    await sayso.vote(made["id"], "approve", person=ANA, reason="Fine")
    told = await get(agent, made["id"])
    assert (told["status"], told["response_notes"], told["resolved_by"]) == ("approved", "Fine", "ana@example.com")
    assert told["resolved_at"]


async def test_it_is_a_request_like_any_other(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    decision = await create(agent, context="Because.", channel="slack", enforce=True)
    request = (await agent.get(f"/v1/requests/{decision}")).json()
    assert (request["action"], request["params"], request["rule"]) == (
        "handover.decision", {"action": ASK["action"]}, "decisions",
    )  # fmt: skip
    assert request["claims"] == {
        "reasoning": "Because.", "urgency": "high", "approver": "ana@example.com",
        "metadata": {"handover": {"channel": "slack", "enforce": True}},
    }  # fmt: skip
    page = sayso.service.desk.card(await sayso.service.desk.look(decision))
    assert page.pressing == "The agent calls the urgency high."
    assert ("Asks for", "ana@example.com") in [(claim.label, claim.text) for claim in page.claims]


@pytest.mark.parametrize(
    ("outcome", "status", "by"), [("deny", "denied", "ana@example.com"), ("approve", "approved", "ana@example.com")]
)
async def test_how_it_ends(sayso: Sayso, agent: httpx.AsyncClient, outcome: Any, status: str, by: str) -> None:
    decision = await create(agent, enforce=True)
    assert (await get(agent, decision))["action_permitted"] is False
    await sayso.vote(decision, outcome, person=ANA)
    told = await get(agent, decision)
    assert (told["status"], told["resolved_by"], told["action_permitted"]) == (status, by, outcome == "approve")


async def test_what_the_policy_settles_and_what_is_withdrawn(agent: httpx.AsyncClient) -> None:
    for action, status in (("Look", "approved"), ("Never", "denied")):
        made = (await agent.post("/handover/decisions", json=ASK | {"action": action})).json()
        assert (made["status"], made["auto_resolved"]) == (status, True)
        told = await get(agent, made["id"])
        assert (told["status"], told["resolved_by"]) == (status, "policy")
    decision = await create(agent)
    await agent.post(f"/v1/requests/{decision}/cancel")
    told = await get(agent, decision)
    assert (told["status"], told["resolved_by"]) == ("expired", None)


async def test_urgency_and_channel_change_no_rule(agent: httpx.AsyncClient) -> None:
    decision = await create(agent, action="Delete the users", urgency="low", channel="webhook", timeout_minutes=99_999)
    request = (await agent.get(f"/v1/requests/{decision}")).json()
    assert (request["rule"], request["requirement"]["quorum"], request["requirement"]["channel"]) == (
        "deletions", 2, "inbox",
    )  # fmt: skip


async def test_the_type_that_the_key_is_given_is_asked_for(sayso: Sayso) -> None:
    shop = await sayso.agent("shop", actions=("shop.refund",))
    request = (await shop.get(f"/v1/requests/{await create(shop)}")).json()
    assert (request["action"], request["rule"]) == ("shop.refund", "shop")
    other = await sayso.agent("other", actions=("a.b", "c.d"))
    refused(await other.post("/handover/decisions", json=ASK), 403, "forbidden")


async def test_the_same_idempotency_key_is_one_decision(agent: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": os.urandom(8).hex()}
    first = await agent.post("/handover/decisions", json=ASK, headers=headers)
    again = await agent.post("/handover/decisions", json=ASK, headers=headers)
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, first.json()["id"])
    other = ASK | {"approver": "ben@example.com"}
    refused(await agent.post("/handover/decisions", json=other, headers=headers), 422, "idempotency_mismatch")
