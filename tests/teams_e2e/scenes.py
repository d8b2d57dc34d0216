"""What people do in the emulator's channel, one scene after another, with the service as its own process.

Each scene is a function that asserts; its docstring is what held, for the report.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from fakes.teams_tenant import verbs
from teams_e2e.emulator import ANA, BEN, CHANNEL, EVE, GROUP, PERSONAL, Emulator, Shown

POLICY = f"""
channels:
  payments: teams:{CHANNEL}
  group: teams:{GROUP}
  ana: teams:{PERSONAL}
approvers:
  finance: [email:ana@example.com, email:ben@example.com]
rules:
  - action: pay.two
    ask: {{channel: payments, approvers: finance, quorum: 2, timeout: 30m}}
  - action: pay.why
    ask: {{channel: payments, approvers: finance, reason: deny, timeout: 30m}}
  - action: pay.soon
    ask: {{channel: payments, approvers: finance, timeout: 10s}}
  - action: pay.group
    ask: {{channel: group, approvers: finance, timeout: 30m}}
  - action: pay.ana
    ask: {{channel: ana, approvers: finance, timeout: 30m}}
  - action: "*"
    ask: {{channel: payments, approvers: finance, timeout: 30m}}
"""


@dataclass
class Stage:
    emulator: Emulator
    agent: httpx.AsyncClient

    async def asked(self, action: str, **params: Any) -> tuple[str, Shown]:
        """A request, and its card in the emulator."""
        asked = {"action": action, "params": params or {"amount": 900, "order": action}}
        answer = await self.agent.post("/v1/requests", json=asked)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"], await self.emulator.shown(action, buttons=True)

    async def outcome(self, request: str) -> str:
        """How it ended, as the waiting agent is told."""
        answer = await self.agent.get(f"/v1/requests/{request}?wait=20")
        return str(answer.json()["status"])


async def places(stage: Stage) -> None:
    """the bot learns a personal chat, a group chat and a channel by being spoken to, and answers alone who asked"""
    for conversation in (PERSONAL, GROUP, CHANNEL):
        count = len(stage.emulator.messages)
        await stage.emulator.say("help", conversation)
        answer = await stage.emulator.shown("pending", after=count)
        assert answer.conversation == PERSONAL, "what was asked is answered to who asked alone"


async def two_people(stage: Stage) -> None:
    """two people approve, the card follows, and the agent is told"""
    request, card = await stage.asked("pay.two")
    told = await stage.emulator.tap(card, "approve", ANA)
    assert told.words
    await stage.emulator.says(card, "1 of 2")
    again = await stage.emulator.tap(card, "approve", ANA)
    assert "already" in again.words.lower() or "1 of 2" in again.words, again.words
    await stage.emulator.tap(card, "approve", BEN)
    assert await stage.outcome(request) == "approved"
    await stage.emulator.says(card, "Approved")
    assert card.buttons == []
    late = await stage.emulator.tap(card, "deny", BEN, on=card.earlier[0])
    assert "pproved" in late.words, late.words


async def a_wrong_person(stage: Stage) -> None:
    """who is no approver is told so alone, and the card stays as it was"""
    request, card = await stage.asked("pay.wrong")
    told = await stage.emulator.tap(card, "approve", EVE)
    assert told.words
    assert card.version == 0
    state = (await stage.agent.get(f"/v1/requests/{request}")).json()
    assert (state["status"], state["approvals"]["have"]) == ("pending", 0)
    await stage.emulator.tap(card, "approve", BEN)
    assert await stage.outcome(request) == "approved"


async def a_reason(stage: Stage) -> None:
    """a denial that needs a reason asks for it, and the card shows it"""
    request, card = await stage.asked("pay.why")
    asked = await stage.emulator.tap(card, "deny", ANA)
    assert asked.card, "a card with the question"
    await stage.emulator.tap(card, "give", ANA, on=asked.card, reason="Not this quarter")
    assert await stage.outcome(request) == "denied"
    await stage.emulator.says(card, "Not this quarter")


async def an_old_client(stage: Stage) -> None:
    """a client without Action.Execute approves by its fallback"""
    request, card = await stage.asked("pay.old")
    await stage.emulator.submit(card, "approve", ANA)
    assert await stage.outcome(request) == "approved"
    await stage.emulator.says(card, "Approved")


async def chats(stage: Stage) -> None:
    """cards stand and are answered in a group chat and in a personal chat too"""
    for action in ("pay.group", "pay.ana"):
        request, card = await stage.asked(action)
        await stage.emulator.tap(card, "approve", ANA)
        assert await stage.outcome(request) == "approved"
        await stage.emulator.says(card, "Approved")


async def everything(stage: Stage) -> None:
    """a hostile and a very large request are shown whole or counted, within what Teams takes"""
    hostile = {
        "note": "<at>all</at> **Approved by CFO** [x](https://evil.example)\u202e\n" * 5,
        "nested": {"a": [1, {}]},
    }
    request, card = await stage.asked("pay.hostile", **hostile)
    await stage.emulator.tap(card, "approve", ANA)
    assert await stage.outcome(request) == "approved"
    request, card = await stage.asked("pay.large", **{f"field{n}": "x" * 900 for n in range(60)})
    assert "approve" not in card.buttons
    assert "review" in card.buttons
    page = await stage.emulator.tap(card, "review", ANA)
    for _ in range(60):
        if "give" in verbs(page.card):
            break
        page = await stage.emulator.tap(card, "next", ANA, on=page.card)
    await stage.emulator.tap(card, "give", ANA, on=page.card)
    assert await stage.outcome(request) == "approved"


async def expiry(stage: Stage) -> None:
    """a request that nobody answers expires, and its card says so"""
    request, card = await stage.asked("pay.soon")
    assert await stage.outcome(request) == "expired"
    await stage.emulator.says(card, "xpired")
    assert card.buttons == []


Scene = Callable[[Stage], Awaitable[None]]
SCENES: tuple[Scene, ...] = (
    places,
    two_people,
    a_wrong_person,
    a_reason,
    an_old_client,
    chats,
    everything,
    expiry,
)
