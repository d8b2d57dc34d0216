"""Slack as a place where people answer: the port, put together from its parts.

Taps come over HTTP at ``/slack/events``, over sockets that we open, or both, and are dispatched alike. A post is sent
once; where its answer was lost it is found again by the message's metadata, never sent blindly. What a person may do is
the desk's to say; this adapter says who the person is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from sayso_adapters.slack.admin import Admins
from sayso_adapters.slack.admin_views import ADMIN
from sayso_adapters.slack.blocks import AS_IT_IS, MAX_TEXT, escape, plain, section
from sayso_adapters.slack.bolt import Dispatcher
from sayso_adapters.slack.callbacks import Callbacks
from sayso_adapters.slack.cards import message
from sayso_adapters.slack.connected import Connected
from sayso_adapters.slack.connections import connections
from sayso_adapters.slack.doctor import FIXES, check, look_at
from sayso_adapters.slack.handlers import Handlers, NotOffered
from sayso_adapters.slack.history import newest
from sayso_adapters.slack.home_tab import HomeTab
from sayso_adapters.slack.listing import listing_message
from sayso_adapters.slack.manifest import EVENTS_PATH
from sayso_adapters.slack.marks import metadata, request_of
from sayso_adapters.slack.mentions import mentions
from sayso_adapters.slack.overview import READING
from sayso_adapters.slack.places import Places
from sayso_adapters.slack.settings import read
from sayso_adapters.slack.shortcuts import Shortcuts
from sayso_adapters.slack.slash import Slash
from sayso_adapters.slack.socket import Sockets
from sayso_adapters.slack.taps import Taps
from sayso_adapters.slack.thread import Thread
from sayso_adapters.slack.views import Views
from sayso_adapters.slack.workspaces import NOT_INSTALLED, OTHER_WORKSPACE, Workspace
from sayso_bot.domain.card import Card, approvers
from sayso_bot.domain.listing import Listing
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.person import Person
from sayso_bot.domain.story import Entry
from sayso_bot.domain.wording import shortened
from sayso_bot.errors import Unavailable
from sayso_bot.ports import (
    AdapterContext,
    AdapterError,
    Capabilities,
    Check,
    Gone,
    LookupFailed,
    PlaceLook,
    Rejected,
    Retry,
)

FINISH_SECONDS = 1.0
_CAPABILITIES = Capabilities(pushes=True, finds=True, narrates=True, notifies=True)


def create(context: AdapterContext) -> SlackAdapter:
    """The adapter, its route mounted. Nothing is sent before `SlackAdapter.start`."""
    return SlackAdapter(context)


class SlackAdapter:
    """`sayso_bot.ports.ChatAdapter` for Slack."""

    def __init__(self, context: AdapterContext) -> None:
        settings = read(context.settings)
        self._context = context
        self._workspaces, departures = connections(settings, context)
        self._places = Places(context, self._workspaces)
        self._thread = Thread(context, self._workspaces, self._places)
        self._taps = Taps(context, self._workspaces, self._places)
        self._views = Views(context, self._workspaces)
        inbox = f"{context.public_url.rstrip('/')}/inbox"
        self._home_tab = HomeTab(context, self._workspaces, inbox)
        self._shortcuts = Shortcuts(context, self._workspaces, inbox)
        self._admins = Admins(context, self._workspaces)
        handlers = Handlers(
            on_action=self._act,
            on_view=self._submit,
            on_command=Slash(context, self._workspaces, inbox, self._admins).answer,
            on_shortcut=self._shortcuts.take,
            on_event=self._hear,
        )
        connected = Connected(settings, context, self._workspaces, departures)
        dispatcher = Dispatcher(settings, context, connected.handlers(handlers))
        if settings.over_http:
            context.mount("POST", EVENTS_PATH, Callbacks(settings, context, dispatcher).receive)
        self._sockets = Sockets(settings, context, dispatcher) if settings.over_socket else None

    @property
    def name(self) -> str:
        return "slack"

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    async def start(self) -> None:
        await self._workspaces.open()
        if self._sockets is not None:
            await self._sockets.start()

    async def stop(self) -> None:
        await asyncio.gather(*(part.finish(FINISH_SECONDS) for part in (self._taps, self._views, self._admins)))
        if self._sockets is not None:
            await self._sockets.stop()
        await self._workspaces.close()

    async def post(self, card: Card, place: str, button: str) -> str:
        workspace = await self._workspace_of(place)
        home = workspace.home
        said = await self._show(
            workspace,
            "chat.postMessage",
            card,
            button,
            mentions=mentions(card.named, place, home),
            channel=await self._places.channel(place, home),
            **AS_IT_IS,
        )
        return await self._places.posted(place, said, home)

    async def update(self, card: Card, place: str, post: str, button: str) -> None:
        workspace = await self._workspace_of(place)
        channel, ts = await self._places.message(place, post, workspace.home)
        await self._show(workspace, "chat.update", card, button, channel=channel, ts=ts, parse="none", link_names=False)

    async def post_listing(self, listing: Listing, place: str) -> str:
        workspace = await self._workspace_of(place)
        home = workspace.home
        named = [name for listed in listing.rows for name in approvers(listed.request)]
        said = await workspace.call(
            "chat.postMessage",
            **_listing_arguments(listing, mentions(named, place, home)),
            channel=await self._places.channel(place, home),
            **AS_IT_IS,
        )
        return await self._places.posted(place, said, home)

    async def update_listing(self, listing: Listing, place: str, post: str) -> None:
        workspace = await self._workspace_of(place)
        channel, ts = await self._places.message(place, post, workspace.home)
        arguments = _listing_arguments(listing, "")
        await workspace.call("chat.update", **arguments, channel=channel, ts=ts, parse="none", link_names=False)

    async def find(self, request_id: str, place: str) -> str | None:
        workspace = await self._workspace_of(place)
        home = workspace.home
        channel = await self._places.channel(place, home)

        def is_wanted(message: Mapping[str, Any]) -> bool:
            return request_of(message) == request_id

        found = await newest(workspace, channel, request_id, is_wanted, self._context.log)
        return None if found is None else self._places.post_id(place, channel, found, home)

    async def narrate(self, place: str, post: str, entries: Sequence[Entry]) -> None:
        await self._workspace_of(place)
        await self._thread.narrate(place, post, entries)

    async def told(self, place: str, post: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        await self._workspace_of(place)
        return await self._thread.told(place, post, entries)

    async def notify(self, address: str, entry: Entry, *, near: str, look: bool) -> str | None:
        return await self._thread.notify(address, entry, near=near, look=look)

    async def announce(self, notice: Notice, place: str) -> str:
        try:
            workspace = await self._workspace_of(place)
            home = workspace.home
            said = await workspace.call(
                "chat.postMessage",
                text=escape(notice.text),
                blocks=[section(plain(shortened(notice.text, MAX_TEXT)))],
                metadata=metadata(notice.id),
                channel=await self._places.channel(place, home),
                **AS_IT_IS,
            )
        except AdapterError as error:
            error.todo = FIXES.get(error.what, "")
            raise
        return await self._places.posted(place, said, home)

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        try:
            workspace = await self._ours(approver)
        except AdapterError as error:
            raise LookupFailed.of(error) from None
        return await workspace.people.resolve(approver, fresh=fresh) if workspace else frozenset()

    async def recognise(self, person: Person) -> Person:
        """Raises `LookupFailed` also where only a workspace that refuses its token could know them."""
        if not any(alias.startswith("email:") for alias in person.aliases):
            return person
        try:
            await self._workspaces.ready()
        except Unavailable as error:
            raise LookupFailed(error.code) from None
        found = person
        unasked: LookupFailed | None = None
        for workspace in self._workspaces.all():
            try:
                found = await workspace.people.recognise(found)
            except LookupFailed as error:
                if workspace in self._workspaces.peopled():
                    raise
                unasked = error
        if unasked is not None and found == person:
            raise LookupFailed(unasked.what, lasting=True)
        return found

    async def look_at(self, place: str) -> PlaceLook:
        """See `sayso_bot.ports.LooksAtPlaces`."""
        try:
            await self._workspaces.ready(place)
        except Unavailable as error:
            return PlaceLook(False, f"{place}: {error.detail}")
        return await look_at(self._workspaces, place)

    async def check(self) -> Sequence[Check]:
        await self._workspaces.ready()
        return await check(self._context, self._workspaces, self._sockets)

    async def _workspace_of(self, name: str) -> Workspace:
        """The workspace of a place or an alias. Raises `AdapterError`."""
        try:
            await self._workspaces.ready(name)
        except Unavailable as error:
            raise Retry(error.code) from None
        return self._workspaces.of_name(name)

    async def _ours(self, name: str) -> Workspace | None:
        """As `_workspace_of`, but None where Sayso is not in that workspace."""
        try:
            return await self._workspace_of(name)
        except Gone as error:
            if error.what in (OTHER_WORKSPACE, NOT_INSTALLED):
                return None
            raise

    async def _act(self, body: Mapping[str, Any]) -> None:
        """A button on a card, one in a dialog, or one of a list."""
        if body["actions"][0]["action_id"] in READING:
            await self._shortcuts.tapped(body)
        else:
            await (self._views.step(body) if body.get("view") else self._taps.take(body))

    async def _submit(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What was done to a dialog: an admin's, or one about a request."""
        is_admins = body["view"]["callback_id"] == ADMIN
        return await (self._admins.submit(body) if is_admins else self._views.submit(body))

    async def _hear(self, body: Mapping[str, Any]) -> None:
        if body["event"]["type"] != "app_home_opened":
            raise NotOffered
        await self._home_tab.opened(body)

    async def _show(
        self, workspace: Workspace, method: str, card: Card, button: str, *, mentions: str = "", **arguments: Any
    ) -> AsyncSlackResponse:
        """Send a card; where Slack refuses its blocks, once more with blocks that Slack has always had."""
        marked = metadata(card.request_id)
        shown = message(card, button, mentions=mentions)
        try:
            return await workspace.call(method, text=shown.text, blocks=shown.blocks, metadata=marked, **arguments)
        except Rejected as error:
            self._context.log.warning("slack.blocks_refused", request=card.request_id, what=error.what)
        shown = message(card, button, simple=True, mentions=mentions)
        return await workspace.call(method, text=shown.text, blocks=shown.blocks, metadata=marked, **arguments)


def _listing_arguments(listing: Listing, called: str) -> dict[str, Any]:
    """What a listing's message says, and the name by which it is found again."""
    shown = listing_message(listing, mentions=called)
    return {
        "text": shown.text,
        "blocks": shown.blocks,
        "metadata": metadata(listing.name),
    }
