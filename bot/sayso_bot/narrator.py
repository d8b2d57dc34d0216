"""Tells what happened to requests: beside what shows them, and to whom an agent's key is bound.

Whatever shows a request, its story is told by the same steps: what was not told yet, in one message, looked for first
where an earlier try may have told it, and written down. What a platform does not take stays untold, because the card
itself is right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from sayso_bot.domain.listing import MOST_TOLD
from sayso_bot.domain.request import Outline
from sayso_bot.domain.story import Entry, named, story, word
from sayso_bot.ports import (
    AdapterError,
    ChatAdapter,
    ListingRow,
    ListingWork,
    Log,
    LookupFailed,
    Retry,
    Store,
    Telling,
    Work,
)

STORY_TRIES = 4
"""Fewer than raise an alarm: a card that is shown is not undeliverable because its thread is closed."""

Told: TypeAlias = tuple[Outline, Entry]
"""Something about a request that is to be told, or was."""


class Narrator:
    """``adapters`` by platform."""

    def __init__(self, store: Store, adapters: Mapping[str, ChatAdapter], log: Log) -> None:
        self._store = store
        self._adapters = adapters
        self._log = log

    async def beside_card(self, work: Work, post: str) -> None:
        """A message for each thing that was not told yet. Raises `Retry` the first few times."""
        untold = [(work.request, entry) for entry in story(work.request) if entry.key not in work.told]
        for one in await self._looked_for(work.place, post, untold, work.attempts):
            await self._narrate(work.place, post, [one], work.attempts)

    async def beside_listing(self, work: ListingWork, rows: Sequence[ListingRow]) -> frozenset[str]:
        """One message for what happened to ``rows``, `MOST_TOLD` things at most, beside the one that lists them.

        Returns the ids of those of which there is more to tell. Raises `Retry` the first few times.
        """
        untold = [
            (row.post, row.request, entry)
            for row in rows
            if row.post is not None and row.listed
            for entry in story(row.request)
            if entry.key not in row.told
        ]
        if not untold:
            return frozenset()
        [post, *_] = untold[0]
        here = [(request, named(request, entry)) for where, request, entry in untold if where == post]
        left = await self._looked_for(work.place, post, here, work.attempts)
        if left:
            await self._narrate(work.place, post, left[:MOST_TOLD], work.attempts)
        elsewhere = (request.id for where, request, _ in untold if where != post)
        return frozenset([*elsewhere, *(request.id for request, _ in left[MOST_TOLD:])])

    async def to_principal(self, telling: Telling) -> str | None:
        """Tell how a request has ended to whom its agent's key is bound; the message, or None where nobody can.

        The platform where people were asked comes first; one that cannot say whether it knows them keeps no other from
        telling them. Raises `AdapterError`.
        """
        request = telling.request
        if request.principal is None:
            return None
        near = request.place or (request.requirement.place if request.requirement else "")
        platform = near.partition(":")[0]
        unknown: LookupFailed | None = None
        for adapter in sorted(self._adapters.values(), key=lambda adapter: adapter.name != platform):
            if adapter.capabilities.notifies:
                try:
                    message = await adapter.notify(request.principal, word(request), near=near, look=telling.perhaps)
                except LookupFailed as error:
                    unknown = error
                    continue
                if message is not None:
                    return message
        if unknown is not None:
            raise Retry(unknown.what)
        if platform and platform not in self._adapters:  # another process may have it
            raise Retry(f"{platform}_not_configured")
        return None

    async def _looked_for(self, place: str, post: str, untold: Sequence[Told], attempts: int) -> Sequence[Told]:
        """What is still to be told. After an earlier try all of it is looked for, however much goes into one message
        now: the next try would not know that there had been one.
        """
        adapter = self._narrating(place)
        if adapter is None or attempts <= 1 or not untold:
            return untold
        try:
            found = await adapter.told(place, post, [entry for _, entry in untold])
        except AdapterError as error:
            if _again(error, attempts):
                raise
            await self._leave_untold(place, untold, error)
            return ()
        await self._write_down(place, [(request, entry) for request, entry in untold if entry in found])
        return [(request, entry) for request, entry in untold if entry not in found]

    async def _narrate(self, place: str, post: str, telling: Sequence[Told], attempts: int) -> None:
        if (adapter := self._narrating(place)) is not None:
            try:
                await adapter.narrate(place, post, [entry for _, entry in telling])
            except AdapterError as error:
                if _again(error, attempts):
                    raise
                await self._leave_untold(place, telling, error)
                return
        await self._write_down(place, telling)

    def _narrating(self, place: str) -> ChatAdapter | None:
        adapter = self._adapters.get(place.partition(":")[0])
        return adapter if adapter is not None and adapter.capabilities.narrates else None

    async def _leave_untold(self, place: str, telling: Sequence[Told], error: AdapterError) -> None:
        untold = [f"{entry.request_id} {entry.key}" for _, entry in telling]
        self._log.warning("story_not_told", place=place, entries=untold, what=error.what)
        await self._write_down(place, telling)

    async def _write_down(self, place: str, telling: Sequence[Told]) -> None:
        await asyncio.gather(*(self._store.narrated(request, place, entry.key) for request, entry in telling))


def _again(error: AdapterError, attempts: int) -> bool:
    """Whether it is told later: a platform that only says when will take it then."""
    return isinstance(error, Retry) and (error.after is not None or attempts < STORY_TRIES)
