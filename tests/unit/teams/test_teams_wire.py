"""What Teams' failures mean, and that nothing is sent twice or to anybody but Teams."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.teams import FakeTeams
from sayso_adapters.patience import RATE_LIMITED_SECONDS
from sayso_adapters.teams import wire as wire_module
from sayso_adapters.teams.saying import words
from sayso_adapters.teams.settings import read
from sayso_adapters.teams.tokens import Tokens
from sayso_adapters.teams.wire import Address, Wire
from sayso_bot.ports import AdapterError, Deleted, Gone, Rejected, Retry
from sayso_bot.testing.samples import a_request
from unit.teams.teams_office import CHANNEL, PLACE, Office


async def failure(office: Office) -> AdapterError:
    """How posting a card fails."""
    request = a_request(PLACE)
    button = office.desk.ask(request)
    with pytest.raises(AdapterError) as raised:
        await office.adapter.post(office.desk.card(request), PLACE, button)
    return raised.value


def without_token(office: Office) -> None:
    """The token that installing the app took is not used again."""
    tokens = office.adapter._wire._tokens
    tokens.refused(tokens._token)


@pytest.mark.parametrize(
    ("status", "code", "kind", "what"),
    [
        (400, "BadSyntax", Rejected, "BadSyntax"),
        (403, "BotNotInConversationRoster", Gone, "BotNotInConversationRoster"),
        (403, "BotDisabledByAdmin", Gone, "BotDisabledByAdmin"),
        (404, "ConversationNotFound", Gone, "ConversationNotFound"),
        (404, "ActivityNotFoundInConversation", Deleted, "ActivityNotFoundInConversation"),
        (405, "NotAllowed", Rejected, "NotAllowed"),
        (412, "PreconditionFailed", Retry, "http_412"),
        (413, "MessageSizeTooBig", Rejected, "too_large"),
        (503, "ServiceUnavailable", Retry, "http_503"),
    ],
)
async def test_an_answer_that_says_no_is_named_by_its_kind_and_its_code(
    office: Office, status: int, code: str, kind: type[AdapterError], what: str
) -> None:
    office.teams.fail("send", status, code)
    error = await failure(office)
    assert (type(error), error.what) == (kind, what)
    assert not getattr(error, "lost", False)
    assert len(office.teams.called("send")) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_after_these_a_post_may_be_there_and_so_may_what_an_update_shows(office: Office, status: int) -> None:
    office.teams.break_("send", status=status)
    error = await failure(office)
    assert isinstance(error, Retry)
    assert error.lost

    request, message = await office.posted()
    office.teams.break_("update", status=status)
    with pytest.raises(Retry) as raised:
        await office.adapter.update(office.desk.card(request), PLACE, message.id, "btn_x")
    assert raised.value.lost


async def test_a_post_whose_answer_was_lost_is_not_sent_again(office: Office) -> None:
    office.teams.drop("send")
    error = await failure(office)
    assert isinstance(error, Retry)
    assert error.lost
    assert len(office.teams.messages) == 1


async def test_an_answer_that_is_none_of_teams_may_have_been_a_post(office: Office) -> None:
    office.teams.break_("send", status=200, body="not json")
    error = await failure(office)
    assert isinstance(error, Retry)
    assert error.lost


async def test_a_rate_limit_holds_for_as_long_as_teams_says(office: Office) -> None:
    office.teams.limit_rate("send", after=7)
    error = await failure(office)
    assert isinstance(error, Retry)
    assert (error.what, error.after, error.lost) == ("rate_limited", 7.0, False)


async def test_a_rate_limit_without_a_time_holds_for_a_while(office: Office) -> None:
    office.teams.fail("send", 429)
    error = await failure(office)
    assert isinstance(error, Retry)
    assert error.after == RATE_LIMITED_SECONDS


async def test_where_nobody_listens_nothing_was_sent(office: Office) -> None:
    await office.adapter._wire._tokens.token()
    await office.teams.refuse_connections()
    error = await failure(office)
    assert isinstance(error, Retry)
    assert (error.what, error.lost) == ("unreachable", False)


async def test_a_slow_teams_is_given_up_and_the_post_may_be_there(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_module, "TIMEOUT_SECONDS", 0.2)
    office.teams.hang("send", seconds=20)
    async with asyncio.timeout(5):
        error = await failure(office)
    assert isinstance(error, Retry)
    assert error.lost


async def test_a_token_that_teams_does_not_take_is_replaced_once(office: Office) -> None:
    await office.posted()
    before = len(office.teams.called("token"))
    office.teams.tokens.clear()
    await office.posted()
    assert len(office.teams.called("token")) == before + 1


async def test_a_token_that_is_never_taken_makes_the_place_unreachable_and_says_what_to_do(office: Office) -> None:
    office.teams.token_seconds = -1
    without_token(office)
    error = await failure(office)
    assert isinstance(error, Gone)
    assert "TEAMS_APP_ID" in error.todo
    assert len(office.teams.called("send")) == 2


async def test_a_wrong_secret_says_what_to_do_and_is_told_nobody(office: Office) -> None:
    office.teams.password = "another"
    without_token(office)
    error = await failure(office)
    assert isinstance(error, Gone)
    assert "TEAMS_APP_PASSWORD" in error.todo
    assert "the-client-secret" not in error.todo + str(error)


@pytest.mark.parametrize("trouble", ["fail", "hang", "drop", "break_"])
async def test_while_entra_is_away_a_card_waits(office: Office, trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso_adapters.teams.tokens.TIMEOUT_SECONDS", 0.3)
    teams = office.teams
    without_token(office)
    match trouble:
        case "fail":
            teams.fail("token", 503)
        case "hang":
            teams.hang("token", seconds=20)
        case "drop":
            teams.drop("token")
        case _:
            teams.break_("token", status=200)
    error = await failure(office)
    assert isinstance(error, Retry)
    assert not error.lost
    assert teams.messages == []


async def test_many_posts_share_one_token(office: Office) -> None:
    without_token(office)
    before = len(office.teams.called("token"))
    await asyncio.gather(*(office.adapter._wire._tokens.token() for _ in range(20)))
    assert len(office.teams.called("token")) == before + 1


class TestHosts:
    """Without the stand-in's keys, as in the world."""

    @pytest.mark.parametrize(
        "address",
        [
            "https://evil.example/",
            "http://smba.trafficmanager.net/amer/",
            "https://smba.trafficmanager.net.evil.example/",
            "https://user@smba.trafficmanager.net/",
            "https://127.0.0.1/",
            "http://127.0.0.1/",
            "https://169.254.169.254/",
            "https://[::1]/",
            "file:///etc/passwd",
            "https://[oops",
            "",
        ],
    )
    async def test_our_token_goes_to_microsofts_hosts_alone(self, teams: FakeTeams, address: str) -> None:
        world = {name: value for name, value in teams.settings().items() if name != "TEAMS_OPENID_URL"}
        settings = read(world)
        wire = Wire(settings, Tokens(settings))
        await wire.open()
        with pytest.raises(Gone) as raised:
            await wire.post(Address(CHANNEL, address), words("hello"))
        await wire.close()
        assert raised.value.what == "not_microsofts_address"
        assert teams.called("token") == []

    async def test_a_host_of_microsofts_that_leads_to_this_machine_is_not_spoken_to(
        self, teams: FakeTeams, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = {name: value for name, value in teams.settings().items() if name != "TEAMS_OPENID_URL"}
        settings = read(world)
        wire = Wire(settings, Tokens(settings))

        async def resolve(*_: Any, **__: Any) -> list[dict[str, Any]]:
            return [{"hostname": "x", "host": "127.0.0.1", "port": 443, "family": 2, "proto": 0, "flags": 0}]

        monkeypatch.setattr("aiohttp.TCPConnector._resolve_host", resolve)
        await wire.open()
        with pytest.raises(Retry):
            await wire.post(Address(CHANNEL, "https://smba.trafficmanager.net/amer/"), words("hello"))
        await wire.close()


class TestUpdates:
    @pytest.mark.parametrize("body", ["", "OK", "null"])
    async def test_that_teams_says_done_and_no_more_is_enough(self, office: Office, body: str) -> None:
        request, message = await office.posted()
        office.teams.break_("update", status=200, body=body)
        await office.adapter.update(office.desk.card(request), PLACE, message.id, "btn_x")

    async def test_a_card_that_was_deleted_is_gone(self, office: Office) -> None:
        request, message = await office.posted()
        message.deleted = True
        with pytest.raises(Gone):
            await office.adapter.update(office.desk.card(request), PLACE, message.id, "btn_x")


async def test_before_it_is_started_and_after_it_is_stopped_nothing_is_sent(teams: FakeTeams) -> None:
    settings = read(teams.settings())
    wire = Wire(settings, Tokens(settings))
    for step in (wire.close, wire.open, wire.close):
        await step()
    with pytest.raises(Retry) as raised:
        await wire.post(Address(CHANNEL, teams.service_url), words("hello"))
    assert raised.value.what == "not_connected"
