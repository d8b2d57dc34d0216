"""Who taps: accounts that decide nothing, people with several accounts, and several people at once."""

from __future__ import annotations

import asyncio

import pytest

from e2e.chat import Chat
from sayso_bot.domain.request import Status
from service import ANA, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --------------------------------------------------------------------------- who may


async def test_who_is_no_approver_is_told_so_alone_and_the_card_stays(chat: Chat) -> None:
    card = await chat.card("pay.stranger")
    before = (card.message.version, [*card.message.blocks])
    assert "Only finance may decide this" in await chat.tap(card, "approve", "U0EVE")
    assert (card.message.version, card.message.blocks) == before
    assert (await chat.look(card)).votes == ()
    assert await chat.refusals(card) == 1


@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ("U0GUEST", "Guests decide only where the policy names them"),
        ("U0STRANGER", "belongs to another workspace"),
        ("U0ROBOT", "Bots do not decide"),
        ("U0GONE", "is deactivated"),
    ],
)
@pytest.mark.parametrize("way", ["a tap", "a dialog", "a submission"])
async def test_accounts_that_decide_nothing(chat: Chat, user: str, sentence: str, way: str) -> None:
    card = await chat.card("why.account" if way != "a tap" else "open.account")
    if way == "a tap":
        assert sentence in await chat.tap(card, "approve", user)
    elif way == "a submission":
        dialog = await chat.dialog(card, "approve", "U0ANA")
        assert sentence in (await chat.submit(dialog, {"reason": "Mine."}, user=user)).words
    else:
        payload = chat.tap_payload(card, "approve", user)
        dialogs, told = len(chat.slack.dialogs), len(chat.slack.told(user))
        await chat.hand_in(payload)
        await until(lambda: len(chat.slack.dialogs) > dialogs or len(chat.slack.told(user)) > told)
        if len(chat.slack.dialogs) > dialogs:
            assert sentence in (await chat.slack.dialog()).words
        else:
            assert sentence in chat.slack.told(user)[-1]
    assert (await chat.look(card)).votes == ()


async def test_who_looks_at_an_open_channel_without_having_joined_it_decides_nothing(chat: Chat) -> None:
    """Slack lets people read a public channel, and press what is in it, before they join."""
    chat.slack.add_user("U0PASSER", name="Pat", email="pat@example.com")
    card = await chat.card("open.passer")
    assert "Only whoever is in the channel may decide this" in await chat.tap(card, "approve", "U0PASSER")
    assert (await chat.look(card)).votes == ()
    assert await chat.refusals(card) == 1


async def test_an_account_that_slack_does_not_know_counts_for_nothing(chat: Chat) -> None:
    """Nor can it be told anything."""
    card = await chat.card("open.nobody")
    await chat.hand_in(chat.tap_payload(card, "approve", "U0NOBODY"))
    assert (await chat.look(card)).votes == ()


async def test_the_policy_may_name_a_guest_and_nobody_of_another_workspace(chat: Chat) -> None:
    for user in ("U0STRANGER", "U0ROBOT", "U0GONE"):
        card = await chat.card("named.account")
        await chat.tap(card, "approve", user)
        assert (await chat.look(card)).votes == ()
    card = await chat.card("named.account")
    assert "It is approved" in await chat.tap(card, "approve", "U0GUEST")


async def test_a_payload_that_names_another_team_is_refused_whoever_it_says_taps(chat: Chat) -> None:
    card = await chat.card("pay.team")
    assert "another workspace" in await chat.tap(card, "approve", "U0ANA", team="T9OTHER")
    dialog = await chat.dialog(await chat.card("why.team"), "approve", "U0ANA")
    assert "another workspace" in (await chat.submit(dialog, {"reason": "Mine."}, team="T9OTHER")).words
    assert (await chat.look(card)).votes == ()


async def test_a_renamed_account_is_nobody_else(chat: Chat) -> None:
    """Handles and names are never compared: who calls themselves Ana is not Ana."""
    eve = chat.slack.users["U0EVE"]
    named = {**eve, "name": "ana", "real_name": "Ana", "profile": {**eve["profile"], "real_name": "Ana"}}
    chat.slack.users["U0EVE"] = named
    card = await chat.card("pay.renamed")
    assert "Only finance may decide this" in await chat.tap(card, "approve", "U0EVE")
    chat.slack.users["U0EVE"] = eve


async def test_an_id_that_names_no_channel_of_the_button_decides_nothing(chat: Chat) -> None:
    chat.slack.add_channel("C0ELSEWHERE", ["U0ANA"])
    card = await chat.card("pay.elsewhere")
    assert "made for another channel" in await chat.tap(card, "approve", "U0ANA", channel="C0ELSEWHERE")
    assert (await chat.look(card)).votes == ()


# --------------------------------------------------------------------------- several answers


async def test_opposite_answers_at_once_are_one_decision(chat: Chat) -> None:
    card = await chat.card("pay.opposite")
    payloads = [chat.tap_payload(card, "approve", "U0ANA"), chat.tap_payload(card, "deny", "U0BEN")]
    await asyncio.gather(*(chat.hand_in(payload) for payload in payloads))
    after = await chat.look(card)
    assert after.decision is not None
    assert len(after.decision.votes) == 1
    settled = [entry for entry in await chat.sayso.journal("settled") if entry["request"] == card.id]
    assert len(settled) == 1
    assert (await chat.settled(card))["status"] == after.status


async def test_a_person_counts_once_whichever_identity_they_use(chat: Chat) -> None:
    card = await chat.card("two.identities")
    assert "1 of 2 approvals" in await chat.tap(card, "approve", "U0ANA")
    assert "You have already approved" in await chat.tap(card, "approve", "U0ANA")
    with pytest.raises(Exception, match="already approved"):
        await chat.sayso.vote(card.id, "approve", person=ANA)
    assert (await chat.look(card)).status is Status.PENDING
    assert "It is approved" in await chat.tap(card, "approve", "U0BEN")


async def test_who_has_left_the_group_counts_no_longer_at_the_deciding_vote(chat: Chat) -> None:
    card = await chat.card(f"leave.{chat.transport}")
    first, second, third = members = ["U0LEAVES", "U0BEN", "U0CLEO"]
    chat.slack.add_user(first, name="Leaves", email="leaves@example.com")
    group = f"S0{chat.transport.upper()}"
    chat.slack.add_group(group, members)
    await chat.tap(card, "approve", first)
    chat.slack.add_group(group, members[1:])
    assert "1 of 2 approvals" in await chat.tap(card, "approve", second)
    assert "It is approved" in await chat.tap(card, "approve", third)
    assert [vote.aliases & {f"slack:T0TEAM/{first}"} for vote in (await chat.look(card)).votes] == [frozenset()] * 2
    assert [entry["request"] for entry in await chat.sayso.journal("vote_void")][-1] == card.id
