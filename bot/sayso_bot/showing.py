"""What stands at places: a request's card, the listing of a burst, an announcement. Each is brought up to date here.

What was posted and its answer lost is looked up before anything is posted again. Every method raises `AdapterError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sayso_bot.domain.card import card
from sayso_bot.domain.interventions import who_paused
from sayso_bot.domain.listing import Listed, Listing
from sayso_bot.domain.request import Status
from sayso_bot.narrator import Narrator
from sayso_bot.ports import (
    Announces,
    ChatAdapter,
    Gone,
    ListingRow,
    ListingWork,
    Log,
    NoticeWork,
    Retry,
    ShowsListings,
    Work,
)


class Showing:
    """``adapters`` may still be joined. ``review_url`` gives the inbox's address of a request."""

    def __init__(
        self, adapters: Mapping[str, ChatAdapter], narrator: Narrator, review_url: Callable[[str], str], log: Log
    ) -> None:
        self._adapters = adapters
        self._narrator = narrator
        self._review_url = review_url
        self._log = log

    async def show(self, work: Work) -> str | None:
        """Bring one card up to date; the post that shows it now, or None when nobody needs to see it any more."""
        platform = work.place.partition(":")[0]
        shown = card(work.request, self._review_url(work.request.id), place=work.place, pause=work.pause)
        is_moot = work.request.settled or work.place != work.request.place
        post = work.post
        if post is None and work.lost_at is None and is_moot:
            return None
        adapter = self._adapters.get(platform)
        if adapter is None:
            raise Gone(f"{platform}_not_configured")
        if post is None and work.lost_at is not None and adapter.capabilities.finds:
            post = await adapter.find(work.request.id, work.place)
        if post is None:
            return None if is_moot else await adapter.post(shown, work.place, work.button)
        await adapter.update(shown, work.place, post, work.button)
        for double in work.doubles:
            try:
                await adapter.update(shown, work.place, double, work.button)
            except Gone as error:
                self._log.info("double_gone", request=work.request.id, place=work.place, what=error.what)
        if work.post is not None and work.tells:  # a new post is written down before anything else is sent
            await self._narrator.beside_card(work, post)
        return post

    def shows_listings(self, place: str) -> bool:
        """Whether several requests can be one message there, as far as this replica knows."""
        return place.partition(":")[0] not in self._adapters or self._lister(place) is not None

    async def show_listing(
        self, work: ListingWork, rows: Sequence[ListingRow], waiting: int, ended: Mapping[Status, int]
    ) -> str | None:
        """Bring a place's listing up to date; the post that shows it now, or None when nobody needs to see it.

        ``rows`` are the first of those that wait. A replica that has no variables for the platform leaves a listing
        that is there, or may be, to one that has.
        """
        platform = work.place.partition(":")[0]
        lister = self._lister(work.place)
        if lister is None:
            is_new = work.post is None and work.lost_at is None
            raise (Gone if is_new else Retry)(f"{platform}_not_configured")
        listed = tuple(Listed(row.request, row.button, who_paused(row.pause) if row.pause else "") for row in rows)
        listing = Listing(work.name, listed, waiting, ended, self._review_url("").removesuffix("/requests/"))
        post = work.post
        if post is None and work.lost_at is not None:
            post = await self._adapters[platform].find(work.name, work.place)
        if post is None:
            return await lister.post_listing(listing, work.place) if waiting else None
        await lister.update_listing(listing, work.place, post)
        return post

    def _lister(self, place: str) -> ShowsListings | None:
        found: object = self._adapters.get(place.partition(":")[0])
        return found if isinstance(found, ShowsListings) else None

    async def announce(self, work: NoticeWork) -> str | None:
        """Post a notice; the post, or None where the place takes none.

        A replica that has no variables for the platform leaves it to one that has: there is no other place for it.
        """
        platform = work.place.partition(":")[0]
        adapter = self._adapters.get(platform)
        if adapter is None:
            raise Retry(f"{platform}_not_configured")
        found: object = adapter
        if not isinstance(found, Announces):
            return None
        post = work.post
        if post is None and work.lost_at is not None and adapter.capabilities.finds:
            post = await adapter.find(work.notice.id, work.place)
        return post or await found.announce(work.notice, work.place)
