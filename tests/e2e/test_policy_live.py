"""`sayso policy check --live`: what Slack says about the channels and people of a policy, at their places in it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fakes.slack import FakeSlack
from redis_server import RedisServer
from sayso_adapters.slack.adapter import SlackAdapter, create
from sayso_bot.policy import LiveFindings, load, look
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from service import ServiceProcess

POLICY = """\
channels: {payments: "slack:C0PAYMENTS", everybody: "slack:C0OPEN", gone: "slack:C0GONE", dm: "slack:U0ANA"}
approvers:
  finance: ["slack:S0FINANCE", "email:cleo@example.com"]
  nobody: ["slack:S0EMPTY", "slack:U0LEFT"]
rules:
  - {name: too few, action: a, ask: {channel: payments, approvers: finance, quorum: 4}}
  - {name: open door, action: b, ask: {channel: everybody}}
  - {name: empty, action: c, ask: {channel: inbox, approvers: nobody}}
  - {name: lost, action: d, ask: {channel: gone, approvers: [operator], fallback: everybody}}
  - {name: fine, action: e, ask: {channel: dm}}
  - {name: half, action: f, ask: {channel: payments, approvers: ["slack:S0EMPTY", "slack:U0BEN"]}}
  - {name: pay, action: g, ask: {channel: payments, approvers: finance, quorum: 3}}
"""


@pytest.fixture
def slack() -> FakeSlack:
    fake = FakeSlack()
    for user, name in (("U0ANA", "Ana"), ("U0BEN", "Ben")):
        fake.add_user(user, name=name, email=f"{name.lower()}@example.com")
    fake.add_user("U0LEFT", name="Left", deleted=True)
    fake.add_group("S0FINANCE", ["U0ANA", "U0BEN"])
    fake.add_group("S0EMPTY")
    fake.add_channel("C0PAYMENTS", ["U0ANA"])
    fake.add_channel("C0OPEN", ["U0ANA"])
    fake.public.add("C0OPEN")
    return fake


async def looked(slack: FakeSlack, text: str, **adapters: Any) -> LiveFindings:
    async with slack:
        around = Surroundings(MemoryDesk(), slack.settings())
        adapter: SlackAdapter = create(around.context)
        async with around.serving():
            await adapter.start()
            try:
                return await look(load(text, "p"), adapters or {"slack": adapter}, "p")
            finally:
                await adapter.stop()


def told(found: Any) -> list[str]:
    return [f"{each.line}:{each.column}: {each.sentence}" for each in found]


async def test_what_the_platform_says_is_told_at_its_place(slack: FakeSlack) -> None:
    found = await looked(slack, POLICY)
    problems, warnings = told(found.problems), told(found.warnings)
    assert problems[0] == "6:85: A quorum of 4 can never be reached: there are 3 people."
    assert problems[1] == '8:63: Nobody could answer what the rule "empty" asks.'
    assert problems[2].startswith("9:44: slack:C0GONE: Slack knows no such channel, or it is private")
    assert len(problems) == 3
    assert warnings == [
        '7:49: slack:C0OPEN is open: whoever joins it may answer what the rule "open door" asks. Name approvers.',
        "8:63: slack:S0EMPTY is nobody: no such account or group, or nobody in it may decide.",
        "8:63: slack:U0LEFT is nobody: no such account or group, or nobody in it may decide.",
        "11:65: slack:S0EMPTY is nobody: no such account or group, or nobody in it may decide.",
    ]


async def test_admins_who_are_nobody_are_told_as_approvers_are(slack: FakeSlack) -> None:
    rules = "rules:\n  - {action: a, allow: true}\n"
    found = await looked(slack, f'admins: ["slack:U0LEFT"]\n{rules}')
    assert told(found.problems) == ["1:9: Nobody could administer but the operator and keys of kind admin."]
    assert told(found.warnings)[0].startswith("1:9: slack:U0LEFT is nobody")


async def test_an_address_and_the_account_that_has_it_are_one_approver(slack: FakeSlack) -> None:
    text = """\
channels: {payments: "slack:C0PAYMENTS"}
rules:
  - {action: a, ask: {channel: payments, approvers: ["email:ana@example.com", "slack:U0ANA"], quorum: 2}}
  - {action: b, ask: {channel: payments, approvers: ["email:ana@example.com", "slack:U0BEN"], quorum: 2}}
"""
    problems = told((await looked(slack, text)).problems)
    assert problems == ["3:103: A quorum of 2 can never be reached: there is one person."]
    slack.fail("users.lookupByEmail", "internal_error", times=9)
    problems = told((await looked(slack, text)).problems)
    assert all("email:ana@example.com could not be looked up" in line for line in problems)
    assert len(problems) == 2


async def test_each_place_and_group_is_asked_about_once(slack: FakeSlack) -> None:
    await looked(slack, POLICY)
    asked = [call["channel"] for call in slack.called("conversations.info")]
    assert sorted(asked) == ["C0GONE", "C0OPEN", "C0PAYMENTS"]
    assert len(slack.called("usergroups.users.list")) == 2


async def test_what_the_platform_does_not_say_is_a_problem(slack: FakeSlack) -> None:
    slack.fail("conversations.info", "internal_error", times=9)
    slack.fail("usergroups.users.list", "internal_error", times=9)
    problems = told((await looked(slack, POLICY)).problems)
    assert any("slack:C0PAYMENTS: Slack did not say how it stands" in line for line in problems)
    assert any("slack:S0FINANCE could not be looked up" in line for line in problems)


async def test_a_platform_that_is_not_set_up_shows_nothing_to_anybody(slack: FakeSlack) -> None:
    found = await looked(slack, POLICY, other=object())
    assert all("that platform is not set up in this environment" in line or "could not be looked up" in line
               for line in told(found.problems))  # fmt: skip
    assert len(found.problems) > 5


async def test_the_command_asks_and_ends_with_1_where_the_policy_could_not_do_what_it_says(
    slack: FakeSlack, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    async with slack, RedisServer() as redis:
        shell = ServiceProcess(
            tmp_path, {**slack.settings(), "SAYSO_REDIS_URL": redis.url, "SAYSO_SECRET": "A" * 43 + "="}
        )
        ended = await asyncio.to_thread(shell.run, "policy", "check", str(file), "--live", "--json")
        assert ended.returncode == 1, ended.stderr
        found = json.loads(ended.stdout)
        assert (found["valid"], len(found["problems"]), len(found["warnings"])) == (False, 3, 5)
        assert not slack.called("chat.postMessage")


async def test_a_policy_that_can_do_what_it_says_has_no_problem(slack: FakeSlack) -> None:
    mended = POLICY.replace("quorum: 4", "quorum: 3").replace("approvers: nobody", "approvers: finance")
    assert (await looked(slack, mended.replace("channel: gone", "channel: dm"))).problems == ()
