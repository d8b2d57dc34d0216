"""Taps of older clients, which know no answer to a tap: they submit a card as a message, and see what is posted.

What comes of such a tap is told in the person's own chat with the bot, never where others read; from there on, its
buttons stand for the request and no place, so they count for who may answer wherever they are.
"""

from __future__ import annotations

from dataclasses import replace

from sayso_adapters.buttons import meaning, opened
from sayso_adapters.teams.activities import Arrived
from sayso_adapters.teams.admin import Admins
from sayso_adapters.teams.dialogs import told
from sayso_adapters.teams.elements import Element
from sayso_adapters.teams.places import PREFIX
from sayso_adapters.teams.reading import Tap
from sayso_adapters.teams.saying import Chats, card
from sayso_adapters.teams.taps import OTHER_PLACE, Taps
from sayso_bot.errors import SaysoError
from sayso_bot.ports import AdapterContext

CANNOT_READ = "Sayso cannot read its requests right now. Nothing was changed. Try again in a minute."


class Submissions:
    def __init__(self, context: AdapterContext, taps: Taps, admins: Admins, chats: Chats) -> None:
        self._context = context
        self._desk = context.desk
        self._taps = taps
        self._admins = admins
        self._chats = chats

    async def take(self, tap: Tap, at: Arrived) -> None:
        """Do what the tap asks, and tell who tapped."""
        shown = await self._shown(tap, at)
        if not await self._chats.tell(at.user, at.object_id, at.conversation, card(shown)):
            self._context.log.warning("teams.tapper_not_told", user=at.object_id)

    async def _shown(self, tap: Tap, at: Arrived) -> Element:
        if self._admins.is_admins(tap):
            return await self._admins.take(tap, at)
        try:
            button = await meaning(tap.token, self._desk)
            if button is not None and button.place:
                if button.place != f"{PREFIX}{at.conversation}":
                    return told(OTHER_PLACE)
                request = await self._desk.look(button.request_id)
                tap = replace(tap, token=opened(replace(request, revision=button.revision)))
        except SaysoError as error:
            self._context.log.warning("teams.tap_failed", user=at.object_id, code=error.code)
            return told(CANNOT_READ)
        return await self._taps.take(tap, at)
