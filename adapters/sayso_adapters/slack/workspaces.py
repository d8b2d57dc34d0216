"""The workspaces that Sayso is in: for each its connection, who we are there, and its people.

A place, an alias or a payload leads to its workspace here and nowhere else, so that an id is never looked up in a
workspace that it does not belong to. With a bot token from the environment there is exactly one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from sayso_adapters.slack.home import Home, Introduction, ask
from sayso_adapters.slack.people import People
from sayso_adapters.slack.settings import SlackSettings
from sayso_adapters.slack.wire import Wire
from sayso_bot.ports import AdapterContext, Gone

OTHER_WORKSPACE = "other_workspace"


class Workspace:
    """One workspace. `open` and `close` bracket its use; who we are there is asked in the background."""

    def __init__(self, settings: SlackSettings, context: AdapterContext) -> None:
        self._wire = Wire(settings)
        self._introduction = Introduction(self._wire, context)
        self.people = People(self._wire, self._introduction.home)

    @property
    def home(self) -> Home:
        """Raises `Retry` while Slack has not answered, `Gone` when it refuses the token."""
        return self._introduction.home()

    async def open(self) -> None:
        await self._wire.open()
        await self._introduction.begin()

    async def close(self) -> None:
        await self._wire.close()

    async def call(self, method: str, /, **arguments: Any) -> AsyncSlackResponse:
        """Call ``method`` once, as `Wire.call`. Raises `AdapterError`."""
        return await self._wire.call(method, **arguments)

    async def ask(self) -> tuple[Home, frozenset[str]]:
        """Who Slack says now that we are, and the token's scopes. Raises `AdapterError`."""
        return await ask(self._wire)


class Workspaces:
    """All of them. `open` and `close` bracket their use."""

    def __init__(self, only: Workspace) -> None:
        self._only = only

    async def open(self) -> None:
        await self._only.open()

    async def close(self) -> None:
        await self._only.close()

    def of_name(self, name: str) -> Workspace:
        """The workspace of ``slack:C1``, ``slack:T1/C1`` or ``slack:T1/U1``.

        Raises `Gone` (``other_workspace``) where Sayso is not in that one, and what `Workspace.home` raises while it is
        not known which one the token stands for.
        """
        if self._only.home.local(name) is None:
            raise Gone(OTHER_WORKSPACE)
        return self._only

    def of_payload(self, body: Mapping[str, Any]) -> Workspace | None:
        """The workspace that a payload of Slack's comes from, or None where Sayso is not in it.

        With one token it is the one: what Slack signs for this app can come from nowhere else, and the ``team`` of a
        payload from a shared channel may be the tapper's. Whether the account belongs here is asked of its user object.
        """
        return self._only

    def all(self) -> Sequence[Workspace]:
        return (self._only,)
