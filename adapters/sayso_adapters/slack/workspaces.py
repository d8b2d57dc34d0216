"""The workspaces that Sayso is in: for each its connection, who we are there, and its people.

A place, an alias or a payload leads to its workspace here and nowhere else, so that an id is never looked up in a
workspace that it does not belong to. With a bot token from the environment there is exactly one; with a client there
are as many as have installed the app (`sayso_adapters.slack.many`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from aiohttp import ClientResponse
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from sayso_adapters.slack.home import Home, Introduction, ask
from sayso_adapters.slack.people import People
from sayso_adapters.slack.settings import SlackSettings
from sayso_adapters.slack.wire import OneToken, Wire
from sayso_bot.ports import AdapterContext, Gone

OTHER_WORKSPACE = "other_workspace"
NOT_INSTALLED = "not_installed"


class Workspace:
    """One workspace. `open` and `close` bracket its use; ``home`` says who we are there.

    ``installation`` names the one that it is of; empty for a token from the environment.
    """

    def __init__(self, wire: Wire, home: Callable[[], Home], installation: str = "") -> None:
        self.installation = installation
        self._wire = wire
        self._home = home
        self.people = People(wire, home)

    @property
    def home(self) -> Home:
        """Raises `Retry` while Slack has not answered, `Gone` when it refuses the token."""
        return self._home()

    async def open(self) -> None:
        await self._wire.open()

    async def close(self) -> None:
        await self._wire.close()

    async def call(self, method: str, /, **arguments: Any) -> AsyncSlackResponse:
        """Call ``method`` once, as `Wire.call`. Raises `AdapterError`."""
        return await self._wire.call(method, **arguments)

    async def get(self, url: str) -> ClientResponse:
        """Begin to fetch a file of this workspace, as `Wire.get`."""
        return await self._wire.get(url)

    async def ask(self) -> tuple[Home, frozenset[str]]:
        """Who Slack says now that we are, and the token's scopes. Raises `AdapterError`."""
        return await ask(self._wire)


class Workspaces(Protocol):
    """All of them. `open` and `close` bracket their use.

    The three look-ups answer from what is known and ask nobody; `ready` and `ready_for` come before them.
    """

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ready(self, name: str = "") -> None:
        """Learn which workspaces there are, as of seconds ago, and as of now where ``name`` leads to none.

        Raises `Unavailable`.
        """
        ...

    async def ready_for(self, body: Mapping[str, Any]) -> None:
        """The same for a payload of Slack's. Raises `Unavailable`."""
        ...

    def of_name(self, name: str) -> Workspace:
        """The workspace of ``slack:C1``, ``slack:T1/C1`` or ``slack:T1/U1``.

        Raises `Gone`: ``other_workspace`` or ``not_installed`` where Sayso is not in that one, ``which_workspace``
        where the name has no team and there are several; and what `Workspace.home` raises while it is not known which
        one a token from the environment stands for.
        """
        ...

    def of_payload(self, body: Mapping[str, Any]) -> Workspace | None:
        """The workspace that a payload of Slack's comes from, or None where Sayso is not in it."""
        ...

    def all(self) -> Sequence[Workspace]: ...

    def peopled(self) -> Sequence[Workspace]:
        """Those from which anybody can answer: without the installations whose token Slack has refused just now."""
        ...


class OneWorkspace:
    """`Workspaces` of a bot token from the environment. Who we are there is asked in the background."""

    def __init__(self, settings: SlackSettings, context: AdapterContext) -> None:
        wire = Wire(settings, OneToken(settings.bot_token))
        self._introduction = Introduction(wire, context)
        self._only = Workspace(wire, self._introduction.home)

    async def open(self) -> None:
        await self._only.open()
        await self._introduction.begin()

    async def close(self) -> None:
        await self._only.close()

    async def ready(self, name: str = "") -> None:
        """There is nothing to learn: the token is the one that the environment gave."""

    async def ready_for(self, body: Mapping[str, Any]) -> None:
        """As `ready`."""

    def of_name(self, name: str) -> Workspace:
        if self._only.home.local(name) is None:
            raise Gone(OTHER_WORKSPACE)
        return self._only

    def of_payload(self, body: Mapping[str, Any]) -> Workspace | None:
        """The one: what Slack signs for this app can come from nowhere else, and the ``team`` of a payload from a
        shared channel may be the tapper's. Whether the account belongs here is asked of its user object.
        """
        return self._only

    def all(self) -> Sequence[Workspace]:
        return (self._only,)

    def peopled(self) -> Sequence[Workspace]:
        """The one, whatever Slack said of its token: while people cannot be looked up there, nobody is believed."""
        return (self._only,)
