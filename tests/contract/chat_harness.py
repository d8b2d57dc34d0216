"""What the contract's suites do at a chat, the same for each: cards are posted, and messages are looked at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic

import pytest

from fakes.stand_in import M, StandIn
from sayso_bot.domain.request import Outcome, Request
from sayso_bot.ports import ChatAdapter
from sayso_bot.testing.desk import MemoryDesk

pytest.register_assert_rewrite("sayso_bot.testing.chat_adapter")

from sayso_bot.testing import chat_adapter as suites  # noqa: E402 - after the rewriting of its asserts

__all__ = ["ChatHarness", "a_desk", "suites"]

ANA = "email:ana@example.com"


def a_desk() -> MemoryDesk:
    """It admits Ana alone."""
    return MemoryDesk(admits=lambda person: person.is_any(ANA))


class ChatHarness(ABC, Generic[M]):
    """`suites.Harness` for one adapter on its stand-in. A platform says who is who there, and how they tap."""

    place: str
    approver: str
    approver_alias: str
    approver_email = ANA.removeprefix("email:")
    bystander: str

    def __init__(self, chat: StandIn[M], desk: MemoryDesk, adapter: ChatAdapter) -> None:
        self.desk = desk
        self.adapter = adapter
        self._chat = chat
        self._posts: dict[str, tuple[str, str, M]] = {}

    @abstractmethod
    async def tap(self, request_id: str, outcome: Outcome, *, by: str, deliveries: int = 1) -> None:
        """See `suites.Harness`."""

    async def show(self, request: Request) -> None:
        button = self.desk.ask(request)
        post = await self.adapter.post(self.desk.card(request), self.place, button)
        self._posts[request.id] = (post, button, await self._chat.posted())

    async def refresh(self, request_id: str) -> None:
        post, button, _ = self._posts[request_id]
        await self.adapter.update(self.desk.card(await self.desk.look(request_id)), self.place, post, button)

    async def shown(self, request_id: str) -> suites.Shown:
        message = self.message(request_id)
        return suites.Shown(message.words, frozenset(message.buttons) & {"approve", "deny"})

    def message(self, request_id: str) -> M:
        """The message that shows it."""
        return self._posts[request_id][2]

    async def told(self, who: str) -> Sequence[str]:
        return await self._chat.until_told(who)

    def told_by_now(self, who: str) -> Sequence[str]:
        return self._chat.told(who)
