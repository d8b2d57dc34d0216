"""Cards on their way to Slack, through everything that Slack may answer: each is posted once and ends up right."""

from __future__ import annotations

import asyncio

import pytest

from book import made, opened
from e2e.office import (
    PAYMENTS,
    POLICY,
    TWO,
    TYPED,
    Stalled,
    answered_late,
    asked,
    away_when_told,
    final,
    later,
    office,
    recorded,
    settled_down,
    workspace,
)
from redis_server import RedisServer
from sayso_bot.domain.notice import new_notice
from sayso_bot.errors import NotAnApprover
from sayso_bot.workers import delivery
from service import ANA, LOCAL, Sayso, serving, until


async def test_a_card_is_posted_once_and_nobody_looks_it_up_on_the_normal_path() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        await slack.tap(sayso.url, message, "approve", user="U0ANA")
        await slack.changed(message)
        await recorded(sayso, request)
        assert final(message)
        assert len(slack.cards_called()) == 1
        assert slack.called("conversations.history") == []


async def test_a_place_that_is_limited_waits_as_long_as_it_says_and_others_go_on() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.limit_rate("chat.postMessage", after=5)
        first = await asked(agent)
        await settled_down(sayso, first)
        second, elsewhere = await asked(agent), await asked(agent, "other.thing")
        await recorded(sayso, elsewhere, "slack:C0OTHER")
        await later(sayso, 2)
        await asyncio.sleep(0.1)
        assert [message.channel for message in slack.messages] == ["C0OTHER"]
        await later(sayso, 3.1)
        await recorded(sayso, first)
        await later(sayso, 2)
        await recorded(sayso, second)
        assert len(slack.messages) == 3
        assert len(slack.cards_called()) == 4


@pytest.mark.parametrize("status", [503, 502])
async def test_a_server_error_is_tried_again_and_makes_no_second_card(status: int) -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.break_("chat.postMessage", status=status)
        request = await asked(agent)
        record = await settled_down(sayso, request)
        assert ("tried_at" in record) is (status != 503), "503 is refused before anything is done"
        await later(sayso, 61)
        await recorded(sayso, request)
        assert len(slack.messages) == 1
        assert len(slack.called("conversations.history")) == int(status != 503)


async def test_a_post_whose_answer_was_lost_is_found_again_and_not_repeated() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.drop("chat.postMessage")
        request = await asked(agent)
        await settled_down(sayso, request)
        await later(sayso, 50)
        await asyncio.sleep(0.1)
        assert slack.called("conversations.history") == [], "Slack may show it only later"
        await later(sayso, 11)
        await recorded(sayso, request)
        [message] = slack.messages
        await slack.tap(sayso.url, message, "deny", user="U0ANA")
        await until(lambda: final(message))
        assert len(slack.cards_called()) == 1


async def test_a_look_up_that_fails_is_no_reason_to_post_again() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.drop("chat.postMessage")
        slack.break_("conversations.history", status=503)
        slack.limit_rate("conversations.history", after=3)
        request = await asked(agent)
        await settled_down(sayso, request)
        for looks in (1, 2, 3):
            await later(sayso, 61)
            await slack.until_called("conversations.history", count=looks)
            await settled_down(sayso, request)
        await recorded(sayso, request)
        assert len(slack.messages) == len(slack.cards_called()) == 1


async def test_a_found_card_that_could_not_be_updated_is_found_again() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.drop("chat.postMessage")
        slack.break_("chat.update", status=503)
        request = await asked(agent)
        await settled_down(sayso, request)
        await later(sayso, 61)
        await slack.until_called("chat.update")
        await settled_down(sayso, request)
        await later(sayso, 61)
        await recorded(sayso, request)
        assert len(slack.messages) == 1


async def test_a_slow_platform_keeps_its_lease_and_nobody_turns_in_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "LEASE_SECONDS", 0.3)
    async with workspace() as slack, office(slack) as (first, agent), office(slack, redis=first.redis):
        slack.hang("chat.postMessage", seconds=1.5)
        await first.service.store.client.config_resetstat()
        request = await asked(agent)
        await recorded(first, request)
        assert len(slack.messages) == len(slack.cards_called()) == 1
        stats = await first.service.store.client.info("commandstats")
        assert stats["cmdstat_fcall"]["calls"] < 200, "somebody asks again and again"


@pytest.mark.parametrize("error", ["channel_not_found", "not_in_channel", "account_inactive", "token_revoked"])
async def test_a_place_that_cannot_be_reached_is_an_alarm_and_is_tried_again(error: str) -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.fail("chat.postMessage", error, times=2)
        request = await asked(agent)
        await until(lambda: sayso.service.store.alarms(1))
        ready = sayso.client()

        async def warned() -> bool:
            return "1 card cannot be delivered" in str((await ready.get("/readyz")).json()["warnings"])

        await until(warned)
        assert (await sayso.journal("undeliverable"))[0]["data"] == f'{{"place":"{PAYMENTS}","what":"{error}"}}'
        await later(sayso, 121)
        await slack.until_called("chat.postMessage", count=2)
        await settled_down(sayso, request)
        await later(sayso, 241)
        await recorded(sayso, request)
        assert await sayso.service.store.alarms(1) == []

        async def content() -> bool:
            return bool((await ready.get("/readyz")).json()["warnings"] == [])

        await until(content)


async def test_a_card_that_could_not_be_changed_is_tried_again_when_another_is_shown_there() -> None:
    """It may still say that it waits, or that it is paused, and its next try may be an hour away."""
    async with workspace() as slack, office(slack) as (sayso, agent):
        request = await asked(agent)
        await recorded(sayso, request)
        stale = await slack.posted()
        slack.fail("chat.update", "is_archived")
        await sayso.vote(request, "deny", person=ANA)
        await until(lambda: sayso.service.store.alarms(1))
        assert stale.button("deny"), "it is not up to date"
        await until(lambda: sayso.journal("place_ill"))
        await recorded(sayso, await asked(agent))
        await until(lambda: stale.button("deny") is None)
        await recorded(sayso, request)
        assert await sayso.service.store.alarms(1) == []


async def test_a_card_that_slack_does_not_accept_is_an_alarm_and_others_are_shown() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.fail("chat.postMessage", "invalid_arguments", times=2)  # the plain form is refused as well
        refused = await asked(agent)
        await until(lambda: sayso.service.store.alarms(1))
        await recorded(sayso, await asked(agent))
        [alarm] = await sayso.service.store.alarms(10)
        assert alarm.request_id == refused


async def test_a_tap_may_come_before_its_post_was_recorded() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        stalled = Stalled(slack, "chat.postMessage")
        request = await asked(agent)
        message = await stalled.carried_out()
        await slack.tap(sayso.url, message, "approve", user="U0ANA")
        assert (await agent.get(f"/v1/requests/{request}?wait=5")).json()["status"] == "approved"
        stalled.answer()
        await until(lambda: final(message))
        await recorded(sayso, request)
        assert len(slack.messages) == 1
        assert [entry["kind"] for entry in await sayso.journal()].count("posted") == 1


async def test_a_tap_on_a_post_whose_answer_was_lost_makes_the_look_up_needless() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.drop("chat.postMessage")
        request = await asked(agent)
        await settled_down(sayso, request)
        [message] = slack.messages
        await slack.tap(sayso.url, message, "approve", user="U0ANA")
        await until(lambda: final(message))
        await recorded(sayso, request)
        assert slack.called("conversations.history") == []
        assert len(slack.messages) == 1


async def test_what_is_decided_elsewhere_while_the_first_post_is_under_way_is_shown_next() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        stalled = Stalled(slack, "chat.postMessage")
        request = await asked(agent)
        message = await stalled.carried_out()
        await sayso.vote(request, "approve", person=ANA)
        stalled.answer()
        await slack.changed(message)
        assert final(message)
        assert "Approved by Ana" in message.words


async def test_each_vote_of_several_is_shown_on_the_card() -> None:
    async with workspace() as slack, office(slack, policy=TWO) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        await slack.tap(sayso.url, message, "approve", user="U0ANA")
        await slack.changed(message)
        assert not final(message)
        await slack.tap(sayso.url, message, "approve", user="U0BEN")
        await until(lambda: final(message))
        assert len(slack.messages) == 1


async def test_a_store_that_goes_away_while_a_thread_is_told_says_nothing_of_the_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with workspace() as slack, RedisServer() as redis, office(slack, redis=redis) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        away = away_when_told(sayso, redis, monkeypatch)
        await sayso.vote(request, "approve", person=ANA)
        await until(away.is_set)
        await later(sayso, 16)
        await recorded(sayso, request)
        assert len(slack.thread(message)) == 1
        assert await sayso.journal("undeliverable") == []


async def test_a_card_says_so_when_its_time_is_over() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        request = await asked(agent, timeout="20s")
        message = await slack.posted()
        await recorded(sayso, request)
        await later(sayso, 21)
        await slack.changed(message)
        assert final(message)
        assert "xpired" in message.words


async def test_a_worker_that_dies_between_writing_down_and_posting_costs_no_card_and_no_second_one() -> None:
    async with workspace() as slack, RedisServer() as redis:
        async with opened(redis.url, "main") as dying:
            request = await made(dying, place=PAYMENTS)
            assert await dying.begin(request, PAYMENTS, 15) is not None
        async with office(slack, redis=redis) as (heir, _):
            await later(heir, 16)
            await asyncio.sleep(0.1)
            assert slack.cards_called() == [], "it may have been posted: nobody looked yet"
            await later(heir, 45)
            await recorded(heir, request.id)
        assert len(slack.messages) == len(slack.called("conversations.history")) == 1


async def test_a_service_that_is_stopped_while_it_posts_hands_the_card_on() -> None:
    async with workspace() as slack, RedisServer() as redis:
        async with office(slack, redis=redis) as (_, agent):
            stalled = Stalled(slack, "chat.postMessage")
            request = await asked(agent)
            await stalled.carried_out()
        stalled.answer()
        async with office(slack, redis=redis) as (heir, _):
            await later(heir, 61)
            await recorded(heir, request)
        assert len(slack.messages) == len(slack.called("conversations.history")) == 1


async def test_a_service_that_is_stopped_while_it_takes_a_card_hands_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with workspace() as slack, RedisServer() as redis:
        async with office(slack, redis=redis) as (sayso, agent):
            taken = answered_late(monkeypatch, sayso.service.store, "begin")
            request = await asked(agent)
            await taken.wait()
        async with office(slack, redis=redis) as (heir, _):
            await recorded(heir, request)
        assert slack.called("conversations.history") == []


async def test_a_service_that_is_stopped_while_it_takes_an_announcement_hands_it_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with workspace() as slack, RedisServer() as redis:
        said = new_notice("slack:C0OTHER cannot be reached.")
        async with office(slack, redis=redis) as (sayso, _):
            taken = answered_late(monkeypatch, sayso.service.store.notices, "begin_notice")
            await sayso.service.store.office.tell("slack:C0OTHER", "is_archived", None, ((said, PAYMENTS),))
            await taken.wait()
        async with office(slack, redis=redis) as (heir, _):
            await recorded(heir, said.id)
        assert slack.called("conversations.history") == []


async def test_a_request_whose_platform_is_not_configured_is_an_alarm_and_is_answered_in_the_inbox() -> None:
    policy = """
channels: {payments: "slack:C0PAYMENTS"}
rules:
  - action: "*"
    ask: {channel: payments, approvers: [email:ana@example.com]}
"""
    async with serving(policy=policy) as sayso:
        agent = await sayso.agent()
        request = await asked(agent)
        await until(lambda: sayso.service.store.alarms(1))
        assert "slack_not_configured" in (await sayso.journal("undeliverable"))[0]["data"]
        assert "cannot be delivered" in str((await sayso.client().get("/readyz")).json()["warnings"])
        with pytest.raises(NotAnApprover):
            await sayso.vote(request, "approve", person=LOCAL)
        await sayso.vote(request, "approve", person=ANA, surface="inbox")
        assert (await agent.get(f"/v1/requests/{request}?wait=5")).json()["status"] == "approved"
        await until(lambda: _no_alarm(sayso))


async def _no_alarm(sayso: Sayso) -> bool:
    return not await sayso.service.store.alarms(1)


async def test_many_requests_in_one_channel_are_shown_in_the_order_in_which_they_were_asked() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        requests = [await asked(agent) for _ in range(30)]
        for request in requests:
            await recorded(sayso, request)
        shown = [message.metadata["event_payload"]["request_id"] for message in slack.messages if message.metadata]
        assert shown == requests


async def test_what_admins_do_while_a_channel_is_slow_is_announced_there_in_one_message() -> None:
    async with workspace() as slack, office(slack) as (sayso, agent):
        slack.limit_rate("chat.postMessage", after=2)
        limited = await asked(agent)
        await settled_down(sayso, limited)
        for number in range(5):
            said = new_notice(f"slack:C{number} cannot be reached.")
            await sayso.service.store.office.tell(f"slack:C{number}", "is_archived", None, ((said, PAYMENTS),))
        await later(sayso, 2.1)
        await recorded(sayso, limited)
        assert len(slack.messages) == 1
        await later(sayso, 2)
        await until(lambda: len(slack.messages) == 2)
        assert slack.messages[1].words.split("\n\n") == [f"slack:C{number} cannot be reached." for number in range(5)]
        await later(sayso, 30)
        await recorded(sayso, await asked(agent))
        assert len(slack.messages) == 3


async def test_an_announcement_is_left_to_a_replica_that_has_the_platform_s_variables() -> None:
    """As while replicas are restarted with them one after the other."""
    async with workspace() as slack, RedisServer() as redis:
        said = new_notice("slack:C0OTHER cannot be reached.")
        async with serving(policy=POLICY, redis=redis) as without:
            await without.service.store.office.tell("slack:C0OTHER", "is_archived", None, ((said, PAYMENTS),))
            assert (await settled_down(without, said.id))["attempts"] == "1"
        async with office(slack, redis=redis) as (sayso, _):
            await later(sayso, 2)
            await recorded(sayso, said.id)
        assert [message.words for message in slack.messages] == [said.text]


@pytest.mark.parametrize("user", ["U0ANA", "U0EVE"])
async def test_a_dialog_that_is_opened_from_a_late_double_makes_it_known(user: str) -> None:
    """Whoever opens it: the second card follows the request from then on, like the first."""
    async with workspace() as slack, office(slack, policy=TYPED) as (sayso, agent):
        slack.add_user("U0EVE", name="Eve", email="eve@example.com")
        slack.drop("chat.postMessage")
        request = await asked(agent)
        await settled_down(sayso, request)
        [double] = slack.messages
        store = sayso.service.store
        await store.client.hdel(store.keys.post(request, PAYMENTS), "tried_at")  # as if Slack took it after a look
        await later(sayso, 61)
        await recorded(sayso, request)
        assert len(slack.messages) == 2
        await slack.tap(sayso.url, double, "approve", user=user)
        await slack.dialog()
        await sayso.vote(request, "deny", person=ANA)
        await until(lambda: all(map(final, slack.messages)))
        assert len(await sayso.journal("posted_twice")) == 1
