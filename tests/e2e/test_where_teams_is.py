"""Where the bot is: learnt where it is added or spoken to, kept through a restart, reached as Teams says now."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from e2e.office import later, recorded, settled_down
from e2e.teams_chat import ANA, GROUP, OTHER, PAYMENTS, POLICY, furnish, running_teams
from fakes.teams import FakeTeams
from service import ServiceProcess, until

PLACE = f"teams:{PAYMENTS}"


async def test_a_team_makes_all_its_channels_known_and_each_chat_one() -> None:
    async with running_teams(installed=False) as chat:
        chat.teams.add_channel("19:quiet@thread.tacv2", [ANA], name="quiet")
        await chat.install(PAYMENTS)
        await chat.teams.until_called("team")
        request = await chat.ask("other.one")
        await recorded(chat.sayso, request, f"teams:{OTHER}")
        assert chat.teams.messages[-1].conversation == OTHER, "never spoken to, but of the same team"


async def test_a_place_is_learnt_by_a_word_to_the_bot_and_a_card_can_be_asked_there() -> None:
    policy = (
        f'channels: {{group: "teams:{GROUP}"}}\nrules:\n  - {{action: "*", ask: {{channel: group, timeout: 30m}}}}\n'
    )
    async with running_teams(policy, installed=False) as chat:
        request = await chat.ask("pay.one")
        await settled_down(chat.sayso, request, f"teams:{GROUP}")
        await chat.say("help", ANA, at=GROUP)
        await later(chat.sayso, 121)
        await recorded(chat.sayso, request, f"teams:{GROUP}")
        [message] = [message for message in chat.teams.messages if message.buttons]
        await chat.teams.tap(chat.sayso.url, message, "approve", user=ANA)
        assert (await chat.settled(request))["status"] == "approved"


async def test_where_the_connector_moves_what_comes_after_goes_to_the_new_address() -> None:
    async with running_teams() as chat:
        card = await chat.card("pay.one")
        assert {call["region"] for call in chat.teams.called("send")} == {"amer"}
        chat.teams.region = "emea"
        await chat.say("help", ANA)
        second = await chat.card("pay.two")
        assert chat.teams.called("send")[-1]["region"] == "emea"
        await chat.tap(card, "approve", ANA)
        await chat.teams.changed(card.message)
        assert chat.teams.called("update")[-1]["region"] == "emea"
        assert (await chat.settled(second))["status"] == "pending"


async def test_where_the_bot_is_taken_out_cards_go_to_the_fallback_and_back_when_it_returns() -> None:
    async with running_teams() as chat:
        await chat.teams.remove(chat.sayso.url, PAYMENTS, user=ANA)
        chat.teams.conversations[OTHER].open = True
        chat.teams.conversations[OTHER].team = "19:another@thread.tacv2"
        await chat.install(OTHER)
        request = await chat.ask("back.one")
        await recorded(chat.sayso, request, f"teams:{OTHER}")
        assert [message.conversation for message in chat.teams.messages] == [OTHER]
        await chat.install(PAYMENTS)
        again = await chat.card("back.two")
        assert again.message.conversation == PAYMENTS


async def test_a_place_of_which_nobody_said_that_the_bot_left_is_found_out_by_a_post() -> None:
    async with running_teams() as chat:
        await chat.teams.remove(chat.sayso.url, PAYMENTS, user=ANA, tell=False)
        request = await chat.ask("pay.one")
        await settled_down(chat.sayso, request, PLACE)
        [entry] = await chat.sayso.journal("undeliverable")
        assert json.loads(entry["data"])["what"] == "BotNotInConversationRoster"


async def test_a_restart_keeps_the_places_and_the_command_lists_them(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    async with FakeTeams() as teams:
        furnish(teams)
        environ = {**teams.settings(), "SAYSO_POLICY": str(tmp_path / "policy.yaml")}
        with ServiceProcess(tmp_path, environ) as service:
            assert await teams.install(service.url, PAYMENTS, user=ANA) in (200, 202)
            await teams.until_called("team")
            await until(lambda: "place_learnt" in service.log.read_text())
            service.kill()
            service.start()
            headers = {"Authorization": f"Bearer {await service.key('refunder')}"}
            async with httpx.AsyncClient(base_url=service.url, headers=headers, trust_env=False) as agent:
                asked = {"action": "pay.one", "params": {"amount": 900}}
                assert (await agent.post("/v1/requests", json=asked)).status_code == 201
            message = await teams.posted()
            assert message.conversation == PAYMENTS
            listed = service.run("teams", "places", "--json")
            assert PLACE in {place["place"] for place in json.loads(listed.stdout)}, listed.stderr
