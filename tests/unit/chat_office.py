"""One adapter on its stand-in, with desk and service around it: what the tests of every chat hold in one hand."""

from __future__ import annotations

from typing import Generic, TypeVar

from fakes.stand_in import M, StandIn
from sayso_bot.domain.request import Request
from sayso_bot.ports import ChatAdapter
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import a_request

A = TypeVar("A", bound=ChatAdapter)


class ChatOffice(Generic[A, M]):
    """``place`` is where its cards are posted."""

    place: str

    def __init__(self, chat: StandIn[M], desk: MemoryDesk, around: Surroundings, adapter: A) -> None:
        self.desk = desk
        self.around = around
        self.adapter = adapter
        self._chat = chat

    @property
    def url(self) -> str:
        return self.around.url

    async def posted(self, request: Request | None = None) -> tuple[Request, M]:
        """A request and its card at the place."""
        request = request or a_request(self.place)
        button = self.desk.ask(request)
        await self.adapter.post(self.desk.card(request), self.place, button)
        return request, await self._chat.posted()
