"""Brings the cards of what was paused or resumed up to date: all that wait, the newest first.

What a card says of a pause is decided when it is shown; here it is only wanted again where it says otherwise. How far
the look is lies in the store, so it goes on after a crash, at this replica or another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.request import Status
from sayso_bot.errors import SaysoError
from sayso_bot.ports import Filter, Log, Store
from sayso_bot.workers.hint import Hint

IDLE_SECONDS = 1.0
PAGE = 50


class Scopes(Protocol):
    """What is needed of the store."""

    async def to_repaint(self) -> Mapping[Scope, str]: ...

    async def repainted(self, scope: Scope, looked: str, cursor: str | None) -> None: ...

    async def want(self, request_id: str, agent: str, place: str) -> None: ...


class Repaint:
    def __init__(self, store: Store, scopes: Scopes, log: Log) -> None:
        self._store = store
        self._scopes = scopes
        self._log = log
        self._hint = Hint()

    def hint(self) -> None:
        """Something may have been paused or resumed."""
        self._hint.give()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._hint.forget()
            try:
                while todo := await self._scopes.to_repaint():
                    for scope, looked in todo.items():
                        await self._look_on(scope, looked)
            except SaysoError as error:
                self._log.warning("repaint_waits", code=error.code)
            except Exception:  # noqa: BLE001 - a fault of ours must not end the looking
                self._log.exception("repaint_failed")
            await self._hint.wait(IDLE_SECONDS)

    async def _look_on(self, scope: Scope, looked: str) -> None:
        """Look at one page of what waits in ``scope``."""
        exact = scope.action if scope.action and Glob(scope.action).exact else None
        wanted = Filter(Status.PENDING, exact, scope.agent or None)
        page = await self._store.list(wanted, cursor=looked.partition(" ")[2] or None, limit=PAGE)
        cards = [request for request in page.items if request.place and scope.covers(request.agent, request.action)]
        await asyncio.gather(*(self._scopes.want(each.id, each.agent, each.place) for each in cards))
        await self._scopes.repainted(scope, looked, page.cursor)
