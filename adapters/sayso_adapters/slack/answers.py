"""What an answer does at the desk, whether it came by a tap or by a dialog, and what the person is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sayso_adapters.slack.blocks import MAX_TEXT, escape, plain, section
from sayso_adapters.slack.workspaces import Workspace
from sayso_bot.domain.request import Outcome, Request, Status
from sayso_bot.domain.wording import shortened
from sayso_bot.errors import Unavailable
from sayso_bot.ports import AdapterContext, AdapterError, Ballot, Edit, Edited, Retry, Voted

VOTE_PAUSES = (0.1, 0.4, 1.0, 2.0)
TELL_TRIES = 3
LONGEST_TELL_PAUSE = 10.0

T = TypeVar("T")


class Answers:
    """``is_ending``: the service stops, so nobody waits for Slack any longer."""

    def __init__(self, context: AdapterContext, is_ending: Callable[[], bool]) -> None:
        self._context = context
        self._desk = context.desk
        self._is_ending = is_ending

    async def vote(self, ballot: Ballot) -> Voted:
        """Vote, again where the store was away: the operation's name makes the second try safe."""
        return await _surely(lambda: self._desk.vote(ballot))

    async def edit(self, edit: Edit) -> Edited:
        return await _surely(lambda: self._desk.edit(edit))

    async def surely(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Do what is safe to repeat, again where the store was away."""
        return await _surely(attempt)

    def counted(self, request: Request, outcome: Outcome) -> str:
        """What a vote that counts has done."""
        card = self._desk.card(request)
        if outcome == "deny":
            return f"You denied {card.action}. The agent is told."
        if request.status is Status.APPROVED:
            return f"You approved {card.action}. It is approved, and the agent is told."
        return f"Your approval of {card.action} counts. It now has {card.needs}."

    async def tell(self, workspace: Workspace, user: str, said: str, channel: str | None) -> None:
        """Tell one person alone: in ``channel``, or by direct message where there is none or Slack allows it not."""
        content: dict[str, Any] = {"text": escape(said), "blocks": [section(plain(shortened(said, MAX_TEXT)))]}
        if channel is not None and await self._is_told(workspace, channel, user, content):
            return
        try:
            await self._call(workspace, "chat.postMessage", channel=user, **content)
        except AdapterError as error:
            self._context.log.warning("slack.tapper_not_told", user=user, what=error.what)

    async def _is_told(self, workspace: Workspace, channel: str, user: str, content: dict[str, Any]) -> bool:
        try:
            await self._call(workspace, "chat.postEphemeral", channel=channel, user=user, **content)
        except AdapterError as error:
            self._context.log.debug("slack.tapper_told_directly", user=user, what=error.what)
            return False
        return True

    async def _call(self, workspace: Workspace, method: str, **arguments: Any) -> None:
        """One call, again where nothing was sent or Slack asks for a pause."""
        for _ in range(TELL_TRIES - 1):
            try:
                await workspace.call(method, **arguments)
            except Retry as error:
                if error.lost or self._is_ending() or (error.after or 0) > LONGEST_TELL_PAUSE:
                    raise
                await asyncio.sleep(error.after or 1.0)
            else:
                return
        await workspace.call(method, **arguments)


async def _surely(attempt: Callable[[], Awaitable[T]]) -> T:
    for pause in VOTE_PAUSES:
        try:
            return await attempt()
        except Unavailable:
            await asyncio.sleep(pause)
    return await attempt()
