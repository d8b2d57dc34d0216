"""What calls itself Teams and is not, is refused before any of it is read: each line of the list, on the wire."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from microsoft_agents.activity import Activity

from fakes.teams import FakeTeams
from fakes.teams_tenant import TENANT
from sayso_adapters.teams import callbacks as callbacks_module
from sayso_adapters.teams.activities import Arrived
from sayso_adapters.teams.callbacks import Callbacks
from sayso_adapters.teams.keys import KeySet
from sayso_adapters.teams.proving import configuration
from sayso_adapters.teams.settings import read
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk

CHANNEL = "19:payments@thread.tacv2"
ELSEWHERE = "11111111-2222-3333-4444-555555555555"


class Door:
    """The handler alone, with what it let in. ``breaks`` is raised by whoever is told."""

    def __init__(self, teams: FakeTeams, around: Surroundings) -> None:
        self.teams = teams
        self.around = around
        self.heard: list[Arrived] = []
        self.breaks: Exception | None = None
        self.keys_now = 0.0
        settings = read(around.context.settings)
        self.keys = KeySet(settings.openid_url, lambda: self.keys_now)
        around.context.mount("POST", "/api/messages", Callbacks(settings, around.context, self.keys, self.hear).receive)

    async def hear(self, activity: Activity, at: Arrived) -> Mapping[str, Any] | None:
        if self.breaks is not None:
            raise self.breaks
        self.heard.append(at)
        return {"statusCode": 200, "type": "text", "value": "Heard."} if activity.type == "invoke" else None

    async def call(self, activity: Any = None, **changes: Any) -> int:
        """The status that a call gets: an invoke of Ana's, with what is changed of its token."""
        return (
            await self.teams.deliver(self.around.url, self.invoke() if activity is None else activity, **changes)
        ).status

    def invoke(self, **changes: Any) -> dict[str, Any]:
        made = self.teams.envelope(CHANNEL, "29:ana")
        return {**made, "type": "invoke", "name": "adaptiveCard/action", "value": {"secret": "s3cret"}, **changes}

    def logged(self) -> str:
        return json.dumps([str(line) for line in self.around.log.lines])


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with FakeTeams() as teams:
        teams.add_user("29:ana", name="Ana", email="ana@example.com")
        teams.add_channel(CHANNEL, ["29:ana"])
        around = Surroundings(MemoryDesk(), teams.settings())
        made = Door(teams, around)
        async with around.serving():
            yield made


async def test_what_teams_sends_is_heard_and_an_invoke_is_answered(door: Door) -> None:
    answer = await door.teams.deliver(door.around.url, door.invoke())
    assert (answer.status, answer.body["value"]) == (200, "Heard.")
    (at,) = door.heard
    assert (at.conversation, at.kind, at.user) == (CHANNEL, "channel", "29:ana")
    assert at.object_id == door.teams.aad("29:ana")


async def test_what_is_no_invoke_is_acknowledged(door: Door) -> None:
    assert await door.call({**door.invoke(), "type": "message", "text": "hello"}) == 202
    assert len(door.heard) == 1


@pytest.mark.parametrize(
    "forged",
    [
        {"authorization": ""},
        {"authorization": "Bearer "},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"authorization": "Bearer not.a.token"},
        {"authorization": "Bearer " + "x" * 5000},
        {"iss": f"https://sts.windows.net/{ELSEWHERE}/"},
        {"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0", "tid": TENANT},
        {"iss": "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"},
        {"iss": "https://api.botframework.com.evil.example"},
        {"iss": "https://api.botframework.us"},
        {"iss": None},
        {"iss": ["https://api.botframework.com"]},
        {"aud": ELSEWHERE},
        {"aud": None},
        {"aud": ["5ed1a8d2-90c0-4f1e-9d6b-7f1f6b1c0a11"]},
        {"exp": -900, "nbf": -3600},
        {"exp": None},
        {"nbf": 900},
        {"nbf": None},
        {"kid": "never-published"},
        {"kid": None},
        {"key": "somebody-elses"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"serviceurl": None},
        {"serviceurl": ""},
        {"serviceurl": "https://evil.example/amer/"},
    ],
    ids=str,
)
async def test_a_token_that_is_not_the_bot_frameworks_for_us_is_refused(door: Door, forged: dict[str, Any]) -> None:
    now = int(time.time())
    claims = {name: now + value if isinstance(value, int) else value for name, value in forged.items()}
    assert await door.call(**claims) == 401
    assert door.heard == []
    assert "s3cret" not in door.logged()


def test_the_sdk_is_told_to_look_at_the_issuer_and_at_no_anonymous_call(door: Door) -> None:
    told = configuration(read(door.teams.settings()))
    assert told.VALIDATE_ISSUER
    assert told.ISSUERS == ["https://api.botframework.com"]
    assert not told.ANONYMOUS_ALLOWED
    assert told.CLIENT_SECRET is None


async def test_a_token_of_microsofts_own_tenants_is_refused_although_the_sdk_takes_it(door: Door) -> None:
    tenant = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
    assert await door.call(iss=f"https://login.microsoftonline.com/{tenant}/v2.0", tid=tenant) == 401


@pytest.mark.parametrize(
    "swapped",
    ["https://evil.example/", "http://169.254.169.254/", "https://smba.trafficmanager.net.evil.example/amer/", "", 7],
)
async def test_a_connector_that_the_token_does_not_name_gets_nothing(door: Door, swapped: object) -> None:
    assert await door.call(door.invoke(serviceUrl=swapped)) in (400, 401)
    assert door.heard == []


@pytest.mark.parametrize(
    "host", ["https://evil.example/amer/", "http://10.0.0.1/", "https://user@smba.trafficmanager.net/"]
)
async def test_a_connector_that_is_not_microsofts_is_refused_even_where_the_token_names_it(
    door: Door, host: str
) -> None:
    assert await door.call(door.invoke(serviceUrl=host), serviceurl=host) == 401
    assert door.heard == []


async def test_another_connector_on_the_same_host_is_refused(door: Door) -> None:
    assert await door.call(door.invoke(serviceUrl=f"{door.teams.root}/emea/")) == 401


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"channelId": "webchat"}, "other_channel"),
        ({"channelId": "msteams:sub"}, "other_channel"),
        ({"channelId": None}, "other_channel"),
        ({"channelData": {"tenant": {"id": ELSEWHERE}}}, "other_tenant"),
        ({"channelData": None, "conversation": {"id": CHANNEL, "conversationType": "channel"}}, "other_tenant"),
        ({"conversation": {"id": CHANNEL, "conversationType": "channel", "tenantId": ELSEWHERE}}, "other_tenant"),
        ({"conversation": {"id": "../../v3/x", "conversationType": "channel", "tenantId": TENANT}}, "odd_conversation"),
        ({"conversation": {"id": CHANNEL, "conversationType": "meeting", "tenantId": TENANT}}, "odd_conversation"),
    ],
    ids=str,
)
async def test_another_channel_another_tenant_and_odd_shapes_are_refused(
    door: Door, changed: dict[str, Any], what: str
) -> None:
    assert await door.call(door.invoke(**changed)) == 403
    assert door.heard == []
    assert [line["what"] for line in door.around.log.of("teams.callback_refused")] == [what]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"type": ""}', b'{"type": 7}', b'{"a":' * 60000 + b"1" + b"}" * 60000],
)
async def test_what_is_no_activity_is_400_and_is_not_logged(door: Door, body: bytes) -> None:
    assert await door.call(body) == 400
    assert door.heard == []
    assert not [line for line in door.around.log.lines if line[0] in ("error", "exception")]


async def test_a_body_larger_than_any_of_teams_is_413(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks_module, "MAX_BODY", 10_000)
    assert await door.call(door.invoke(text="x" * 10_000)) == 413


async def test_a_forged_body_is_not_read_before_its_token(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks_module, "MAX_BODY", 10_000)
    assert await door.call(b"x" * 20_000, authorization="Bearer a.b.c") == 401


async def test_a_flood_of_forgeries_makes_ever_fewer_lines(door: Door) -> None:
    for _ in range(33):
        await door.call(authorization="")
    assert len(door.around.log.of("teams.callback_refused")) == 6


async def test_while_our_clock_is_off_nothing_is_believed(door: Door) -> None:
    door.around.clock_is_right = False
    assert await door.call() == 503
    assert door.heard == []


class TestKeys:
    async def test_while_the_keys_are_down_a_call_is_503_and_counts_after(self, door: Door) -> None:
        door.teams.fail("keys", 500)
        assert await door.call() == 503
        assert await door.call() == 503
        assert len(door.teams.called("keys")) == 1
        door.keys_now += 61
        assert await door.call() == 200

    @pytest.mark.parametrize("body", ["no json", "[]", '{"jwks_uri": "http://keys.example.com/"}', '{"jwks_uri": 7}'])
    async def test_metadata_that_cannot_be_read_or_lead_elsewhere_prove_nobody(self, door: Door, body: str) -> None:
        door.teams.break_("openid", status=200, body=body)
        assert await door.call() == 503
        assert door.heard == []

    async def test_slow_keys_hang_nobody(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sayso_adapters.teams.keys.FETCH_SECONDS", 0.1)
        door.teams.hang("keys", seconds=20)
        async with asyncio.timeout(5):
            assert await door.call() == 503

    async def test_forgeries_that_name_made_up_keys_fetch_nothing(self, door: Door) -> None:
        assert await door.call() == 200
        for number in range(20):
            assert await door.call(kid=f"made-up-{number}") == 401
        assert len(door.teams.called("keys")) == 1

    async def test_a_key_that_was_rotated_is_found_within_a_minute(self, door: Door) -> None:
        assert await door.call() == 200
        door.teams.rotate("bot-framework-2")
        assert await door.call(kid="bot-framework-2", key="bot-framework-2") == 401
        door.keys_now += 61
        assert await door.call(kid="bot-framework-2", key="bot-framework-2") == 200
        assert await door.call() == 401

    async def test_while_a_new_key_cannot_be_fetched_its_calls_are_503_and_those_of_known_keys_count(
        self, door: Door
    ) -> None:
        assert await door.call() == 200
        door.teams.rotate("bot-framework-2", keep=True)
        door.teams.fail("keys", 500)
        door.keys_now += 61
        assert await door.call(kid="bot-framework-2", key="bot-framework-2") == 503
        assert await door.call(kid="bot-framework-2", key="bot-framework-2") == 503
        assert await door.call() == 200
        door.keys_now += 61
        assert await door.call(kid="bot-framework-2", key="bot-framework-2") == 200
        assert await door.call(kid="never-published") == 401

    async def test_known_keys_go_on_counting_for_days_while_they_cannot_be_had(self, door: Door) -> None:
        assert await door.call() == 200
        door.teams.fail("openid", 500, times=100)
        door.keys_now += 2 * 86400
        assert await door.call() == 200
        door.keys_now += 4 * 86400
        assert await door.call() == 503

    async def test_a_key_that_vouches_for_other_channels_alone_proves_nobody(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published = door.teams.key_set()
        for key in published["keys"]:
            key["endorsements"] = ["webchat"]
        monkeypatch.setattr(door.teams, "key_set", lambda: published)
        assert await door.call() == 401


async def test_an_error_of_ours_reaches_no_chat(door: Door) -> None:
    door.breaks = RuntimeError("the text of an error")
    answer = await door.teams.deliver(door.around.url, door.invoke())
    assert answer.status == 500
    assert door.teams.called("send") == door.teams.called("reply") == []
    assert "the text" not in str(answer.body)


async def test_a_turn_asks_entra_for_no_token(door: Door) -> None:
    await door.call()
    assert door.teams.called("token") == []


async def test_a_body_that_never_ends_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks_module, "READ_SECONDS", 0.1)
    host, port = door.around.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    headers = f"Host: {host}\r\nAuthorization: {door.teams.headers()['Authorization']}\r\nContent-Length: 99"
    writer.write(f"POST /api/messages HTTP/1.1\r\n{headers}\r\n\r\n{{".encode())
    async with asyncio.timeout(5):
        assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
