"""The Handover's API in the running service: what its clients ask, what they are told, and what is refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sayso_adapters.agents.handover import adapter as handover
from sayso_bot.domain.files import MAX_ATTACHED, MAX_FILE_BYTES
from sayso_bot.ports import Edit, Put, Sending
from sayso_bot.workers import clock
from service import ANA, BEN, QUICK, Sayso, serving

POLICY = """
rules:
  - name: deletions
    action: handover.decision
    params: {action: string}
    when: params.action.matches("(?i)delete")
    ask: {channel: inbox, approvers: [email:ana@example.com, email:ben@example.com], quorum: 2}
  - name: looks
    action: handover.decision
    params: {action: string}
    when: params.action == 'Look'
    allow: true
  - name: never
    action: handover.decision
    params: {action: string}
    when: params.action == 'Never'
    deny: Nobody does that.
  - name: decisions
    action: handover.decision
    ask: {channel: inbox, approvers: [email:ana@example.com, email:ben@example.com], forms: true, editable: [action]}
  - name: shop
    action: shop.*
    ask: {channel: inbox, approvers: [email:ana@example.com]}
"""
PDF = b"%PDF-1.7 a report"
ASK: dict[str, Any] = {
    "action": "Send 10,000 e-mails", "approver": "Ana@example.com", "urgency": "high", "timeout_minutes": 60,
    "channel": "email",
}  # fmt: skip

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sayso() -> AsyncIterator[Sayso]:
    async with serving(policy=POLICY) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def agent(sayso: Sayso) -> httpx.AsyncClient:
    return await sayso.agent("mailer")


async def create(agent: httpx.AsyncClient, **changes: Any) -> str:
    answer = await agent.post("/handover/decisions", json=ASK | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def get(agent: httpx.AsyncClient, decision: str) -> dict[str, Any]:
    answer = await agent.get(f"/handover/decisions/{decision}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def attach(agent: httpx.AsyncClient, decision: str, name: str, content: bytes = PDF) -> httpx.Response:
    files = {"file": (name, content, "image/png")}
    return await agent.post(f"/handover/decisions/{decision}/attachments", files=files)


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """The sentence of a refusal in The Handover's form."""
    told = answer.json()
    assert (answer.status_code, told["code"]) == (status, code), answer.text
    assert told["error"].endswith("."), told
    return str(told["error"])


# --------------------------------------------------------------------------- asking and being told


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


# --------------------------------------------------------------------------- what an approver fills in


@pytest.mark.parametrize(
    ("response_type", "response", "data"),
    [
        ({"type": "choose", "choices": ["staging", "live"]}, {"chosen": "live"}, {"chosen": "live"}),
        ({"type": "number_input", "min": 1, "max": 9.5}, {"value": "7.5"}, {"value": 7.5}),
        (
            {"type": "text_input", "fields": [
                {"name": "subject", "label": "Subject", "required": True, "placeholder": "Hello"},
                {"name": "Reply To", "label": ""}]},
            {"subject": "Hi", "field_2": "a@x"},
            {"subject": "Hi", "Reply To": "a@x"},
        ),
    ],
)  # fmt: skip
async def test_what_is_filled_in_is_given_back_by_its_names_as_modified(
    sayso: Sayso, agent: httpx.AsyncClient, response_type: Any, response: Any, data: Any
) -> None:
    decision = await create(agent, response_type=response_type)
    await sayso.vote(decision, "approve", person=ANA, response=response)
    told = await get(agent, decision)
    assert (told["status"], told["response_data"]) == ("modified", data)


async def test_options_are_choices_and_a_confirmation_asks_for_nothing(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    decision = await create(agent, options=["a", "b"])
    await sayso.vote(decision, "approve", person=ANA, response={"chosen": "b"})
    assert (await get(agent, decision))["response_data"] == {"chosen": "b"}
    decision = await create(agent, response_type={"type": "confirm"})
    await sayso.vote(decision, "approve", person=ANA)
    assert (await get(agent, decision))["status"] == "approved"


@pytest.mark.parametrize(("minutes", "status", "permitted"), [(30, "scheduled", False), (-30, "approved", True)])
async def test_a_time_that_is_still_to_come_is_scheduled_and_permitted_only_then(
    sayso: Sayso, agent: httpx.AsyncClient, minutes: int, status: str, permitted: bool
) -> None:
    decision = await create(agent, response_type={"type": "schedule"}, enforce=True)
    at = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await sayso.vote(decision, "approve", person=ANA, response={"execute_at": at})
    told = await get(agent, decision)
    assert (told["status"], told["execute_at"]) == (status, at if status == "scheduled" else None)
    assert told["action_permitted"] is permitted
    now = await create(agent, response_type={"type": "schedule"})
    await sayso.vote(now, "approve", person=ANA)
    assert (await get(agent, now))["status"] == "approved"


async def test_a_clock_that_is_off_permits_nothing_that_is_scheduled(
    sayso: Sayso, agent: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = await create(agent, response_type={"type": "schedule"}, enforce=True)
    at = datetime.now(UTC) + timedelta(minutes=5)
    await sayso.vote(decision, "approve", person=ANA, response={"execute_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")})
    monkeypatch.setattr(handover, "utc_now", lambda: at + timedelta(minutes=5))
    assert (await get(agent, decision))["action_permitted"] is True
    monkeypatch.setattr(clock, "MOST_SKEW_SECONDS", -1.0)
    assert (await get(agent, decision))["action_permitted"] is False


async def test_who_decided_is_told_by_their_address_whatever_joins_their_accounts() -> None:
    policy = POLICY.replace("rules:", "people: {ana: [email:ana@example.com, slack:T0TEAM/U0ANA]}\nrules:", 1)
    async with serving(policy=policy) as joined:
        agent = await joined.agent("mailer")
        decision = await create(agent)
        await joined.vote(decision, "approve", person=ANA)
        assert (await get(agent, decision))["resolved_by"] == "ana@example.com"


async def test_an_edited_text_is_told_as_modified(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    decision = await create(agent)
    params = {"action": "Send 10 e-mails"}
    await sayso.service.desk.edit(Edit(decision, 1, BEN, params, "inbox", "e1"))
    await sayso.vote(decision, "approve", person=ANA, revision=2)
    told = await get(agent, decision)
    assert (told["status"], told["action"]) == ("modified", "Send 10 e-mails")
    assert told["response_data"] == {"action": "Send 10 e-mails"}


async def test_files_that_an_approver_uploads_are_in_the_answer_and_can_be_saved(
    sayso: Sayso, agent: httpx.AsyncClient
) -> None:
    asked = {"type": "file_upload", "max_files": 2, "accept": [".pdf", "image/*"]}
    decision = await create(agent, response_type=asked)

    async def content() -> AsyncIterator[bytes]:
        yield PDF

    sending = Sending("cv.pdf", "application/pdf", content(), "o")
    put = Put(decision, ANA, "uploaded_files", sending, "inbox")
    file = (await sayso.service.desk.put_file(put)).file
    await sayso.vote(decision, "approve", person=ANA, response={"uploaded_files": [file.id]})
    told = await get(agent, decision)
    (uploaded,) = told["response_data"]["uploaded_files"]
    assert (told["status"], told["attachments"]) == ("modified", [])
    assert (uploaded["name"], uploaded["type"], uploaded["size"]) == ("cv.pdf", "application/pdf", len(PDF))
    saved = await agent.get(uploaded["url"])
    assert (saved.content, saved.headers["Content-Type"]) == (PDF, "application/octet-stream")
    assert (await sayso.client().get(uploaded["url"])).status_code == 401


# --------------------------------------------------------------------------- attachments


async def test_attachments_are_listed_told_on_the_card_and_handed_out_to_be_saved(
    sayso: Sayso, agent: httpx.AsyncClient
) -> None:
    decision = await create(agent)
    answer = await attach(agent, decision, "../../report.pdf")
    assert answer.status_code == 201
    (told,) = answer.json()["attachments"]
    assert (told["name"], told["size"]) == ("report.pdf", len(PDF))
    listed = await agent.get(f"/handover/decisions/{decision}/attachments")
    assert listed.json() == {"attachments": [told]}
    assert (await get(agent, decision))["attachments"] == [told]
    card = sayso.service.desk.card(await sayso.service.desk.look(decision))
    assert [(paper.name, paper.digest) for paper in card.attached] == [("report.pdf", told["digest"])]
    saved = await agent.get(told["url"])
    assert saved.content == PDF
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert saved.headers["X-Content-Type-Options"] == "nosniff"
    other = await sayso.agent("somebody-else")
    refused(await other.get(told["url"]), 404, "not_found")


async def test_the_same_idempotency_key_is_one_attachment_and_never_another_file(agent: httpx.AsyncClient) -> None:
    decision, headers = await create(agent), {"Idempotency-Key": os.urandom(8).hex()}

    async def sent(name: str, content: bytes) -> httpx.Response:
        files = {"file": (name, content, "text/csv")}
        return await agent.post(f"/handover/decisions/{decision}/attachments", files=files, headers=headers)

    first, again = await sent("a.csv", b"1"), await sent("a.csv", b"1")
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    refused(await sent("a.csv", b"2"), 422, "idempotency_mismatch")
    refused(await sent("b.csv", b"1"), 422, "idempotency_mismatch")
    assert len((await get(agent, decision))["attachments"]) == 1


async def test_two_files_at_once_under_one_idempotency_key_are_not_both_told_to_be_kept(
    agent: httpx.AsyncClient,
) -> None:
    decision, headers = await create(agent), {"Idempotency-Key": os.urandom(8).hex()}
    path = f"/handover/decisions/{decision}/attachments"
    sent = [agent.post(path, files={"file": ("a.csv", text)}, headers=headers) for text in (b"1", b"2")]
    assert sorted(answer.status_code for answer in await asyncio.gather(*sent)) == [201, 422]


async def test_a_call_with_two_files_is_refused_and_keeps_none(agent: httpx.AsyncClient) -> None:
    decision = await create(agent)
    files = [("file", ("a.csv", b"1")), ("file", ("b.csv", b"2"))]
    answer = await agent.post(f"/handover/decisions/{decision}/attachments", files=files)
    assert "one file" in refused(answer, 422, "file_refused")
    assert (await get(agent, decision))["attachments"] == []


async def test_what_was_asked_in_another_way_is_no_decision(agent: httpx.AsyncClient) -> None:
    for params in ({"order": "A-1"}, {"action": "Send", "to": "everybody"}):
        made = await agent.post("/v1/requests", json={"action": "shop.order", "params": params})
        path = f"/handover/decisions/{made.json()['id']}"
        refused(await agent.get(path), 404, "not_found")
        refused(await agent.post(f"{path}/attachments", files={"file": ("a.pdf", PDF)}), 404, "not_found")


async def test_five_are_taken_and_a_sixth_is_not(agent: httpx.AsyncClient) -> None:
    decision = await create(agent)
    for number in range(MAX_ATTACHED):
        assert (await attach(agent, decision, f"{number}.pdf")).status_code == 201
    refused(await attach(agent, decision, "6.pdf"), 409, "too_many_files")


async def test_ten_mebibytes_are_taken_and_a_byte_more_is_not(agent: httpx.AsyncClient) -> None:
    decision = await create(agent)
    assert (await attach(agent, decision, "a.csv", b"x" * MAX_FILE_BYTES)).status_code == 201
    refused(await attach(agent, decision, "b.csv", b"x" * (MAX_FILE_BYTES + 1)), 413, "file_too_large")
    refused(await attach(agent, decision, "b.csv", b"x" * (MAX_FILE_BYTES + 200_000)), 413, "body_too_large")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("photo.png", b"MZ\x90\x00 this is a program", "program"),
        ("photo.png", b"\x7fELF\x02\x01", "program"),
        ("run.txt", b"#!/bin/sh\nrm -rf /\n", "program"),
        ("setup.exe", b"x", ".exe"),
        ("page.html", b"<html><script>", ".html"),
        ("drawing.svg", b"<svg onload=alert(1)>", ".svg"),
        ("drawing.png", b"<?xml version='1.0'?>\n<svg onload=alert(1)>", "scripts"),
        ("noending", b"x", "ending"),
        ("a.pdf", b"", "empty"),
    ],
)
async def test_what_runs_when_it_is_opened_is_not_handed_to_people(
    sayso: Sayso, agent: httpx.AsyncClient, name: str, content: bytes, why: str
) -> None:
    decision = await create(agent)
    assert why in refused(await attach(agent, decision, name, content), 422, "file_refused")
    client: Any = sayso.service.store.client
    assert [key async for key in client.scan_iter(match="{main}:upload:*", count=1000)] == []
    assert (await get(agent, decision))["attachments"] == []


async def test_nothing_is_attached_once_somebody_has_answered_or_it_has_ended(
    sayso: Sayso, agent: httpx.AsyncClient
) -> None:
    decision = await create(agent, action="Delete the users")
    await sayso.vote(decision, "approve", person=ANA)
    assert "answered already" in refused(await attach(agent, decision, "a.pdf"), 422, "file_refused")
    await sayso.vote(decision, "approve", person=BEN)
    refused(await attach(agent, decision, "a.pdf"), 409, "settled")


async def test_attachments_are_under_the_key_s_quota_of_bytes_and_its_rate(sayso: Sayso) -> None:
    small = await sayso.agent("tiny", quotas=replace(QUICK, bytes=3000))
    decision = await create(small)
    refused(await attach(small, decision, "a.csv", b"x" * 3000), 429, "quota_exceeded")
    slow = await sayso.agent("slow", quotas=replace(QUICK, rate=0.01, burst=8))
    decision = await create(slow)
    assert (await attach(slow, decision, "a.csv", b"x" * 5 * 1024 * 1024)).status_code == 201
    answer = await attach(slow, decision, "b.csv", b"x" * 5 * 1024 * 1024)
    refused(answer, 429, "rate_limited")
    assert int(answer.headers["Retry-After"]) > 1


async def test_an_upload_that_is_no_form_with_a_file_is_refused(agent: httpx.AsyncClient) -> None:
    path = f"/handover/decisions/{await create(agent)}/attachments"
    refused(await agent.post(path, json={"file": "x"}), 415, "unsupported_media_type")
    refused(await agent.post(path, files={"other": ("a.pdf", PDF)}), 422, "file_refused")
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    refused(await agent.post(path, content=b"--b\r\nhalf", headers=headers), 422, "invalid_field")


# --------------------------------------------------------------------------- who decides


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


# --------------------------------------------------------------------------- bad input


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
