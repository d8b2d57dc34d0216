"""What Slack sends is handled once it is known which workspace it comes from, and only where Sayso is in that one.

That a workspace removes the app is heard here, before anybody else.

A workspace that has not installed the app, or removed it, has no token with which its people could be told anything.
They are told by the answer to Slack where there is one, else at the ``response_url`` of their tap, which is Slack's own
or is not called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from sayso_adapters.slack.departures import EVENTS, Departures
from sayso_adapters.slack.handlers import Body, Handlers, Told
from sayso_adapters.slack.pinned import is_slacks
from sayso_adapters.slack.settings import SlackSettings
from sayso_adapters.slack.workspaces import Workspaces
from sayso_bot.ports import AdapterContext

TELL_SECONDS = 5.0
NOT_CONNECTED = "This workspace is not connected to Sayso any more, or not yet. Nothing was changed."


class Connected:
    """Wraps `Handlers`."""

    def __init__(
        self, settings: SlackSettings, context: AdapterContext, workspaces: Workspaces, departures: Departures
    ) -> None:
        self._api_url = settings.api_url
        self._context = context
        self._workspaces = workspaces
        self._departures = departures

    def handlers(self, inner: Handlers) -> Handlers:
        """``inner``, given only what comes from a workspace that Sayso is in. They raise `Unavailable` too."""

        async def on_action(body: Body) -> None:
            if await self._is_ours(body):
                await inner.on_action(body)
            else:
                self._tell(body)

        async def on_view(body: Body) -> Told | None:
            return await inner.on_view(body) if await self._is_ours(body) else {"response_action": "clear"}

        async def on_command(body: Body) -> Told | None:
            if await self._is_ours(body):
                return await inner.on_command(body)
            return {"response_type": "ephemeral", "text": NOT_CONNECTED}

        async def on_shortcut(body: Body) -> None:
            if await self._is_ours(body):
                await inner.on_shortcut(body)
            else:
                self._tell(body)

        async def on_event(body: Body) -> None:
            if body["event"]["type"] in EVENTS:
                await self._departures.take(body)
            elif await self._is_ours(body):
                await inner.on_event(body)

        return replace(
            inner,
            on_action=on_action,
            on_view=on_view,
            on_command=on_command,
            on_shortcut=on_shortcut,
            on_event=on_event,
        )

    async def _is_ours(self, body: Mapping[str, Any]) -> bool:
        await self._workspaces.ready_for(body)
        if self._workspaces.of_payload(body) is not None:
            return True
        self._context.log.warning("slack.workspace_not_connected", payload=str(body.get("type", "command")))
        return False

    def _tell(self, body: Mapping[str, Any]) -> None:
        url = body.get("response_url")
        if isinstance(url, str) and is_slacks(url, self._api_url):
            self._context.spawn(self._answer(url))

    async def _answer(self, url: str) -> None:
        limits = aiohttp.ClientTimeout(total=TELL_SECONDS)
        said = {"response_type": "ephemeral", "replace_original": False, "text": NOT_CONNECTED}
        try:
            async with (
                aiohttp.ClientSession(timeout=limits) as session,
                session.post(url, json=said, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, OSError) as error:
            self._context.log.warning("slack.tapper_not_told", what=type(error).__name__)
            return
        if status != 200:
            self._context.log.warning("slack.tapper_not_told", what=f"http_{status}")
