"""`sayso doctor slack`: each channel that the policy names, and what to do about one that cannot be posted to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from fakes.slack import FakeSlack
from sayso_adapters.slack.doctor import FIXES, check_channels, check_secret
from sayso_adapters.slack.settings import read
from sayso_adapters.slack.workspaces import OneWorkspace, Workspaces
from sayso_bot.domain.admin import Admin
from sayso_bot.domain.policy import Route
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import a_requirement


@pytest.fixture
async def workspaces(slack: FakeSlack, desk: MemoryDesk) -> AsyncIterator[Workspaces]:
    around = Surroundings(desk, slack.settings())
    async with around.serving():
        found = OneWorkspace(read(slack.settings()), around.context)
        await found.open()
        yield found
        await found.close()


def _asking(place: str, channel: str = "payments", **more: str) -> Route:
    return Route("a rule", "pay", False, "ask", a_requirement(place, channel=channel, **more))


async def test_a_channel_that_the_bot_is_in_is_fine_and_is_looked_at_once(
    slack: FakeSlack, workspaces: Workspaces
) -> None:
    routes = [
        _asking("slack:C0PAYMENTS"),
        _asking("slack:C0PAYMENTS"),
        _asking("inbox", fallback="money", fallback_place="slack:C0PAYMENTS"),
        Route("another", "read", False, "allow", None),
    ]
    [check] = await check_channels(workspaces, routes, [])
    assert check.ok
    assert (check.name, check.detail) == ("slack channel payments, money", "The bot is in slack:C0PAYMENTS.")
    assert [call["channel"] for call in slack.called("conversations.info")] == ["C0PAYMENTS"]


async def test_a_channel_to_which_only_a_live_route_leads_is_looked_at_too(
    slack: FakeSlack, workspaces: Workspaces
) -> None:
    slack.fail("conversations.info", "channel_not_found")
    by, now = Admin("operator", "Operator", "cli"), datetime(2026, 11, 24, tzinfo=UTC)
    live = [
        LiveRoute(f"route_{number}", "deploy.*", "night", place, by, "", now)
        for number, place in enumerate(("slack:C0NIGHT", "inbox"))
    ]
    [check] = await check_channels(workspaces, [], live)
    assert (check.ok, check.name) == (False, "slack channel night")
    assert check.detail == f"slack:C0NIGHT: {FIXES['channel_not_found']}"


@pytest.mark.parametrize("error", ["channel_not_found", "missing_scope"])
async def test_a_channel_that_slack_does_not_show_has_the_fix_beside_it(
    slack: FakeSlack, workspaces: Workspaces, error: str
) -> None:
    slack.fail("conversations.info", error)
    [check] = await check_channels(workspaces, [_asking("slack:C0PAYMENTS")], [])
    assert not check.ok
    assert check.detail == f"slack:C0PAYMENTS: {FIXES[error]}"


@pytest.mark.parametrize(("archived", "member", "fix"), [(True, True, "is_archived"), (False, False, "not_in_channel")])
async def test_a_channel_that_is_archived_or_without_the_bot_has_the_fix_beside_it(
    slack: FakeSlack, workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch, archived: bool, member: bool, fix: str
) -> None:
    said = {"ok": True, "channel": {"id": "C0PAYMENTS", "is_archived": archived, "is_member": member}}
    monkeypatch.setattr(slack, "perform", lambda method, arguments: said)
    [check] = await check_channels(workspaces, [_asking("slack:C0PAYMENTS")], [])
    assert not check.ok
    assert check.detail == f"slack:C0PAYMENTS: {FIXES[fix]}"


async def test_another_workspace_s_channel_is_not_asked_for(slack: FakeSlack, workspaces: Workspaces) -> None:
    [check] = await check_channels(workspaces, [_asking("slack:T9/C1")], [])
    assert not check.ok
    assert FIXES["other_workspace"] in check.detail
    assert slack.called("conversations.info") == []


async def test_when_slack_cannot_be_asked_nothing_is_claimed(slack: FakeSlack, workspaces: Workspaces) -> None:
    slack.limit_rate("conversations.info", after=1)
    [check] = await check_channels(workspaces, [_asking("slack:C0PAYMENTS")], [])
    assert not check.ok
    assert "rate_limited" in check.detail


async def test_a_person_s_direct_messages_are_opened_by_the_first_card(
    slack: FakeSlack, workspaces: Workspaces
) -> None:
    [check] = await check_channels(workspaces, [_asking("slack:U0ANA")], [])
    assert check.ok
    assert slack.called("conversations.info") == []


@pytest.mark.parametrize("secret", ["", "xoxb-1-stand-in", "8f742231b10e8888abcd99yyyzzz85a", "é" * 32])
def test_what_has_not_the_form_of_a_signing_secret_is_said_and_not_shown(secret: str) -> None:
    check = check_secret(secret)
    assert not check.ok
    assert not secret or secret not in check.detail


def test_a_signing_secret_has_its_form() -> None:
    assert check_secret("8f742231b10e8888abcd99yyyzzz85a5").ok
