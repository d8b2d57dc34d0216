"""Who somebody is in Teams, looked up in the rosters of the conversations that the bot is in."""

from __future__ import annotations

import pytest

from fakes.teams import FakeTeams
from fakes.teams_tenant import TENANT
from sayso_adapters.teams.people import KEPT_SECONDS, People
from sayso_adapters.teams.places import Places
from sayso_adapters.teams.settings import read
from sayso_bot.domain.person import Person
from sayso_bot.errors import Unavailable
from sayso_bot.ports import LookupFailed
from sayso_bot.testing.context import Lines
from unit.seconds import Seconds
from unit.teams.teams_office import CHANNEL, PLACE, Office


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def people(office: Office, seconds: Seconds) -> People:
    adapter = office.adapter
    return People(read(office.teams.settings()), adapter._wire, adapter._places, seconds)


async def test_the_members_of_a_channel_are_those_who_may_decide_there(people: People, teams: FakeTeams) -> None:
    assert await people.resolve(PLACE) == {teams.alias("29:ana"), teams.alias("29:bob")}


async def test_an_account_is_itself_while_some_conversation_has_it(people: People, teams: FakeTeams) -> None:
    ana = teams.alias("29:ana")
    assert await people.resolve(ana) == {ana}
    assert await people.resolve(ana.upper().replace("TEAMS:", "teams:")) == {ana}
    assert await people.resolve(teams.alias("29:eve")) == frozenset()


async def test_an_account_that_left_is_nobody_when_teams_is_asked_anew(people: People, teams: FakeTeams) -> None:
    ana = teams.alias("29:ana")
    assert await people.resolve(ana) == {ana}
    teams.conversations[CHANNEL].members.remove("29:ana")
    assert await people.resolve(ana) == {ana}
    assert await people.resolve(ana, fresh=True) == frozenset()


async def test_an_account_of_another_tenant_is_itself_by_its_own_tenant_alone(people: People, teams: FakeTeams) -> None:
    pia = teams.alias("29:pia")
    assert await people.resolve(pia) == {pia}
    assert await people.resolve(f"teams:{TENANT}/{teams.aad('29:pia')}") == frozenset()


@pytest.mark.parametrize(
    "nobody",
    ["teams:x", "teams:x/y", f"teams:{TENANT}/x", "teams:19:never@thread.tacv2", "slack:U1", "teams:", "teams:/"],
)
async def test_what_does_not_exist_is_nobody(people: People, nobody: str) -> None:
    assert await people.resolve(nobody) == frozenset()


async def test_answers_are_kept_for_two_minutes(people: People, teams: FakeTeams, seconds: Seconds) -> None:
    await people.resolve(PLACE)
    await people.resolve(PLACE)
    seconds.now = KEPT_SECONDS - 1
    await people.resolve(PLACE)
    assert len(teams.called("members")) == 1
    seconds.now = KEPT_SECONDS
    await people.resolve(PLACE)
    assert len(teams.called("members")) == 2


@pytest.mark.parametrize(("status", "lasting"), [(401, True), (403, True), (429, False), (500, False)])
async def test_a_roster_that_cannot_be_read_names_nobody(
    people: People, teams: FakeTeams, status: int, lasting: bool
) -> None:
    teams.fail("members", status, "Forbidden", times=2 if status == 401 else 1)
    with pytest.raises(LookupFailed) as failed:
        await people.resolve(PLACE)
    assert failed.value.lasting is lasting
    assert await people.resolve(PLACE)


async def test_where_the_bot_was_removed_nobody_is_known(people: People, teams: FakeTeams) -> None:
    teams.conversations[CHANNEL].open = False
    assert await people.resolve(PLACE) == frozenset()


async def test_an_address_is_recognised_by_mail_or_login_and_joins_both(people: People, teams: FakeTeams) -> None:
    teams.add_user("29:lea", name="Lea", email="Lea@Example.com", upn="lea@contoso.onmicrosoft.com")
    teams.conversations[CHANNEL].members.append("29:lea")
    for address in ("lea@example.com", "lea@contoso.onmicrosoft.com"):
        known = await people.recognise(Person.known_as("Lea", {f"email:{address}"}))
        assert teams.alias("29:lea") in known.aliases


async def test_a_guests_address_is_recognised_as_nobodys(people: People) -> None:
    person = Person.known_as("Gus", {"email:gus@partner.example"})
    assert await people.recognise(person) == person


async def test_somebody_without_an_address_is_left_as_they_are_and_nobody_is_asked(
    people: People, teams: FakeTeams
) -> None:
    person = Person.known_as("Ana", {"slack:T1/U1"})
    assert await people.recognise(person) == person
    assert teams.called("members") == []


async def test_nobody_is_recognised_on_a_look_up_that_failed(people: People, teams: FakeTeams) -> None:
    teams.fail("members", 500)
    with pytest.raises(LookupFailed):
        await people.recognise(Person.known_as("Ana", {"email:ana@example.com"}))


async def test_while_the_places_are_not_known_nobody_is(people: People, office: Office) -> None:
    office.around.shelf.broken = Unavailable("away")
    office.adapter._places._listed._entries.clear()
    with pytest.raises(LookupFailed):
        await people.resolve(PLACE)
    with pytest.raises(LookupFailed):
        await people.resolve(office.teams.alias("29:ana"))


async def test_who_is_found_where_the_bot_is_known_to_be_costs_no_new_list(
    people: People, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = office.teams.alias("29:ana")
    await people.resolve(ana)
    monkeypatch.setattr(office.around.shelf, "broken", Unavailable("away"))
    assert await people.resolve(ana, fresh=True) == {ana}
    with pytest.raises(LookupFailed):
        await people.resolve(office.teams.alias("29:eve"), fresh=True)


class TestManyPlaces:
    """People are looked for in so many places and no more; `fresh` sees those that other replicas have learnt."""

    async def test_a_place_that_another_replica_has_learnt_just_now_counts_where_teams_is_asked_anew(
        self, people: People, office: Office
    ) -> None:
        eve = office.teams.alias("29:eve")
        assert await people.resolve(eve) == frozenset()
        office.teams.add_chat("19:eve@thread.v2", ["29:eve"])
        replica = Places(office.around.shelf, Lines())
        channel = await replica.known(PLACE)
        await replica.learn_channel(channel, "19:eve@thread.v2", "Eve's")
        assert await people.resolve(eve) == frozenset()
        assert await people.resolve(eve, fresh=True) == {eve}

    async def test_who_was_not_found_where_not_every_place_was_looked_at_is_not_known_to_be_gone(
        self, people: People, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sayso_adapters.teams.places.MOST_PLACES", 0)
        office.adapter._places._listed._entries.clear()
        with pytest.raises(LookupFailed, match="too_many_places"):
            await people.resolve(office.teams.alias("29:ana"), fresh=True)
        with pytest.raises(LookupFailed, match="too_many_places"):
            await people.recognise(Person.known_as("Ana", {"email:ana@example.com"}))

    async def test_somebodys_own_chat_counts_however_many_chats_there_are(
        self, people: People, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        eve = office.teams.alias("29:eve")
        await office.ask("help", user="29:eve")
        monkeypatch.setattr("sayso_adapters.teams.places.MOST_PLACES", 1)
        assert await people.resolve(eve, fresh=True) == {eve}
        office.teams.conversations[office.chat("29:eve")].open = False
        assert await people.resolve(eve, fresh=True) == frozenset()
