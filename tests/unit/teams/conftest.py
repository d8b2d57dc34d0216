"""One tenant, one adapter, one desk: the stand-in on the wire, nothing replaced in between."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.teams import FakeTeams
from sayso_adapters.teams.adapter import create
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from unit.teams.teams_office import CHANNEL, CHAT, Office

ELSEWHERE = "bbbbbbbb-cccc-dddd-eeee-ffffffffffff"


@pytest.fixture
async def teams() -> AsyncIterator[FakeTeams]:
    async with FakeTeams() as teams:
        teams.add_user("29:ana", name="Ana", email="ana@example.com")
        teams.add_user("29:bob", name="Bob", email="bob@example.com")
        teams.add_user("29:gus", name="Gus", email="gus@partner.example", guest=True)
        teams.add_user("29:pia", name="Pia", email="pia@other.example", tenant=ELSEWHERE)
        teams.add_user("29:eve", name="Eve", email="eve@example.com")
        teams.add_channel(CHANNEL, ["29:ana", "29:bob", "29:gus", "29:pia"], name="Payments")
        teams.add_chat(CHAT, ["29:ana", "29:bob"])
        yield teams


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk(admits=lambda person: True)


@pytest.fixture
async def office(teams: FakeTeams, desk: MemoryDesk) -> AsyncIterator[Office]:
    around = Surroundings(desk, teams.settings())
    adapter = create(around.context)
    async with around.serving():
        await adapter.start()
        await teams.install(around.url, CHANNEL, user="29:ana")
        await teams.until_called("team")
        yield Office(teams, desk, around, adapter)
        await adapter.stop()
    assert around.failures == []
    assert teams.faults == []
