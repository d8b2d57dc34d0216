"""One running service in one Teams tenant, and what people do there, sent signed as Teams sends it.

async with running_teams() as chat:
    card = await chat.card("pay.one")                 # a request and its message
    assert "You approved" in await chat.tap(card, "approve", ANA)
    assert (await chat.settled(card))["status"] == "approved"
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from e2e.office import recorded
from fakes.teams import FakeTeams
from fakes.teams_limits import Json
from fakes.teams_tenant import TENANT, Message
from redis_server import RedisServer
from sayso_bot.domain.request import Request
from service import Sayso, serving

PAYMENTS, OTHER, GROUP = "19:payments@thread.tacv2", "19:other@thread.tacv2", "19:group@thread.v2"
ANA, BEN, CLEO, EVE, GUS, STR = "29:ana", "29:ben", "29:cleo", "29:eve", "29:gus", "29:str"
ELSEWHERE = "11111111-1111-4111-8111-111111111111"
ANA_ID = "33333333-3333-4333-8333-333333333333"
GUEST = "22222222-2222-4222-8222-222222222222"
POLICY = f"""
channels:
  payments: "teams:{PAYMENTS}"
  other: "teams:{OTHER}"
approvers:
  finance: [email:ana@example.com, email:ben@example.com, email:cleo@example.com]
admins: [email:ana@example.com]
rules:
  - action: two.*
    ask: {{channel: payments, approvers: finance, quorum: 2, timeout: 30m, editable: [amount]}}
  - action: why.*
    ask: {{channel: payments, approvers: finance, reason: always, timeout: 30m}}
  - action: open.*
    ask: {{channel: payments, timeout: 30m}}
  - action: named.*
    ask: {{channel: payments, approvers: ["teams:{TENANT}/{GUEST}"], timeout: 30m}}
  - action: other.*
    ask: {{channel: other, approvers: finance, timeout: 30m}}
  - action: back.*
    ask: {{channel: payments, fallback: other, approvers: finance, timeout: 30m}}
  - action: "*"
    ask: {{channel: payments, approvers: finance, timeout: 30m}}
"""


@dataclass(frozen=True)
class Card:
    """``id`` is the request's."""

    id: str
    message: Message


def furnish(teams: FakeTeams) -> None:
    """Ana, Ben and Cleo are of finance; Eve is in the channels alone; Gus is a guest, Str of another tenant."""
    for user in (ANA, BEN, CLEO, EVE):
        name = user.partition(":")[2]
        aad = ANA_ID if user == ANA else None
        teams.add_user(user, name=name.title(), email=f"{name}@example.com", aad=aad)
    teams.add_user(GUS, name="Gus", email="ana@example.com", upn="gus_x.org#EXT#@example.com", aad=GUEST, guest=True)
    teams.add_user(STR, name="Str", email="ana@example.com", tenant=ELSEWHERE)
    for channel in (PAYMENTS, OTHER):
        teams.add_channel(channel, [*teams.users])
    teams.add_chat(GROUP, [ANA, BEN])


class Chat:
    """What people do at ``sayso`` through ``teams``."""

    def __init__(self, sayso: Sayso, teams: FakeTeams, agent: httpx.AsyncClient) -> None:
        self.sayso = sayso
        self.teams = teams
        self.agent = agent

    async def ask(self, action: str, params: Mapping[str, Any] | None = None, **more: Any) -> str:
        asked = {"action": action, "params": dict(params or {"amount": 900}), **more}
        answer = await self.agent.post("/v1/requests", json=asked)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def card(self, action: str, params: Mapping[str, Any] | None = None, *, place: str = PAYMENTS) -> Card:
        request = await self.ask(action, params)
        post = (await recorded(self.sayso, request, f"teams:{place}"))["post"]
        return Card(request, next(message for message in self.teams.messages if message.id == post))

    async def tap(self, card: Card, verb: str, user: str, **other: Any) -> str:
        """Tap, and return what the tapper alone is shown."""
        status = await self.teams.tap(self.sayso.url, card.message, verb, user=user, **other)
        assert status == 200, status
        return self.teams.told(user)[-1]

    async def say(self, text: str, user: str, *, at: str = PAYMENTS) -> str:
        """What ``user`` alone is told after writing to the bot."""
        count = len(self.teams.told(user)) + 1
        await self.teams.say(self.sayso.url, text, user=user, conversation=at)
        return (await self.teams.until_told(user, count=count))[-1]

    async def look(self, card: Card) -> Request:
        return await self.sayso.service.desk.look(card.id)

    async def refusals(self, card: Card, kind: str = "vote_refused") -> int:
        """How often the journal says that somebody was refused."""
        return sum(entry["request"] == card.id for entry in await self.sayso.journal(kind))

    async def settled(self, card: Card | str) -> Json:
        """What the waiting agent is told."""
        request = card if isinstance(card, str) else card.id
        told: Json = (await self.agent.get(f"/v1/requests/{request}?wait=5")).json()
        return told

    async def install(self, *conversations: str) -> None:
        for conversation in conversations or (PAYMENTS, OTHER):
            assert await self.teams.install(self.sayso.url, conversation, user=ANA) in (200, 202)


@asynccontextmanager
async def running_teams(
    policy: str = POLICY,
    *,
    environ: Mapping[str, str] | None = None,
    redis: RedisServer | None = None,
    teams: FakeTeams | None = None,
    installed: bool = True,
) -> AsyncIterator[Chat]:
    """The service, with the bot in both channels. What the stand-in finds wrong with what it is sent fails the test."""
    async with teams or FakeTeams() as there:
        if not there.users:
            furnish(there)
        variables = {**there.settings(), **(environ or {})}
        async with serving(policy=policy, environ=variables, redis=redis) as sayso:
            chat = Chat(sayso, there, await sayso.agent("refunder"))
            if installed:
                await chat.install()
            yield chat
        assert there.faults == []
        assert there.late == 0
