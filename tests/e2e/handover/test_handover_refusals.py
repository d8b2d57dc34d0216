"""What a client of The Handover may not do: decide, choose who decides, or send what cannot be used."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from e2e.handover.calls import ASK, attach, create, get, refused
from service import ANA, BEN, QUICK, Sayso

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_no_key_resolves_anything_whatever_it_says(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    decision = await create(agent)
    body = {"action": "approve", "notes": "Trust me", "resolved_by": "ana@example.com"}
    path = f"/handover/decisions/{decision}/resolve"
    answers = await asyncio.gather(agent.post(path, json=body), agent.post(path, json=body | {"action": "deny"}))
    for answer in answers:
        assert "A key never decides" in refused(answer, 403, "forbidden")
    admin = await sayso.agent("boss", kinds=frozenset({"admin"}))
    refused(await admin.post(path, json=body), 403, "forbidden")
    refused(await sayso.client().post(path, json=body), 401, "unauthenticated")
    other = await sayso.agent("somebody")
    refused(await other.post(path, json=body), 404, "not_found")
    assert (await get(agent, decision))["status"] == "pending"
    await sayso.vote(decision, "deny", person=ANA)
    refused(await agent.post(path, json=body), 403, "forbidden")
    assert (await get(agent, decision))["status"] == "denied"
    entries = [entry for entry in await sayso.journal("refused") if "handover.resolve" in entry["data"]]
    assert entries


async def test_an_approver_whom_the_policy_does_not_allow_is_refused_and_nothing_is_made(sayso: Sayso) -> None:
    agent = await sayso.agent("careful", principal="ana@example.com")
    before = len((await agent.get("/v1/requests")).json()["items"])
    assert "does not let eve@example.com decide" in refused(
        await agent.post("/handover/decisions", json=ASK | {"approver": "eve@example.com"}), 403, "forbidden"
    )
    refused(await agent.post("/handover/decisions", json=ASK), 403, "forbidden")  # whom it acts for
    assert len((await agent.get("/v1/requests")).json()["items"]) == before
    assert (await agent.post("/handover/decisions", json=ASK | {"approver": "ben@example.com"})).status_code == 201


async def test_whom_the_agent_names_has_no_more_right_than_the_others(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    decision = await create(agent, approver="ana@example.com")
    await sayso.vote(decision, "approve", person=BEN)
    assert (await get(agent, decision))["resolved_by"] == "ben@example.com"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"action": ""}, "action"),
        ({"action": 7}, "action"),
        ({"action": None}, "action"),
        ({"approver": "nobody"}, "approver"),
        ({"approver": ["ana@example.com"]}, "approver"),
        ({"urgency": "very"}, "urgency"),
        ({"timeout_minutes": "60"}, "timeout_minutes"),
        ({"timeout_minutes": 0}, "timeout_minutes"),
        ({"timeout_minutes": 1.5}, "timeout_minutes"),
        ({"timeout_minutes": True}, "timeout_minutes"),
        ({"channel": "pigeon"}, "channel"),
        ({"context": {"a": 1}}, "context"),
        ({"options": "a"}, "options"),
        ({"options": []}, "options"),
        ({"options": ["x" * 76]}, "options[0]"),
        ({"options": ["a", "a"]}, "options"),
        ({"options": ["a\nb"]}, "one line"),
        ({"callback_url": "https://example.com/hook"}, "poll instead"),
        ({"response_type": {"type": "telepathy"}}, "response_type"),
        ({"response_type": {"choices": ["a"]}}, "response_type"),
        ({"response_type": "choose"}, "response_type"),
        ({"response_type": {"type": "choose", "choices": []}}, "choices"),
        ({"response_type": {"type": "choose", "choices": ["a"], "label": "a\u202eb"}}, "one line"),
        ({"response_type": {"type": "number_input", "min": "1"}}, "min"),
        ({"response_type": {"type": "number_input", "min": 2, "max": 1}}, "min"),
        ({"response_type": {"type": "text_input", "fields": [{"label": "x"}]}}, "name"),
        ({"response_type": {"type": "file_upload", "max_files": 6}}, "max_files"),
        ({"response_type": {"type": "file_upload", "accept": ["safe to approve .pdf"]}}, "accept"),
        ({"response_type": {"type": "choose", "choices": ["a"]}, "options": ["b"]}, "ask for the same twice"),
        ({"context_images": ["https://example.com/x"] * 6}, "context_images"),
        ({"context_images": ["file:///etc/passwd"]}, "context_images[0]"),
        ({"context_images": "https://example.com/x"}, "context_images"),
        ({"enforce": "yes"}, "enforce"),
        ({"resolved_by": "me"}, "resolved_by"),
    ],
)
async def test_a_field_that_cannot_be_used_is_named_and_nothing_is_made(
    agent: httpx.AsyncClient, changes: dict[str, Any], path: str
) -> None:
    assert path in refused(await agent.post("/handover/decisions", json=ASK | changes), 422, "invalid_field")


async def test_what_is_no_json_and_what_readers_would_disagree_about(agent: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for content, status, code in (
        (b"{", 400, "bad_json"),
        (b"[]", 422, "invalid_field"),
        (b'{"action": "a", "action": "b"}', 422, "invalid_field"),
        (b'{"action": "' + b"x" * 300_000 + b'"}', 413, "body_too_large"),
    ):
        refused(await agent.post("/handover/decisions", content=content, headers=headers), status, code)
    refused(await agent.post("/handover/decisions", data={"action": "a"}), 415, "unsupported_media_type")


async def test_ids_of_others_and_ids_that_are_none(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    other = await sayso.agent("neighbour")
    theirs = await create(other)
    plain = (await agent.post("/v1/requests", json={"action": "shop.x", "params": {"n": 1}})).json()["id"]
    for decision in (theirs, plain, "req_0", "x" * 300):
        for path in ("", "/attachments"):
            refused(await agent.get(f"/handover/decisions/{decision}{path}"), 404, "not_found")
    refused(await attach(agent, theirs, "a.pdf"), 404, "not_found")


async def test_a_flood_meets_the_key_s_own_rate(sayso: Sayso) -> None:
    agent = await sayso.agent("flood", quotas=replace(QUICK, rate=0.1, burst=3))
    decision = await create(agent)
    statuses = [(await agent.get(f"/handover/decisions/{decision}")).status_code for _ in range(5)]
    assert statuses.count(429) >= 1
