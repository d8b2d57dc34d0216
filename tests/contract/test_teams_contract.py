"""The Teams adapter keeps the contract of a chat adapter, with Microsoft's SDK on the wire. Teams finds no posts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from fakes.teams import FakeTeams
from fakes.teams_tenant import Message
from sayso_adapters.teams.adapter import create
from sayso_bot.domain.request import Outcome, Request
from sayso_bot.ports import ChatAdapter
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk

pytest.register_assert_rewrite("sayso_bot.testing.chat_adapter")

from sayso_bot.testing import chat_adapter as suites  # noqa: E402 - after the rewriting of its asserts

CHANNEL = "19:payments@thread.tacv2"


class TeamsHarness:
    place = f"teams:{CHANNEL}"
    approver = "29:ana"
    approver_email = "ana@example.com"
    bystander = "29:bob"

    def __init__(self, teams: FakeTeams, desk: MemoryDesk, adapter: ChatAdapter, service: str) -> None:
        self.teams = teams
        self.desk = desk
        self.adapter = adapter
        self.approver_alias = teams.alias(self.approver)
        self._service = service
        self._posts: dict[str, tuple[str, str, Message]] = {}

    async def show(self, request: Request) -> None:
        button = self.desk.ask(request)
        post = await self.adapter.post(self.desk.card(request), self.place, button)
        self._posts[request.id] = (post, button, await self.teams.posted())

    async def refresh(self, request_id: str) -> None:
        post, button, _ = self._posts[request_id]
        await self.adapter.update(self.desk.card(await self.desk.look(request_id)), self.place, post, button)

    async def shown(self, request_id: str) -> suites.Shown:
        message = self._posts[request_id][2]
        return suites.Shown(message.words, frozenset(message.buttons) & {"approve", "deny"})

    async def tap(self, request_id: str, outcome: Outcome, *, by: str, deliveries: int = 1) -> None:
        """The answer to each delivery of a tap takes the place of the one before, so the person is told once."""
        message, before = self._posts[request_id][2], len(self.teams.private)
        message.views.clear()
        assert await self.teams.tap(self._service, message, outcome, user=by, deliveries=deliveries) == 200
        assert len(set(self.teams.private[before:])) == 1
        del self.teams.private[before + 1 :]

    async def told(self, who: str) -> Sequence[str]:
        return await self.teams.until_told(who)

    def told_by_now(self, who: str) -> Sequence[str]:
        return self.teams.told(who)


@pytest.fixture
async def harness() -> AsyncIterator[TeamsHarness]:
    desk = MemoryDesk(admits=lambda person: person.is_any("email:ana@example.com"))
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
