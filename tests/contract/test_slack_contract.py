"""The Slack adapter keeps the contract of a chat adapter, with the real slack-bolt and slack_sdk on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from fakes.slack import FakeSlack
from fakes.slack_workspace import Message
from sayso_adapters.slack.adapter import create
from sayso_bot.domain.request import Outcome, Request
from sayso_bot.ports import ChatAdapter
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk

pytest.register_assert_rewrite("sayso_bot.testing.chat_adapter")

from sayso_bot.testing import chat_adapter as suites  # noqa: E402 - after the rewriting of its asserts


class SlackHarness:
    place = "slack:C0PAYMENTS"
    approver = "U0ANA"
    approver_alias = "slack:T0TEAM/U0ANA"
    approver_email = "ana@example.com"
    bystander = "U0BOB"

    def __init__(self, slack: FakeSlack, desk: MemoryDesk, adapter: ChatAdapter, service: str) -> None:
        self.slack = slack
        self.desk = desk
        self.adapter = adapter
        self._service = service
        self._posts: dict[str, tuple[str, str, Message]] = {}

    async def show(self, request: Request) -> None:
        button = self.desk.ask(request)
        post = await self.adapter.post(self.desk.card(request), self.place, button)
        self._posts[request.id] = (post, button, await self.slack.posted())

    async def refresh(self, request_id: str) -> None:
        post, button, _ = self._posts[request_id]
        await self.adapter.update(self.desk.card(await self.desk.look(request_id)), self.place, post, button)

    async def shown(self, request_id: str) -> suites.Shown:
        message = self._posts[request_id][2]
        return suites.Shown(message.words, frozenset(message.buttons) & {"approve", "deny"})

    async def tap(self, request_id: str, outcome: Outcome, *, by: str, deliveries: int = 1) -> None:
        message = self._posts[request_id][2]
        before = len(self.slack.told(by))
        assert await self.slack.tap(self._service, message, outcome, user=by, deliveries=deliveries) == 200
        await self.slack.until_told(by, count=before + 1)

    async def told(self, who: str) -> Sequence[str]:
        return await self.slack.until_told(who)

    def told_by_now(self, who: str) -> Sequence[str]:
        return self.slack.told(who)


@pytest.fixture
async def harness() -> AsyncIterator[SlackHarness]:
    desk = MemoryDesk(admits=lambda person: person.is_any("email:ana@example.com"))
    async with FakeSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_user("U0BOB", name="Bob", email="bob@example.com")
        slack.add_channel("C0PAYMENTS", ["U0ANA", "U0BOB"])
        around = Surroundings(desk, slack.settings())
        adapter = create(around.context)
        async with around.serving() as service:
            await adapter.start()
            yield SlackHarness(slack, desk, adapter, service)
            await adapter.stop()
        assert around.failures == []


class TestSlackShowsRequests(suites.ShowsRequests):
    """See `sayso_bot.testing.chat_adapter`."""


class TestSlackMarksRisk(suites.MarksRisk):
    pass


class TestSlackTakesTaps(suites.TakesTaps):
    """See `sayso_bot.testing.chat_adapter`."""


class TestSlackPushesCards(suites.PushesCards):
    """See `sayso_bot.testing.chat_adapter`."""


class TestSlackFindsPosts(suites.FindsPosts):
    """See `sayso_bot.testing.chat_adapter`."""


class TestSlackKnowsPeople(suites.KnowsPeople):
    """See `sayso_bot.testing.chat_adapter`."""
