"""Nobody but Teams is believed by the adapter as a whole: each part of a call forged in turn, with keys of our own.

Every test sends a real call to the adapter's own route, with nothing replaced in between, and sees what it learnt. How
keys are kept, and what odd bodies are answered, is tried beside it (test_teams_callbacks.py).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from microsoft_agents.activity import Activity

from fakes.teams import FakeTeams
from fakes.teams_activities import said
from fakes.teams_limits import Json
from sayso_adapters.teams import keys
from sayso_adapters.teams.activities import Arrived
from sayso_adapters.teams.adapter import create
from sayso_adapters.teams.callbacks import Callbacks
from sayso_adapters.teams.hosts import Hosts
from sayso_adapters.teams.proving import _Validator, configuration
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
    ("not yet valid", {"nbf": int(time.time()) + 86_400}),  # from when tests are collected, however long they take
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


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy this machine is, the keys arrive."""
    monkeypatch.setattr(keys, "FETCH_SECONDS", 30.0)


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


async def test_the_sdk_itself_is_set_to_believe_the_framework_alone(room: Room) -> None:
    """Our own look at the issuer stands behind it, so a call alone would not show that this one is gone."""
    settings = read(room.teams.settings())
    believing = _Validator(configuration(settings), keys.KeySet(settings.openid_url))
    token = room.teams.bearer
    assert (await believing.validate_token(token(service_url="x"))).claims["serviceurl"] == "x"
    with pytest.raises(ValueError, match="Invalid issuer"):
        await believing.validate_token(token(service_url="x", iss=f"https://sts.windows.net/{room.teams.tenant}/"))


async def test_keys_are_not_fetched_where_somebody_on_the_way_could_change_them(room: Room) -> None:
    elsewhere = room.teams.root.replace("127.0.0.1", "0.0.0.0") + "/v1/.well-known/keys"
    room.teams.break_("openid", status=200, body=json.dumps({"jwks_uri": elsewhere}))
    assert await room.status() == 503
    assert room.teams.called("keys") == []


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


@pytest.mark.parametrize("said", [{}, {"serviceUrl": None}, {"serviceUrl": ""}, {"serviceUrl": 7}, {"serviceUrl": "x"}])
async def test_a_call_that_names_no_connector_is_refused(room: Room, said: Json) -> None:
    words = room.words()
    del words["serviceUrl"]
    assert await room.status({**words, **said}) in (400, 401)
    assert await room.places() == []


async def test_a_call_to_nobody_is_refused_before_anything_is_done(room: Room) -> None:
    """The SDK would take the turn, and then find nobody as whom to answer."""
    words = room.words()
    del words["recipient"]
    assert await room.status(words) == 403
    assert await room.places() == []


@pytest.mark.parametrize("channel", ["webchat", "emulator", "directline", "msteams:copilot", "", None])
async def test_a_call_from_another_channel_is_refused(room: Room, channel: str | None) -> None:
    assert await room.status(room.words(channelId=channel)) in (400, 403)
    assert await room.places() == []


# --------------------------------------------------------------------------- nothing leaks


async def test_a_body_without_a_length_is_read_so_far_and_no_further(room: Room) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 64 * 1024

    headers = room.teams.headers()
    async with aiohttp.ClientSession() as session:
        with suppress(aiohttp.ClientConnectionError):  # it may stop listening before everything is sent
            async with session.post(f"{room.url}/api/messages", data=parts(), headers=headers) as answer:
                assert answer.status == 413
    assert room.around.log.of("teams.callback_refused")[-1]["what"] == "too_large"


async def test_a_body_that_announces_too_much_is_refused_before_it_comes(room: Room) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(room.url.rpartition(":")[2]))
    said = {**room.teams.headers(), "Host": "127.0.0.1", "Content-Length": "2000000"}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    writer.write(f"POST /api/messages HTTP/1.1\r\n{head}\r\n".encode())
    assert b" 413 " in await asyncio.wait_for(reader.readline(), 3)
    writer.close()


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


# --------------------------------------------------------------------------- the anonymous mode


async def test_anonymous_mode_off_loopback_is_refused() -> None:
    around = Surroundings(MemoryDesk(admits=lambda _: True), {"TEAMS_LOCAL": "1"})
    with pytest.raises(Unusable, match="TEAMS_LOCAL"):
        create(replace(around.context, loopback=False))
    create(around.context)
    async with around.serving():
        pass


async def test_in_anonymous_mode_only_this_machine_is_heard(room: Room, tmp_path: Path) -> None:
    """A caller without an address, by a socket in a folder, stands for one from elsewhere."""
    local = read({"TEAMS_LOCAL": "1", "TEAMS_TENANT_ID": room.teams.tenant})
    heard: list[str] = []

    async def hear(activity: Activity, _: Arrived) -> None:
        heard.append(str(activity.type))

    app = web.Application()
    app.router.add_post("/", Callbacks(local, room.around.context, keys.KeySet("http://127.0.0.1:1/"), hear).receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, tmp_path / "s").start()
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "s"))) as session,
        session.post("http://127.0.0.1/", json=room.words()) as answer,
    ):
        assert answer.status == 403
    await runner.cleanup()
    assert heard == []


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
