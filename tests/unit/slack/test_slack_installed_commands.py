"""`sayso slack installations`, run as an operator runs it, against Slack and a running replica."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from typer.testing import CliRunner, Result

from fakes.slack_oauth import FakeSlackApp
from sayso_adapters.slack.commands import commands
from sayso_adapters.slack.wire import METHODS
from sayso_bot.testing.desk import MemoryDesk
from unit.slack.slack_tenants import ONE, TWO, Replica, install, replica
from unit.slack.test_slack_install_link import Door


@pytest.fixture
async def app() -> AsyncIterator[FakeSlackApp]:
    async with FakeSlackApp() as app:
        app.rotates = 12 * 3600
        for team in (ONE, TWO):
            app.add_workspace(team)
        yield app


@pytest.fixture
async def service(app: FakeSlackApp) -> AsyncIterator[Replica]:
    async with replica(app, MemoryDesk()) as running:
        for team in (ONE, TWO):
            await install(app, running, team)
        yield running


@pytest.fixture
def door(app: FakeSlackApp, service: Replica) -> Door:
    made = Door()
    made.shelf, made.settings = service.around.shelf, app.settings()
    return made


async def _run(door: Door, *arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, commands, ["installations", *arguments], obj=door)


async def test_all_are_listed_and_no_secret_is(app: FakeSlackApp, door: Door) -> None:
    listed = await _run(door)
    assert [line.split()[0] for line in listed.output.splitlines()] == [ONE, TWO]
    as_json = await _run(door, "list", "--json")
    assert [(found["id"], found["bot_user"]) for found in json.loads(as_json.output)] == [
        (ONE, "U0BOT"),
        (TWO, "U0BOT"),
    ]
    assert not any(token in listed.output + as_json.output for token in app.tokens)
    assert "xoxe" not in listed.output + as_json.output


async def test_one_that_is_removed_is_revoked_forgotten_and_on_the_record(
    app: FakeSlackApp, service: Replica, door: Door
) -> None:
    ended = await _run(door, "remove", ONE)
    assert (ended.exit_code, ended.output) == (0, f"Removed {ONE}. Slack has revoked its token.\n")
    assert [app.tokens[token].installation for token in app.tokens if app.tokens[token].revoked] == [ONE]
    assert door.journal == [
        ("slack_uninstalled",
         {"installation": ONE, "team": ONE, "enterprise": "", "what": "operator", "slack": "revoked"})
    ]  # fmt: skip
    assert [json.loads((await _run(door, "list", "--json")).output)[0]["id"]] == [TWO]
    again = await _run(door, "remove", ONE)
    assert (again.exit_code, "There is no installation" in again.output) == (1, True)


async def test_where_slack_does_not_answer_nothing_is_changed_unless_it_is_told_not_to_ask(
    app: FakeSlackApp, door: Door
) -> None:
    door.settings["SLACK_API_URL"] = "http://127.0.0.1:9/api/"
    refused = await _run(door, "remove", ONE)
    assert (refused.exit_code, "Nothing was changed" in refused.output) == (1, True)
    assert len(json.loads((await _run(door, "list", "--json")).output)) == 2
    forgotten = await _run(door, "remove", ONE, "--forget-only", "--json")
    assert json.loads(forgotten.output) == {"removed": ONE, "slack": "not_asked"}
    assert not any(token.revoked for token in app.tokens.values())


async def test_a_token_that_slack_knows_no_longer_is_forgotten(app: FakeSlackApp, door: Door) -> None:
    app.revoke(ONE)
    ended = await _run(door, "remove", ONE)
    assert (ended.exit_code, ended.output) == (0, f"Removed {ONE}. Slack answered token_revoked.\n")


async def test_without_the_service_s_variables_nothing_is_removed(door: Door) -> None:
    door.settings.clear()
    refused = await _run(door, "remove", ONE)
    assert (refused.exit_code, "SLACK_CLIENT_ID" in refused.output) == (1, True)
    assert len(json.loads((await _run(door, "list", "--json")).output)) == 2


@pytest.mark.parametrize("name", ["T0NOBODY", "../installed", "t1one", "", "T1ONE\n"])
async def test_what_is_no_installation_is_said(door: Door, name: str) -> None:
    refused = await _run(door, "remove", name)
    assert (refused.exit_code, "There is no installation" in refused.output) == (1, True)
    assert door.journal == []


def test_revoking_needs_no_scope() -> None:
    assert METHODS["auth.revoke"].scopes == ()
