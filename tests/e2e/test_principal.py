"""Whom an agent's key is bound to is told how each of its requests ended, once, wherever people answered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.office import POLICY, Stalled, asked, install, later, office, recorded, workspace
from fakes.slack import FakeSlack
from fakes.slack_oauth import FakeSlackApp
from fakes.teams import FakeTeams
from redis_server import RedisServer
from sayso_adapters.slack import many
from service import ANA, Sayso, ServiceProcess, serving, until

CHANNEL = "19:payments@thread.tacv2"
SAID = "Denied by Ana: payments.refund, which helper asked for you."
INBOX = POLICY.replace("payments: slack:C0PAYMENTS", "payments: inbox")
MOVES = POLICY.replace("C0PAYMENTS", "C0GONE").replace("timeout: 30m}", "fallback: desk, timeout: 30m}").replace(
    "channels:", "channels:\n  desk: inbox"
)  # fmt: skip
DIGEST = POLICY.replace("ben@example.com], timeout: 30m}", "ben@example.com], timeout: 30m, digest: true}")


def boss(slack: FakeSlack) -> list[str]:
    """What the principal was told by direct message."""
    return [message.text for message in slack.messages if message.channel == "DU0BOSS"]


async def helper(slack: FakeSlack, sayso: Sayso) -> httpx.AsyncClient:
    slack.add_user("U0BOSS", name="Boss", email="boss@example.com")
    return await sayso.agent("helper", principal="boss@example.com")


async def nothing_is_left(sayso: Sayso) -> None:
    store = sayso.service.store

    async def done() -> bool:
        return not await store.client.zcard(store.keys["tellings"])

    await until(done)
    assert not [name async for name in store.client.scan_iter(match=f"{store.keys.tag}telling:*")]


async def test_they_are_told_alone_and_nobody_whom_the_agent_names() -> None:
    async with workspace() as slack, office(slack) as (sayso, _):
        slack.add_user("U0VICTIM", name="Victim", email="victim@example.com")
        agent = await helper(slack, sayso)
        request = await asked(agent, on_behalf_of="victim@example.com", summary="For victim@example.com")
        message = await slack.posted()
        await sayso.vote(request, "deny", person=ANA, reason="No")
        await until(lambda: boss(slack))
        await nothing_is_left(sayso)
        assert boss(slack) == [f"{SAID}\n| Ana: No"]
        assert await slack.story(message, 1) == ["Denied by Ana.\n| Ana: No"]
        assert not [message for message in slack.messages if message.channel == "DU0VICTIM"]
        [told] = await sayso.journal("told")
        assert (told["request"], "boss@example.com" in told["data"]) == (request, True)


@pytest.mark.parametrize("policy", [INBOX, MOVES, DIGEST], ids=["the inbox", "moved to the inbox", "a listing"])
async def test_wherever_people_answered(policy: str) -> None:
    async with workspace() as slack, office(slack, policy=policy) as (sayso, _):
        agent = await helper(slack, sayso)
        request = await asked(agent)
        if policy == MOVES:
            await until(lambda: sayso.journal("moved"))
        await sayso.vote(request, "deny", person=ANA)
        await until(lambda: boss(slack))
        await nothing_is_left(sayso)
        assert boss(slack) == [SAID]


async def test_of_a_request_that_nobody_was_shown() -> None:
    async with workspace() as slack, office(slack, policy=POLICY.replace("C0PAYMENTS", "C0GONE")) as (sayso, _):
        agent = await helper(slack, sayso)
        request = await asked(agent)
        await until(lambda: sayso.journal("undeliverable"))
        await agent.post(f"/v1/requests/{request}/cancel")
        await until(lambda: boss(slack))
        assert boss(slack) == ["Cancelled by the agent: payments.refund, which helper asked for you."]


async def test_what_the_policy_settles_at_once_tells_nobody() -> None:
    allowed = POLICY.replace("rules:", "rules:\n  - action: files.read\n    allow: true")
    async with workspace() as slack, office(slack, policy=allowed) as (sayso, _):
        agent = await helper(slack, sayso)
        await asked(agent, "files.read")
        request = await asked(agent)
        await sayso.vote(request, "deny", person=ANA)
        await until(lambda: boss(slack))
        await nothing_is_left(sayso)
        assert boss(slack) == [SAID]


@pytest.mark.parametrize("account", [{}, {"confirmed": False}, {"deleted": True}, {"bot": True}])
async def test_whom_slack_does_not_know_for_sure_is_told_nothing(account: dict[str, bool]) -> None:
    async with workspace() as slack, office(slack) as (sayso, _):
        agent = await helper(slack, sayso)
        if account:
            slack.add_user("U0BOSS", name="Boss", email="boss@example.com", **account)
        else:
            del slack.users["U0BOSS"]
        request = await asked(agent)
        await sayso.vote(request, "deny", person=ANA)
        await nothing_is_left(sayso)
        assert boss(slack) == []
        assert await sayso.journal("told") == []


async def test_an_answer_that_was_lost_is_looked_up_a_minute_later_and_not_said_again() -> None:
    async with workspace() as slack, office(slack, policy=INBOX) as (sayso, _):
        agent = await helper(slack, sayso)
        slack.drop("chat.postMessage")
        request = await asked(agent)
        await sayso.vote(request, "deny", person=ANA)
        await until(lambda: boss(slack))
        await later(sayso, 30)
        await asyncio.sleep(0.1)
        assert slack.called("conversations.history") == [], "Slack may show it only later"
        await later(sayso, 31)
        await nothing_is_left(sayso)
        assert boss(slack) == [SAID]
        assert len(slack.called("chat.postMessage")) == len(slack.called("conversations.history")) == 1


@pytest.mark.parametrize("trouble", ["503", "429", "lookup", "gone"])
async def test_they_are_told_when_slack_can_be_reached_again(trouble: str) -> None:
    async with workspace() as slack, office(slack, policy=INBOX) as (sayso, _):
        agent = await helper(slack, sayso)
        {
            "503": lambda: slack.break_("chat.postMessage", status=503, times=3),
            "429": lambda: slack.limit_rate("chat.postMessage", after=20),
            "lookup": lambda: slack.fail("users.lookupByEmail", "internal_error", times=2),
            "gone": lambda: slack.fail("chat.postMessage", "token_revoked"),
        }[trouble]()
        request = await asked(agent)
        await sayso.vote(request, "deny", person=ANA)

        async def told() -> list[str]:
            await later(sayso, 30)
            return boss(slack)

        await until(told)
        await nothing_is_left(sayso)
        assert boss(slack) == [SAID]
        assert await sayso.service.store.alarms(1) == []


async def test_whom_a_workspace_may_know_is_told_once_slack_takes_its_token_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(many, "READ_AGAIN_AFTER_SECONDS", 0.0)
    async with FakeSlackApp() as app, serving(policy=INBOX, environ=app.settings()) as sayso:
        slack = app.add_workspace("T1ONE")
        await install(app, sayso, "T1ONE")
        app.revoke("T1ONE")
        agent = await helper(slack, sayso)
        request = await asked(agent)
        await sayso.vote(request, "deny", person=ANA)
        await until(lambda: any(method == "users.lookupByEmail" for _, method, _ in app.used))
        await install(app, sayso, "T1ONE")

        async def told() -> list[str]:
            await later(sayso, 30)
            return boss(slack)

        await until(told)
        await nothing_is_left(sayso)
        assert boss(slack) == [SAID]


async def test_a_platform_that_cannot_say_whether_it_knows_them_keeps_no_other_from_telling_them() -> None:
    async with FakeSlackApp() as app, FakeTeams() as teams:
        app.add_workspace("T1ONE")
        teams.add_user("29:boss", name="Boss", email="boss@example.com")
        teams.add_channel(CHANNEL, ["29:boss"])
        async with serving(policy=INBOX, environ={**app.settings(), **teams.settings()}) as sayso:
            await install(app, sayso, "T1ONE")
            await teams.install(sayso.url, CHANNEL, user="29:boss")
            app.revoke("T1ONE")
            request = await asked(await sayso.agent("helper", principal="boss@example.com"))
            await sayso.vote(request, "deny", person=ANA)
            await until(lambda: teams.told("29:boss"))
            await nothing_is_left(sayso)
            assert teams.told("29:boss") == [SAID]


async def test_a_message_that_slack_refuses_for_good_is_given_up() -> None:
    async with workspace() as slack, office(slack, policy=INBOX) as (sayso, _):
        agent = await helper(slack, sayso)
        slack.fail("chat.postMessage", "invalid_blocks")
        request = await asked(agent)
        await sayso.vote(request, "deny", person=ANA)
        await nothing_is_left(sayso)
        assert boss(slack) == []


async def test_of_two_replicas_one_tells() -> None:
    async with (
        workspace() as slack,
        office(slack, policy=INBOX) as (one, _),
        office(slack, policy=INBOX, redis=one.redis),
    ):
        agent = await helper(slack, one)
        requests = [await asked(agent) for _ in range(12)]
        await asyncio.gather(*(one.vote(request, "deny", person=ANA) for request in requests))
        await nothing_is_left(one)
        assert boss(slack) == [SAID] * 12


async def test_a_replica_killed_while_it_tells_leaves_it_to_another(tmp_path: Path) -> None:
    async with workspace() as slack, RedisServer() as redis:
        file = tmp_path / "policy.yaml"
        file.write_text(INBOX)
        slack.add_user("U0BOSS", name="Boss", email="boss@example.com")
        environ = {**slack.settings(), "SAYSO_REDIS_URL": redis.url, "SAYSO_SECRET": "A" * 43 + "="}
        async with office(slack, policy=INBOX, redis=redis) as (sayso, _):
            agent = await helper(slack, sayso)
            request = await asked(agent)
        with ServiceProcess(tmp_path, environ | {"SAYSO_POLICY": str(file)}) as dying:
            stalled = Stalled(slack, "chat.postMessage")
            async with httpx.AsyncClient(base_url=dying.url, headers=agent.headers, trust_env=False) as again:
                await again.post(f"/v1/requests/{request}/cancel")
            await stalled.carried_out()
            dying.kill()
            stalled.answer()
        async with office(slack, policy=INBOX, redis=redis) as (heir, _):
            await later(heir, 61)
            await nothing_is_left(heir)
            assert len(boss(slack)) == len(slack.called("chat.postMessage")) == 1
            kinds: Any = [entry["kind"] for entry in await heir.journal() if entry["request"] == request]
            assert kinds == ["submitted", "settled", "told"]


async def test_a_story_tells_no_principal_of_a_card() -> None:
    """The thread is read by the channel; the word is for one person."""
    async with workspace() as slack, office(slack) as (sayso, _):
        agent = await helper(slack, sayso)
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        await sayso.vote(request, "deny", person=ANA)
        assert await slack.story(message, 1) == ["Denied by Ana."]
