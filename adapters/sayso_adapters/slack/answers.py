"""What an answer does at the desk, and how Slack tells one person alone what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sayso_adapters.answering import Answering
from sayso_adapters.slack.blocks import MAX_TEXT, escape, plain, section
from sayso_adapters.slack.workspaces import Workspace
from sayso_bot.domain.wording import shortened
from sayso_bot.ports import AdapterContext, AdapterError, Retry

TELL_TRIES = 3
LONGEST_TELL_PAUSE = 10.0


class Answers(Answering):
    """``is_ending``: the service stops, so nobody waits for Slack any longer."""

    def __init__(self, context: AdapterContext, is_ending: Callable[[], bool]) -> None:
        super().__init__(context.desk)
        self._context = context
        self._is_ending = is_ending

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
