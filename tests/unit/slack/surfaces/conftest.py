"""The office of the tests beside the cards: who may answer, and accounts that decide nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.slack import FakeSlack
from sayso_adapters.slack.adapter import create
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from unit.slack.slack_office import Office
from unit.slack.surfaces.doings import APPROVERS


@pytest.fixture
async def desk() -> MemoryDesk:
    """Only Ana, and a guest whom some rules name, may answer."""
    return MemoryDesk(admits=lambda person: bool(person.aliases & set(APPROVERS)))


@pytest.fixture
async def office(slack: FakeSlack, desk: MemoryDesk) -> AsyncIterator[Office]:
    slack.add_user("U0EVE", name="Eve", email="eve@example.com")
    slack.add_user("U0GUEST", name="Gus", guest=True)
    slack.add_user("U0BOT2", name="Robot", bot=True)
    slack.add_user("U0GONE", name="Gone", deleted=True)
    slack.add_user("U0AWAY", name="Away", team_id="T9OTHER", stranger=True)
    around = Surroundings(desk, slack.settings())
    adapter = create(around.context)
    async with around.serving():
        await adapter.start()
        yield Office(slack, desk, around, adapter)
        await adapter.stop()
        assert around.failures == []
