"""What happened to a request, told in the thread of its card: each thing once, whatever Slack answers."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from e2e.office import PAYMENTS, TWO, asked, final, later, office, recorded, settled_down, workspace
from sayso_bot.ports import Edit
from service import ANA, BEN, Sayso, until

EDITABLE = TWO.replace("quorum: 2", "quorum: 2, reason: deny, editable: [order]")


async def _answered(sayso: Sayso, request: str, outcome: str, person: Any, **details: Any) -> None:
    await sayso.vote(request, outcome, person=person, **details)
    await recorded(sayso, request)


async def test_votes_edits_and_the_end_are_told_in_their_order_and_once() -> None:
    async with workspace() as slack, office(slack, policy=EDITABLE) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        assert slack.thread(message) == []
        await _answered(sayso, request, "approve", ANA)
        edit = Edit(request, 1, BEN, {"order": "A-2"}, "inbox", secrets.token_hex(8))
        await sayso.service.desk.edit(edit)
        await recorded(sayso, request)
        await _answered(sayso, request, "deny", ANA, revision=2, reason="Not *this* <!here> one")
        assert slack.thread(message) == [
            "Ana approved in inbox.",
            "Ben edited the params. Earlier answers count no longer; the card shows both forms.",
            "Denied by Ana.\n| Ana: Not *this* &lt;!here&gt; one",
        ]
        assert slack.called("conversations.replies") == []
        assert final(message)


async def test_what_happened_before_the_card_was_shown_is_on_it_and_not_told_again() -> None:
    async with workspace() as slack, office(slack, policy=TWO) as (sayso, agent):
        slack.limit_rate("chat.postMessage", after=5)
        request = await asked(agent)
        await settled_down(sayso, request)
        await sayso.vote(request, "approve", person=ANA)
        await later(sayso, 6)
        message = await slack.posted()
        await recorded(sayso, request)
        await _answered(sayso, request, "approve", BEN)
        assert slack.thread(message) == ["Approved by Ana and Ben."]


async def test_a_reply_whose_answer_was_lost_is_looked_up_and_not_repeated() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        slack.drop("chat.postMessage")
        await _answered(sayso, request, "approve", ANA)
        assert slack.thread(message) == ["Approved by Ana."]
        assert len(slack.called("conversations.replies")) == 1


@pytest.mark.parametrize(("method", "status"), [("chat.postMessage", 503), ("chat.postMessage", 500)])
async def test_a_reply_that_slack_could_not_take_is_told_later(method: str, status: int) -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        slack.break_(method, status=status)
        await _answered(sayso, request, "approve", ANA)
        assert slack.thread(message) == ["Approved by Ana."]
        assert final(message)


@pytest.mark.parametrize("error", ["restricted_action_thread_locked", "invalid_blocks"])
async def test_a_thread_that_takes_nothing_is_no_alarm_and_the_card_is_right(error: str) -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        slack.fail("chat.postMessage", error, times=2)
        await _answered(sayso, request, "approve", ANA)
        assert (slack.thread(message), final(message)) == ([], True)
        assert await sayso.service.store.alarms(1) == []


async def test_a_passing_trouble_that_does_not_pass_is_given_up_before_it_is_an_alarm() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        slack.break_("chat.postMessage", status=503, times=10)
        await sayso.vote(request, "approve", person=ANA)
        await until(lambda: final(message))

        async def given_up() -> bool:
            await later(sayso, 60)
            post: Any = sayso.service.store.keys.post(request, PAYMENTS)
            shown, wanted = await sayso.service.store.client.hmget(post, ["posted", "wanted"])
            return bool(shown == wanted)

        await until(given_up, seconds=20)
        assert slack.thread(message) == []
        assert await sayso.service.store.alarms(1) == []


async def test_a_thread_that_is_limited_for_long_is_told_when_slack_says_and_without_an_alarm() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        slack.limit_rate("chat.postMessage", after=3, times=8)
        await sayso.vote(request, "approve", person=ANA)

        async def told() -> bool:
            await later(sayso, 4)
            assert await sayso.service.store.alarms(1) == []
            return slack.thread(message) == ["Approved by Ana."]

        await until(told, seconds=20)
        await recorded(sayso, request)
        assert await sayso.service.store.alarms(1) == []
        assert len(slack.called("chat.postMessage")) == 10  # the card, eight refused, the reply
