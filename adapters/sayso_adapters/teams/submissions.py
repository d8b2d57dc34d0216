"""Taps of older clients, which know no answer to a tap: they submit a card as a message, and see what is posted.

What comes of such a tap is told in the person's own chat with the bot, never where others read. From there on its
buttons stand for the request and no place, so they count for who may answer wherever they are.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from sayso_adapters.buttons import meaning, opened
from sayso_adapters.teams.activities import Arrived
from sayso_adapters.teams.admin import Admins
from sayso_adapters.teams.reading import Tap
from sayso_adapters.teams.saying import Chats, card
from sayso_adapters.teams.taps import Taps
from sayso_bot.errors import SaysoError
from sayso_bot.ports import AdapterContext


class Submissions:
    def __init__(self, context: AdapterContext, taps: Taps, admins: Admins, chats: Chats) -> None:
        self._context = context
        self._desk = context.desk
        self._taps = taps
        self._admins = admins
        self._chats = chats

    async def take(self, tap: Tap, at: Arrived) -> None:
        """Do what the tap asks, and tell who tapped."""
        shown = await (self._admins.take(tap, at) if self._admins.is_admins(tap) else self._taps.take(tap, at))
        try:
            shown = _with(shown, tap.token, await self._elsewhere(tap.token))
        except SaysoError as error:
            self._context.log.warning("teams.button_not_read", user=at.object_id, code=error.code)
        if not await self._chats.tell(at.user, at.object_id, at.conversation, card(shown)):
            self._context.log.warning("teams.tapper_not_told", user=at.object_id)

    async def _elsewhere(self, token: str) -> str:
        """What a button is called away from its place."""
        button = await meaning(token, self._desk)
        if button is None or not button.place:
            return token
        return opened(replace(await self._desk.look(button.request_id), revision=button.revision))


def _with(node: Any, old: str, new: str) -> Any:
    """``node`` with another token in its buttons."""
    if isinstance(node, dict):
        return {
            name: new if name == "token" and value == old else _with(value, old, new) for name, value in node.items()
        }
    return [_with(item, old, new) for item in node] if isinstance(node, list) else node
