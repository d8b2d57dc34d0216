"""The app's home in Slack: published anew for a person whenever they open it, and only for them.

Slack is acknowledged at once; the work is done after it, for a few people at a time, and once more where the tab was
opened again meanwhile. A page that Slack does not take is logged, and the tab shows what it showed before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sayso_adapters.looking import GUEST
from sayso_adapters.payloads import as_id, as_object
from sayso_adapters.slack.blocks import Block
from sayso_adapters.slack.looking import Looking, safely
from sayso_adapters.slack.overview import home, home_that_says
from sayso_adapters.slack.people import USER
from sayso_adapters.slack.tappers import Tapper
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.ports import AdapterContext, AdapterError

AT_ONCE = 4


class HomeTab:
    """The handler of ``app_home_opened``."""

    def __init__(self, context: AdapterContext, workspaces: Workspaces, inbox: str) -> None:
        self._context = context
        self._workspaces = workspaces
        self._looking = Looking(context.desk, workspaces)
        self._inbox = inbox
        self._few = asyncio.Semaphore(AT_ONCE)
        self._again: dict[tuple[str, str], bool] = {}

    async def opened(self, body: Mapping[str, Any]) -> None:
        event = as_object(body.get("event"))
        user, workspace = as_id(event.get("user")), self._workspaces.of_payload(body)
        if event.get("tab") != "home" or not USER.match(user) or workspace is None:
            return
        opening = as_id(body.get("team_id")), user
        if opening in self._again:
            self._again[opening] = True
            return
        self._again[opening] = False
        self._context.spawn(self._keep_published(opening, workspace))

    async def _keep_published(self, opening: tuple[str, str], workspace: Workspace) -> None:
        try:
            again = True
            while again:
                self._again[opening] = False
                async with self._few:
                    await self._publish(opening[1], workspace)
                again = self._again[opening]
        finally:
            del self._again[opening]

    async def _publish(self, user: str, workspace: Workspace) -> None:
        shown = await safely(self._view(user, workspace), self._context.log, user)
        view = home_that_says(shown) if isinstance(shown, str) else shown
        try:
            await workspace.call("views.publish", user_id=user, view=view)
        except AdapterError as error:
            self._context.log.warning("slack.home_not_published", user=user, what=error.what)

    async def _view(self, user: str, workspace: Workspace) -> Block | str:
        viewer = await self._looking.viewer(Tapper(user, "", ""), workspace)
        if isinstance(viewer, str):
            return viewer
        waiting, answered = await self._looking.waiting(viewer), await self._looking.answered(viewer)
        if viewer.guest and not waiting.requests and not answered:
            return GUEST
        where = None if viewer.guest else self._looking.where(viewer)
        return home(waiting, answered, where, self._inbox, datetime.now(UTC))
