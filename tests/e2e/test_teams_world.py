"""Cards on their way to Teams, through everything that it may answer: each is shown, or it is said that it is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from e2e.office import final, later, recorded, settled_down
from e2e.teams_chat import ANA, BEN, OTHER, PAYMENTS, POLICY, Chat, running_teams
from sayso_adapters.teams import wire
from service import ANA as ANA_SIGNED_IN
from service import until

PLACE, ELSE = f"teams:{PAYMENTS}", f"teams:{OTHER}"
LASTING = [
    (403, "BotNotInConversationRoster"),
    (403, "BotDisabledByAdmin"),
    (403, "MessageWritesBlocked"),
    (404, "ConversationNotFound"),
    (413, "MessageSizeTooBig"),
    (400, "BadSyntax"),
]


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    async with running_teams() as chat:
        yield chat


async def test_a_card_is_posted_once_with_one_token_for_all(chat: Chat) -> None:
    first, second = await chat.card("pay.one"), await chat.card("pay.two")
    await chat.tap(first, "approve", ANA)
    await chat.tap(second, "deny", BEN)
    await until(lambda: final(first.message) and final(second.message))
    cards = [call for call in chat.teams.called("send") if call["body"].get("attachments")]
    assert len(cards) == 2
    assert len(chat.teams.called("token")) == 1


# --------------------------------------------------------------------------- lasting


@pytest.mark.parametrize(("status", "code"), LASTING)
async def test_a_card_that_teams_does_not_take_goes_to_the_fallback_and_is_decided_there(
    chat: Chat, status: int, code: str
) -> None:
    chat.teams.fail("send", status, code)
    request = await chat.ask("back.one")
    await recorded(chat.sayso, request, ELSE)
    [message] = chat.teams.messages
    assert message.conversation == OTHER
    [moved] = [json.loads(entry["data"]) for entry in await chat.sayso.journal("moved")]
    assert (moved["from"], moved["to"], moved["by"]) == (PLACE, ELSE, "delivery")
    await chat.teams.tap(chat.sayso.url, message, "approve", user=ANA)
    assert (await chat.settled(request))["status"] == "approved"


@pytest.mark.parametrize(("status", "code"), [(403, "BotNotInConversationRoster"), (404, "ConversationNotFound")])
async def test_where_there_is_no_fallback_it_is_an_alarm_and_is_tried_again(chat: Chat, status: int, code: str) -> None:
    chat.teams.fail("send", status, code)
    request = await chat.ask("pay.one")
    await until(lambda: chat.sayso.service.store.alarms(1))
    ready = str((await chat.sayso.client().get("/readyz")).json()["warnings"])
    assert "1 card cannot be delivered" in ready
    [entry] = await chat.sayso.journal("undeliverable")
    assert json.loads(entry["data"]) == {"place": PLACE, "what": code}
    await later(chat.sayso, 121)
    await recorded(chat.sayso, request, PLACE)
    assert await chat.sayso.service.store.alarms(1) == []


async def test_a_place_where_the_bot_never_was_is_an_alarm_that_says_what_to_do() -> None:
    async with running_teams(installed=False) as chat:
        request = await chat.ask("pay.one")
        await settled_down(chat.sayso, request, PLACE)
        [entry] = await chat.sayso.journal("undeliverable")
        assert json.loads(entry["data"])["what"] == "place_not_known"
        assert chat.teams.called("send") == []
        await chat.install(PAYMENTS)
        await later(chat.sayso, 121)
        await recorded(chat.sayso, request, PLACE)


async def test_a_burst_whose_message_somebody_deleted_is_posted_anew() -> None:
    async with running_teams(POLICY.replace("timeout: 30m}", "timeout: 30m, digest: true}")) as chat:
        first = await chat.ask("pay.one")
        await recorded(chat.sayso, first, PLACE)
        chat.teams.messages[0].deleted = True
        second = await chat.ask("pay.two")

        async def posted() -> bool:
            await later(chat.sayso, 0.5)
            return len(chat.teams.messages) == 2

        await until(posted)
        await recorded(chat.sayso, second, PLACE)
        assert chat.teams.messages[1].buttons == ["review", "review"]
        assert await chat.sayso.service.store.alarms(1) == []


async def test_a_card_that_was_shown_never_moves(chat: Chat) -> None:
    card = await chat.card("back.one")
    chat.teams.fail("update", 404, "ActivityNotFoundInConversation", times=2)
    await chat.sayso.vote(card.id, "deny", person=ANA_SIGNED_IN)
    await until(lambda: chat.sayso.service.store.alarms(1))
    assert await chat.sayso.journal("moved") == []
    assert len(chat.teams.messages) == 1


# --------------------------------------------------------------------------- for a while


async def test_a_place_that_is_limited_waits_as_long_as_it_says_and_others_go_on(chat: Chat) -> None:
    chat.teams.limit_rate("send", after=5)
    first = await chat.ask("pay.one")
    await settled_down(chat.sayso, first, PLACE)
    second, elsewhere = await chat.ask("pay.two"), await chat.ask("other.one")
    await recorded(chat.sayso, elsewhere, ELSE)
    await later(chat.sayso, 2)
    await asyncio.sleep(0.1)
    assert [message.conversation for message in chat.teams.messages] == [OTHER]
    await later(chat.sayso, 3.1)
    await recorded(chat.sayso, first, PLACE)
    await later(chat.sayso, 2)
    await recorded(chat.sayso, second, PLACE)
    assert len(chat.teams.messages) == 3
    assert await chat.sayso.journal("moved") == []


async def test_a_burst_beyond_teams_rate_is_shown_whole_and_alarms_nobody(chat: Chat) -> None:
    await asyncio.gather(*(chat.ask(f"pay.{number}") for number in range(9)))

    def all_are_shown() -> bool:
        return all(any(f"pay.{number}:" in m.text for m in chat.teams.messages) for number in range(9))

    await until(all_are_shown, 15)
    assert len(chat.teams.called("send")) <= 9 + 2, "who is told to wait does not knock all the time"
    assert await chat.sayso.journal("undeliverable") == []


@pytest.mark.parametrize("status", [412, 503])
async def test_what_teams_refused_before_it_was_done_is_simply_tried_again(chat: Chat, status: int) -> None:
    chat.teams.fail("send", status, "PreconditionFailed")
    request = await chat.ask("pay.one")
    record = await settled_down(chat.sayso, request, PLACE)
    assert "tried_at" not in record
    await later(chat.sayso, 61)
    await recorded(chat.sayso, request, PLACE)
    assert len(chat.teams.messages) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_an_error_after_which_nobody_knows_makes_at_most_one_late_double(chat: Chat, status: int) -> None:
    chat.teams.fail("send", status)
    request = await chat.ask("pay.one")
    record = await settled_down(chat.sayso, request, PLACE)
    assert "tried_at" in record
    await later(chat.sayso, 61)
    await recorded(chat.sayso, request, PLACE)
    assert len(chat.teams.messages) == 1
    assert len([c for c in chat.teams.called("send") if c["body"].get("attachments")]) == 2


@pytest.mark.parametrize(("tapped", "becomes"), [("approve", "approved"), ("deny", "denied")])
async def test_of_a_post_whose_answer_was_lost_both_cards_work_and_both_follow(
    chat: Chat, tapped: str, becomes: str
) -> None:
    chat.teams.drop("send")
    request = await chat.ask("pay.one")
    await settled_down(chat.sayso, request, PLACE)
    await later(chat.sayso, 50)
    await asyncio.sleep(0.1)
    assert len(chat.teams.messages) == 1, "nothing is posted again so soon"
    await later(chat.sayso, 11)
    await recorded(chat.sayso, request, PLACE)
    older, newer = chat.teams.messages
    stale = chat.teams.payload(newer, "deny", user=BEN)
    await chat.teams.tap(chat.sayso.url, older, tapped, user=ANA)
    assert (await chat.settled(request))["status"] == becomes
    await until(lambda: final(older) and final(newer))
    await chat.teams.invoke(chat.sayso.url, newer, stale)
    assert "Ana" in chat.teams.told(BEN)[-1]
    assert len((await chat.sayso.service.desk.look(request)).votes) == 1


async def test_a_post_that_hangs_is_given_up_and_holds_up_no_other(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "TIMEOUT_SECONDS", 1.0)
    chat.teams.hang("send", seconds=30)
    request = await chat.ask("pay.one")
    record = await settled_down(chat.sayso, request, PLACE)
    assert "tried_at" in record, "it may be there"
    await later(chat.sayso, 61)
    await recorded(chat.sayso, request, PLACE)


# --------------------------------------------------------------------------- our own token


async def test_a_token_that_teams_takes_no_longer_is_renewed_without_losing_the_card(chat: Chat) -> None:
    await chat.card("pay.one")
    chat.teams.tokens.clear()
    await chat.card("pay.two")
    assert len(chat.teams.called("token")) == 2
    assert await chat.sayso.journal("undeliverable") == []


async def test_while_entra_gives_no_token_cards_wait_and_come(chat: Chat) -> None:
    chat.teams.tokens.clear()
    chat.teams.break_("token", status=503, times=2)
    request = await chat.ask("pay.one")
    await settled_down(chat.sayso, request, PLACE)
    for _ in range(4):
        await later(chat.sayso, 61)
        await asyncio.sleep(0.2)
    await recorded(chat.sayso, request, PLACE)
    assert len(chat.teams.messages) == 1


async def test_an_app_that_entra_refuses_is_an_alarm_and_no_secret_is_in_it() -> None:
    async with running_teams(environ={"TEAMS_APP_PASSWORD": "an-old-secret"}) as chat:
        request = await chat.ask("pay.one")
        await settled_down(chat.sayso, request, PLACE)
        entries = json.dumps(await chat.sayso.journal())
        assert "app_refused" in entries
        assert "an-old-secret" not in entries
        ready = json.dumps((await chat.sayso.client().get("/readyz")).json())
        assert "an-old-secret" not in ready


async def test_while_nobody_listens_cards_wait_and_come_once(chat: Chat) -> None:
    await chat.teams.refuse_connections()
    request = await chat.ask("pay.one")
    record = await settled_down(chat.sayso, request, PLACE)
    assert "tried_at" not in record
    await chat.teams.accept_connections()
    await later(chat.sayso, 61)
    await recorded(chat.sayso, request, PLACE)
    assert len(chat.teams.messages) == 1
