"""What a person may look at in Slack: see `sayso_adapters.looking`. Here is what Slack knows of people and places."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from sayso_adapters import looking
from sayso_adapters.slack.tappers import Tapper, home_of, is_named, is_of, stranger
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.request import Outline
from sayso_bot.ports import DeskFace, Log

SURFACE = "slack"
NOT_KNOWN = "Slack does not know your account here."
CANNOT_CHECK = "It could not be checked what you may see, so nothing is shown. Try again in a minute."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Viewer(looking.Viewer):
    """An account that may look: ``user`` of ``workspace``."""

    workspace: Workspace


class Looking(looking.Looking[Viewer]):
    def __init__(self, desk: DeskFace, workspaces: Workspaces) -> None:
        super().__init__(desk, SURFACE)
        self._workspaces = workspaces

    async def viewer(self, tapper: Tapper, workspace: Workspace) -> Viewer | str:
        """Who looks, or the sentence that says why they see nothing. Raises `LookupFailed`.

        ``tapper.team`` is empty where the payload does not say it; Slack is asked whose the account is either way.
        """
        home = home_of(workspace)
        if tapper.team and (strange := stranger(tapper, home)):
            return strange
        account = await workspace.people.account(tapper.user)
        if account is None:
            return NOT_KNOWN
        return account.why_never(home) or Viewer(account.person(home), account.id, account.guest, workspace)

    def is_here(self, name: str, viewer: Viewer) -> bool:
        return is_of(name, viewer.workspace, self._workspaces)

    def sees_all_rules(self, viewer: Viewer) -> bool:
        return len(self._workspaces.all()) == 1

    def is_named(self, request: Outline, viewer: Viewer) -> bool:
        return is_named(request, viewer.user, viewer.workspace.home)

    async def stand_for(self, name: str, viewer: Viewer) -> frozenset[str]:
        return await viewer.workspace.people.resolve(name)


async def safely(look: Awaitable[T], log: Log, user: str) -> T | str:
    """See `sayso_adapters.looking.safely`."""
    return await looking.safely(look, log, user, SURFACE, CANNOT_CHECK)
