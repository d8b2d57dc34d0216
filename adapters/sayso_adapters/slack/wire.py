"""Slack's Web API as this adapter uses it: the methods with the scopes that they need, and what their failures mean.

Nothing is ever sent twice here. slack_sdk re-sends a post whose connection broke, which makes two cards, so its retry
handlers are off; whoever calls decides. A failure is `Retry`, `Gone` or `Rejected`, named by Slack's own short code.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from sayso_adapters.patience import RATE_LIMITED_SECONDS, retry_after
from sayso_adapters.slack.pinned import FILES, is_slacks
from sayso_adapters.slack.settings import SlackSettings
from sayso_bot.domain.hosts import is_loopback
from sayso_bot.ports import AdapterError, Deleted, Gone, Rejected, Retry

TIMEOUT_SECONDS = 10.0
CONNECT_SECONDS = 5.0
IDLE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Method:
    """``writes``: sent as JSON. ``once``: sending it again would make a second message. ``changes``: sending it again
    would not, but people may have seen what it changed.
    """

    scopes: tuple[str, ...] = ()
    writes: bool = False
    once: bool = False
    changes: bool = False


METHODS: Mapping[str, Method] = {
    "apps.connections.open": Method(writes=True),  # with the app-level token, whose scope is connections:write
    "auth.revoke": Method(),
    "auth.test": Method(),
    "oauth.v2.access": Method(once=True),
    "chat.postMessage": Method(("chat:write",), writes=True, once=True),
    "chat.update": Method(("chat:write",), writes=True, changes=True),
    "chat.postEphemeral": Method(("chat:write",), writes=True),
    "conversations.history": Method(("channels:history", "groups:history", "im:history")),
    "conversations.open": Method(("im:write",), writes=True),
    "conversations.info": Method(("channels:read", "groups:read")),
    "conversations.replies": Method(("channels:history", "groups:history", "im:history")),
    "conversations.members": Method(("channels:read", "groups:read")),
    "files.info": Method(("files:read",)),
    "users.info": Method(("users:read", "users:read.email")),
    "users.lookupByEmail": Method(("users:read.email",)),
    "usergroups.users.list": Method(("usergroups:read",)),
    "views.open": Method(writes=True),
    "views.publish": Method(writes=True),
    "views.update": Method(writes=True),
}
SCOPES = frozenset(scope for method in METHODS.values() for scope in method.scopes)

_BUSY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_DOWN = frozenset({"service_unavailable", "team_added_to_org"})
# Slack documents that "some aspect of the operation" may have succeeded before these.
_BROKE_MIDWAY = frozenset({"internal_error", "fatal_error", "request_timeout"})
_GONE = frozenset(
    {
        "access_denied",
        "account_inactive",
        "cannot_dm_bot",
        "cannot_reply_to_message",
        "channel_is_limited_access",
        "channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
        "user_not_found",
        "user_not_in_channel",
    }
)
MESSAGE_DELETED = "message_not_found"
TOKEN_REFUSED = frozenset({"account_inactive", "invalid_auth", "token_expired", "token_revoked"})
_CODE = re.compile(r"[a-z0-9_]{1,64}\Z")


class Tokens(Protocol):
    """Where a connection's bot token comes from. slack_sdk sends it as a header, whatever the arguments are."""

    async def token(self) -> str:
        """The token to use now. Raises `AdapterError`."""
        ...

    async def refused(self, token: str, what: str) -> str | None:
        """Slack refuses ``token``: the one that came after it, or None where there is no other. Raises `AdapterError`.

        ``what`` is one of `TOKEN_REFUSED`.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneToken:
    """A token that never changes."""

    bot_token: str

    async def token(self) -> str:
        return self.bot_token

    async def refused(self, token: str, what: str) -> str | None:
        return None


class Wire:
    """One workspace's connection. `open` and `close` bracket its use.

    What must be sent once goes over a connection of its own: on a kept one, a close by Slack looks like a lost answer,
    and the card would wait for a look-up that it does not need.
    """

    def __init__(self, settings: SlackSettings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._kept: AsyncWebClient | None = None
        self._fresh: AsyncWebClient | None = None

    async def open(self) -> None:
        self._kept = self._client(aiohttp.TCPConnector(keepalive_timeout=IDLE_SECONDS))
        self._fresh = self._client(aiohttp.TCPConnector(force_close=True))

    async def close(self) -> None:
        for used in (self._kept, self._fresh):
            if used is not None and used.session is not None:
                await used.session.close()
        self._kept = self._fresh = None

    def _client(self, connector: aiohttp.TCPConnector) -> AsyncWebClient:
        limits = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=CONNECT_SECONDS)
        session = aiohttp.ClientSession(timeout=limits, connector=connector)
        return client(self._settings, token=None, session=session)

    async def call(self, method: str, /, **arguments: Any) -> AsyncSlackResponse:
        """Call ``method`` once, within ten seconds. Raises `AdapterError`.

        Where Slack refuses the token, it has done nothing: then once more with the one that came after it, if any.
        """
        token = await self._tokens.token()
        try:
            return await self._send(token, method, arguments)
        except Gone as error:
            newer = await self._tokens.refused(token, error.what) if error.what in TOKEN_REFUSED else None
            if newer is None:
                raise
        return await self._send(newer, method, arguments)

    async def get(self, url: str) -> aiohttp.ClientResponse:
        """Begin to fetch a file with the token, from Slack's own host for files and nowhere else.

        Who reads it bounds size and time, and closes it. Raises `AdapterError`, and what aiohttp raises.
        """
        if not is_slacks(url, self._settings.api_url, FILES):
            raise Gone("not_slacks_address")
        used = self._kept
        if used is None or used.session is None:
            raise Retry("not_connected")
        return await used.session.get(
            url,
            headers={"Authorization": f"Bearer {await self._tokens.token()}", "Accept-Encoding": "identity"},
            allow_redirects=False,
            proxy=used.proxy,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=TIMEOUT_SECONDS),
        )

    async def _send(self, token: str, method: str, arguments: Mapping[str, Any]) -> AsyncSlackResponse:
        shape = METHODS[method]
        used = self._fresh if shape.once else self._kept
        if used is None:
            raise Retry("not_connected")
        async with failures_named(lost=shape.once or shape.changes):
            if shape.writes:
                said = await used.api_call(method, json={**arguments, "token": token})
            else:
                said = await used.api_call(method, http_verb="GET", params={**arguments, "token": token})
        return said


@asynccontextmanager
async def failures_named(*, lost: bool) -> AsyncIterator[None]:
    """Ten seconds for one call through slack_sdk, whose failures become an `AdapterError`.

    ``lost``: where no answer came, it matters that it may have taken effect.
    """
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            yield
    except SlackApiError as error:
        raise _refused(error.response, lost=lost) from None
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError):
        raise Retry("unreachable") from None
    except (aiohttp.ClientError, OSError):  # a time-out is an OSError too
        raise Retry("no_answer", lost=lost) from None
    except (AttributeError, ValueError):  # slack_sdk reads an answer that is no JSON object as if it were one
        raise Retry("bad_answer", lost=lost) from None


def next_page(said: Mapping[str, Any] | AsyncSlackResponse) -> str:
    """The cursor with which the next page of an answer is asked for; empty where this is the last."""
    return (said.get("response_metadata") or {}).get("next_cursor") or ""


def client(settings: SlackSettings, *, token: str | None, session: aiohttp.ClientSession | None) -> AsyncWebClient:
    """A Web API client that sends once, logs no bodies, and honours NO_PROXY, which slack_sdk does not read."""
    quiet = logging.getLogger("sayso.slack.api")
    quiet.setLevel(logging.WARNING)
    made = AsyncWebClient(
        token=token,
        base_url=settings.api_url,
        timeout=int(TIMEOUT_SECONDS),
        session=session,
        retry_handlers=[],
        logger=quiet,
    )
    host = urlsplit(settings.api_url).hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        made.proxy = None
    return made


def _refused(response: Any, *, lost: bool) -> AdapterError:
    """What an answer without ``ok`` means. ``response`` is slack_sdk's, or aiohttp's where the body was no JSON."""
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    data = getattr(response, "data", None)
    said = data.get("error") if isinstance(data, dict) else None
    code = said if isinstance(said, str) and _CODE.match(said) else None
    if status == 429 or code in _BUSY:
        return Retry("rate_limited", after=retry_after(response.headers) or RATE_LIMITED_SECONDS)
    if status == 503 or code in _DOWN:
        return Retry(code or "http_503")
    if status >= 500 or code in _BROKE_MIDWAY:
        return Retry(code or f"http_{status}", lost=lost)
    if code is None:
        return Retry("bad_answer", lost=lost) if status == 200 else Retry(f"http_{status}")
    if code == MESSAGE_DELETED:
        return Deleted(code)
    return Gone(code) if code in _GONE else Rejected(code)
