"""What a client of The Handover calls, and what it is told; with the policy of the service that it calls."""

from __future__ import annotations

from typing import Any

import httpx

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
