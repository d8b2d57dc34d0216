"""The office of the tests beside the cards: who may answer, and accounts that decide nothing."""

from __future__ import annotations

import pytest

from fakes.slack import FakeSlack
from sayso_bot.testing.desk import MemoryDesk
from unit.slack.surfaces.doings import APPROVERS


@pytest.fixture
async def desk() -> MemoryDesk:
    """Only Ana, and a guest whom some rules name, may answer."""
    return MemoryDesk(admits=lambda person: bool(person.aliases & set(APPROVERS)))


@pytest.fixture
def slack(slack: FakeSlack) -> FakeSlack:
    """With accounts that decide nothing, or only what names them."""
    slack.add_user("U0EVE", name="Eve", email="eve@example.com")
    slack.add_user("U0GUEST", name="Gus", guest=True)
    slack.add_user("U0BOT2", name="Robot", bot=True)
    slack.add_user("U0GONE", name="Gone", deleted=True)
    slack.add_user("U0AWAY", name="Away", team_id="T9OTHER", stranger=True)
    return slack
