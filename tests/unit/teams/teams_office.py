"""Everything that a test of the Teams adapter touches, in one hand."""

from __future__ import annotations

from typing import Any

from fakes.teams import FakeTeams
from fakes.teams_tenant import Message
from sayso_adapters.teams.adapter import TeamsAdapter
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from unit.chat_office import ChatOffice

CHANNEL = "19:payments@thread.tacv2"
CHAT = "19:chat@thread.v2"
PLACE = f"teams:{CHANNEL}"


class Office(ChatOffice[TeamsAdapter, Message]):
    """Ana and Bob are in the channel; Gus is there as a guest, Pia from another organisation."""

    place = PLACE

    def __init__(self, teams: FakeTeams, desk: MemoryDesk, around: Surroundings, adapter: TeamsAdapter) -> None:
        super().__init__(teams, desk, around, adapter)
        self.teams = teams

    async def tap(self, message: Message, verb: str, *, user: str = "29:ana", **other: Any) -> str:
        """Tap and return what the tapper is shown in the card's place, in words."""
        assert await self.teams.tap(self.url, message, verb, user=user, **other) == 200
        return self.teams.told(user)[-1]

    async def ask(self, text: str, *, user: str = "29:ana") -> str:
        """Write to the bot in a chat of one's own, and return its answer."""
        chat = self.chat(user)
        before, cards = len(self.teams.private), len(self.teams.messages)
        await self.teams.say(self.url, text, user=user, conversation=chat)
        await self.teams.until(
            lambda: len(self.teams.private) + len(self.teams.messages) > before + cards, "the bot answered"
        )
        found = [message for message in self.teams.messages[cards:] if message.conversation == chat]
        return found[-1].words if found else self.teams.told(user)[-1]

    def chat(self, user: str) -> str:
        known = self.teams.personal(user)
        return known.id if known else self.teams.add_personal(user)
