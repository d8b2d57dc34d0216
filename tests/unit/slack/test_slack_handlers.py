"""Each kind of payload reaches its own handler over the signed endpoint, and what nobody handles is 404."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from fakes.slack import FakeSlack
from sayso_adapters.slack.bolt import Dispatcher
from sayso_adapters.slack.callbacks import Callbacks
from sayso_adapters.slack.handlers import Handlers
from sayso_adapters.slack.manifest import EVENTS_PATH
from sayso_adapters.slack.settings import read
from sayso_bot.errors import Unavailable
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk

ACTION = {"type": "block_actions", "actions": [{"action_id": "approve"}]}
SUBMITTED = {"type": "view_submission", "view": {"type": "modal", "callback_id": "reason"}}
CLOSED = {"type": "view_closed", "view": {"type": "modal", "callback_id": "reason"}}
SHORTCUT = {"type": "shortcut", "callback_id": "sayso_pending"}
MESSAGE_ACTION = {"type": "message_action", "callback_id": "sayso_show"}
EVENT = {"type": "event_callback", "event": {"type": "app_home_opened"}}
COMMAND = {"command": "/sayso", "text": "pending", "user_id": "U0ANA"}

IN_A_FORM = [ACTION, SUBMITTED, CLOSED, SHORTCUT, MESSAGE_ACTION]


class Heard:
    """Handlers that keep what they were given, and answer with ``told``."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Mapping[str, Any]]] = []
        self.told: Mapping[str, Any] | None = None
        self.trouble: Exception | None = None

    @property
    def handlers(self) -> Handlers:
        return Handlers(
            on_action=lambda body: self._quietly("action", body),
            on_view=lambda body: self._hear("view", body),
            on_command=lambda body: self._hear("command", body),
            on_shortcut=lambda body: self._quietly("shortcut", body),
            on_event=lambda body: self._quietly("event", body),
        )

    async def _hear(self, kind: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if self.trouble is not None:
            raise self.trouble
        self.given.append((kind, body))
        return self.told

    async def _quietly(self, kind: str, body: Mapping[str, Any]) -> None:
        await self._hear(kind, body)


class Endpoint:
    def __init__(self, slack: FakeSlack, url: str) -> None:
        self._slack = slack
        self._url = url

    async def send(self, payload: Any) -> tuple[int, str]:
        """Send it as Slack does, signed: events as JSON, commands as a form, all else as JSON in a form."""
        headers = {}
        if payload.get("type") == "event_callback":
            body, headers = json.dumps(payload), {"Content-Type": "application/json"}
        else:
            body = urlencode(payload if "command" in payload else {"payload": json.dumps(payload)})
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self._url}{EVENTS_PATH}", data=body, headers={**self._slack.signed(body), **headers}
            ) as answer,
        ):
            return answer.status, await answer.text()


async def endpoint_of(slack: FakeSlack, handlers: Handlers) -> AsyncIterator[Endpoint]:
    around = Surroundings(MemoryDesk(admits=lambda _: True), slack.settings())
    settings = read(slack.settings())
    dispatcher = Dispatcher(settings, around.context, handlers)
    around.context.mount("POST", EVENTS_PATH, Callbacks(settings, around.context, dispatcher).receive)
    async with around.serving() as url:
        yield Endpoint(slack, url)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def endpoint(slack: FakeSlack, heard: Heard) -> AsyncIterator[Endpoint]:
    async for made in endpoint_of(slack, heard.handlers):
        yield made


@pytest.fixture
async def bare(slack: FakeSlack) -> AsyncIterator[Endpoint]:
    async for made in endpoint_of(slack, Handlers()):
        yield made


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (ACTION, "action"),
        (SUBMITTED, "view"),
        (CLOSED, "view"),
        (SHORTCUT, "shortcut"),
        (MESSAGE_ACTION, "shortcut"),
        (EVENT, "event"),
        (COMMAND, "command"),
    ],
)
async def test_a_payload_reaches_the_handler_of_its_kind(
    endpoint: Endpoint, heard: Heard, payload: dict[str, Any], kind: str
) -> None:
    assert await endpoint.send(payload) == (200, "")
    assert heard.given == [(kind, payload)]


@pytest.mark.parametrize("payload", [*IN_A_FORM, EVENT, COMMAND])
async def test_what_nobody_handles_is_404(bare: Endpoint, payload: dict[str, Any]) -> None:
    assert (await bare.send(payload))[0] == 404


@pytest.mark.parametrize("payload", [SUBMITTED, COMMAND])
async def test_a_view_and_a_command_may_be_answered(endpoint: Endpoint, heard: Heard, payload: dict[str, Any]) -> None:
    heard.told = {"response_action": "errors", "errors": {"reason": "Say why."}}
    status, text = await endpoint.send(payload)
    assert (status, json.loads(text)) == (200, heard.told)


@pytest.mark.parametrize("payload", [*IN_A_FORM, EVENT, COMMAND])
async def test_what_is_not_recorded_is_not_acknowledged(
    endpoint: Endpoint, heard: Heard, payload: dict[str, Any]
) -> None:
    heard.trouble = Unavailable("It is not known yet.", retry_after=1)
    assert await endpoint.send(payload) == (503, "")


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions", "actions": [{"action_id": 3}]},
        {"type": "block_actions", "actions": "approve"},
        {"type": "view_submission"},
        {"type": "view_submission", "view": {"type": "modal", "callback_id": None}},
        {"type": "shortcut"},
        {"type": "event_callback", "event": "app_uninstalled"},
        {"type": "url_verification", "challenge": 3},
        {"type": "something_new"},
    ],
)
async def test_an_odd_shape_reaches_nobody(endpoint: Endpoint, heard: Heard, payload: dict[str, Any]) -> None:
    assert (await endpoint.send(payload))[0] == 404
    assert heard.given == []


async def test_a_command_in_a_payload_of_another_kind_is_no_command(endpoint: Endpoint, heard: Heard) -> None:
    body = {"type": "something_new", "command": "/sayso"}
    assert (await endpoint.send(body))[0] == 404
    assert heard.given == []
