"""`sayso doctor teams`: whether Teams can be spoken to and can reach us, and how each place stands."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
import pytest

from fakes.teams import FakeTeams
from sayso_adapters.teams.adapter import create
from sayso_bot.domain.policy import Route
from sayso_bot.errors import Unusable
from sayso_bot.ports import Check
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import a_requirement
from unit.teams.teams_office import CHANNEL, PLACE, Office


async def checks(office: Office) -> Mapping[str, Check]:
    return {check.name: check for check in await office.adapter.check()}


async def test_all_is_well(office: Office) -> None:
    office.desk.policy = (Route("a rule", "pay", False, "ask", a_requirement(PLACE)),)
    found = await checks(office)
    assert all(check.ok for check in found.values()), found
    assert found["teams address"].detail.endswith("https://sayso.example.com/api/messages.")
    assert found["teams channel payments"].detail == f"The bot is in {PLACE} (Finance / Payments)."


async def test_each_thing_that_is_wrong_says_what_to_do(office: Office) -> None:
    office.desk.policy = (
        Route("a rule", "pay", False, "ask", a_requirement("teams:19:never@thread.tacv2")),
        Route("another", "pay", False, "ask", a_requirement(PLACE, channel="money")),
    )
    office.teams.conversations[CHANNEL].open = False
    office.teams.fail("keys", 500)
    office.teams.password = "another"
    tokens = office.adapter._wire._tokens
    tokens.refused(tokens._token)
    office.around.clock_is_right = False
    found = await checks(office)
    assert "TEAMS_APP_PASSWORD" in found["teams token"].detail
    assert "keys_unreachable" in found["teams keys"].detail
    assert "clock is off" in found["teams clock"].detail
    assert "having been added or spoken to there" in found["teams channel payments"].detail
    wrong = {name for name, check in found.items() if not check.ok}
    assert wrong == {"teams token", "teams keys", "teams clock", "teams channel payments", "teams channel money"}


async def test_while_entra_is_away_that_is_said(office: Office) -> None:
    tokens = office.adapter._wire._tokens
    tokens.refused(tokens._token)
    office.teams.fail("token", 503)
    assert "cannot be reached" in (await checks(office))["teams token"].detail


async def test_a_channel_counts_as_open_to_all_and_a_chat_does_not(office: Office) -> None:
    assert (await office.adapter.look_at(PLACE)).open
    chat = office.chat("29:ana")
    await office.ask("help")
    assert not (await office.adapter.look_at(f"teams:{chat}")).open


async def test_a_bot_that_is_nowhere_yet_is_told_how_it_gets_somewhere(teams: FakeTeams, desk: MemoryDesk) -> None:
    around = Surroundings(desk, teams.settings(), public_url=None)
    adapter = create(around.context)
    async with around.serving():
        await adapter.start()
        found = {check.name: check for check in await adapter.check()}
        await adapter.stop()
    assert found["teams places"].warning
    assert "sayso teams package" in found["teams places"].detail
    assert "https only" in found["teams address"].detail


class TestTheEmulator:
    async def test_is_believed_on_this_machine_and_that_is_said(self, teams: FakeTeams, desk: MemoryDesk) -> None:
        teams.anonymous = True
        around = Surroundings(desk, {"TEAMS_LOCAL": "1", "TEAMS_TENANT_ID": teams.tenant})
        adapter = create(around.context)
        async with around.serving() as url:
            await adapter.start()
            assert await teams.install(url, CHANNEL, user="29:ana") == 202
            await teams.until_called("team")
            found = {check.name: check for check in await adapter.check()}
            await adapter.stop()
        assert found["teams emulator"].warning
        assert teams.called("token") == teams.called("keys") == []
        assert teams.called("team")[0]["authorization"] == ""

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
    async def test_is_not_believed_through_a_tunnel(self, teams: FakeTeams, desk: MemoryDesk, header: str) -> None:
        teams.anonymous = True
        around = Surroundings(desk, {"TEAMS_LOCAL": "1", "TEAMS_TENANT_ID": teams.tenant})
        create(around.context)
        async with around.serving() as url, aiohttp.ClientSession() as session:
            made = {**teams.envelope(CHANNEL, "29:ana"), "type": "message", "text": "help"}
            async with session.post(f"{url}/api/messages", json=made, headers={header: "203.0.113.7"}) as answer:
                assert answer.status == 403

    def test_is_refused_where_others_could_connect(self, teams: FakeTeams, desk: MemoryDesk) -> None:
        around = Surroundings(desk, {"TEAMS_LOCAL": "1"}, loopback=False)
        with pytest.raises(Unusable, match="SAYSO_HOST"):
            create(around.context)
        around._listening.close()

    @pytest.mark.parametrize("address", ["http://connector.example/", "http://10.0.0.1/", "file:///etc/passwd"])
    async def test_is_answered_on_this_machine_alone(self, teams: FakeTeams, desk: MemoryDesk, address: str) -> None:
        teams.anonymous = True
        around = Surroundings(desk, {"TEAMS_LOCAL": "1", "TEAMS_TENANT_ID": teams.tenant})
        create(around.context)
        async with around.serving() as url:
            made = {**teams.envelope(CHANNEL, "29:ana"), "type": "message", "text": "help", "serviceUrl": address}
            assert (await teams.deliver(url, made)).status == 401


def test_a_certificate_that_is_none_ends_the_start(desk: MemoryDesk, teams: FakeTeams) -> None:
    settings = {**teams.settings(), "TEAMS_CERT_FILE": "/nowhere.pem"}
    del settings["TEAMS_APP_PASSWORD"]
    around = Surroundings(desk, settings)
    with pytest.raises(Unusable, match="TEAMS_CERT_FILE"):
        create(around.context)
    around._listening.close()
