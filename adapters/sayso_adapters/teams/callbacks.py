"""What Teams sends us over HTTP: proved to be Teams' before any of it is read, then handed to the SDK's adapter.

A checklist, each failure with its own answer: the emulator calls from this machine (403), our clock is right (503), the
token is the Bot Framework's and for us (401; 503 while its keys cannot be had), the body is not too large (413), is
whole and an activity (400), the connector that it names is the token's and Microsoft's (401), the channel is Teams and
the tenant ours (403). Nothing of a body is ever logged, and no error's text reaches a chat.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from aiohttp import web
from microsoft_agents.activity import Activity, InvokeResponse
from microsoft_agents.hosting.aiohttp import CloudAdapter
from microsoft_agents.hosting.core import Agent, ChannelServiceClientFactoryBase, ClaimsIdentity, TurnContext
from pydantic import ValidationError

from sayso_adapters.callbacks import Refusals, body_of
from sayso_adapters.teams.activities import Arrived, arrived
from sayso_adapters.teams.hosts import Hosts
from sayso_adapters.teams.keys import KeySet, NoKeys
from sayso_adapters.teams.proving import Proof, Unproved
from sayso_adapters.teams.settings import TeamsSettings
from sayso_bot.domain.hosts import is_loopback
from sayso_bot.errors import SaysoError
from sayso_bot.ports import AdapterContext

MAX_BODY = 1024 * 1024
READ_SECONDS = 10.0
PASSED_ON = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
RETRY_AFTER = {"Retry-After": "30"}

Heard = Callable[[Activity, Arrived], Awaitable[Mapping[str, Any] | None]]
"""What is done about an activity; of an invoke, the body of the answer."""


class Callbacks:
    """The handler of ``/api/messages``."""

    def __init__(self, settings: TeamsSettings, context: AdapterContext, keys: KeySet, heard: Heard) -> None:
        self._settings = settings
        self._context = context
        self._proof = Proof(settings, keys)
        self._agent = _Hearing(settings, heard)
        self._adapter = CloudAdapter(channel_service_client_factory=_NoClients(), host_validator=Hosts(settings))
        self._adapter.on_turn_error = _raised
        self._refusals = Refusals(context.log, "teams")

    async def receive(self, http_request: web.Request) -> web.Response:
        if self._settings.local and not _is_from_here(http_request):
            return self._refusals.answer(403, "not_local")
        if not self._context.clock_is_right():
            return web.Response(status=503, headers=RETRY_AFTER)
        try:
            identity = await self._proof.of(http_request.headers.get("Authorization", ""))
        except Unproved as error:
            return self._refusals.answer(401, error.what)
        except NoKeys as error:
            self._context.log.warning("teams.keys_unavailable", what=error.what)
            return web.Response(status=503, headers=RETRY_AFTER)
        try:
            body = await body_of(http_request, MAX_BODY, READ_SECONDS)
        except (TimeoutError, ConnectionError):
            return self._refusals.answer(400, "not_whole")
        if body is None:
            return self._refusals.answer(413, "too_large")
        try:
            activity = _activity(body)
        except (ValidationError, ValueError, TypeError, RecursionError):
            return self._refusals.answer(400, "unreadable")
        try:
            _check(activity, identity, self._settings)
            return await self._turn(_Call(http_request.headers, activity, identity))
        except _Refused as error:
            return self._refusals.answer(error.status, error.what)

    async def _turn(self, call: _Call) -> web.Response:
        """Let the SDK's adapter take the turn; its answer."""
        try:
            answer = await self._adapter.process_request(call, self._agent)
        except SaysoError as error:
            self._context.log.warning("teams.callback_failed", code=error.code)
            return web.Response(status=503, headers=RETRY_AFTER)
        if answer.status_code >= 400:
            return self._refusals.answer(answer.status_code, "refused_by_sdk")
        if answer.body is None:
            return web.Response(status=answer.status_code)
        return web.json_response(answer.body, status=answer.status_code)


def _is_from_here(http_request: web.Request) -> bool:
    """Whether a call began on this machine: a tunnel's or a proxy's ends here, and says that it was passed on."""
    passed_on = any(name in http_request.headers for name in PASSED_ON)
    return is_loopback(http_request.remote or "") and not passed_on


class _Refused(Exception):
    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status
        self.what = what


def _activity(body: bytes) -> dict[str, Any]:
    """The activity that a body is. Raises `ValueError`, `ValidationError`, `TypeError`, `RecursionError`."""
    found = json.loads(body.decode())
    Activity.model_validate(found)
    return dict(found)


def _check(activity: Mapping[str, Any], identity: ClaimsIdentity, settings: TeamsSettings) -> None:
    """That the connector which an activity names is the token's own: the SDK looks at the host alone."""
    named = activity.get("serviceUrl")
    if not isinstance(named, str) or not named:
        raise _Refused(401, "service_url")
    if not settings.local and named.rstrip("/").lower() != identity.claims["serviceurl"].rstrip("/").lower():
        raise _Refused(401, "other_service_url")


class _Call:
    """A call whose body was read and whose caller was proved, as the SDK's adapter takes it."""

    method = "POST"

    def __init__(self, headers: Mapping[str, str], activity: dict[str, Any], identity: ClaimsIdentity) -> None:
        self.headers = headers
        self._activity = activity
        self._identity = identity

    async def json(self) -> dict[str, Any]:
        return self._activity

    def get_claims_identity(self) -> ClaimsIdentity:
        return self._identity

    def get_path_param(self, name: str) -> str:
        raise KeyError(name)


class _Hearing(Agent):
    """One turn: what came is read, handed on, and of an invoke the answer is left for the SDK to give."""

    def __init__(self, settings: TeamsSettings, heard: Heard) -> None:
        self._tenant = settings.tenant_id
        self._heard = heard

    async def on_turn(self, context: TurnContext) -> None:
        found = arrived(context.activity, self._tenant)
        if isinstance(found, str):
            raise _Refused(403, found)
        body = await self._heard(context.activity, found)
        if context.activity.type == "invoke" and body is not None:
            answer = InvokeResponse(status=200, body=dict(body))
            await context.send_activity(Activity(type="invokeResponse", value=answer))


async def _raised(_: TurnContext, error: Exception) -> NoReturn:
    """In place of the SDK's own, which posts an error's text into the chat."""
    raise error


class _NoClients(ChannelServiceClientFactoryBase):
    """In place of the SDK's own, which gets a token from Entra before each turn: a turn here needs none."""

    async def create_connector_client(self, *_: Any, **__: Any) -> Any:
        return _NoClient()

    async def create_user_token_client(self, *_: Any, **__: Any) -> Any:
        return _NoClient()


class _NoClient:
    async def close(self) -> None:
        return None
