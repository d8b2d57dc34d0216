"""What an answer does at the desk, whether it came by a tap or by a dialog, and what the person is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sayso_bot.domain.card import ending
from sayso_bot.domain.request import Request, Status
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Ballot, Button, DeskFace, Edit, Edited, Voted

VOTE_PAUSES = (0.1, 0.4, 1.0, 2.0)

NOTHING = "Nothing was changed."
UNKNOWN_BUTTON = f"This button is not known here: it is from another Sayso, or from too long ago. {NOTHING}"
UNSURE = (
    "Something went wrong while your tap was handled, so it may not have counted."
    " If the card still shows its buttons, tap again, or answer in the inbox."
)

T = TypeVar("T")


class Answering:
    def __init__(self, desk: DeskFace) -> None:
        self._desk = desk

    async def vote(self, ballot: Ballot) -> Voted:
        """Vote, again where the store was away: the operation's name makes the second try safe."""
        return await self.surely(lambda: self._desk.vote(ballot))

    async def edit(self, edit: Edit) -> Edited:
        return await self.surely(lambda: self._desk.edit(edit))

    async def surely(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Do what is safe to repeat, again where the store was away."""
        for pause in VOTE_PAUSES:
            try:
                return await attempt()
            except Unavailable:
                await asyncio.sleep(pause)
        return await attempt()

    def counted(self, request: Request, ballot: Ballot) -> str:
        """What a vote that counts has done. Its answer may have been lost, and ``request`` have gone on since."""
        card = self._desk.card(request)
        if ballot.outcome == "deny":
            return f"You denied {card.action}. The agent is told."
        if request.revision != ballot.revision:
            return f"Your approval of {card.action} counted until the request changed. Look at the card as it is now."
        if request.status is Status.APPROVED:
            return f"You approved {card.action}. It is approved, and the agent is told."
        if (ended := ending(request)) is not None:
            return f"Your approval of {card.action} counted. {ended.headline}."
        return f"Your approval of {card.action} counts. It now has {card.needs}."


def edited(action: str) -> str:
    """What an edit has done."""
    return f"You edited {action}. Earlier answers count no longer, and the card shows it as it is now."


def past(request: Request, button: Button) -> str | None:
    """Why a card of this button can be answered no more."""
    if (ended := ending(request)) is not None:
        return f"{ended.headline}. {NOTHING}"
    if button.revision != request.revision:
        return f"The request has changed since this card was made. {NOTHING} Answer on the card as it is now."
    return None
