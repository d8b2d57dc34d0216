"""Tells what happened to requests: beside what shows them, and to whom an agent's key is bound.

Whatever shows a request, its story is told by the same steps: what was not told yet, in one message, looked for first
where an earlier try may have told it, and written down. What a platform does not take stays untold, because the card
itself is right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sayso_bot.domain.listing import MOST_TOLD
from sayso_bot.domain.request import Outline
from sayso_bot.domain.story import Entry, named, story, word
from sayso_bot.ports import AdapterError, ChatAdapter, ListingRow, ListingWork, Log, Retry, Store, Telling, Work

STORY_TRIES = 4
"""Fewer than raise an alarm: a card that is shown is not undeliverable because its thread is closed."""


class Narrator:
    """``adapters`` by platform."""

    def __init__(self, store: Store, adapters: Mapping[str, ChatAdapter], log: Log) -> None:
        self._store = store
        self._adapters = adapters
        self._log = log

    async def beside_card(self, work: Work, post: str) -> None:
        """A message for each thing that was not told yet. Raises `Retry` the first few times."""
        for entry in story(work.request):
            if entry.key not in work.told:
                await self._narrate(work.place, post, [(work.request, entry)], work.attempts)

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
        now = [(request, entry) for where, request, entry in untold if where == post][:MOST_TOLD]
        about = [(request, named(request, entry)) for request, entry in now]
        await self._narrate(work.place, post, about, work.attempts)
        told = [entry for _, entry in now]
        return frozenset(request.id for _, request, entry in untold if entry not in told)

    async def to_principal(self, telling: Telling) -> str | None:
        """Tell how a request has ended to whom its agent's key is bound; the message, or None where nobody can.

        The platform where people were asked comes first. Raises `AdapterError`.
        """
        request = telling.request
        if request.principal is None:
            return None
        near = request.place or (request.requirement.place if request.requirement else "")
        platform = near.partition(":")[0]
        for adapter in sorted(self._adapters.values(), key=lambda adapter: adapter.name != platform):
            if adapter.capabilities.notifies:
                message = await adapter.notify(request.principal, word(request), near=near, look=telling.perhaps)
                if message is not None:
                    return message
        return None

    async def _narrate(self, place: str, post: str, telling: Sequence[tuple[Outline, Entry]], attempts: int) -> None:
        adapter = self._adapters.get(place.partition(":")[0])
        if adapter is not None and adapter.capabilities.narrates:
            try:
                await adapter.narrate(place, post, [entry for _, entry in telling], look=attempts > 1)
            except AdapterError as error:
                if isinstance(error, Retry) and attempts < STORY_TRIES:
                    raise
                untold = [f"{entry.request_id} {entry.key}" for _, entry in telling]
                self._log.warning("story_not_told", place=place, entries=untold, what=error.what)
        await asyncio.gather(*(self._store.narrated(request, place, entry.key) for request, entry in telling))
