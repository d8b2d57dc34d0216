"""One workspace, one adapter, one desk: the stand-in on the wire, nothing replaced in between."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.slack import FakeSlack
from sayso_adapters.slack.adapter import create
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from unit.slack.slack_office import Office


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
    around = Surroundings(desk, slack.settings())
    adapter = create(around.context)
    async with around.serving():
        await adapter.start()
        yield Office(slack, desk, around, adapter)
        await adapter.stop()
