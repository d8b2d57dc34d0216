"""Slack's own framework as the one dispatcher: what Slack sends, over HTTP or a socket, goes through it to `Handlers`.

Bolt would by itself answer before the work is done, look tokens up, keep installations in files, read the environment
and log whole bodies. All of that is off: an answer is given when the handler has returned, and only then. Each
transport proves that a payload is Slack's before it hands it over, so Bolt does not check signatures a second time.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from sayso_adapters.slack.handlers import Handlers, NotOffered, kind_of
from sayso_adapters.slack.settings import SlackSettings
from sayso_adapters.slack.wire import client
from sayso_bot.errors import Unavailable
from sayso_bot.ports import AdapterContext

ANYTHING = re.compile(r".*", re.DOTALL)
SILENT = logging.CRITICAL + 1
UNUSED = "not-used"

Listener = Callable[..., Awaitable[None]]


class Dispatcher:
    """`dispatch` answers for a payload: 200 when its handler returned, with what that told; else nothing was recorded.

    404 where nobody handles such a payload, 503 where the handler raised `Unavailable`, 500 where it broke.
    """

    def __init__(self, settings: SlackSettings, context: AdapterContext, handlers: Handlers) -> None:
        self._context = context
        self._handlers = handlers
        self.app = _quiet_app(settings)
        for listen_to in (
            self.app.block_action,
            self.app.view_submission,
            self.app.view_closed,
            self.app.command,
            self.app.shortcut,
            self.app.event,
        ):
            listen_to(ANYTHING)(self._listen)
        self.app.error(self._failed)

    async def dispatch(self, payload: object, headers: Mapping[str, str | Sequence[str]] | None = None) -> BoltResponse:
        """Hand a proved payload to its handler. ``headers`` are those of a delivery that Slack repeats."""
        if not isinstance(payload, dict) or kind_of(payload) is None:
            return BoltResponse(status=404)
        try:  # Bolt reads from it who and where, and takes objects for granted
            request = AsyncBoltRequest(mode="socket_mode", body=payload, headers=dict(headers or {}))
        except (TypeError, AttributeError):
            return BoltResponse(status=400)
        try:
            return await self.app.async_dispatch(request)
        except Exception as error:  # noqa: BLE001 - on odd shapes Bolt fails, and then its error handling too
            self._context.log.error("slack.callback_failed", error=type(error).__name__)  # noqa: TRY400 - its kind alone
            return BoltResponse(status=500)

    async def _listen(self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any]) -> None:
        told = await self._handlers.take(body)
        await (ack() if told is None else ack(dict(told)))

    async def _failed(self, error: Exception) -> BoltResponse:
        """Only the error's kind is logged: its text may hold what was sent."""
        if isinstance(error, NotOffered):
            return BoltResponse(status=404)
        if isinstance(error, Unavailable):
            return BoltResponse(status=error.status, headers={"Retry-After": error.retry_after_header or "1"})
        self._context.log.error("slack.callback_failed", error=type(error).__name__)
        return BoltResponse(status=500)


class _NoLookup(AsyncAuthorize):
    """Answers at once and with no token: a tap is worth no ``auth.test``, and who may decide is asked elsewhere."""

    def __init__(self) -> None:
        """Bolt's own initialiser does nothing and is not typed."""

    async def __call__(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None, **_: Any
    ) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, user_id=user_id)


def _quiet_app(settings: SlackSettings) -> AsyncApp:
    """Bolt with everything switched off that it would turn on by itself."""
    silent = logging.getLogger("sayso.slack.bolt")
    silent.setLevel(SILENT)  # from DEBUG to ERROR Bolt writes whole bodies
    return AsyncApp(
        name="sayso",
        logger=silent,
        process_before_response=True,
        signing_secret=UNUSED,
        request_verification_enabled=False,
        client=client(settings, token=None, session=None),
        authorize=_NoLookup(),
        oauth_settings=AsyncOAuthSettings(  # given, so that none is made from the environment
            client_id=UNUSED,
            client_secret=UNUSED,
            installation_store=AsyncInstallationStore(),
            state_store=AsyncOAuthStateStore(),
        ),
        ignoring_self_events_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
