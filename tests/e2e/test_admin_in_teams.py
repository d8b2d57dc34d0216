"""Who may administer from Teams, tried at the running service: proved there and then, answered alone, on the record."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from e2e import teams_admin
from e2e.office import recorded
from e2e.teams_chat import ANA, BEN, EVE, GUS, OTHER, PAYMENTS, STR, Chat, running_teams
from fakes.teams_tenant import Message
from sayso_adapters.teams import people
from sayso_bot.domain.pauses import Scope
from sayso_bot.policy import digest
from service import until

POLICY = f"""
channels:
  payments: "teams:{PAYMENTS}"
  ops: "teams:{OTHER}"
admins: [email:ben@example.com]
rules:
  - action: payments.refund
    ask: {{channel: payments, approvers: [email:ana@example.com], timeout: 30m}}
"""


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    async with running_teams(POLICY) as chat:
        for user in (ANA, BEN, EVE, GUS, STR):
            chat.teams.add_personal(user)
        yield chat


async def typed(chat: Chat, text: str, *, at: str = OTHER) -> Message:
    return await teams_admin.typed(chat.teams, chat.sayso.url, text, user=BEN, at=at)


async def confirmed(chat: Chat, message: Message, *, user: str = BEN, why: str = "") -> str:
    return await teams_admin.confirmed(chat.teams, chat.sayso.url, message, user=user, why=why)


async def unchanged(chat: Chat) -> None:
    await chat.sayso.service.configuration.refresh()
    assert chat.sayso.service.configuration.pauses == ()
    assert chat.sayso.service.configuration.routing.routes == ()
    assert await chat.sayso.journal("paused") == []


async def test_whoever_is_no_admin_changes_nothing_and_is_told_alone(chat: Chat) -> None:
    chat.teams.users[GUS]["email"] = "ben@example.com"
    for user in (ANA, EVE, GUS, STR):
        for text in ("pause", "route payments.* to ops", "channel use payments.*", "move req_x to ops"):
            told = await chat.say(text, user)
            assert "confirm" not in told.lower(), (user, told)
    await unchanged(chat)
    assert [message for message in chat.teams.messages if message.buttons] == []
    shared = [reply for reply in chat.teams.replies if reply.words != "Answered in your chat with Sayso."]
    assert shared == [], "nothing of it is said where others read"
    refused = [json.loads(entry["data"]) for entry in await chat.sayso.journal("admin_refused")]
    assert {entry["code"] for entry in refused} <= {"not_an_admin"}
    assert {entry["surface"] for entry in refused} == {"teams"}


async def test_while_teams_cannot_be_asked_who_somebody_is_nobody_administers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people, "KEPT_SECONDS", 0.0)
    async with running_teams(POLICY) as chat:
        chat.teams.add_personal(BEN)
        card = await typed(chat, "pause")
        chat.teams.break_("member", status=500, times=50)
        chat.teams.break_("members", status=500, times=50)
        assert "could not be checked what you may see" in await confirmed(chat, card)
        await unchanged(chat)


async def test_a_command_takes_effect_by_the_button_of_who_typed_it_alone(chat: Chat) -> None:
    card = await typed(chat, "pause agent refunder")
    await unchanged(chat)
    await confirmed(chat, card, user=ANA)
    await unchanged(chat)
    await confirmed(chat, card, why="it loops")
    await confirmed(chat, card, why="it loops")
    await chat.sayso.service.configuration.refresh()
    assert [pause.scope for pause in chat.sayso.service.configuration.pauses] == [Scope(agent="refunder")]
    assert len(await chat.sayso.journal("paused")) == 1
    [by] = [json.loads(entry["data"])["by"] for entry in await chat.sayso.journal("paused")]
    assert (by["name"], by["surface"]) == ("Ben", "teams")
    held = await chat.agent.post("/v1/requests", json={"action": "payments.refund", "params": {}})
    assert (held.status_code, held.json()["code"]) == (423, "paused")
    await confirmed(chat, await typed(chat, "resume agent refunder"))
    await chat.ask("payments.refund")


async def test_this_channel_is_used_by_who_says_so_in_it_and_what_waits_can_be_taken_along(chat: Chat) -> None:
    earlier = await chat.card("payments.refund")
    card = await typed(chat, "channel use payments.* for 2h because payments is away", at=OTHER)
    assert "payments.* is asked in ops for 2h from when this is confirmed; if that is now, until" in card.words
    assert "1 approval from email:ana@example.com, as before" in card.words
    await confirmed(chat, card, why="payments is away")
    request = await chat.ask("payments.refund")
    await recorded(chat.sayso, request, f"teams:{OTHER}")
    await until(lambda: any("Ben routed payments.* to ops" in m.words for m in chat.teams.messages))
    await confirmed(chat, await typed(chat, f"move {earlier.id} to ops"), why="nobody sees it there")
    await recorded(chat.sayso, earlier.id, f"teams:{OTHER}")
    await until(lambda: "approve" not in earlier.message.buttons)
    assert "Asked in ops now" in earlier.message.words


async def test_who_was_an_admin_when_they_typed_and_is_none_when_they_tap_does_nothing(chat: Chat) -> None:
    card = await typed(chat, "pause")
    service = chat.sayso.service
    before = service.configuration.policy.digest
    text = POLICY.replace("ben@example.com", "cleo@example.com")
    assert (await service.store.activate(digest(text), text, before, "test")).changed
    await confirmed(chat, card)
    await unchanged(chat)
