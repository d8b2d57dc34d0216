"""``/sayso``: what waits, one request, where things go; and an admin's commands, which open a dialog.

Every answer is for who typed it alone, and changes nothing. It goes with the acknowledgement, within two seconds
because Slack gives up after three.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sayso_adapters.looking import GUEST, UNSEEN
from sayso_adapters.overview import NOTHING_WAITS
from sayso_adapters.payloads import as_id
from sayso_adapters.slack.admin import Admins
from sayso_adapters.slack.blocks import Block, escape, plain, section
from sayso_adapters.slack.cards import notice
from sayso_adapters.slack.looking import CANNOT_CHECK, SURFACE, Looking, Viewer, safely
from sayso_adapters.slack.overview import ADMINS_HELP, HELP, pending_message, routes_message, told_of
from sayso_adapters.slack.people import USER
from sayso_adapters.slack.tappers import Tapper
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.commands import is_admins
from sayso_bot.ports import AdapterContext, AdapterError

ANSWER_SECONDS = 2.0
TOO_SLOW = "This takes longer than Slack waits. Try again in a minute, or open the inbox."
NOT_CONNECTED = "This workspace is not connected to Sayso."


class Slash:
    """The handler of slash commands, whatever name the app gives to the one that it has."""

    def __init__(self, context: AdapterContext, workspaces: Workspaces, inbox: str, admins: Admins) -> None:
        self._context = context
        self._admins = admins
        self._workspaces = workspaces
        self._looking = Looking(context.desk, workspaces)
        self._inbox = inbox

    async def answer(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The message with which Slack answers the command; None where a dialog does."""
        tapper = Tapper(as_id(body.get("user_id")), as_id(body.get("team_id")), as_id(body.get("enterprise_id")))
        workspace, text = self._workspaces.of_payload(body), body.get("text")
        if workspace is None or not USER.match(tapper.user):
            return _said(NOT_CONNECTED)
        words = text.split() if isinstance(text, str) else []
        if is_admins(words):
            return self._begin(words, body, tapper, workspace)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                told = await safely(self._do(words, tapper, workspace), self._context.log, tapper.user)
        except TimeoutError:
            self._context.log.warning("slack.command_slow", user=tapper.user)
            told = TOO_SLOW
        return _said(told) if isinstance(told, str) else told

    def _begin(
        self, words: Sequence[str], body: Mapping[str, Any], tapper: Tapper, workspace: Workspace
    ) -> Mapping[str, Any] | None:
        try:
            unreadable = self._admins.begin(words, body, tapper, workspace)
        except AdapterError as error:
            self._context.log.warning("slack.viewer_not_checked", user=tapper.user, what=error.what)
            return _said(CANNOT_CHECK)
        return None if unreadable is None else _said(unreadable)

    async def _do(self, words: Sequence[str], tapper: Tapper, workspace: Workspace) -> Mapping[str, Any] | str:
        viewer = await self._looking.viewer(tapper, workspace)
        if isinstance(viewer, str):
            return viewer
        match [word.lower() for word in words]:
            case ["pending"]:
                return await self._pending(viewer)
            case ["show", request_id]:
                return await self._show(viewer, request_id)
            case ["show", *_]:
                return "Say which request: /sayso show req_…, with the id that stands on its card."
            case ["routes"]:
                return GUEST if viewer.guest else _message("Routes", routes_message(self._looking.where(viewer)))
            case _:
                return await self._help(viewer)

    async def _help(self, viewer: Viewer) -> str:
        caller = Caller(SURFACE, viewer.person, guest=viewer.guest)
        administers = await self._context.office.is_admin(caller)
        return "\n".join([*HELP, *(ADMINS_HELP if administers else ())])

    async def _pending(self, viewer: Viewer) -> Mapping[str, Any] | str:
        waiting = await self._looking.waiting(viewer)
        if viewer.guest and not waiting.requests:
            return GUEST
        said = f"{len(waiting.requests)} wait for you." if waiting.requests else NOTHING_WAITS
        return _message(said, pending_message(waiting, self._inbox))

    async def _show(self, viewer: Viewer, request_id: str) -> Mapping[str, Any] | str:
        found = await self._looking.find(viewer, request_id)
        if found is None:
            return UNSEEN
        card = self._context.desk.card(found.request)
        return _message(notice(card), told_of(card, found))


def _said(sentence: str) -> Mapping[str, Any]:
    return _message(escape(sentence), [section(plain(sentence))])


def _message(text: str, blocks: Sequence[Block]) -> Mapping[str, Any]:
    """``text`` is mrkdwn for a client that shows no blocks."""
    return {"response_type": "ephemeral", "text": text, "blocks": list(blocks)}
