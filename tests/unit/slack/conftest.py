"""One workspace, one adapter, one desk: the stand-in on the wire, nothing replaced in between."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.slack import FakeSlack
from sayso_bot.testing.desk import MemoryDesk
from unit.slack.slack_office import Office, opened_office


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_user("U0BOB", name="Bob", email="bob@example.com")
        slack.add_channel("C0PAYMENTS", ["U0ANA", "U0BOB", "U0GUEST", "U0BOT2", "U0GONE"])
        yield slack


@pytest.fixture
async def desk() -> MemoryDesk:
    return MemoryDesk(admits=lambda person: True)


@pytest.fixture
async def office(slack: FakeSlack, desk: MemoryDesk) -> AsyncIterator[Office]:
    """Nothing that its adapter does beside a call may fail, except what a test has taken from `Office.failed`."""
    async with opened_office(slack, desk) as opened:
        yield opened
    assert opened.around.failures == []
