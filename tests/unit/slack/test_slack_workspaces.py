"""A name leads to the workspace that it belongs to, or is refused: with one token, and with many installations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.slack import FakeSlack
from fakes.slack_oauth import FakeSlackApp
from fakes.slack_views import form_of
from sayso_adapters.slack import many
from sayso_adapters.slack.many import installation_ids
from sayso_adapters.slack.pinned import is_slacks
from sayso_adapters.slack.settings import read
from sayso_adapters.slack.workspaces import OneWorkspace, Workspaces
from sayso_bot.domain.card import Card
from sayso_bot.domain.person import OPERATOR, Person
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Gone, LookupFailed, Retry
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import a_request
from unit.slack.slack_tenants import ONE, PLACE_ONE, PLACE_TWO, TWO, Replica, install, replica


def workspaces_of(slack: FakeSlack) -> tuple[Surroundings, Workspaces]:
    around = Surroundings(MemoryDesk(admits=lambda _: True), slack.settings())
    return around, OneWorkspace(read(slack.settings()), around.context)


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


class TestMany:
    @pytest.fixture
    async def app(self) -> AsyncIterator[FakeSlackApp]:
        async with FakeSlackApp() as app:
            for team, channel in ((ONE, "C0ONE"), (TWO, "C0TWO")):
                member = app.add_workspace(team)
                member.add_user("U0ANA", name="Ana", email="ana@example.com")
                member.add_channel(channel, ["U0ANA"])
            yield app

    @pytest.fixture
    async def service(self, app: FakeSlackApp, desk: MemoryDesk) -> AsyncIterator[Replica]:
        async with replica(app, desk) as running:
            await install(app, running, ONE)
            yield running

    async def test_each_card_goes_to_its_own_workspace(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await install(app, service, TWO)
        await service.posted(desk, PLACE_ONE)
        await service.posted(desk, PLACE_TWO)
        assert [message.channel for message in app.members[ONE].messages] == ["C0ONE"]
        assert [message.channel for message in app.members[TWO].messages] == ["C0TWO"]

    async def test_a_name_without_a_team_is_that_of_the_only_workspace(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await service.posted(desk, "slack:C0ONE")
        assert len(app.members[ONE].messages) == 1
        assert await service.adapter.resolve("slack:U0ANA") == {f"slack:{ONE}/U0ANA"}

    async def test_a_name_without_a_team_is_refused_where_there_are_two(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await install(app, service, TWO)
        await service.adapter.resolve(f"slack:{TWO}/U0ANA")
        with pytest.raises(Gone, match="which_workspace"):
            await service.posted(desk, "slack:C0ONE")
        with pytest.raises(LookupFailed, match="which_workspace"):
            await service.adapter.resolve("slack:U0ANA")

    async def test_people_are_looked_up_in_their_own_workspace_alone(self, app: FakeSlackApp, service: Replica) -> None:
        await install(app, service, TWO)
        app.used.clear()
        assert await service.adapter.resolve(f"slack:{TWO}/U0ANA") == {f"slack:{TWO}/U0ANA"}
        assert [(where, method) for where, method, _ in app.used] == [(TWO, "users.info")]

    async def test_somebody_of_a_workspace_that_is_not_installed_is_nobody(
        self, app: FakeSlackApp, service: Replica
    ) -> None:
        assert await service.adapter.resolve(f"slack:{TWO}/U0ANA") == frozenset()
        assert {where for where, _, _ in app.used} <= {ONE}

    async def test_a_confirmed_address_is_recognised_in_every_workspace(
        self, app: FakeSlackApp, service: Replica
    ) -> None:
        await install(app, service, TWO)
        await service.adapter.resolve(f"slack:{TWO}/U0ANA")
        person = await service.adapter.recognise(Person.known_as("Ana", {"email:ana@example.com"}))
        assert person.aliases == {"email:ana@example.com", f"slack:{ONE}/U0ANA", f"slack:{TWO}/U0ANA"}

    async def test_a_workspace_whose_token_is_refused_holds_nobody_up_elsewhere(
        self, app: FakeSlackApp, service: Replica
    ) -> None:
        await install(app, service, TWO)
        await service.adapter.resolve(f"slack:{TWO}/U0ANA")
        app.revoke(ONE)
        person = await service.adapter.recognise(Person.known_as("Ana", {"email:ana@example.com"}))
        assert person.aliases == {"email:ana@example.com", f"slack:{TWO}/U0ANA"}
        with pytest.raises(Gone, match="token_revoked"):
            await service.adapter.post(*_card(service, PLACE_ONE))

    async def test_whom_only_a_workspace_whose_token_is_refused_could_know_is_not_taken_for_nobody(
        self, app: FakeSlackApp, service: Replica
    ) -> None:
        app.members[ONE].add_user("U0BEN", name="Ben", email="ben@example.com")
        await install(app, service, TWO)
        await service.adapter.resolve(f"slack:{TWO}/U0ANA")
        app.revoke(ONE)
        for _ in range(2):  # Slack refuses the token, and is not asked again for a minute
            with pytest.raises(LookupFailed, match="token_revoked"):
                await service.adapter.recognise(Person.known_as("Ben", {"email:ben@example.com"}))
        operator = Person.known_as("Operator", {OPERATOR})
        assert await service.adapter.recognise(operator) == operator

    async def test_a_replica_sees_an_installation_at_once_and_a_departure_within_seconds(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with replica(app, desk, service.shelf) as another:
            await another.posted(desk, PLACE_ONE)
            await install(app, service, TWO)
            await another.posted(desk, PLACE_TWO)
            await app.event(service.url, ONE, "app_uninstalled")
            monkeypatch.setattr(many, "READ_AGAIN_AFTER_SECONDS", 0.0)
            with pytest.raises(Gone, match="not_installed"):
                await another.posted(desk, PLACE_ONE)

    async def test_what_is_known_is_not_read_again_for_each_call(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await service.posted(desk, PLACE_ONE)
        service.around.shelf.broken = Unavailable("The store is away.")
        await service.posted(desk, PLACE_ONE)
        with pytest.raises(Retry, match="unavailable"):
            await service.posted(desk, PLACE_TWO)

    async def test_a_tap_is_counted_for_the_workspace_that_it_comes_from(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await install(app, service, TWO)
        await service.posted(desk, PLACE_TWO)
        second = app.members[TWO]
        assert await second.tap(service.url, await second.posted(), "approve", user="U0ANA") == 200
        await second.until_told("U0ANA")
        assert [ballot.person.aliases for ballot in desk.ballots] == [{f"slack:{TWO}/U0ANA", "email:ana@example.com"}]
        assert app.members[ONE].told("U0ANA") == []

    async def test_a_tap_reaches_a_replica_that_has_not_heard_of_its_workspace(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        async with replica(app, desk, service.shelf) as another:
            await install(app, service, TWO)
            await service.posted(desk, PLACE_TWO)
            second = app.members[TWO]
            assert await second.tap(another.url, await second.posted(), "approve", user="U0ANA") == 200
            await second.until_told("U0ANA")
        assert len(desk.counted) == 1

    async def test_a_tap_from_a_workspace_cannot_use_the_button_of_another(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await install(app, service, TWO)
        await service.posted(desk, PLACE_ONE)
        message, second = await app.members[ONE].posted(), app.members[TWO]
        second.add_channel("C0ONE", ["U0ANA"])  # even where the channel's id were the same
        assert await second.tap(service.url, message, "approve", user="U0ANA") == 200
        assert "another channel" in (await second.until_told("U0ANA"))[0]
        assert desk.ballots == []

    async def test_somebody_of_another_workspace_in_a_shared_channel_decides_nothing(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await install(app, service, TWO)
        await service.posted(desk, PLACE_ONE)
        first = app.members[ONE]
        assert await first.tap(service.url, await first.posted(), "approve", user="U0ANA", team=TWO) == 200
        assert "another workspace" in (await first.until_told("U0ANA"))[0]
        assert desk.ballots == []

    async def test_a_tap_from_a_workspace_that_is_not_installed_is_answered_and_counts_for_nothing(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await service.posted(desk, PLACE_ONE)
        second = app.members[TWO]
        payload = second.payload(await app.members[ONE].posted(), "approve", user="U0ANA")
        payload["response_url"] = f"{app.origin}/told/{TWO}"
        body = form_of(payload)
        assert await second.send(service.url, body, second.signed(body)) == 200
        assert "not connected" in (await second.until_told("response_url"))[0]
        assert desk.ballots == []
        assert {where for where, _, _ in app.used} == {ONE}

    async def test_an_organisation_is_one_installation_for_all_its_workspaces(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        member = app.add_workspace("T3PART", enterprise="E3ORG")
        member.add_user("U0ANA", name="Ana", email="ana@example.com")
        member.add_channel("C0ORG", ["U0ANA"])
        await install(app, service, "E3ORG")
        await service.posted(desk, "slack:E3ORG/C0ORG")
        payload = member.payload(await member.posted(), "approve", user="U0ANA", team="T3PART")
        payload |= {"team": None, "is_enterprise_install": True}
        body = form_of(payload)
        assert await member.send(service.url, body, member.signed(body)) == 200
        await member.until_told("U0ANA")
        assert [ballot.person.aliases for ballot in desk.ballots] == [{"slack:E3ORG/U0ANA", "email:ana@example.com"}]

    async def test_the_doctor_lists_the_installed_workspaces(
        self, app: FakeSlackApp, service: Replica, desk: MemoryDesk
    ) -> None:
        await service.posted(desk, PLACE_ONE)
        found = {check.name: check for check in await service.adapter.check()}
        assert found[f"slack token of {ONE}"].ok
        app.revoke(ONE)
        found = {check.name: check for check in await service.adapter.check()}
        assert not found[f"slack token of {ONE}"].ok

    async def test_the_doctor_says_what_to_do_where_nobody_has_installed_it(
        self, app: FakeSlackApp, desk: MemoryDesk
    ) -> None:
        async with replica(app, desk) as empty:
            found = {check.name: check for check in await empty.adapter.check()}
        assert found["slack workspaces"].warning
        assert "install-link" in found["slack workspaces"].detail


def _card(service: Replica, place: str) -> tuple[Card, str, str]:
    desk = service.around.context.desk
    assert isinstance(desk, MemoryDesk)
    request = a_request(place)
    return desk.card(request), place, desk.ask(request)


@pytest.mark.parametrize(
    ("url", "api", "ours"),
    [
        ("https://hooks.slack.com/actions/T1/2/x", "https://slack.com/api/", True),
        ("https://hooks.slack-gov.com/actions/T1/2/x", "https://slack-gov.com/api/", True),
        ("https://hooks.slack.com.evil.example/x", "https://slack.com/api/", False),
        ("https://evil@hooks.slack.com/x", "https://slack.com/api/", False),
        ("https://hooks.slack.com:444/x", "https://slack.com/api/", False),
        ("https://hooks.slack.com:port/x", "https://slack.com/api/", False),
        ("http://hooks.slack.com/x", "https://slack.com/api/", False),
        ("http://169.254.169.254/latest", "https://slack.com/api/", False),
        ("http://127.0.0.1:9400/told", "http://127.0.0.1:9400/api/", True),
        ("http://127.0.0.1:9401/told", "http://127.0.0.1:9400/api/", False),
    ],
)
def test_only_slack_s_own_address_is_answered(url: str, api: str, ours: bool) -> None:
    assert is_slacks(url, api) is ours


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"team": {"id": "T1"}, "user": {"team_id": "T9"}}, ["T1"]),
        ({"team": {"id": "T1"}, "enterprise": {"id": "E1"}}, ["T1", "E1"]),
        ({"team": None, "enterprise": {"id": "E1"}, "is_enterprise_install": True}, ["E1"]),
        ({"team_id": "T1", "enterprise_id": "E1", "is_enterprise_install": "true"}, ["E1"]),
        ({"team_id": "T1", "is_enterprise_install": "false"}, ["T1"]),
        ({"team_id": "T9", "context_team_id": "T1"}, ["T1"]),
        ({"team_id": "T9", "authorizations": [{"team_id": "T1"}]}, ["T1"]),
        ({"team": {"id": "T9"}, "view": {"app_installed_team_id": "T1"}}, ["T1"]),
        ({"team": "T1", "authorizations": [7], "view": []}, []),
        ({"user": {"team_id": "T9"}}, []),
    ],
)
def test_a_payload_names_its_installation(body: dict[str, Any], found: list[str]) -> None:
    assert installation_ids(body) == found
