"""One person is one vote, whether they answer in Slack, in Teams or in the inbox.

Accounts are one person's where both platforms vouch for the same address, or where an admin has joined them by hand.
Until then a quorum counts votes of one surface only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from e2e.office import recorded
from e2e.teams_chat import ANA, ANA_ID, BEN, EVE, PAYMENTS, Chat, furnish
from fakes.slack import FakeSlack
from fakes.slack_workspace import Message
from fakes.teams import FakeTeams
from fakes.teams_tenant import TENANT
from service import serving, until
from unit.inbox.visitor import SAME_SITE, hidden_fields

RULES = """
rules:
  - action: slack.*
    ask: {channel: in-slack, approvers: finance, quorum: 2, timeout: 30m}
  - action: "*"
    ask: {channel: in-teams, approvers: finance, quorum: 2, timeout: 30m}
"""
CHANNELS = f'channels: {{in-slack: "slack:C0PAYMENTS", in-teams: "teams:{PAYMENTS}"}}\n'
BY_ADDRESS = f"{CHANNELS}approvers: {{finance: [email:ana@example.com, email:ben@example.com]}}\n{RULES}"
ACCOUNTS = f'"slack:T0TEAM/U0ANA", "teams:{TENANT}/{ANA_ID}"'
APART = f"{CHANNELS}approvers: {{finance: [{ACCOUNTS}, email:ben@example.com]}}\n{RULES}"
JOINED = f"people: {{ana: [{ACCOUNTS}]}}\n{APART}"


@dataclass
class Everywhere:
    """Ana and Ben at one service, in Slack, in Teams and in the inbox."""

    chat: Chat
    slack: FakeSlack
    inbox: httpx.AsyncClient

    async def asked_in_slack(self) -> tuple[str, Message]:
        request = await self.chat.ask("slack.refund")
        post = (await recorded(self.chat.sayso, request, "slack:C0PAYMENTS"))["post"]
        return request, next(message for message in self.slack.messages if message.ts == post)

    async def tap_in_slack(self, message: Message, user: str) -> str:
        count = len(self.slack.told(user)) + 1
        assert await self.slack.tap(self.chat.sayso.url, message, "approve", user=user) == 200
        return (await self.slack.until_told(user, count=count))[-1]

    async def approve_in_teams(self, request: str, user: str) -> str:
        """Away from the card: the request is opened in the person's own chat with the bot, and approved there."""
        own = self.chat.teams.personal(user)
        at = own.id if own else self.chat.teams.add_personal(user)
        before = len(self.chat.teams.messages)
        await self.chat.teams.say(self.chat.sayso.url, f"show {request}", user=user, conversation=at)
        await until(lambda: len(self.chat.teams.messages) > before)
        message = self.chat.teams.messages[-1]
        verb = next(verb for verb in message.buttons if verb in ("approve", "review"))
        await self.chat.teams.tap(self.chat.sayso.url, message, verb, user=user)
        while "give" in self.chat.teams.seen(message, user):
            await self.chat.teams.tap(self.chat.sayso.url, message, "give", user=user)
        return self.chat.teams.told(user)[-1]

    async def approve_in_the_inbox(self, request: str) -> str:
        """As Ana; what the page says after it."""
        page = await self.inbox.get(f"/inbox/requests/{request}")
        fields = hidden_fields(page.text, "/vote") | {"outcome": "approve", "reason": ""}
        headers = {"Origin": self.chat.sayso.url, **SAME_SITE}
        answer = await self.inbox.post(f"/inbox/requests/{request}/vote", data=fields, headers=headers)
        return answer.text

    async def votes(self, request: str) -> list[tuple[str, str]]:
        found = await self.chat.sayso.service.desk.look(request)
        return [(vote.name, vote.surface) for vote in found.votes]


@asynccontextmanager
async def everywhere(policy: str, *, slack_address: str | None = "ana@example.com") -> AsyncIterator[Everywhere]:
    async with FakeSlack() as slack, FakeTeams() as teams:
        slack.add_user("U0ANA", name="Ana", email=slack_address)
        slack.add_user("U0BEN", name="Ben", email="ben@example.com")
        slack.add_channel("C0PAYMENTS", ["U0ANA", "U0BEN"])
        furnish(teams)
        async with serving(policy=policy, environ={**slack.settings(), **teams.settings()}) as sayso:
            chat = Chat(sayso, teams, await sayso.agent("refunder"))
            await chat.install()
            async with httpx.AsyncClient(base_url=sayso.url, trust_env=False, follow_redirects=True) as inbox:
                yield Everywhere(chat, slack, inbox)
        assert teams.faults == []


async def test_an_address_that_both_vouch_for_makes_two_accounts_one_person() -> None:
    async with everywhere(BY_ADDRESS) as there:
        request, message = await there.asked_in_slack()
        await there.tap_in_slack(message, "U0ANA")
        await there.approve_in_teams(request, ANA)
        await sign_in(there, "email:ana@example.com")
        assert '/vote"' not in (await there.inbox.get(f"/inbox/requests/{request}")).text, "nothing more to answer"
        assert await there.votes(request) == [("Ana", "slack")]
        assert (await there.chat.sayso.service.desk.look(request)).status == "pending"
        assert "You approved" in await there.approve_in_teams(request, BEN)
        settled = await there.chat.settled(request)
        assert settled["status"] == "approved"
        assert [(vote["name"], vote["surface"]) for vote in settled["decision"]["votes"]] == [
            ("Ana", "slack"),
            ("Ben", "teams"),
        ]


async def test_a_card_in_teams_knows_who_has_answered_in_slack_and_in_the_inbox() -> None:
    async with everywhere(BY_ADDRESS) as there:
        card = await there.chat.card("teams.refund")
        await sign_in(there, "email:ana@example.com")
        await there.approve_in_the_inbox(card.id)
        await there.chat.tap(card, "approve", ANA)
        assert await there.votes(card.id) == [("Ana", "inbox")]
        await there.chat.tap(card, "approve", BEN)
        assert (await there.chat.settled(card))["status"] == "approved"


async def test_accounts_that_an_admin_has_joined_are_one_person_whatever_their_addresses() -> None:
    async with everywhere(JOINED, slack_address="anna.other@example.com") as there:
        request, message = await there.asked_in_slack()
        await there.tap_in_slack(message, "U0ANA")
        await there.approve_in_teams(request, ANA)
        assert await there.votes(request) == [("Ana", "slack")]
        await there.approve_in_teams(request, BEN)
        assert (await there.chat.settled(request))["status"] == "approved"


async def test_where_accounts_cannot_be_told_apart_a_quorum_counts_one_surface_only() -> None:
    async with everywhere(APART, slack_address=None) as there:
        request, message = await there.asked_in_slack()
        await there.tap_in_slack(message, "U0ANA")
        await there.approve_in_teams(request, BEN)
        assert await there.votes(request) == [("Ana", "slack"), ("Ben", "teams")]
        assert (await there.chat.sayso.service.desk.look(request)).status == "pending"
        await there.approve_in_teams(request, ANA)
        assert (await there.chat.settled(request))["status"] == "approved"


async def test_a_guest_with_somebodys_address_is_not_that_person() -> None:
    async with everywhere(BY_ADDRESS) as there:
        card = await there.chat.card("teams.refund")
        there.chat.teams.users[EVE]["email"] = "ana@example.com"
        there.chat.teams.users[EVE]["userRole"] = "guest"
        await there.chat.tap(card, "approve", EVE)
        assert await there.votes(card.id) == []
        await there.chat.tap(card, "approve", ANA)
        assert await there.votes(card.id) == [("Ana", "teams")]


async def sign_in(there: Everywhere, alias: str) -> None:
    assert there.chat.sayso.service.sign_in_link is not None
    link = await there.chat.sayso.service.sign_in_link(alias, "Ana")
    token = {"token": link.partition("#")[2]}
    answer = await there.inbox.post("/inbox/session", data=token, headers={"Origin": there.chat.sayso.url})
    assert answer.status_code == 200
