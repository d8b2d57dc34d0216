"""A name leads to the workspace that it belongs to, or is refused; with one token there is one workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.slack import FakeSlack
from sayso_adapters.slack.settings import read
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.ports import Gone, Retry
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk


def workspaces_of(slack: FakeSlack) -> tuple[Surroundings, Workspaces]:
    around = Surroundings(MemoryDesk(admits=lambda _: True), slack.settings())
    return around, Workspaces(Workspace(read(slack.settings()), around.context))


@pytest.fixture
async def workspaces(slack: FakeSlack) -> AsyncIterator[Workspaces]:
    around, made = workspaces_of(slack)
    async with around.serving():
        await made.open()
        yield made
        await made.close()


@pytest.mark.parametrize("name", ["slack:C1", "slack:T0TEAM/C1", "slack:T0TEAM/U1"])
async def test_a_name_of_this_workspace_leads_to_it(workspaces: Workspaces, name: str) -> None:
    assert workspaces.of_name(name).home.team == "T0TEAM"
    assert list(workspaces.all()) == [workspaces.of_name(name)]


async def test_a_name_of_another_workspace_is_gone(workspaces: Workspaces) -> None:
    with pytest.raises(Gone, match="other_workspace"):
        workspaces.of_name("slack:T9/C1")


async def test_a_workspace_can_be_called_and_knows_its_people(slack: FakeSlack, workspaces: Workspaces) -> None:
    workspace = workspaces.of_name("slack:C0PAYMENTS")
    said = await workspace.call("conversations.members", channel="C0PAYMENTS")
    assert "U0ANA" in said["members"]
    assert await workspace.people.resolve("slack:U0ANA") == {"slack:T0TEAM/U0ANA"}


async def test_a_payload_is_of_the_one_workspace_and_costs_no_call(slack: FakeSlack, workspaces: Workspaces) -> None:
    before = len(slack.calls)
    assert workspaces.of_payload({"team": {"id": "T9OTHER"}}) is workspaces.of_name("slack:C1")
    assert len(slack.calls) == before


async def test_nothing_is_known_while_slack_has_not_answered(slack: FakeSlack) -> None:
    await slack.refuse_connections()
    around, made = workspaces_of(slack)
    async with around.serving():
        await made.open()
        with pytest.raises(Retry, match="unreachable"):
            made.of_name("slack:C1")
        await made.close()


async def test_a_token_that_slack_refuses_is_said(slack: FakeSlack) -> None:
    slack.fail("auth.test", "token_revoked", times=5)
    around, made = workspaces_of(slack)
    async with around.serving():
        await made.open()
        with pytest.raises(Gone, match="token_revoked"):
            made.of_name("slack:C1")
        await made.close()
