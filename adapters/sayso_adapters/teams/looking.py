"""What a person may look at in Teams: see `sayso_adapters.looking`. Here is what Teams knows of people and places."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from sayso_adapters import looking
from sayso_adapters.looking import Viewer
from sayso_adapters.teams.people import People
from sayso_adapters.teams.tappers import Tapper, account_of, is_named
from sayso_bot.domain.request import Outline
from sayso_bot.ports import DeskFace, Log

SURFACE = "teams"
CANNOT_CHECK = "It could not be checked what you may see, so nothing is shown. Try again in a minute."

T = TypeVar("T")


class Looking(looking.Looking[Viewer]):
    """A viewer's ``user`` is the alias of their account. There is one tenant, so every place is theirs too."""

    def __init__(self, desk: DeskFace, people: People) -> None:
        super().__init__(desk, SURFACE)
        self._people = people

    async def viewer(self, tapper: Tapper) -> Viewer | str:
        """Who looks, or the sentence that says why they see nothing. Raises `LookupFailed`."""
        account = await account_of(tapper, self._people)
        return account if isinstance(account, str) else Viewer(account.person(), account.alias, account.guest)

    def is_here(self, name: str, viewer: Viewer) -> bool:
        return True

    def sees_all_rules(self, viewer: Viewer) -> bool:
        return True

    def is_named(self, request: Outline, viewer: Viewer) -> bool:
        return is_named(request, viewer.user)

    async def stand_for(self, name: str, viewer: Viewer) -> frozenset[str]:
        return await self._people.resolve(name)


async def safely(look: Awaitable[T], log: Log, user: str) -> T | str:
    """See `sayso_adapters.looking.safely`."""
    return await looking.safely(look, log, user, SURFACE, CANNOT_CHECK)
