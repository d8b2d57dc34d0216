"""The Slack adapter keeps the contract of a chat adapter, with the real slack-bolt and slack_sdk on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contract.chat_harness import ChatHarness, a_desk, suites
from fakes.slack import FakeSlack
from fakes.slack_workspace import Message
from sayso_adapters.slack.adapter import create
from sayso_bot.domain.request import Outcome
from sayso_bot.ports import ChatAdapter
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk


class SlackHarness(ChatHarness[Message]):
    place = "slack:C0PAYMENTS"
    approver = "U0ANA"
    approver_alias = "slack:T0TEAM/U0ANA"
    bystander = "U0BOB"

    def __init__(self, slack: FakeSlack, desk: MemoryDesk, adapter: ChatAdapter, service: str) -> None:
        super().__init__(slack, desk, adapter)
        self.slack = slack
        self._service = service

    async def tap(self, request_id: str, outcome: Outcome, *, by: str, deliveries: int = 1) -> None:
        message = self.message(request_id)
        before = len(self.slack.told(by))
        assert await self.slack.tap(self._service, message, outcome, user=by, deliveries=deliveries) == 200
        await self.slack.until_told(by, count=before + 1)


@pytest.fixture
async def harness() -> AsyncIterator[SlackHarness]:
    desk = a_desk()
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
