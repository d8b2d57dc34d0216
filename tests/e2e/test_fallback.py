"""A request that nobody can see goes to its rule's fallback, says so, and ends there like any other."""

from __future__ import annotations

import asyncio
import json

import pytest

from e2e.office import PAYMENTS, Stalled, asked, final, later, office, recorded, settled_down, workspace
from sayso_bot.domain.person import Person
from sayso_bot.errors import NotAnApprover
from service import ANA, until

RULE = """
channels: {payments: "slack:C0PAYMENTS", other: "slack:C0OTHER"}
rules:
  - action: "*"
    ask: {channel: payments, fallback: other, approvers: [email:ana@example.com], timeout: 30m}
"""
OPEN = RULE.replace("approvers: [email:ana@example.com], ", "")
INBOX = OPEN.replace("fallback: other", "fallback: inbox")
OTHER = "slack:C0OTHER"
LASTING = [
    "channel_not_found", "not_in_channel", "is_archived", "account_inactive", "token_revoked", "missing_scope",
    "restricted_action",
]  # fmt: skip


@pytest.mark.parametrize("error", LASTING)
async def test_a_card_goes_to_the_fallback_at_once_and_is_decided_there(error: str) -> None:
    async with workspace() as slack, office(slack, policy=RULE) as (sayso, agent):
        slack.fail("chat.postMessage", error)
        request = await asked(agent)
        await recorded(sayso, request, OTHER)
        [message] = slack.messages
        assert message.channel == "C0OTHER"
        assert await sayso.service.store.alarms(10) == []
        [entry] = await sayso.journal("moved")
        assert json.loads(entry["data"]) == {"from": PAYMENTS, "to": OTHER, "why": error, "by": "delivery"}
        assert len(await sayso.journal("undeliverable")) == 1
        await slack.tap(sayso.url, message, "approve", user="U0ANA")
        assert (await agent.get(f"/v1/requests/{request}?wait=5")).json()["status"] == "approved"
        await until(lambda: final(message))


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_too_long"])
async def test_a_card_that_slack_refuses_even_in_plain_blocks_goes_to_the_fallback(error: str) -> None:
    async with workspace() as slack, office(slack, policy=RULE) as (sayso, agent):
        slack.fail("chat.postMessage", error)
        shown = await asked(agent)
        await recorded(sayso, shown)  # the plain blocks were taken
        slack.fail("chat.postMessage", error, times=2)
        moved = await asked(agent)
        await recorded(sayso, moved, OTHER)
        assert [message.channel for message in slack.messages] == ["C0PAYMENTS", "C0OTHER"]


async def test_a_place_that_stays_silent_loses_its_card_after_some_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    async with workspace() as slack, office(slack, policy=RULE) as (sayso, agent):
        monkeypatch.setattr("sayso_bot.workers.delivery.ALARM_ATTEMPTS", 3)
        slack.break_("chat.postMessage", status=503, times=3)
        request = await asked(agent)
        for count in (1, 2):
            await slack.until_called("chat.postMessage", count=count)
            await settled_down(sayso, request)
            await asyncio.sleep(0.6)  # this replica leaves the place alone for a moment
            await later(sayso, 30)
        await recorded(sayso, request, OTHER)
        assert json.loads((await sayso.journal("moved"))[0]["data"])["why"] == "http_503"


async def test_a_place_that_asks_for_patience_keeps_its_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    async with workspace() as slack, office(slack, policy=RULE) as (sayso, agent):
        monkeypatch.setattr("sayso_bot.workers.delivery.ALARM_ATTEMPTS", 1)
        slack.limit_rate("chat.postMessage", after=2)
        request = await asked(agent)
        await settled_down(sayso, request)
        await later(sayso, 3)
        await recorded(sayso, request)
        assert await sayso.journal("moved") == []


async def test_a_card_that_may_be_there_is_looked_up_before_it_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    async with workspace() as slack, office(slack, policy=RULE) as (sayso, agent):
        monkeypatch.setattr("sayso_bot.workers.delivery.ALARM_ATTEMPTS", 1)
        slack.drop("chat.postMessage")
        slack.break_("conversations.history", status=503)
        request = await asked(agent)
        await settled_down(sayso, request)
        await later(sayso, 61)
        await slack.until_called("conversations.history")
        await settled_down(sayso, request)
        await later(sayso, 61)
        await recorded(sayso, request)
        assert [message.channel for message in slack.messages] == ["C0PAYMENTS"]
        assert await sayso.journal("moved") == []


async def test_a_card_that_may_be_in_a_channel_that_is_gone_says_where_it_went_when_that_is_back() -> None:
    async with workspace() as slack, office(slack, policy=RULE) as (sayso, agent):
        slack.drop("chat.postMessage")
        slack.fail("conversations.history", "is_archived", times=2)
        request = await asked(agent)
        await settled_down(sayso, request)
        left = await slack.posted()
        await later(sayso, 61)
        await recorded(sayso, request, OTHER)
        await later(sayso, 61)
        await slack.until_called("conversations.history", count=2)
        await settled_down(sayso, request)
        assert await sayso.service.store.alarms(10) == []
        await later(sayso, 1000)
        await recorded(sayso, request)
        assert final(left)
        assert "Asked in other now, because nothing could be shown where it was asked before." in str(left.blocks)
        await sayso.vote(request, "approve", person=ANA)
        await until(lambda: all(final(message) for message in slack.messages))
        assert len(slack.messages) == 2


async def test_a_card_that_was_shown_never_moves() -> None:
    async with workspace() as slack, office(slack, policy=RULE) as (sayso, agent):
        request = await asked(agent)
        await recorded(sayso, request)
        slack.fail("chat.update", "is_archived", times=2)
        await sayso.vote(request, "deny", person=ANA)
        await until(lambda: sayso.service.store.alarms(1))
        assert await sayso.journal("moved") == []
        assert len(slack.messages) == 1


async def test_at_an_open_fallback_whoever_is_in_it_decides_and_nobody_else() -> None:
    async with workspace() as slack, office(slack, policy=OPEN) as (sayso, agent):
        slack.add_user("U0EVE", name="Eve", email="eve@example.com")
        slack.add_channel("C0PAYMENTS", members=["U0EVE"])
        slack.fail("chat.postMessage", "is_archived")
        request = await asked(agent)
        await recorded(sayso, request, OTHER)
        eve = Person.known_as("Eve", {"slack:T0TEAM/U0EVE", "email:eve@example.com"})
        with pytest.raises(NotAnApprover):
            await sayso.vote(request, "approve", person=eve)
        ana = Person.known_as("Ana", {"slack:T0TEAM/U0ANA", "email:ana@example.com"})
        await sayso.vote(request, "approve", person=ana)
        votes = (await sayso.service.desk.look(request)).votes
        assert [vote.evidence for vote in votes] == [f"in {OTHER}"]


async def test_where_the_inbox_is_the_fallback_whoever_signed_in_decides() -> None:
    async with workspace() as slack, office(slack, policy=INBOX) as (sayso, agent):
        slack.fail("chat.postMessage", "is_archived")
        request = await asked(agent)
        await until(lambda: sayso.journal("moved"))
        found = await sayso.service.desk.look(request)
        shown = sayso.service.desk.card(found)
        assert (found.place, shown.channel, shown.approvers) == ("inbox", "inbox", "whoever signed in to the inbox")
        await sayso.vote(request, "approve", person=ANA, surface="inbox")
        assert (await agent.get(f"/v1/requests/{request}?wait=5")).json()["status"] == "approved"
        assert slack.messages == []


async def test_before_it_moved_only_the_channel_s_people_decide() -> None:
    async with workspace() as slack, office(slack, policy=INBOX) as (sayso, agent):
        stalled = Stalled(slack, "chat.postMessage")
        request = await asked(agent)
        await stalled.carried_out()
        outsider = Person.known_as("Zoe", {"email:zoe@example.com"})
        with pytest.raises(NotAnApprover):
            await sayso.vote(request, "approve", person=outsider, surface="inbox")
        stalled.answer()
        await recorded(sayso, request)


async def test_where_no_place_takes_the_card_the_agent_is_told_that_nobody_was_shown_it() -> None:
    async with workspace() as slack, office(slack, policy=RULE) as (sayso, agent):
        slack.fail("chat.postMessage", "is_archived", times=2)
        request = await asked(agent, timeout="20s")
        await settled_down(sayso, request, OTHER)
        alarms = await sayso.service.store.alarms(10)
        assert {alarm.place for alarm in alarms} == {PAYMENTS, OTHER}
        await later(sayso, 21)
        answer = (await agent.get(f"/v1/requests/{request}?wait=5")).json()
        assert (answer["status"], answer["decision"]["cause"]) == ("expired", "timeout")
        assert answer["decision"]["reason"] == (
            "Nobody was shown a card: slack:C0OTHER could not be reached (is_archived)."
        )


async def test_many_channels_that_do_not_answer_hold_up_no_other() -> None:
    silent = [f"C0SILENT{number}" for number in range(30)]
    channels = "".join(f'  silent{number}: "slack:{channel}"\n' for number, channel in enumerate(silent))
    rules = "".join(
        f"  - action: silent.{number}\n    ask: {{channel: silent{number}}}\n" for number in range(len(silent))
    )
    policy = f"channels:\n{channels}  payments: slack:C0PAYMENTS\nrules:\n{rules}"
    policy += '  - action: "*"\n    ask: {channel: payments}\n'
    async with workspace() as slack, office(slack, policy=policy) as (sayso, agent):
        for channel in silent:
            slack.add_channel(channel, members=["U0ANA"])
        slack.hang("chat.postMessage", seconds=30, times=len(silent))
        for number in range(len(silent)):
            await asked(agent, f"silent.{number}")
        await until(lambda: len(slack.cards_called()) == len(silent), seconds=5)
        before = asyncio.get_running_loop().time()
        await recorded(sayso, await asked(agent))
        assert asyncio.get_running_loop().time() - before < 1
