"""A request that an admin takes along leaves nothing behind that could be tapped, and its story goes along."""

from __future__ import annotations

from e2e.admin_office import OPS, Admin, administering
from e2e.office import asked, final, later, recorded, settled_down
from fakes.slack_workspace import Message
from service import ANA, until


def card_in(admin: Admin, channel: str) -> Message:
    return next(message for message in admin.slack.messages if message.channel == channel and message.metadata)


async def taken_along(admin: Admin, request: str) -> None:
    answer = await admin.client.post(f"/v1/admin/requests/{request}/move", json={"channel": "ops"})
    assert answer.status_code == 200, answer.text
    await recorded(admin.sayso, request, OPS)


async def test_a_card_whose_answer_was_lost_is_found_and_says_where_it_went() -> None:
    async with administering() as admin:
        admin.slack.drop("chat.postMessage")
        request = await asked(admin.agent)
        await settled_down(admin.sayso, request)
        left = card_in(admin, "C0PAYMENTS")
        await taken_along(admin, request)
        assert left.button("approve"), "nobody knows of it yet"
        await later(admin.sayso, 61)
        await until(lambda: final(left))
        assert "Asked in ops now" in left.words
        await admin.sayso.vote(request, "approve", person=ANA)
        await until(lambda: all(final(message) for message in admin.slack.messages))


async def test_one_whose_answer_was_lost_shows_the_end_where_that_came_first() -> None:
    async with administering() as admin:
        admin.slack.drop("chat.postMessage")
        request = await asked(admin.agent)
        await settled_down(admin.sayso, request)
        await taken_along(admin, request)
        await admin.sayso.vote(request, "approve", person=ANA)
        await later(admin.sayso, 61)
        left = card_in(admin, "C0PAYMENTS")
        await until(lambda: "Approved by Ana" in left.words)
        assert final(left)


async def test_the_story_is_told_beside_the_card_that_can_be_answered_and_no_other() -> None:
    async with administering() as admin:
        request = await asked(admin.agent)
        await recorded(admin.sayso, request)
        left = card_in(admin, "C0PAYMENTS")
        admin.slack.break_("chat.update", status=503)
        await taken_along(admin, request)
        await admin.sayso.vote(request, "approve", person=ANA)
        there = next(card for card in admin.slack.messages if card.channel == "C0OPS" and request in card.words)
        await until(lambda: admin.slack.thread(there))
        await later(admin.sayso, 5)
        await until(lambda: final(left))
        assert admin.slack.thread(left) == []
