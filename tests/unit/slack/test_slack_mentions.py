"""Who is called by name: the people and groups of the rule, at the first post, and nobody by an agent's words."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from fakes.slack_workspace import Message
from sayso_adapters.slack.home import Home
from sayso_adapters.slack.mentions import mentions
from sayso_bot.domain.request import Claims, Request
from sayso_bot.testing.samples import a_request
from unit.slack.slack_office import PLACE, Office

HOME = Home(team="T0TEAM", enterprise=None, bot="B0BOT", bot_user="U0BOT", name="Example")
NAMED = ("slack:U0ANA", "slack:S0FINANCE", "email:bob@example.com", "operator")


@pytest.mark.parametrize(
    ("approvers", "line"),
    [
        (NAMED, "For <@U0ANA>, <!subteam^S0FINANCE>"),
        (("slack:T0TEAM/U0ANA", "slack:T0TEAM/U0ANA"), "For <@U0ANA>"),
        (("slack:T9OTHER/U0ANA", "email:ana@example.com", "operator"), ""),
        (tuple(f"slack:U{n}" for n in range(5)), "For <@U0>, <@U1>, <@U2>, <@U3>, <@U4>"),
        ((*(f"slack:U{n}" for n in range(6)), "slack:S0FINANCE"), "For <!subteam^S0FINANCE>"),
        (("slack:C0PAYMENTS", "slack:here", "slack:U1><!channel>"), ""),
        ((), ""),
    ],
)
def test_the_line_names_accounts_and_groups_of_this_workspace(approvers: Sequence[str], line: str) -> None:
    assert mentions(approvers, PLACE, HOME) == line


def test_a_direct_message_mentions_nobody() -> None:
    assert mentions(NAMED, "slack:T0TEAM/U0ANA", HOME) == ""


async def _posted(office: Office, **changes: object) -> tuple[Request, Message, str, str]:
    request = a_request(PLACE, requirement={"approvers": NAMED, "group": "finance"}, **changes)
    button = office.desk.ask(request)
    post = await office.adapter.post(office.desk.card(request), PLACE, button)
    return request, await office.slack.posted(), post, button


async def test_the_first_post_mentions_them_and_an_update_nobody(office: Office) -> None:
    request, message, post, button = await _posted(office)
    assert "For <@U0ANA>, <!subteam^S0FINANCE>" in message.words
    await office.adapter.update(office.desk.card(request), PLACE, post, button)
    assert "<@" not in json.dumps(message.blocks)
    assert "<!subteam" not in json.dumps(message.blocks)


async def test_the_simpler_blocks_mention_them_too(office: Office) -> None:
    office.slack.fail("chat.postMessage", "invalid_blocks")
    _, message, _, _ = await _posted(office)
    assert "For <@U0ANA>, <!subteam^S0FINANCE>" in message.words


async def test_what_the_agent_writes_mentions_nobody(office: Office) -> None:
    claims = Claims(summary="<!channel> <@U0BOB> look", on_behalf_of="<@U0BOB>")
    _, message, _, _ = await _posted(office, claims=claims, params={"note": "<!here> <@U0BOB>"})
    obeyed = [text for text in _mrkdwn(message.blocks) if "<!channel" in text or "<!here" in text or "U0BOB" in text]
    assert obeyed == []
    assert "<!here" not in message.text


def _mrkdwn(node: object) -> list[str]:
    """Every text that Slack obeys."""
    if isinstance(node, list):
        return [text for item in node for text in _mrkdwn(item)]
    if isinstance(node, dict):
        own = [node["text"]] if node.get("type") == "mrkdwn" else []
        return own + [text for value in node.values() for text in _mrkdwn(value)]
    return []
