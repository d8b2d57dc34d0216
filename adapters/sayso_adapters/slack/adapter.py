"""Slack as a place where people answer: the port, put together from its parts.

One workspace, one bot token, taps over HTTP at ``/slack/events``. A post is sent once; where its answer was lost it is
found again by the message's metadata, never sent blindly. What a person may do is the desk's to say; this adapter says
who the person is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from sayso_adapters.slack.blocks import MAX_TEXT, escape, plain, section, shortened
from sayso_adapters.slack.callbacks import Callbacks
from sayso_adapters.slack.cards import message
from sayso_adapters.slack.doctor import check_channels, check_secret
from sayso_adapters.slack.handlers import Handlers
from sayso_adapters.slack.mentions import mentions
from sayso_adapters.slack.people import USER
from sayso_adapters.slack.places import Places
from sayso_adapters.slack.settings import read
from sayso_adapters.slack.taps import Taps
from sayso_adapters.slack.thread import Thread
from sayso_adapters.slack.views import Views
from sayso_adapters.slack.wire import SCOPES
from sayso_adapters.slack.workspaces import OTHER_WORKSPACE, Workspace, Workspaces
from sayso_bot.domain.card import Card
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import REQUEST_ID
from sayso_bot.domain.story import Entry
from sayso_bot.ports import AdapterContext, AdapterError, Capabilities, Check, Gone, LookupFailed, Rejected

PATH = "/slack/events"
EVENT_TYPE = "sayso_request"
HISTORY_PAGE = 200
HISTORY_PAGES = 10
CLOCKS_APART_SECONDS = 3600
FINISH_SECONDS = 1.0


def create(context: AdapterContext) -> SlackAdapter:
    """The adapter, its route mounted. Nothing is sent before `SlackAdapter.start`."""
    return SlackAdapter(context)


class SlackAdapter:
    """`sayso_bot.ports.ChatAdapter` for Slack."""

    def __init__(self, context: AdapterContext) -> None:
        settings = read(context.settings)
        self._context = context
        only = Workspace(settings, context)
        self._workspaces = Workspaces(only)
        self._places = Places(context, self._workspaces)
        self._thread = Thread(context, self._workspaces, self._places)
        self._taps = Taps(context, self._workspaces, self._places)
        self._views = Views(context, self._workspaces)
        handlers = Handlers(on_action=self._act, on_view=self._views.submit)
        context.mount("POST", PATH, Callbacks(settings, context, handlers).receive)

    @property
    def name(self) -> str:
        return "slack"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(pushes=True, finds=True, narrates=True)

    async def start(self) -> None:
        await self._workspaces.open()

    async def stop(self) -> None:
        await asyncio.gather(self._taps.finish(FINISH_SECONDS), self._views.finish(FINISH_SECONDS))
        await self._workspaces.close()

    async def post(self, card: Card, place: str, button: str) -> str:
        workspace = self._workspaces.of_name(place)
        home = workspace.home
        said = await self._show(
            workspace,
            "chat.postMessage",
            card,
            button,
            mentions=mentions(card.named, place, home),
            channel=await self._places.channel(place, home),
            unfurl_links=False,
            unfurl_media=False,
            mrkdwn=False,
            parse="none",
            link_names=False,
        )
        channel = str(said["channel"])
        await self._places.answered(place, channel, home)
        return self._places.post_id(place, channel, str(said["ts"]), home)

    async def update(self, card: Card, place: str, post: str, button: str) -> None:
        workspace = self._workspaces.of_name(place)
        channel, ts = await self._places.message(place, post, workspace.home)
        await self._show(workspace, "chat.update", card, button, channel=channel, ts=ts, parse="none", link_names=False)

    async def find(self, request_id: str, place: str) -> str | None:
        workspace = self._workspaces.of_name(place)
        home = workspace.home
        channel = await self._places.channel(place, home)
        cursor = ""
        for _ in range(HISTORY_PAGES):
            said = await workspace.call(
                "conversations.history",
                channel=channel,
                include_all_metadata=True,
                limit=HISTORY_PAGE,
                **({"oldest": oldest} if (oldest := _oldest(request_id)) else {}),
                **({"cursor": cursor} if cursor else {}),
            )
            for found in said["messages"]:
                ours = found.get("user") == home.bot_user or (home.bot is not None and found.get("bot_id") == home.bot)
                if ours and _request_of(found) == request_id:
                    return self._places.post_id(place, channel, str(found["ts"]), home)
            cursor = (said.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None
        self._context.log.warning("slack.history_too_long", place=place, request=request_id)
        return None

    async def narrate(self, request_id: str, place: str, post: str, entry: Entry, *, look: bool) -> None:
        await self._thread.narrate(request_id, place, post, entry, look=look)

    async def notify(self, alias: str, text: str) -> None:
        workspace = self._workspace_of(alias) if alias.startswith("slack:") else None
        user = workspace.home.local(alias) if workspace else None
        if workspace is None or user is None or not USER.match(user):
            raise Rejected("not_a_slack_account")
        await workspace.call(
            "chat.postMessage",
            channel=user,
            text=escape(text),
            blocks=[section(plain(shortened(text, MAX_TEXT)))],
            unfurl_links=False,
            unfurl_media=False,
        )

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        try:
            workspace = self._workspace_of(approver)
        except AdapterError as error:
            raise LookupFailed(error.what) from None
        return await workspace.people.resolve(approver, fresh=fresh) if workspace else frozenset()

    async def recognise(self, person: Person) -> Person:
        for workspace in self._workspaces.all():
            person = await workspace.people.recognise(person)
        return person

    async def check(self) -> Sequence[Check]:
        tokens = [check for workspace in self._workspaces.all() for check in await _check_token(workspace)]
        channels = await check_channels(self._workspaces, self._context.desk.routes())
        secret = check_secret(read(self._context.settings).signing_secret)
        return [*tokens, *channels, secret, self._check_address(), self._check_clock()]

    def _workspace_of(self, name: str) -> Workspace | None:
        """The workspace of an alias or an approver, or None where Sayso is not in it. Raises `AdapterError`."""
        try:
            return self._workspaces.of_name(name)
        except Gone as error:
            if error.what == OTHER_WORKSPACE:
                return None
            raise

    async def _act(self, body: Mapping[str, Any]) -> None:
        """A button on a card, or one in a dialog."""
        await (self._views.step(body) if body.get("view") else self._taps.take(body))

    async def _show(
        self, workspace: Workspace, method: str, card: Card, button: str, *, mentions: str = "", **arguments: Any
    ) -> AsyncSlackResponse:
        """Send a card; where Slack refuses its blocks, once more with blocks that Slack has always had."""
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"request_id": card.request_id}}
        shown = message(card, button, mentions=mentions)
        try:
            return await workspace.call(method, text=shown.text, blocks=shown.blocks, metadata=metadata, **arguments)
        except Rejected as error:
            self._context.log.warning("slack.blocks_refused", request=card.request_id, what=error.what)
        shown = message(card, button, simple=True, mentions=mentions)
        return await workspace.call(method, text=shown.text, blocks=shown.blocks, metadata=metadata, **arguments)

    def _check_address(self) -> Check:
        url = f"{self._context.public_url.rstrip('/')}{PATH}"
        if url.startswith("https://"):
            return Check("slack address", ok=True, detail=f"The app's interactivity address must be {url}.")
        return Check("slack address", ok=False, detail=f"Slack sends taps to https only; SAYSO_PUBLIC_URL gives {url}.")

    def _check_clock(self) -> Check:
        right = self._context.clock_is_right()
        wrong = "This machine's clock is off, so every tap is refused with 503. Set it."
        return Check("slack clock", ok=right, detail="Signatures can be checked." if right else wrong)


async def _check_token(workspace: Workspace) -> list[Check]:
    try:
        home, scopes = await workspace.ask()
    except AdapterError as error:
        return [Check("slack token", ok=False, detail=f"Slack refuses or cannot be reached ({error.what}).")]
    missing = sorted(SCOPES - scopes)
    sentence = f"Add {', '.join(missing)} and install the app again." if missing else "All scopes are there."
    return [
        Check("slack token", ok=True, detail=f"The bot is {home.bot_user} in {home.name} ({home.team})."),
        Check("slack scopes", ok=not missing, detail=sentence),
    ]


def _request_of(found: dict[str, Any]) -> str | None:
    metadata = found.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return payload.get("request_id") if metadata.get("event_type") == EVENT_TYPE else None


def _oldest(request_id: str) -> str | None:
    """Where to stop looking: an hour before the time that the request's id carries."""
    if not REQUEST_ID.match(request_id):
        return None
    made = int(request_id.removeprefix("req_").replace("-", "")[:12], 16) / 1000
    return f"{max(0.0, made - CLOCKS_APART_SECONDS):.6f}"
