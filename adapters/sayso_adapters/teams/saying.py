"""What the bot says in Teams: a card, or plain words; and to one person alone, in their own chat with it.

Words are sent as plain text, so nothing that an agent or a policy wrote is obeyed as markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from microsoft_agents.activity import Activity, Attachment

from sayso_adapters.teams.places import PREFIX, Place, Places
from sayso_adapters.teams.wire import Address, Wire
from sayso_bot.ports import AdapterError

CARD = "application/vnd.microsoft.card.adaptive"
LONGEST_TEXT = 4000


def card(content: Mapping[str, Any], summary: str = "") -> Activity:
    """A message with an Adaptive Card. ``summary`` is what a notification shows."""
    activity = Activity(type="message", attachments=[Attachment(content_type=CARD, content=dict(content))])
    if summary:
        activity.summary = summary
    return activity


def words(text: str) -> Activity:
    return Activity(type="message", text=text, text_format="plain")


class Chats:
    """The personal chats with people. Opening one that is open already gives the same."""

    def __init__(self, wire: Wire, places: Places, tenant: str) -> None:
        self._wire = wire
        self._places = places
        self._tenant = tenant
        self._opened: dict[str, Address] = {}

    async def with_person(self, user: str, object_id: str, near: Place) -> Address:
        """The chat with an account (its ids in Teams and Entra) that is known at ``near``. Raises `AdapterError`."""
        if (known := await self._places.personal(object_id)) is not None:
            return known.address
        if user not in self._opened:
            conversation = await self._wire.open_chat(near.service_url, user, near.bot, self._tenant)
            self._opened[user] = Address(conversation, near.service_url)
        return self._opened[user]

    async def tell(self, user: str, object_id: str, conversation: str, said: Activity) -> bool:
        """Say something to who is in ``conversation``, alone; whether they were told. Raises nothing for that."""
        if not user:
            return False
        try:
            near = await self._places.known(f"{PREFIX}{conversation}")
            await self._wire.post(await self.with_person(user, object_id, near), said)
        except AdapterError:
            return False
        return True
