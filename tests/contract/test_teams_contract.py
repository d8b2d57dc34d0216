"""The Teams adapter keeps the contract of a chat adapter, with Microsoft's SDK on the wire. Teams finds no posts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contract.chat_harness import ChatHarness, a_desk, suites
from fakes.teams import FakeTeams
from fakes.teams_tenant import Message
from sayso_adapters.teams.adapter import create
from sayso_bot.domain.request import Outcome
from sayso_bot.ports import ChatAdapter
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk

CHANNEL = "19:payments@thread.tacv2"


class TeamsHarness(ChatHarness[Message]):
    place = f"teams:{CHANNEL}"
    approver = "29:ana"
    bystander = "29:bob"

    def __init__(self, teams: FakeTeams, desk: MemoryDesk, adapter: ChatAdapter, service: str) -> None:
        super().__init__(teams, desk, adapter)
        self.teams = teams
        self.approver_alias = teams.alias(self.approver)
        self._service = service

    async def tap(self, request_id: str, outcome: Outcome, *, by: str, deliveries: int = 1) -> None:
        """The answer to each delivery of a tap takes the place of the one before, so the person is told once."""
        message, before = self.message(request_id), len(self.teams.private)
        message.views.clear()
        assert await self.teams.tap(self._service, message, outcome, user=by, deliveries=deliveries) == 200
        assert len(set(self.teams.private[before:])) == 1
        del self.teams.private[before + 1 :]


@pytest.fixture
async def harness() -> AsyncIterator[TeamsHarness]:
    desk = a_desk()
    async with FakeTeams() as teams:
        teams.add_user("29:ana", name="Ana", email="ana@example.com")
        teams.add_user("29:bob", name="Bob", email="bob@example.com")
        teams.add_channel(CHANNEL, ["29:ana", "29:bob"])
        around = Surroundings(desk, teams.settings())
        adapter = create(around.context)
        async with around.serving() as service:
            await adapter.start()
            await teams.install(service, CHANNEL, user="29:ana")
            yield TeamsHarness(teams, desk, adapter, service)
            await adapter.stop()
        assert around.failures == []
        assert teams.faults == []
        assert not teams.late


class TestTeamsShowsRequests(suites.ShowsRequests):
    """See `sayso_bot.testing.chat_adapter`."""


class TestTeamsMarksRisk(suites.MarksRisk):
    """See `sayso_bot.testing.chat_adapter`."""


class TestTeamsTakesTaps(suites.TakesTaps):
    """See `sayso_bot.testing.chat_adapter`."""


class TestTeamsPushesCards(suites.PushesCards):
    """See `sayso_bot.testing.chat_adapter`."""


class TestTeamsKnowsPeople(suites.KnowsPeople):
    """See `sayso_bot.testing.chat_adapter`."""
