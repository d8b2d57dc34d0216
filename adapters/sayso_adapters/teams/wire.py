"""Teams as this adapter uses it: what is posted, changed and looked up at the Bot Connector, and what failures mean.

Nothing is ever sent twice here: a post whose answer was lost may be there, and whoever calls decides. Our token goes to
Microsoft's own hosts alone (`sayso_adapters.teams.hosts`), whatever address an activity has named. A failure is
`Retry`, `Gone` or `Rejected`, named by Teams' own short code where it gives one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
from microsoft_agents.activity import Activity, ChannelAccount, ConversationParameters
from microsoft_agents.hosting.core.connector.client import ConnectorClient
from pydantic import ValidationError

from sayso_adapters.patience import RATE_LIMITED_SECONDS, retry_after
from sayso_adapters.teams.hosts import Hosts
from sayso_adapters.teams.settings import TeamsSettings
from sayso_adapters.teams.tokens import Tokens
from sayso_bot.ports import AdapterError, Deleted, Gone, Rejected, Retry

TIMEOUT_SECONDS = 10.0
CONNECT_SECONDS = 5.0
MEMBERS_PER_PAGE = 500

TOKEN_REFUSED = "token_refused"  # noqa: S105 - a failure's name
MESSAGE_DELETED = "ActivityNotFoundInConversation"
NOT_MICROSOFTS = "not_microsofts_address"
FIXES: Mapping[str, str] = {
    TOKEN_REFUSED: "Teams does not take the app's token. Look whether TEAMS_APP_ID and TEAMS_TENANT_ID are the bot's.",
    "BotNotInConversationRoster": "The app is not there any more. Add it to the team or chat again.",
    "BotDisabledByAdmin": "The app is blocked in the Teams admin centre. Allow it there.",
    "ConversationBlockedByUser": "The person has blocked the app. They can unblock it in Teams.",
    "ConversationNotFound": "There is no such conversation any more. Name another in the policy.",
    "MessageWritesBlocked": "Teams lets nothing be written there: the person has no licence, or has blocked the app.",
    "too_large": "The card is larger than Teams takes.",
}

_CODE = re.compile(r"[A-Za-z0-9_]{1,64}\Z")
_AGAIN_SURELY = frozenset({408, 500, 502, 504})
"""After these the call may have taken effect."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Address:
    """Where something is said: a conversation, and the address of the connector that leads there now."""

    conversation: str
    service_url: str


class Wire:
    """`open` and `close` bracket its use.

    Each call has a connection of its own: on a kept one, a close by Teams looks like a lost answer.
    """

    def __init__(self, settings: TeamsSettings, tokens: Tokens) -> None:
        self._tokens = tokens
        self._hosts = Hosts(settings)
        self._clients: dict[str, ConnectorClient] = {}
        self._open = False

    async def open(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    async def post(self, to: Address, activity: Activity) -> str:
        """Post a new message, once; its id. Raises `AdapterError`."""

        async def send(client: ConnectorClient) -> str:
            said = await client.conversations.send_to_conversation(to.conversation, activity)
            if not said.id:
                raise ValueError("an answer without an id")
            return str(said.id)

        return await self._call(to.service_url, send, lost=True)

    async def update(self, to: Address, message: str, activity: Activity) -> None:
        """Replace a message of ours. Safe to repeat. Raises `AdapterError`."""

        async def send(client: ConnectorClient) -> None:
            try:
                await client.conversations.update_activity(to.conversation, message, activity)
            except aiohttp.ContentTypeError as error:
                if error.status >= 300:
                    raise
            except ValidationError:  # Teams says that it is done, and nothing else
                return

        await self._call(to.service_url, send, lost=True)

    async def open_chat(self, service_url: str, user: str, bot: str, tenant: str) -> str:
        """The personal chat with an account; asked again, Teams names the same. Raises `AdapterError`."""
        parameters = ConversationParameters(
            is_group=False,
            bot=ChannelAccount(id=bot),
            members=[ChannelAccount(id=user)],
            tenant_id=tenant,
            channel_data={"tenant": {"id": tenant}},
        )

        async def send(client: ConnectorClient) -> str:
            said = await client.conversations.create_conversation(parameters)
            if not said.id:
                raise ValueError("an answer without an id")
            return str(said.id)

        return await self._call(service_url, send, lost=False)

    async def member(self, to: Address, user: str) -> Mapping[str, Any]:
        """An account as the conversation's roster has it, by either of its ids. Raises `AdapterError`."""
        found = await self._get(to, f"v3/conversations/{_quoted(to.conversation)}/members/{_quoted(user)}")
        return found if isinstance(found, dict) else {}

    async def members(self, to: Address, page: str = "") -> tuple[list[Mapping[str, Any]], str]:
        """A page of the conversation's members, and what names the next one. Raises `AdapterError`."""
        more = {"continuationToken": page} if page else {}
        path = f"v3/conversations/{_quoted(to.conversation)}/pagedmembers"
        found = await self._get(to, path, pageSize=str(MEMBERS_PER_PAGE), **more)
        listed, following = (
            (found.get("members"), found.get("continuationToken")) if isinstance(found, dict) else ("", "")
        )
        members: list[Mapping[str, Any]] = []
        if isinstance(listed, list):
            members = [member for member in listed if isinstance(member, dict)]
        return members, following if isinstance(following, str) else ""

    async def channels(self, to: Address, team: str) -> list[Mapping[str, Any]]:
        """The channels of a team that the app is in. Raises `AdapterError`."""
        found = await self._get(to, f"v3/teams/{_quoted(team)}/conversations")
        listed = found.get("conversations") if isinstance(found, dict) else None
        return [channel for channel in listed if isinstance(channel, dict)] if isinstance(listed, list) else []

    async def _get(self, to: Address, path: str, **query: str) -> Any:
        async def send(client: ConnectorClient) -> Any:
            async with client.client.get(path, params=query, allow_redirects=False) as answer:
                if answer.status == 200:
                    return await answer.json(content_type=None)
                about, body = (answer.request_info, answer.history), await answer.text(errors="replace")
                raise aiohttp.ClientResponseError(*about, status=answer.status, message=body, headers=answer.headers)

        return await self._call(to.service_url, send, lost=False)

    async def _call(self, service_url: str, send: Callable[[ConnectorClient], Awaitable[T]], *, lost: bool) -> T:
        """One call. Where Teams refuses the token it has done nothing: then once more with a new one."""
        if not self._hosts.is_allowed(service_url):
            raise Gone(NOT_MICROSOFTS)
        token = await self._tokens.token()
        try:
            async with failures_named(lost=lost):
                return await send(self._client(service_url, token))
        except Gone as error:
            if error.what != TOKEN_REFUSED or not token:
                raise
            self._tokens.refused(token)
        token = await self._tokens.token()
        async with failures_named(lost=lost):
            return await send(self._client(service_url, token))

    def _client(self, service_url: str, token: str) -> ConnectorClient:
        if not self._open:
            raise Retry("not_connected")
        if service_url not in self._clients:
            limits = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=CONNECT_SECONDS)
            base = service_url if service_url.endswith("/") else f"{service_url}/"
            self._clients[service_url] = ConnectorClient(base, "", session=self._hosts.session(base, limits))
        client = self._clients[service_url]
        if token:
            client.client.headers.update({"Authorization": f"Bearer {token}"})
        return client


def _quoted(part: str) -> str:
    return quote(part, safe=":@=")


@asynccontextmanager
async def failures_named(*, lost: bool) -> AsyncIterator[None]:
    """Ten seconds for one call through the SDK, whose failures become an `AdapterError`.

    ``lost``: where no answer came, it matters that it may have taken effect.
    """
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            yield
    except aiohttp.ClientResponseError as error:
        raise _refused(error, lost=lost) from None
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise Retry("unreachable") from None
    except (aiohttp.ClientError, OSError):  # a time-out is an OSError too
        raise Retry("no_answer", lost=lost) from None
    except ValueError:  # an answer that is none of Teams', or a host that was found to lead elsewhere
        raise Retry("bad_answer", lost=lost) from None


def _refused(error: aiohttp.ClientResponseError, *, lost: bool) -> AdapterError:
    """What an answer means that is no success."""
    status, code = error.status, _code(error.message)
    after = retry_after(error.headers or {})
    failure: AdapterError
    if status < 300:
        failure = Retry("bad_answer", lost=lost)
    elif status == 401:
        failure = Gone(TOKEN_REFUSED)
    elif status == 404 and code == MESSAGE_DELETED:
        failure = Deleted(code)
    elif status in (403, 404):
        failure = Gone(code or ("forbidden" if status == 403 else "not_found"))
    elif status == 413 or code == "MessageSizeTooBig":
        failure = Rejected("too_large")
    elif status == 429:
        failure = Retry("rate_limited", after=after or RATE_LIMITED_SECONDS)
    elif status in (412, 503):
        failure = Retry(f"http_{status}", after=after)
    elif status in _AGAIN_SURELY or status > 500:
        failure = Retry(f"http_{status}", lost=lost)
    else:
        failure = Rejected(code or f"http_{status}")
    failure.todo = FIXES.get(failure.what, "")
    return failure


def _code(body: str) -> str:
    """The short code in Teams' account of an error, where there is one."""
    try:
        found = json.loads(body)
        code = found["error"]["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return code if isinstance(code, str) and _CODE.match(code) else ""
