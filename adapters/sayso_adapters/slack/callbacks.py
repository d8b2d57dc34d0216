"""What Slack sends us: proved to be Slack's before any of it is read, then handed to Bolt.

A checklist, each failure with its own answer: our clock is right (503), the body is not too large (413), is UTF-8
(400), carries Slack's signature (401), can be read (400). Bolt alone would answer 500 to half of these, and would log
the whole body of a forgery. What Slack signed is believed to come from Slack, and not to come from an approver.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.signature import SignatureVerifier

from sayso_adapters.slack.settings import SlackSettings
from sayso_adapters.slack.wire import client
from sayso_bot.errors import Unavailable
from sayso_bot.ports import AdapterContext

MAX_BODY = 1024 * 1024
READ_SECONDS = 10.0
HEADERS = ("content-type", "x-slack-signature", "x-slack-request-timestamp")
LONGEST_TIMESTAMP = 12

OnAction = Callable[[Mapping[str, Any]], Awaitable[None]]


class Callbacks:
    """The handler of ``/slack/events``. ``on_action`` is given each genuine tap, acknowledged when it returns.

    Where it raises `Unavailable` the answer is 503, at which Slack tells the tapper that something went wrong.
    """

    def __init__(self, settings: SlackSettings, context: AdapterContext, on_action: OnAction) -> None:
        self._context = context
        self._verifier = SignatureVerifier(settings.signing_secret)
        self._refusals = 0
        self._app = _bolt(settings, on_action, self._failed)

    async def receive(self, http_request: web.Request) -> web.StreamResponse:
        if not self._context.clock_is_right():
            return web.Response(status=503, headers={"Retry-After": "30"})
        body = await _read(http_request)
        if body is None:
            return self._refuse(413, "too_large")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return self._refuse(400, "not_utf8")
        headers = {name: http_request.headers.get(name, "") for name in HEADERS}
        if not self._is_genuine(text, headers):
            return self._refuse(401, "bad_signature")
        try:
            slack_request = AsyncBoltRequest(body=text, headers={**headers})
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            return self._refuse(400, "unreadable")
        if not _is_spoken(slack_request.body):
            return web.Response(status=404)
        return await to_aiohttp_response(await self._app.async_dispatch(slack_request))

    def _is_genuine(self, text: str, headers: Mapping[str, str]) -> bool:
        """Slack's v0 HMAC over body and time, five minutes either way. Odd header values are refused, not compared."""
        timestamp, signature = headers["x-slack-request-timestamp"], headers["x-slack-signature"]
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > LONGEST_TIMESTAMP:
            return False
        return signature.isascii() and self._verifier.is_valid(text, timestamp, signature)

    def _refuse(self, status: int, what: str) -> web.Response:
        """Nothing of the body is logged, and a flood of forgeries makes ever fewer lines."""
        self._refusals += 1
        if self._refusals & (self._refusals - 1) == 0:
            self._context.log.warning("slack.callback_refused", what=what, so_far=self._refusals)
        return web.Response(status=status)

    async def _failed(self, error: Exception) -> BoltResponse:
        if isinstance(error, Unavailable):
            return BoltResponse(status=error.status, body="")
        self._context.log.error("slack.callback_failed", error=type(error).__name__)
        return BoltResponse(status=500, body="")


def _is_spoken(body: object) -> bool:
    """Whether this is something that we asked Slack for. On other shapes Bolt fails, and then its error handler too."""
    if not isinstance(body, dict):
        return False
    if body.get("type") == "url_verification":
        return isinstance(body.get("challenge"), str)
    actions = body.get("actions")
    return (
        body.get("type") == "block_actions"
        and isinstance(actions, list)
        and bool(actions)
        and isinstance(actions[0], dict)
        and isinstance(actions[0].get("action_id"), str)
    )


async def _read(http_request: web.Request) -> bytes | None:
    """The body, or None when it is larger than any of Slack's or does not arrive whole."""
    if (http_request.content_length or 0) > MAX_BODY:
        return None
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in http_request.content.iter_chunked(64 * 1024):
                body += chunk
                if len(body) > MAX_BODY:
                    return None
    except (TimeoutError, ConnectionError):
        return None
    return bytes(body)


class _NoLookup(AsyncAuthorize):
    """Answers at once and with no token: a tap is worth no ``auth.test``, and who may decide is asked elsewhere."""

    def __init__(self) -> None:
        """Bolt's own initialiser does nothing and is not typed."""

    async def __call__(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None, **_: Any
    ) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, user_id=user_id)


def _bolt(
    settings: SlackSettings, on_action: OnAction, on_error: Callable[[Exception], Awaitable[BoltResponse]]
) -> AsyncApp:
    """Bolt with everything switched off that it would turn on by itself from the environment."""
    quiet = logging.getLogger("sayso.slack.bolt")
    quiet.setLevel(logging.ERROR)  # at INFO and WARNING Bolt writes whole bodies
    unused = "not-used"
    app = AsyncApp(
        name="sayso",
        logger=quiet,
        signing_secret=settings.signing_secret,
        client=client(settings, token=None, session=None),
        authorize=_NoLookup(),
        oauth_settings=AsyncOAuthSettings(
            client_id=unused,
            client_secret=unused,
            installation_store=AsyncInstallationStore(),
            state_store=AsyncOAuthStateStore(),
        ),
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
    )

    async def tapped(ack: Callable[[], Awaitable[Any]], body: dict[str, Any]) -> None:
        await on_action(body)
        await ack()

    async def failed(error: Exception) -> BoltResponse:
        return await on_error(error)

    app.block_action(re.compile(r".*", re.DOTALL))(tapped)
    app.error(failed)
    return app
