"""Where the bot is, how that is learnt, and how a place is reached after Teams has changed the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sayso_adapters.teams.activities import Arrived
from sayso_adapters.teams.places import Places
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Gone, Rejected, Retry
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.context import Lines, MemoryShelf
from sayso_bot.testing.samples import a_request
from service import until
from unit.teams.teams_office import CHANNEL, CHAT, PLACE, Office

SECOND = "19:second@thread.tacv2"
THIRD = "19:third@thread.tacv2"


async def known(office: Office) -> dict[str, bool]:
    """The places that any replica would know, and whether the bot was removed."""
    found = await Places(office.around.shelf, Lines()).all()
    return {place.conversation: place.removed for place in found}


async def test_a_place_is_learnt_when_the_app_is_added_or_the_bot_is_spoken_to(office: Office) -> None:
    assert CHAT not in await known(office)
    await office.teams.say(office.url, "help", user="29:ana", conversation=CHAT)
    assert (await known(office))[CHAT] is False
    (place,) = [place for place in await Places(office.around.shelf, Lines()).all() if place.conversation == CHANNEL]
    assert (place.kind, place.called) == ("channel", "Finance / Payments")


async def test_all_channels_of_a_team_are_learnt_with_it(office: Office) -> None:
    office.teams.add_channel(SECOND, ["29:ana"], name="Second")
    assert SECOND not in await known(office)
    await office.teams.install(office.url, CHANNEL, user="29:ana")

    async def is_known() -> bool:
        return SECOND in await known(office)

    await until(is_known)
    request = a_request(f"teams:{SECOND}")
    await office.adapter.post(office.desk.card(request), f"teams:{SECOND}", office.desk.ask(request))
    assert (await office.teams.posted()).conversation == SECOND


@pytest.mark.parametrize("how", ["broken", "read_only"])
async def test_a_place_that_could_not_be_written_down_is_learnt_with_all_channels_of_its_team_when_the_shelf_is_back(
    office: Office, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("sayso_adapters.teams.hearing.AGAIN_SECONDS", (0.02,) * 500)
    for channel in (SECOND, THIRD):
        office.teams.add_channel(channel, ["29:ana"], team="19:other@thread.tacv2")
    setattr(office.around.shelf, how, Unavailable("away"))
    office.adapter._places._listed._entries.clear()
    await office.teams.install(office.url, SECOND, user="29:ana")
    assert office.around.log.of("teams.place_not_kept")
    setattr(office.around.shelf, how, None)

    async def are_known() -> bool:
        return {SECOND, THIRD} <= (await known(office)).keys()

    await until(are_known)


async def test_a_shelf_that_is_slow_learns_a_place_all_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_adapters.teams.hearing.LEARN_SECONDS", 0.05)
    put = office.around.shelf.put

    async def slowly(name: str, value: bytes, *, ttl_seconds: int) -> None:
        await asyncio.sleep(0.2)
        await put(name, value, ttl_seconds=ttl_seconds)

    monkeypatch.setattr(office.around.shelf, "put", slowly)
    await office.teams.say(office.url, "help", user="29:ana", conversation=CHAT)
    assert office.around.log.of("teams.place_not_kept") == [{"what": "slow"}]

    async def is_known() -> bool:
        return CHAT in await known(office)

    await until(is_known)


async def test_channels_of_a_team_that_teams_does_not_list_at_once_are_learnt_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_adapters.teams.hearing.AGAIN_SECONDS", (0.02,) * 500)
    office.teams.add_channel(SECOND, ["29:ana"], name="Second")
    office.teams.fail("team", 500, times=2)
    office.teams.limit_rate("team", after=1)
    await office.teams.install(office.url, CHANNEL, user="29:ana")

    async def is_known() -> bool:
        return SECOND in await known(office)

    await until(is_known)
    assert [line["what"] for line in office.around.log.of("teams.channels_not_listed")] == [
        "http_500",
        "http_500",
        "rate_limited",
    ]


async def test_who_taps_where_the_place_cannot_be_written_down_is_no_stranger_there(office: Office) -> None:
    await office.teams.say(office.url, "help", user="29:ana", conversation=CHAT)
    request = a_request(f"teams:{CHAT}")
    await office.adapter.post(office.desk.card(request), f"teams:{CHAT}", office.desk.ask(request))
    message = await office.teams.posted()
    del office.around.shelf.kept[f"place/{CHAT}"]
    office.adapter._places._listed._entries.clear()
    office.adapter._people._accounts._entries.clear()
    office.around.shelf.read_only = Unavailable("read-only")
    assert "could not be asked who you are" in await office.tap(message, "approve")
    assert office.teams.seen(message, "29:ana") == message.buttons
    office.around.shelf.read_only = None
    assert "You approved" in await office.tap(message, "approve")


async def test_a_place_where_the_bot_never_was_cannot_be_reached_and_says_what_to_do(office: Office) -> None:
    request = a_request(PLACE)
    with pytest.raises(Gone) as raised:
        await office.adapter.post(office.desk.card(request), "teams:19:never@thread.tacv2", "btn_x")
    assert "sayso teams places" in raised.value.todo


@pytest.mark.parametrize(
    "place", ["slack:C1", "teams:", "teams:../x", "teams:19:a@b;messageid=1", "teams:" + "9" * 151]
)
async def test_what_is_no_place_of_teams_is_our_fault(office: Office, place: str) -> None:
    with pytest.raises(Rejected):
        await office.adapter.update(office.desk.card(a_request(PLACE)), place, "1", "btn_x")


async def test_the_way_to_a_place_is_taken_anew_from_whatever_comes_from_there(office: Office) -> None:
    office.teams.region = "emea"
    await office.teams.say(office.url, "help", user="29:ana", conversation=CHANNEL)
    await office.posted()
    assert office.teams.called("send")[-1]["region"] == "emea"


async def test_another_replica_finds_the_new_way_within_half_a_minute(office: Office) -> None:
    now = 0.0
    replica = Places(office.around.shelf, Lines(), lambda: now)
    before = await replica.address(PLACE)
    office.teams.region = "emea"
    await office.teams.say(office.url, "help", user="29:ana", conversation=CHANNEL)
    assert await replica.address(PLACE) == before
    now = 31.0
    assert (await replica.address(PLACE)).service_url == office.teams.service_url


async def test_a_place_beyond_those_that_are_listed_is_reached_and_learnt_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_adapters.teams.places.MOST_PLACES", 0)
    replica = Places(office.around.shelf, Lines())
    assert await replica.all() == []
    assert (await replica.address(PLACE)).service_url == office.teams.service_url
    assert (await replica.known(PLACE)).called == "Finance / Payments"


async def test_however_many_ask_at_once_places_are_listed_once_and_a_failure_is_all_of_theirs() -> None:
    shelf = CountingShelf(Clock())
    places = Places(shelf, Lines())
    await asyncio.gather(*(places.all() for _ in range(20)))
    assert shelf.listed == 1
    shelf.broken = Unavailable("away")
    places = Places(shelf, Lines())
    failed = await asyncio.gather(*(places.all() for _ in range(20)), return_exceptions=True)
    assert all(isinstance(each, Retry) for each in failed)
    assert shelf.listed == 2
    shelf.broken = None
    assert await places.all() == []


class CountingShelf(MemoryShelf):
    listed = 0

    async def names(self, prefix: str) -> Sequence[str]:
        self.listed += 1
        if self.broken is not None:
            await asyncio.sleep(0)
            raise self.broken
        return await super().names(prefix)


async def test_that_the_bot_was_removed_is_noticed_and_ends_when_it_is_back(office: Office) -> None:
    await office.teams.remove(office.url, CHANNEL, user="29:ana")

    async def is_left() -> bool:
        return (await known(office))[CHANNEL]

    await until(is_left)
    with pytest.raises(Gone) as raised:
        await office.posted()
    assert raised.value.what == "BotNotInConversationRoster"
    assert "Add it to the team or chat again" in raised.value.todo
    await office.teams.install(office.url, CHANNEL, user="29:ana")
    assert (await known(office))[CHANNEL] is False
    await office.posted()


async def test_a_channel_that_was_deleted_is_left_alone_of_its_team(office: Office) -> None:
    office.teams.add_channel(SECOND, ["29:ana"], name="Second")
    await office.teams.say(office.url, "help", user="29:ana", conversation=SECOND)
    await office.teams.happens(office.url, SECOND, "channelDeleted", user="29:ana")

    async def is_left() -> bool:
        return (await known(office)) == {CHANNEL: False, SECOND: True}

    await until(is_left)


async def test_a_team_that_was_deleted_takes_its_channels_along(office: Office) -> None:
    office.teams.add_channel(SECOND, ["29:ana"], name="Second")
    await office.teams.say(office.url, "help", user="29:ana", conversation=SECOND)
    await office.teams.happens(office.url, CHANNEL, "teamDeleted", user="29:ana")

    async def is_left() -> bool:
        return (await known(office)) == {CHANNEL: True, SECOND: True}

    await until(is_left)


async def test_a_place_of_another_tenant_is_not_learnt(office: Office) -> None:
    made = office.teams.envelope(CHAT, "29:ana")
    made["channelData"]["tenant"]["id"] = "bbbbbbbb-cccc-dddd-eeee-ffffffffffff"
    assert (await office.teams.deliver(office.url, {**made, "type": "message", "text": "hi"})).status == 403
    assert CHAT not in await known(office)


async def test_while_the_shelf_is_away_a_card_waits_and_a_tap_counts(office: Office) -> None:
    _, message = await office.posted()
    office.around.shelf.broken = Unavailable("away")
    office.adapter._places._listed._entries.clear()
    with pytest.raises(Retry) as raised:
        await office.posted()
    assert raised.value.what == "unavailable"
    office.around.shelf.broken = None
    assert "You approved" in await office.tap(message, "approve")


async def test_what_comes_from_a_place_is_written_down_once_a_day(office: Office) -> None:
    class Counting(MemoryShelf):
        writes = 0

        async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None:
            self.writes += 1
            await super().put(name, value, ttl_seconds=ttl_seconds)

    now = 0.0
    shelf = Counting(office.around.shelf._now)
    places = Places(shelf, Lines(), lambda: now)
    at = Arrived("1", CHAT, "", "groupChat", office.teams.service_url, "", "", "", "28:x", "29:ana", "", "Ana", "")
    for _ in range(5):
        await places.learn(at)
    assert shelf.writes == 1
    now = 86401.0
    await places.learn(at)
    assert shelf.writes == 2
    for _ in range(5):
        await places.learn_channel(await places.known(f"teams:{CHAT}"), SECOND, "Second")
    assert shelf.writes == 3


async def test_a_shelf_that_hangs_holds_back_no_tap(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso_adapters.teams.hearing.LEARN_SECONDS", 0.05)
    _, message = await office.posted()
    hanging = asyncio.Event()

    async def learn(_: Arrived) -> None:
        await hanging.wait()

    monkeypatch.setattr(office.adapter._places, "learn", learn)
    assert "You approved" in await office.tap(message, "approve")
    assert office.around.log.of("teams.place_not_kept") == [{"what": "slow"}]
