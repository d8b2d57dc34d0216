"""Nobody but Teams is believed at /api/messages: each part of a call forged in turn, with keys of our own.

Every test sends a real call over HTTP to the adapter's own route, with nothing replaced in between; that a genuine one
is taken is asserted beside each.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from fakes.teams import FakeTeams
from fakes.teams_activities import said
from fakes.teams_limits import Json
from sayso_adapters.teams import keys
from sayso_adapters.teams.adapter import create
from sayso_adapters.teams.hosts import Hosts
from sayso_adapters.teams.settings import read
from sayso_bot.errors import Unusable
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk

ANA, PLACE = "29:ana", "19:payments@thread.tacv2"
SECRET_WORDS = "words-that-must-not-be-logged"
NO_TOKENS: list[tuple[str, dict[str, Any]]] = [
    ("no token at all", {"authorization": ""}),
    ("another scheme", {"authorization": "Basic dXNlcjpwYXNz"}),
    ("a token that is none", {"authorization": "Bearer a.b.c"}),
    ("a token of a hundred thousand characters", {"authorization": f"Bearer {'a' * 6000}.b.c"}),
    ("issuer: Entra, for another tenant", {"iss": "https://sts.windows.net/11111111-1111-4111-8111-111111111111/"}),
    (
        "issuer: one of Microsoft's own tenants",
        {"iss": "https://sts.windows.net/f8cdef31-a31e-4b4a-93e4-5f571e91255a/"},
    ),
    ("issuer: written with a slash", {"iss": "https://api.botframework.com/"}),
    ("issuer: a government's", {"iss": "https://api.botframework.us"}),
    ("issuer: left out", {"iss": None}),
    ("issuer: a list", {"iss": ["https://api.botframework.com"]}),
    ("audience: another bot", {"aud": "11111111-1111-4111-8111-111111111111"}),
    ("audience: a list with ours", {"aud": ["5ed1a8d2-90c0-4f1e-9d6b-7f1f6b1c0a11"]}),
    ("audience: left out", {"aud": None}),
    ("audience: the framework itself", {"aud": "https://api.botframework.com"}),
    ("expired", {"exp": int(time.time()) - 900}),
    ("without an end", {"exp": None}),
    ("with an end that is text", {"exp": "tomorrow"}),
    ("not yet valid", {"nbf": int(time.time()) + 900}),
    ("without a beginning", {"nbf": None}),
    ("unknown key", {"kid": "made-up"}),
    ("no key named", {"kid": None}),
    ("a key named by a number", {"kid": 7}),
    ("signed with another key under a known name", {"key": "forger"}),
    ("alg none", {"alg": "none"}),
    ("alg HS256 with the public key as its secret", {"alg": "HS256"}),
    ("no connector named in the token", {"serviceurl": None}),
    ("the token of another connector", {"serviceurl": "https://smba.trafficmanager.net/emea/"}),
]


class Room:
    """One adapter and its stand-in. `taken` says whether a call had any effect."""

    def __init__(self, teams: FakeTeams, around: Surroundings, url: str) -> None:
        self.teams = teams
        self.around = around
        self.url = url

    def words(self, **changes: Any) -> Json:
        """A message to the bot, with parts of the activity changed."""
        base = self.teams.envelope(PLACE, ANA, thread=self.teams.new_id())
        return {**said(base, f"help {SECRET_WORDS}", message=self.teams.new_id(), mention=True), **changes}

    async def status(self, activity: Any = None, **token: Any) -> int:
        return (await self.teams.deliver(self.url, self.words() if activity is None else activity, **token)).status

    async def places(self) -> list[str]:
        return list(await self.around.shelf.names("place/"))

    def logged(self) -> str:
        return repr(self.around.log.lines)


@asynccontextmanager
async def a_room(settings: Mapping[str, str] | None = None, **changes: Any) -> AsyncIterator[Room]:
    async with FakeTeams() as teams:
        teams.add_user(ANA, name="Ana", email="ana@example.com")
        teams.add_channel(PLACE, [ANA])
        around = Surroundings(MemoryDesk(admits=lambda _: True), teams.settings() if settings is None else settings)
        adapter = create(around.context)
        async with around.serving() as url:
            await adapter.start()
            yield Room(teams, around, url)
            await adapter.stop()


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with a_room() as room:
        yield room


# --------------------------------------------------------------------------- tokens


@pytest.mark.parametrize(("what", "forged"), NO_TOKENS, ids=[what for what, _ in NO_TOKENS])
async def test_a_call_whose_token_is_not_the_frameworks_for_this_bot_is_401(
    room: Room, what: str, forged: dict[str, Any]
) -> None:
    assert await room.status(**forged) == 401, what
    assert await room.places() == []
    assert await room.status() in (200, 202)
    assert await room.places() == [f"place/{PLACE}"]


async def test_a_token_is_believed_a_little_beyond_its_time_and_no_longer(room: Room) -> None:
    assert await room.status(exp=int(time.time()) - 60) in (200, 202)
    assert await room.status(nbf=int(time.time()) + 60) in (200, 202)
    assert await room.status(exp=int(time.time()) - 400) == 401
    assert await room.status(nbf=int(time.time()) + 400) == 401


async def test_a_key_that_vouches_for_other_channels_only_is_no_key(room: Room) -> None:
    published = room.teams.key_set

    def for_others() -> Json:
        return {"keys": [{**key, "endorsements": ["webchat"]} for key in published()["keys"]]}

    room.teams.key_set = for_others  # type: ignore[method-assign]
    assert await room.status() == 401


async def test_a_new_key_is_found_without_a_restart(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await room.status() in (200, 202)
    room.teams.rotate("bot-framework-2")
    assert await room.status(kid="bot-framework-2", key="bot-framework-2") == 401
    monkeypatch.setattr(keys, "PAUSE_SECONDS", 0.0)
    assert await room.status(kid="bot-framework-2", key="bot-framework-2") in (200, 202)
    assert await room.status() == 401


async def test_a_flood_of_made_up_keys_does_not_fetch_the_keys_each_time(room: Room) -> None:
    assert await room.status() in (200, 202)
    fetched = len(room.teams.called("keys"))
    for number in range(20):
        assert await room.status(kid=f"made-up-{number}") == 401
    assert len(room.teams.called("keys")) == fetched


# --------------------------------------------------------------------------- keys that cannot be had


async def test_a_key_set_that_hangs_holds_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "FETCH_SECONDS", 1.0)
    async with a_room() as room:
        room.teams.hang("keys", seconds=60)
        call = asyncio.create_task(room.status())
        await room.teams.until_called("keys")
        began = time.monotonic()
        assert await room.status(authorization="") == 401
        assert time.monotonic() - began < 0.5
        assert await asyncio.wait_for(call, 5) == 503


@pytest.mark.parametrize("operation", ["openid", "keys"])
@pytest.mark.parametrize("body", ["", "[]", '{"keys": 7}', '{"jwks_uri": "http://elsewhere.example/keys"}', "x" * 100])
async def test_keys_that_are_none_make_nobody_believed(room: Room, operation: str, body: str) -> None:
    room.teams.break_(operation, status=200, body=body)
    assert await room.status() in (401, 503)
    assert await room.places() == []


async def test_while_the_keys_cannot_be_had_a_call_is_told_to_come_again(room: Room) -> None:
    room.teams.break_("openid", status=500)
    answer = await room.teams.deliver(room.url, room.words())
    assert answer.status == 503
    assert await room.places() == []


async def test_keys_that_were_had_go_on_counting_while_the_key_set_is_down(room: Room) -> None:
    assert await room.status() in (200, 202)
    await room.teams.refuse_connections()
    assert await room.status() in (200, 202)
    assert await room.status(key="forger") == 401


# --------------------------------------------------------------------------- what a proved call says


@pytest.mark.parametrize(
    "forged",
    ["https://evil.example/", "https://smba.trafficmanager.net.evil.example/amer/", "http://smba.trafficmanager.net/"],
)
async def test_our_token_never_goes_to_an_address_that_a_call_makes_up(room: Room, forged: str) -> None:
    assert await room.status(room.words(serviceUrl=forged)) == 401
    assert await room.places() == []
    assert await room.status(room.words(serviceUrl=forged), serviceurl=forged) == 401, "although the token agrees"
    assert await room.places() == []


async def test_an_address_on_this_machine_is_not_ours_where_the_keys_are_microsofts() -> None:
    """The stand-in may be met on this machine because its keys are from here; Microsoft's connector is never here."""
    async with FakeTeams() as teams:
        real = teams.settings() | {
            "TEAMS_OPENID_URL": "https://login.botframework.com/v1/.well-known/openidconfiguration"
        }
        hosts = Hosts(read(real))
        assert not hosts.is_allowed(teams.service_url)
        assert not hosts.is_allowed("https://127.0.0.1/amer/")
        assert hosts.is_allowed("https://smba.trafficmanager.net/amer/")
        assert Hosts(read(teams.settings())).is_allowed(teams.service_url)


@pytest.mark.parametrize("missing", [None, "", 7, "not an address"])
async def test_a_call_that_names_no_connector_is_refused(room: Room, missing: Any) -> None:
    assert await room.status(room.words(serviceUrl=missing)) in (400, 401)
    assert await room.places() == []


@pytest.mark.parametrize("channel", ["webchat", "emulator", "directline", "msteams:copilot", "", None])
async def test_a_call_from_another_channel_is_refused(room: Room, channel: str | None) -> None:
    assert await room.status(room.words(channelId=channel)) in (400, 403)
    assert await room.places() == []


@pytest.mark.parametrize(
    "change",
    [
        {"channelData": {"tenant": {"id": "11111111-1111-4111-8111-111111111111"}}},
        {"channelData": {}, "conversation": {"id": PLACE, "conversationType": "channel"}},
        {
            "conversation": {
                "id": PLACE,
                "conversationType": "channel",
                "tenantId": "11111111-1111-4111-8111-111111111111",
            }
        },
        {"channelData": {"tenant": {"id": ["a"]}}, "conversation": {"id": PLACE, "conversationType": "channel"}},
    ],
)
async def test_a_call_of_another_tenant_is_refused(room: Room, change: dict[str, Any]) -> None:
    assert await room.status(room.words(**change)) == 403
    assert await room.places() == []


async def test_while_our_clock_is_wrong_no_call_is_believed(room: Room) -> None:
    room.around.clock_is_right = False
    assert await room.status() == 503
    assert await room.places() == []


# --------------------------------------------------------------------------- nothing leaks


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe" + SECRET_WORDS.encode(),
        b"[" * 100_000,
        json.dumps([SECRET_WORDS]).encode(),
        json.dumps({"type": SECRET_WORDS}).encode(),
        json.dumps({"type": "message", "conversation": SECRET_WORDS}).encode(),
        json.dumps({"type": "message", "text": {"a": SECRET_WORDS}, "conversation": {"id": PLACE}}).encode(),
        b'{"type": "message", "pad": "' + b"x" * 2_000_000 + b'"}',
    ],
    ids=["empty", "no text", "deep", "a list", "odd type", "odd conversation", "odd text", "2 MB"],
)
async def test_a_body_that_is_no_activity_is_refused_and_never_logged(room: Room, body: bytes) -> None:
    assert await room.status(body) in (400, 401, 403, 413)
    assert SECRET_WORDS not in room.logged()
    assert room.around.failures == []


async def test_neither_body_nor_token_of_a_refused_call_is_logged(
    room: Room, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token = room.teams.bearer(service_url=room.teams.service_url, key="forger")
    assert await room.status(authorization=f"Bearer {token}") == 401
    assert await room.status() in (200, 202)
    everything = room.logged() + capsys.readouterr().out + capsys.readouterr().err + caplog.text
    assert SECRET_WORDS not in everything
    assert token not in everything
    assert not any(given in everything for given in room.teams.tokens)
    assert room.teams.password not in everything


async def test_a_flood_of_forgeries_makes_few_lines(room: Room) -> None:
    for _ in range(40):
        assert await room.status(authorization="") == 401
    assert len(room.around.log.of("teams.callback_refused")) <= 6


async def test_what_breaks_in_a_turn_is_not_told_to_the_chat(room: Room) -> None:
    room.around.shelf.broken = None
    assert await room.status() in (200, 202)
    before = len(room.teams.calls)

    class Broken(Exception):
        pass

    async def broken(*_: object, **__: object) -> Any:
        raise Broken(SECRET_WORDS)

    room.around.shelf.get = broken  # type: ignore[method-assign]
    room.around.shelf.put = broken  # type: ignore[method-assign]
    room.around.shelf.names = broken  # type: ignore[method-assign]
    answer = await room.teams.deliver(
        room.url, room.words(conversation={**room.words()["conversation"], "id": "19:new"})
    )
    assert SECRET_WORDS not in json.dumps(answer.body)
    told = [call for name, call in room.teams.calls[before:] if name in ("send", "reply")]
    assert SECRET_WORDS not in json.dumps(told)


# --------------------------------------------------------------------------- the anonymous mode


async def test_anonymous_mode_off_loopback_is_refused() -> None:
    around = Surroundings(MemoryDesk(admits=lambda _: True), {"TEAMS_LOCAL": "1"})
    with pytest.raises(Unusable, match="TEAMS_LOCAL"):
        create(replace(around.context, loopback=False))
    create(around.context)
    async with around.serving():
        pass


async def test_in_anonymous_mode_no_connector_but_this_machines_is_spoken_to() -> None:
    async with a_room({"TEAMS_LOCAL": "1", "TEAMS_TENANT_ID": FakeTeams().tenant}) as room:
        room.teams.anonymous = True
        for forged in (
            "https://smba.trafficmanager.net.evil.example/",
            "http://10.0.0.1/",
            "http://127.0.0.1.example/",
        ):
            assert await room.status(room.words(serviceUrl=forged)) == 401
        assert await room.places() == []
        assert await room.status() in (200, 202)
        assert await room.places() == [f"place/{PLACE}"]
