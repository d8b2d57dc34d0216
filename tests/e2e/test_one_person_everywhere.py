"""Somebody who answers in Slack, in Teams and in the inbox is one person with one vote: by a confirmed address, or
because the policy joins their accounts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from e2e.office import asked, recorded
from fakes.slack import FakeSlack
from fakes.slack_workspace import Message as SlackMessage
from fakes.teams import FakeTeams
from fakes.teams_tenant import Message as TeamsMessage
from sayso_bot.domain.person import Person
from service import ANA, Sayso, serving

CHANNEL = "19:payments@thread.tacv2"
POLICY = f"""
channels: {{slack: slack:C0PAYMENTS, teams: "teams:{CHANNEL}"}}
people:
  cleo: [slack:T0TEAM/U0CLEO, %s]
rules:
  - {{action: slack.*, ask: {{channel: slack, approvers: %s, quorum: 2, timeout: 30m}}}}
  - {{action: "*", ask: {{channel: teams, approvers: %s, quorum: 2, timeout: 30m}}}}
"""


@dataclass
class Everywhere:
    """Ana has one address on all platforms, Cleo's accounts are joined by the policy, nothing joins Dan's."""

    sayso: Sayso
    agent: httpx.AsyncClient
    slack: FakeSlack
    teams: FakeTeams

    async def in_slack(self) -> tuple[str, SlackMessage]:
        request = await asked(self.agent, "slack.refund")
        return request, await self.slack.posted()

    async def in_teams(self) -> tuple[str, TeamsMessage]:
        request = await asked(self.agent)
        await recorded(self.sayso, request, f"teams:{CHANNEL}")
        return request, await self.teams.posted()

    async def tap(self, message: TeamsMessage, user: str) -> str:
        assert await self.teams.tap(self.sayso.url, message, "approve", user=user) == 200
        return self.teams.told(user)[-1]

    async def votes(self, request: str) -> list[str]:
        found = (await self.agent.get(f"/v1/requests/{request}")).json()
        return [found["status"], str(found["approvals"]["have"])]


@pytest.fixture
async def everywhere() -> AsyncIterator[Everywhere]:
    async with FakeSlack() as slack, FakeTeams() as teams:
        for name, address in (("Ana", "ana@example.com"), ("Cleo", None), ("Dan", None), ("Ben", "ben@example.com")):
            slack.add_user(f"U0{name.upper()}", name=name, email=address or f"{name.lower()}@slack.example")
            teams.add_user(f"29:{name.lower()}", name=name, email=address or f"{name.lower()}@teams.example")
        slack.add_channel("C0PAYMENTS", list(slack.users))
        teams.add_channel(CHANNEL, list(teams.users))
        named = [f"email:{address}" for address in ("ana@example.com", "ben@example.com")]
        named += [teams.alias("29:cleo"), "slack:U0CLEO", teams.alias("29:dan"), "slack:U0DAN"]
        approvers = f"[{', '.join(named)}]"
        policy = POLICY % (teams.alias("29:cleo"), approvers, approvers)
        async with serving(policy=policy, environ={**slack.settings(), **teams.settings()}) as sayso:
            await teams.install(sayso.url, CHANNEL, user="29:ana")
            yield Everywhere(sayso, await sayso.agent("refunder"), slack, teams)


async def test_by_the_same_confirmed_address_a_second_answer_elsewhere_counts_for_nothing(
    everywhere: Everywhere,
) -> None:
    request, message = await everywhere.in_teams()
    assert "counts" in await everywhere.tap(message, "29:ana")
    with pytest.raises(Exception, match="already approved"):
        await everywhere.sayso.vote(request, "approve", person=ANA)
    slack = Person.known_as("Ana", {"slack:T0TEAM/U0ANA", "email:ana@example.com"})
    with pytest.raises(Exception, match="already approved"):
        await everywhere.sayso.vote(request, "approve", person=slack, surface="slack")
    assert await everywhere.votes(request) == ["pending", "1"]
    assert "is approved" in await everywhere.tap(message, "29:ben")
    assert await everywhere.votes(request) == ["approved", "2"]


async def test_who_answered_in_slack_is_told_so_in_teams(everywhere: Everywhere) -> None:
    request, message = await everywhere.in_slack()
    assert await everywhere.slack.tap(everywhere.sayso.url, message, "approve", user="U0ANA") == 200
    await everywhere.slack.until_told("U0ANA")
    chat = everywhere.teams.add_personal("29:ana")
    await everywhere.teams.say(everywhere.sayso.url, f"show {request}", user="29:ana", conversation=chat)
    shown = await everywhere.teams.posted()
    assert "Ana approved" in shown.words
    assert "Review" not in shown.words
    assert await everywhere.votes(request) == ["pending", "1"]


async def test_accounts_that_the_policy_joins_are_one_person(everywhere: Everywhere) -> None:
    request, message = await everywhere.in_teams()
    assert "counts" in await everywhere.tap(message, "29:cleo")
    cleo = Person.known_as("Cleo", {"slack:T0TEAM/U0CLEO", "email:cleo@slack.example"})
    with pytest.raises(Exception, match="already approved"):
        await everywhere.sayso.vote(request, "approve", person=cleo, surface="slack")
    assert await everywhere.votes(request) == ["pending", "1"]


async def test_an_approver_of_teams_is_recognised_in_the_inbox_by_their_address(everywhere: Everywhere) -> None:
    request, _ = await everywhere.in_teams()
    dan = Person.known_as("Dan", {"email:dan@teams.example"})
    await everywhere.sayso.vote(request, "approve", person=dan)
    assert await everywhere.votes(request) == ["pending", "1"]


async def test_who_left_the_tenants_rosters_counts_no_longer_at_the_deciding_vote(everywhere: Everywhere) -> None:
    request, message = await everywhere.in_teams()
    assert "counts" in await everywhere.tap(message, "29:dan")
    everywhere.teams.conversations[CHANNEL].members.remove("29:dan")
    assert "counts" in await everywhere.tap(message, "29:ben")
    assert await everywhere.votes(request) == ["pending", "1"]
