"""Groups, channels and addresses, resolved to the accounts behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.slack import FakeSlack
from sayso_adapters.slack.home import Home
from sayso_adapters.slack.people import KEPT_SECONDS, People
from sayso_adapters.slack.settings import read
from sayso_adapters.slack.wire import OneToken, Wire
from sayso_bot.domain.person import Person
from sayso_bot.ports import LookupFailed
from sayso_bot.testing.desk import MemoryDesk
from unit.seconds import Seconds
from unit.slack.slack_office import opened_office


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def people(slack: FakeSlack, seconds: Seconds) -> AsyncIterator[People]:
    wire = Wire(read(slack.settings()), OneToken(slack.token))
    await wire.open()
    home = Home(team="T0TEAM", enterprise=None, bot="B0BOT", bot_user="U0BOT", name="Example")
    yield People(wire, lambda: home, seconds)
    await wire.close()


class TestResolve:
    @pytest.mark.parametrize("name", ["slack:S0FINANCE", "slack:T0TEAM/S0FINANCE"])
    async def test_a_group_is_its_members(self, slack: FakeSlack, people: People, name: str) -> None:
        slack.add_group("S0FINANCE", ["U0ANA", "U0BOB"])
        assert await people.resolve(name) == {"slack:T0TEAM/U0ANA", "slack:T0TEAM/U0BOB"}

    async def test_a_channel_is_its_members_over_all_pages(self, slack: FakeSlack, people: People) -> None:
        slack.add_channel("C0ALL", [f"U{n:05d}" for n in range(2500)])
        assert len(await people.resolve("slack:C0ALL")) == 2500

    async def test_a_channel_beyond_the_bound_is_not_half_resolved(self, slack: FakeSlack, people: People) -> None:
        slack.add_channel("C0ALL", [f"U{n:06d}" for n in range(21_000)])
        with pytest.raises(LookupFailed, match="too_many_members") as failed:
            await people.resolve("slack:C0ALL")
        assert failed.value.lasting

    async def test_an_account_is_its_alias(self, people: People) -> None:
        assert await people.resolve("slack:U0ANA") == {"slack:T0TEAM/U0ANA"}

    async def test_a_guest_who_is_named_stands_for_themselves(self, slack: FakeSlack, people: People) -> None:
        slack.add_user("U0GUEST", name="Gus", guest=True)
        assert await people.resolve("slack:U0GUEST") == {"slack:T0TEAM/U0GUEST"}

    @pytest.mark.parametrize("flags", [{"deleted": True}, {"bot": True}, {"team_id": "T9"}])
    async def test_a_bot_a_deactivated_and_a_foreign_account_are_nobody(
        self, slack: FakeSlack, people: People, flags: dict[str, Any]
    ) -> None:
        slack.add_user("U0X", name="X", **flags)
        assert await people.resolve("slack:U0X") == frozenset()

    @pytest.mark.parametrize(
        "name", ["slack:U9", "slack:S9", "slack:C9", "slack:T9/U0ANA", "slack:@ana", "slack:", "email:a@b"]
    )
    async def test_what_does_not_exist_here_is_nobody(self, people: People, name: str) -> None:
        assert await people.resolve(name) == frozenset()

    @pytest.mark.parametrize(
        ("error", "lasting"),
        [("missing_scope", True), ("token_revoked", True), ("account_inactive", True), ("fatal_error", False)],
    )
    async def test_a_failed_look_up_is_said_and_not_kept(
        self, slack: FakeSlack, people: People, error: str, lasting: bool
    ) -> None:
        slack.add_group("S0FINANCE", ["U0ANA"])
        slack.fail("usergroups.users.list", error)
        with pytest.raises(LookupFailed, match=error) as failed:
            await people.resolve("slack:S0FINANCE")
        assert failed.value.lasting is lasting
        assert await people.resolve("slack:S0FINANCE") == {"slack:T0TEAM/U0ANA"}

    async def test_answers_are_kept_for_two_minutes(self, slack: FakeSlack, people: People, seconds: Seconds) -> None:
        slack.add_group("S0FINANCE", ["U0ANA"])
        await people.resolve("slack:S0FINANCE")
        slack.add_group("S0FINANCE", [])
        seconds.now = KEPT_SECONDS - 1
        assert await people.resolve("slack:S0FINANCE")
        seconds.now = KEPT_SECONDS
        assert await people.resolve("slack:S0FINANCE") == frozenset()

    async def test_whoever_must_know_asks_afresh_and_the_answer_is_kept(self, slack: FakeSlack, people: People) -> None:
        slack.add_group("S0FINANCE", ["U0ANA"])
        assert await people.resolve("slack:S0FINANCE")
        slack.add_group("S0FINANCE", [])
        assert await people.resolve("slack:S0FINANCE", fresh=True) == frozenset()
        assert await people.resolve("slack:S0FINANCE") == frozenset()


class TestRecognise:
    async def test_case_of_an_address_does_not_matter(self, slack: FakeSlack, people: People) -> None:
        slack.add_user("U0ANA", name="Ana", email="Ana@Example.com")
        person = await people.recognise(Person.known_as("Ana", {"email:ana@example.com"}))
        assert "slack:T0TEAM/U0ANA" in person.aliases

    @pytest.mark.parametrize(
        "flags",
        [
            {"confirmed": False},
            {"guest": True},
            {"is_restricted": None},
            {"is_ultra_restricted": None},
            {"bot": True},
            {"is_stranger": True},
            {"team_id": "T9"},
        ],
    )
    async def test_an_account_that_may_not_decide_or_did_not_confirm_adds_nothing(
        self, slack: FakeSlack, people: People, flags: dict[str, Any]
    ) -> None:
        slack.add_user("U0EVE", name="Eve", email="eve@example.com", **flags)
        person = Person.known_as("Eve", {"email:eve@example.com"})
        assert await people.recognise(person) == person

    async def test_a_person_without_an_address_costs_no_call(self, slack: FakeSlack, people: People) -> None:
        person = Person.known_as("op", {"operator"})
        assert await people.recognise(person) == person
        assert slack.calls == []

    async def test_a_failed_look_up_is_said(self, slack: FakeSlack, people: People) -> None:
        slack.limit_rate("users.lookupByEmail", after=3)
        with pytest.raises(LookupFailed, match="rate_limited") as failed:
            await people.recognise(Person.known_as("Ana", {"email:ana@example.com"}))
        assert not failed.value.lasting


class TestEnterpriseGrid:
    async def test_people_of_the_same_organisation_may_tap_from_another_workspace_of_it(self) -> None:
        desk = MemoryDesk(admits=lambda _: True)
        async with FakeSlack(enterprise="E0ORG") as slack:
            slack.add_user("W0ANA", name="Ana", team_id="T2SISTER")
            slack.add_user("W0EVE", name="Eve", team_id="T9OTHER", enterprise_user={"enterprise_id": "E9"})
            slack.add_channel("C0PAYMENTS", ["W0ANA", "W0EVE"])
            async with opened_office(slack, desk) as office:
                _, message = await office.posted()
                assert "another workspace" in await office.tap(message, "approve", user="W0EVE", team="T9OTHER")
                assert "It is approved" in await office.tap(message, "approve", user="W0ANA", team="T2SISTER")
        assert "slack:T0TEAM/W0ANA" in desk.ballots[0].person.aliases
