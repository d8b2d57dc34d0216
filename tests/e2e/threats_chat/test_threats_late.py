"""Answers to what has ended, or is no longer what was shown: refused, and told how things stand."""

from __future__ import annotations

import asyncio

import pytest

from e2e.chat import Card, Chat
from sayso_bot.domain.fingerprint import fingerprint
from sayso_bot.domain.request import Status
from sayso_bot.ports import Edit
from service import BEN, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_tap_after_the_end_is_told_how_it_ended(chat: Chat) -> None:
    card = await chat.card("pay.ended")
    payloads = {action: chat.tap_payload(card, action, "U0BEN") for action in ("approve", "deny")}
    await chat.tap(card, "deny", "U0ANA")
    for payload in payloads.values():
        assert "Denied by Ana. Your vote was not counted; nothing changed." in await chat.told("U0BEN", payload)
    assert len((await chat.look(card)).votes) == 1


async def test_who_taps_on_what_their_own_answer_ended_is_told_that_it_counted(chat: Chat) -> None:
    """As after a tap that came twice, of which the one that could not be checked was answered last."""
    card = await chat.card("pay.again")
    again = chat.tap_payload(card, "deny", "U0ANA")
    await chat.tap(card, "deny", "U0ANA")
    said = await chat.told("U0ANA", again)
    assert "Denied by Ana. You have already denied this request. Each person has one vote; nothing changed." in said
    assert len((await chat.look(card)).votes) == 1


async def test_a_dialog_after_the_end_is_told_how_it_ended(chat: Chat) -> None:
    card = await chat.card("why.ended")
    dialog = await chat.dialog(card, "approve", "U0ANA")
    await chat.agent.post(f"/v1/requests/{card.id}/cancel")
    assert "Cancelled by the agent" in (await chat.submit(dialog, {"reason": "Late."})).words
    assert (await chat.look(card)).votes == ()


async def test_an_edit_in_the_dialog_makes_new_params_of_which_nobody_has_approved_anything(chat: Chat) -> None:
    card = await chat.card("two.edited")
    stale = chat.tap_payload(card, "approve", "U0CLEO")
    await chat.tap(card, "approve", "U0BEN")
    dialog = await chat.dialog(card, "edit", "U0ANA")
    await chat.submit(dialog, {"edit_0": "800"})
    edited = await chat.look(card)
    assert (edited.params, edited.revision) == ({"amount": 800}, 2)
    assert edited.fingerprint == fingerprint("two.edited", "refunder", {"amount": 800})
    assert "has changed since this card" in await chat.told("U0CLEO", stale)
    again = Card(card.id, await chat.slack.changed(card.message, since=1))
    await until(lambda: (again.message.button("approve") or {}).get("value") != stale["actions"][0]["value"])
    assert "1 of 2 approvals" in await chat.tap(again, "approve", "U0ANA")
    assert "It is approved" in await chat.tap(again, "approve", "U0CLEO")
    told = await chat.settled(card)
    assert (told["params"], told["original_params"]) == ({"amount": 800}, {"amount": 900})
    assert [vote["name"] for vote in told["decision"]["votes"]] == ["Ana", "Cleo"]


async def test_an_edit_and_taps_at_once_leave_no_vote_on_params_that_were_not_shown(chat: Chat) -> None:
    card = await chat.card("two.race")
    taps = [chat.tap_payload(card, "approve", user) for user in ("U0ANA", "U0CLEO")]
    edit = Edit(card.id, 1, BEN, {"amount": 1}, "inbox", f"race-{chat.transport}")
    outcome = await asyncio.gather(
        *(chat.hand_in(tap) for tap in taps), chat.sayso.service.desk.edit(edit), return_exceptions=True
    )
    after = await chat.look(card)
    if after.revision == 2:
        assert after.status is Status.PENDING
        assert {vote.revision for vote in after.votes} <= {1}
    else:
        assert (after.status, isinstance(outcome[-1], Exception)) == (Status.APPROVED, True)


async def test_a_dialog_of_an_earlier_revision_decides_and_edits_nothing(chat: Chat) -> None:
    card = await chat.card("why.revision")
    answer, edit = await chat.dialog(card, "approve", "U0ANA"), await chat.dialog(card, "edit", "U0CLEO")
    await chat.sayso.service.desk.edit(Edit(card.id, 1, BEN, {"amount": 1}, "inbox", f"rev-{chat.transport}"))
    assert "has changed" in (await chat.submit(answer, {"reason": "Old."})).words
    assert "has changed" in (await chat.submit(edit, {"edit_0": "7"})).words
    after = await chat.look(card)
    assert (after.votes, after.params) == ((), {"amount": 1})


async def test_a_tap_on_another_copy_of_the_card_counts_for_the_same_person_once(chat: Chat) -> None:
    card = await chat.card("two.copy")
    await chat.tap(card, "approve", "U0ANA")
    copy = chat.tap_payload(card, "approve", "U0ANA")
    copy["container"]["message_ts"] = copy["message"]["ts"] = chat.slack.stamp()
    assert "You have already approved" in await chat.told("U0ANA", copy)
    assert len((await chat.look(card)).votes) == 1
