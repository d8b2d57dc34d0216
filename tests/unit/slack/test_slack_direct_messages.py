"""A person as a channel: the card comes by direct message, and only that conversation's taps count."""

from __future__ import annotations

import pytest

from fakes.slack_workspace import Message
from sayso_bot.domain.request import Request, Status
from sayso_bot.ports import Gone
from sayso_bot.testing.samples import a_request
from unit.slack.slack_office import Office

DIRECT = "slack:T0TEAM/U0ANA"


async def _posted(office: Office, place: str = DIRECT) -> tuple[Request, Message, str, str]:
    """A request, its card in the conversation, the post's id and the button."""
    request = a_request(place)
    button = office.desk.ask(request)
    post = await office.adapter.post(office.desk.card(request), place, button)
    return request, await office.slack.posted(), post, button


async def test_a_card_for_a_person_is_posted_in_their_conversation_which_is_opened_once(office: Office) -> None:
    _, first, post, _ = await _posted(office)
    await _posted(office)
    assert first.channel == "DU0ANA"
    assert post == f"DU0ANA/{first.ts}"
    assert {"approve", "deny"} <= set(first.buttons)
    assert [message.channel for message in office.slack.messages] == ["DU0ANA", "DU0ANA"]
    assert office.slack.called("conversations.open") == [{"users": "U0ANA"}]


async def test_a_tap_there_counts_and_the_card_is_brought_up_to_date(office: Office) -> None:
    request, message, post, button = await _posted(office)
    assert "You approved" in await office.tap(message, "approve", user="U0ANA")
    assert len(office.desk.ballots) == 1
    [(tapped, seen)] = office.desk.posts
    assert (tapped.request_id, tapped.place, seen) == (request.id, DIRECT, post)
    settled = await office.desk.look(request.id)
    assert settled.status is Status.APPROVED
    await office.adapter.update(office.desk.card(settled), DIRECT, post, button)
    assert message.version == 1
    assert "approve" not in message.buttons


async def test_a_replica_that_never_opened_the_conversation_asks_slack_for_it(office: Office) -> None:
    _, message, _, _ = await _posted(office)
    office.adapter._places._opened.clear()
    assert "You approved" in await office.tap(message, "approve", user="U0ANA")
    assert len(office.slack.called("conversations.open")) == 2


async def test_the_button_carried_into_another_conversation_decides_nothing(office: Office) -> None:
    _, message, _, _ = await _posted(office)
    office.slack.channels["DU0BOB"] = ["U0BOB"]
    said = await office.tap(message, "approve", user="U0BOB", channel="DU0BOB")
    assert "made for another channel" in said
    assert office.desk.ballots == []


async def test_a_conversation_that_cannot_be_asked_for_lets_no_tap_count(office: Office) -> None:
    _, message, _, _ = await _posted(office)
    office.adapter._places._opened.clear()
    office.slack.fail("conversations.open", "internal_error")
    assert "could not be asked who you are" in await office.tap(message, "approve", user="U0ANA")
    assert office.desk.ballots == []


async def test_a_post_whose_answer_was_lost_is_found_under_the_id_that_a_tap_gives_it(office: Office) -> None:
    request, _, post, _ = await _posted(office)
    assert await office.adapter.find(request.id, DIRECT) == post


async def test_nobody_is_told_to_mend_the_policy_because_a_person_is_its_channel(office: Office) -> None:
    await _posted(office)
    assert await office.around.context.shelf.names("moved/") == []


async def test_an_account_that_is_not_there_is_a_place_that_is_gone(office: Office) -> None:
    request = a_request("slack:U0NOBODY")
    button = office.desk.ask(request)
    with pytest.raises(Gone, match="user_not_found"):
        await office.adapter.post(office.desk.card(request), "slack:U0NOBODY", button)
