"""A place is tested before anything leads to it, by a message that asks nothing."""

from __future__ import annotations

from sayso_bot.domain.notice import new_notice
from sayso_bot.domain.text import one_line
from sayso_bot.errors import PlaceUnusable, Unavailable
from sayso_bot.office.illness import Illnesses
from sayso_bot.office.rooms import INBOX, Tools
from sayso_bot.ports import AdapterError, Announces, Retry


class Trials:
    def __init__(self, tools: Tools, illnesses: Illnesses) -> None:
        self._tools = tools
        self._illnesses = illnesses

    async def test(self, place: str, channel: str, text: str) -> None:
        """Post ``text`` at ``place``, which proves that cards can be. Raises `PlaceUnusable`, `Unavailable`."""
        if place == INBOX:
            return
        platform = place.partition(":")[0]
        adapter: object = self._tools.adapters.get(platform)
        if not isinstance(adapter, Announces):
            raise PlaceUnusable(
                f"{one_line(channel)} ({place}) cannot be tested: {platform} is not set up here. Nothing was changed.",
                field="channel",
            )
        try:
            await adapter.announce(new_notice(text), place)
        except Retry as error:
            raise Unavailable(
                f"{platform} did not say whether a test message could be posted to {one_line(channel)} ({error.what})."
                " Nothing was changed; try again shortly.",
                retry_after=error.after or 5,
            ) from None
        except AdapterError as error:
            todo = error.todo or "Look whether it exists and the app is in it."
            raise PlaceUnusable(
                f"A test message could not be posted to {one_line(channel)} ({place}): {error.what}. {todo}"
                " Nothing was changed.",
                field="channel",
            ) from None
        await self._illnesses.reached(place)
