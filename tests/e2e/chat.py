"""One running service on one workspace, reached both ways: what a person does comes signed over HTTP, or over a socket.

chat = Chat(sayso, slack, "socket")          # or "http"
card = await chat.card("pay.one")            # a request and its message
assert await chat.tap(card, "approve", "U0ANA") == "You approved …"
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import httpx
import pytest

from e2e.office import recorded
from fakes.slack_socket import SocketSlack
from fakes.slack_surfaces import command, deliver
from fakes.slack_views import Dialog, submission
from fakes.slack_workspace import Json, Message
from sayso_bot import wiring
from sayso_bot.domain.request import Request
from sayso_bot.workers import clock
from service import Sayso, serving

Running: TypeAlias = tuple[Sayso, SocketSlack, httpx.AsyncClient]
Transport = Literal["http", "socket"]
PLACE = "slack:C0PAYMENTS"
POLICY = """
channels: {payments: slack:C0PAYMENTS}
approvers:
  finance: [slack:S0FINANCE]
  http-leavers: [slack:S0HTTP]
  socket-leavers: [slack:S0SOCKET]
rules:
  - action: two.*
    ask: {channel: payments, approvers: finance, quorum: 2, timeout: 30m, editable: [amount]}
  - action: leave.http
    ask: {channel: payments, approvers: http-leavers, quorum: 2, timeout: 30m}
  - action: leave.socket
    ask: {channel: payments, approvers: socket-leavers, quorum: 2, timeout: 30m}
  - action: why.*
    ask: {channel: payments, approvers: finance, reason: always, timeout: 30m, editable: [amount]}
  - action: open.*
    ask: {channel: payments, timeout: 30m}
  - action: named.*
    ask:
      channel: payments
      approvers: [slack:T0TEAM/U0GUEST, slack:U0STRANGER, slack:U0ROBOT, slack:U0GONE, email:ana@example.com]
      timeout: 30m
  - action: "*"
    ask: {channel: payments, approvers: finance, timeout: 30m}
"""
MEMBERS = {"U0ANA": "Ana", "U0BEN": "Ben", "U0CLEO": "Cleo"}
NEWCOMERS = tuple(f"U0NEW{number}" for number in range(40))
"""Ids that are in the channel from the beginning; `Chat.newcomer` gives each an account."""
_next_newcomer = itertools.cycle(NEWCOMERS)


@dataclass(frozen=True)
class Card:
    """``id`` is the request's."""

    id: str
    message: Message


class Skew:
    """How many seconds the service's clock is off."""

    seconds = 0.0


@asynccontextmanager
async def running_chat() -> AsyncIterator[Running]:
    """Ana, Ben and Cleo are of finance; Eve is in the channel alone; the others may decide nothing."""

    async def measured(_: object) -> float:
        return Skew.seconds

    async with SocketSlack() as slack:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(wiring, "server_time_skew", measured)
            patched.setattr(clock, "LOOK_SECONDS", 0.02)
            _furnish(slack)
            environ = {**slack.settings(), "SLACK_SIGNING_SECRET": slack.signing_secret}
            async with serving(policy=POLICY, environ=environ) as sayso:
                await slack.connected(2)
                yield sayso, slack, await sayso.agent("refunder")


def _furnish(slack: SocketSlack) -> None:
    for user, name in {**MEMBERS, "U0EVE": "Eve"}.items():
        slack.add_user(user, name=name, email=f"{name.lower()}@example.com")
    slack.add_user("U0GUEST", name="Gus", email="gus@example.com", guest=True)
    slack.add_user("U0STRANGER", name="Str", email="ana@example.com", team_id="T9OTHER", stranger=True)
    slack.add_user("U0ROBOT", name="Robot", email="ana@example.com", bot=True)
    slack.add_user("U0GONE", name="Gone", email="ana@example.com", deleted=True)
    slack.add_channel("C0PAYMENTS", [*slack.users, *NEWCOMERS])
    slack.add_group("S0FINANCE", [*MEMBERS])


class Chat:
    """What people do, by one ``transport``."""

    def __init__(self, sayso: Sayso, slack: SocketSlack, agent: httpx.AsyncClient, transport: Transport) -> None:
        self.sayso = sayso
        self.slack = slack
        self.agent = agent
        self.transport = transport

    async def card(self, action: str, **params: Any) -> Card:
        answer = await self.agent.post("/v1/requests", json={"action": action, "params": params or {"amount": 900}})
        assert answer.status_code == 201, answer.text
        request = answer.json()["id"]
        ts = (await recorded(self.sayso, request))["post"]
        return Card(request, next(message for message in self.slack.messages if message.ts == ts))

    def newcomer(self, **account: Any) -> str:
        """Somebody in the channel of whom the service has not heard yet."""
        user = next(_next_newcomer)
        self.slack.add_user(user, **account)
        return user

    async def look(self, card: Card) -> Request:
        return await self.sayso.service.desk.look(card.id)

    async def hand_in(self, payload: Json) -> Json | None:
        """Give the service a payload, and take what it answers. It must acknowledge it."""
        if self.transport == "socket":
            return await self.slack.deliver(_kind(payload), payload, answerable=True)
        status, told = await deliver(self.sayso.url, payload, self.slack.signed)
        assert status == 200
        found: Json | None = told
        return found

    async def is_refused(self, payload: Json) -> bool:
        """Whether a payload is not acknowledged: a status other than 200, or nothing over the socket."""
        if self.transport == "http":
            return (await deliver(self.sayso.url, payload, self.slack.signed))[0] != 200
        self.slack.ack_seconds = 0.3
        try:
            await self.slack.deliver(_kind(payload), payload, timeout=0.5)
        except TimeoutError:
            return True
        finally:
            self.slack.ack_seconds = 3.0
        return False

    def tap_payload(self, card: Card, action: str, user: str, **other: Any) -> Json:
        return self.slack.payload(card.message, action, user=user, **other)

    async def tap(self, card: Card, action: str, user: str, **other: Any) -> str:
        """Tap, and return what the tapper alone was told."""
        return await self.told(user, self.tap_payload(card, action, user, **other))

    async def told(self, user: str, payload: Json) -> str:
        count = len(self.slack.told(user)) + 1
        await self.hand_in(payload)
        return (await self.slack.until_told(user, count=count))[-1]

    async def dialog(self, card: Card, action: str, user: str) -> Dialog:
        """The one that a tap opens. Whatever this person had open is closed before: Slack stacks three at most."""
        for open_now in self.slack.dialogs:
            open_now.open = open_now.open and open_now.user != user
        count = len(self.slack.dialogs) + 1
        await self.hand_in(self.tap_payload(card, action, user))
        return await self.slack.dialog(count=count)

    def submission(self, dialog: Dialog, values: Mapping[str, Any], *, user: str = "", team: str = "") -> Json:
        team, user = team or self.slack.team, user or dialog.user
        return submission(dialog, values, team=team, user=user, shown=self.slack.shown(dialog))

    async def submit(self, dialog: Dialog, values: Mapping[str, Any], **other: str) -> Dialog:
        """Submit, and have the answer carried out: the dialog closes, says why not, or marks fields."""
        told = await self.hand_in(self.submission(dialog, values, **other))
        self.slack.carry_out_answer(dialog, told)
        return dialog

    async def says(self, text: str, user: str) -> str:
        """What ``/sayso text`` is answered."""
        form = {**command(text, user=user, team=self.slack.team), "trigger_id": self.slack.trigger(user)}
        return json.dumps(await self.hand_in(form), ensure_ascii=False)

    async def refusals(self, card: Card, kind: str = "vote_refused") -> int:
        """How often the journal says that somebody was refused."""
        return sum(entry["request"] == card.id for entry in await self.sayso.journal(kind))

    async def settled(self, card: Card) -> Json:
        """What the waiting agent is told."""
        told: Json = (await self.agent.get(f"/v1/requests/{card.id}?wait=5")).json()
        return told


def _kind(payload: Json) -> str:
    """The type of the envelope in which Slack gives it over a socket."""
    if "command" in payload:
        return "slash_commands"
    return "events_api" if payload["type"] == "event_callback" else "interactive"
