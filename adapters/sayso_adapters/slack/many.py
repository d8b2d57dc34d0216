"""The workspaces that have installed the app, each with a connection of its own.

Which there are is read from the shelf when somebody asks and five seconds have passed, and at once where a name or a
payload leads to none: an installation, a new token or a removal reaches every replica that way, without anybody
polling. Ids are looked up with the token of their own workspace alone, so one that names no workspace is refused
where there are several.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sayso_adapters.payloads import as_object, first
from sayso_adapters.slack.installations import Installation, Installations
from sayso_adapters.slack.rotation import Installed, Refresh
from sayso_adapters.slack.settings import SlackSettings
from sayso_adapters.slack.wire import Wire
from sayso_adapters.slack.workspaces import NOT_INSTALLED, Workspace
from sayso_bot.errors import Unavailable
from sayso_bot.ports import AdapterContext, Gone

READ_AGAIN_AFTER_SECONDS = 5.0
WHICH_WORKSPACE = "which_workspace"


@dataclass(frozen=True, slots=True)
class _Known:
    installation: Installation
    installed: Installed
    workspace: Workspace


class ManyWorkspaces:
    """`sayso_adapters.slack.workspaces.Workspaces` of all installations."""

    def __init__(
        self, settings: SlackSettings, context: AdapterContext, installations: Installations, refresh: Refresh
    ) -> None:
        self._settings = settings
        self._context = context
        self._installations = installations
        self._refresh = refresh
        self._known: dict[str, _Known] = {}
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")

    async def open(self) -> None:
        """The service starts whether or not the shelf answers."""
        try:
            await self.ready()
        except Unavailable as error:
            self._context.log.warning("slack.installations_not_read", code=error.code, next="read when needed")

    async def close(self) -> None:
        for name in list(self._known):
            await self._forget(name)

    async def ready(self, name: str = "") -> None:
        await self._read(READ_AGAIN_AFTER_SECONDS)
        if name and self._leads_nowhere(name):
            await self._read(0.0)

    async def ready_for(self, body: Mapping[str, Any]) -> None:
        await self._read(READ_AGAIN_AFTER_SECONDS)
        if self.of_payload(body) is None:
            await self._read(0.0)

    def of_name(self, name: str) -> Workspace:
        team, slash, _ = name.removeprefix("slack:").rpartition("/")
        if team in self._known:
            return self._known[team].workspace
        found = [known for known in self._known.values() if not slash or known.installation.enterprise == team]
        if len(found) == 1:
            return found[0].workspace
        raise Gone(WHICH_WORKSPACE if found else NOT_INSTALLED)

    def of_payload(self, body: Mapping[str, Any]) -> Workspace | None:
        """By the ids under which Slack delivers it, never by whose account it is."""
        return next((self._known[name].workspace for name in installation_ids(body) if name in self._known), None)

    def all(self) -> Sequence[Workspace]:
        return [known.workspace for known in self._known.values()]

    def peopled(self) -> Sequence[Workspace]:
        return [known.workspace for known in self._known.values() if not known.installed.is_refused]

    def _leads_nowhere(self, name: str) -> bool:
        try:
            self.of_name(name)
        except Gone as error:
            return error.what == NOT_INSTALLED
        return False

    async def _read(self, older_than_seconds: float) -> None:
        """Read the shelf unless it was read so lately; callers at one time share a reading."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        async with self._reading:
            if self._read_at > asked_at - older_than_seconds:
                return
            began = loop.time()
            await self._agree(await self._installations.all())
            self._read_at = began

    async def _agree(self, read: Sequence[Installation]) -> None:
        """Make what is known here what the shelf says."""
        for name in self._known.keys() - {installation.id for installation in read}:
            await self._forget(name)
        for installation in read:
            known = self._known.get(installation.id)
            if known is not None and known.installation.home == installation.home:
                known.installed.adopt(installation)
                continue
            if known is not None:
                await self._forget(installation.id)
            await self._learn(installation)

    async def _learn(self, installation: Installation) -> None:
        installed = Installed(installation, self._installations, self._refresh, self._context.spawn, self._context.log)
        workspace = Workspace(Wire(self._settings, installed), installed.home, installation.id)
        await workspace.open()
        self._known[installation.id] = _Known(installation, installed, workspace)
        self._context.log.info("slack.connected", workspace=installation.name, **installation.about)

    async def _forget(self, name: str) -> None:
        gone = self._known.pop(name)
        await gone.workspace.close()
        self._context.log.info("slack.disconnected", workspace=gone.installation.name, **gone.installation.about)


def installation_ids(body: Mapping[str, Any]) -> list[str]:
    """The installations that a payload may be of, the likeliest first.

    An event names its own (``authorizations``), a view that of the app that opened it; a tap names the workspace in
    which the app is, or the organisation where all of it has installed the app.
    """
    own, view, team = first(body.get("authorizations")), as_object(body.get("view")), as_object(body.get("team"))
    teams = (
        own.get("team_id"),
        view.get("app_installed_team_id"),
        body.get("context_team_id"),
        team.get("id"),
        body.get("team_id"),
    )
    enterprises = (
        own.get("enterprise_id"),
        as_object(body.get("enterprise")).get("id"),
        body.get("context_enterprise_id"),
        body.get("enterprise_id"),
    )
    first_team = next((found for found in teams if _is_id(found)), None)
    first_enterprise = next((found for found in enterprises if _is_id(found)), None)
    found = [first_enterprise] if is_org_wide(body) else [first_team, first_enterprise]
    return [name for name in found if name]


def is_org_wide(body: Mapping[str, Any]) -> bool:
    """Whether a payload is of an app that a whole organisation has installed. A slash command says so in letters."""
    said = (body.get("is_enterprise_install"), first(body.get("authorizations")).get("is_enterprise_install"))
    return any(found is True or found == "true" for found in said)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(value)
