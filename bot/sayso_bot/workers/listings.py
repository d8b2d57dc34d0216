"""Brings listings up to date: where a rule wants a burst shown as one message, all that is due at a place is one piece
of work.

A request counts as shown only when a message that lists or counts it is there. What cannot be shown as a list is handed
back to delivery, which moves it, raises the alarm, or shows a card. Each request is decided on its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from sayso_bot.domain.listing import MOST_ROWS
from sayso_bot.domain.request import Outline, Status
from sayso_bot.errors import SaysoError
from sayso_bot.ports import (
    AdapterError,
    Deleted,
    Gone,
    ListingRow,
    ListingStore,
    ListingWork,
    Log,
    Rejected,
    Retry,
    Store,
)
from sayso_bot.workers.leases import keeping, pause, taken

LEASE_SECONDS = 15.0
PAUSE_SECONDS = 1.0
"""The least time between two changes of one listing."""
MOST_AT_ONCE = 1000
READ_AT_ONCE = 50
GATHERING = timedelta(seconds=1)
"""An attempt may show what is asked within this time after it has begun."""
ALARM_SECONDS = 120.0
ALARM_ATTEMPTS = 6


class ShowsListing(Protocol):
    """What shows a listing."""

    def shows_listings(self, place: str) -> bool: ...

    async def show_listing(
        self, work: ListingWork, rows: Sequence[ListingRow], waiting: int, ended: Mapping[Status, int]
    ) -> str | None: ...


@dataclass(frozen=True, slots=True)
class NotListed:
    """A request that its place's listing does not show: ``why`` it could not, or None for one to be shown as a card."""

    request_id: str
    why: AdapterError | None = None


@dataclass(slots=True)
class _Gathered:
    """What a listing is to show. ``due`` are the requests that it is brought up to date for; ``single`` have a card of
    their own, and those of ``left`` were moved away and are told of elsewhere. Of ``untold`` there is more to tell
    beside it, so they stay due.
    """

    due: dict[str, ListingRow] = field(default_factory=dict)
    single: list[NotListed] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    ended: dict[str, Status] = field(default_factory=dict)
    left: dict[str, ListingRow] = field(default_factory=dict)
    rows: list[ListingRow] = field(default_factory=list)
    untold: frozenset[str] = frozenset()


class Listings:
    """``narrate`` tells what happened to rows, and returns those of which there is more to tell; ``shown`` is told of
    each place that takes them: of a new listing there, or one that failed before and of the post that stood there.
    """

    def __init__(
        self,
        store: Store,
        listings: ListingStore,
        showing: ShowsListing,
        narrate: Callable[[ListingWork, Sequence[ListingRow]], Awaitable[frozenset[str]]],
        shown: Callable[[str, str | None], None],
        log: Log,
    ) -> None:
        self._store = store
        self._listings = listings
        self._showing = showing
        self._narrate = narrate
        self._shown = shown
        self._log = log

    def has(self, request: Outline, place: str) -> bool:
        """Whether this request belongs into the listing of ``place``."""
        wanted = request.requirement is not None and request.requirement.digest
        return wanted and self._showing.shows_listings(place)

    async def bring_up_to_date(self, place: str, some: Sequence[str]) -> Sequence[NotListed]:
        """Show what is due at ``place``, of which ``some`` are known; those that are not shown by the listing."""
        work = await taken(self._listings.begin_listing(place, LEASE_SECONDS, min(some)), self._hand_back)
        if not isinstance(work, ListingWork):
            await self._listings.put_off(place, some, work)
            return ()
        try:
            found = await self._gathered(work)
        except BaseException:
            await self._hand_back(work)
            raise
        ended = dict(work.ended)
        for status in found.ended.values():
            ended[status] = ended.get(status, 0) + 1
        is_shown: bool | None = None
        try:
            async with keeping(lambda: self._listings.renew_listing(work, LEASE_SECONDS), LEASE_SECONDS):
                post = await self._showing.show_listing(work, found.rows, len(found.waiting), ended)
                is_shown = post is not None
                if post == work.post:
                    found.untold = await self._narrate(work, list(found.due.values()))
                else:  # a new post is written down before anything else is sent
                    found.untold = frozenset(name for name, row in found.due.items() if row.post is not None)
        except AdapterError as error:
            return await self._failed(work, error, found, is_shown=is_shown)
        except (asyncio.CancelledError, SaysoError):  # told to stop, or our store went away: no fault of the place's
            # the platform may have taken the call: look before posting again
            await self._hand_back(work, lost=is_shown is not False)
            raise
        except Exception:  # noqa: BLE001 - an adapter's bug must not hide the requests
            self._log.exception("listing_failed", place=place)
            return await self._failed(work, Rejected("internal"), found, is_shown=is_shown)
        await self._record(work, post, found)
        if post is not None and (post != work.post or work.attempts > 1):
            self._shown(work.place, work.post if post == work.post else None)
        return found.single

    async def _gathered(self, work: ListingWork) -> _Gathered:
        found, waiting = _Gathered(), set(work.ids)
        # With what was put off for a moment: what an earlier try may have told is looked for with this one, or never.
        due = await self._store.due_work(work.place, MOST_AT_ONCE, soon_seconds=PAUSE_SECONDS)
        async for row in self._read(due, work.place):
            request_id = row.request.id
            if not self.has(row.request, work.place):
                continue
            if (row.post is not None or row.left) and not row.listed:
                found.single.append(NotListed(request_id))
                continue
            if row.left and not row.tells:
                found.left[request_id] = row
                waiting.discard(request_id)
                continue
            found.due[request_id] = row
            if row.request.settled:
                waiting.discard(request_id)
                if request_id in work.ids:
                    found.ended[request_id] = row.request.status
            else:
                waiting.add(request_id)
        found.waiting = sorted(waiting)
        wanted = found.waiting[:MOST_ROWS]
        first = {request_id: found.due[request_id] for request_id in wanted if request_id in found.due}
        async for row in self._read([request_id for request_id in wanted if request_id not in first], work.place):
            first[row.request.id] = row
        found.rows = [row for _, row in sorted(first.items()) if not row.request.settled and not row.left]
        return found

    async def _read(self, ids: Sequence[str], place: str) -> AsyncIterator[ListingRow]:
        for start in range(0, len(ids), READ_AT_ONCE):
            some = ids[start : start + READ_AT_ONCE]
            for row in await asyncio.gather(*(self._listings.listing_row(request_id, place) for request_id in some)):
                if row is not None:
                    yield row

    async def _record(self, work: ListingWork, post: str | None, found: _Gathered) -> None:
        """Write down what is shown, trying for as long as it takes: to forget a post is to make another."""
        new = [request_id for request_id in found.waiting if request_id not in work.ids]
        while True:
            try:
                over = {**dict.fromkeys(found.left), **found.ended}
                if not await self._listings.listing_shown(work, post, new, over, PAUSE_SECONDS):
                    return
                shown = [
                    (row, post or row.post if _was_shown(row, work) else None)
                    for name, row in found.due.items()
                    if name not in found.untold
                ]
                shown += [(row, None) for row in found.left.values()]
                shown += [(row, post) for row in found.rows if row.listed and row.request.id not in found.due]
                await asyncio.gather(*(self._listings.row_shown(row, work.place, where) for row, where in shown))
            except SaysoError as error:
                self._log.warning("listing_not_recorded", place=work.place, code=error.code)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self._log.info("listing_shown", place=work.place, waiting=len(found.waiting))
                return

    async def _failed(
        self, work: ListingWork, error: AdapterError, found: _Gathered, *, is_shown: bool | None
    ) -> Sequence[NotListed]:
        """Try again later. A lasting failure is one of each request that nobody has seen; where the platform does not
        accept the list, each is tried as a card. ``is_shown``: None where it was the list itself that failed.
        """
        told_when = error.after if isinstance(error, Retry) else None
        lost = isinstance(error, Retry) and error.lost if is_shown is None else is_shown
        deleted = work.post is not None and isinstance(error, Deleted)
        lasting = isinstance(error, Gone | Rejected) and not deleted
        given_up = lasting or (work.attempts >= ALARM_ATTEMPTS and told_when is None and not deleted)
        after = told_when or (0.0 if deleted else PAUSE_SECONDS if lasting else pause(work.attempts))
        self._log.warning("listing_not_shown", place=work.place, what=error.what, again_in_seconds=round(after, 1))
        await self._listings.listing_failed(
            work,
            error.what,
            after_seconds=after,
            lost=lost,
            whole_place=told_when is not None,
            gone=deleted,
        )
        if not given_up:
            return found.single
        why = None if isinstance(error, Rejected) else error
        seen, unseen = list(found.left), list[NotListed]()
        for name, row in found.due.items():
            perhaps = lost or name in work.ids or _was_tried(row, work)
            if row.post is not None or (perhaps and lasting and row.request.settled):
                seen.append(name)
            elif perhaps and row.request.settled:  # due still, so that it is there when that is known
                continue
            elif perhaps and not lasting:  # it does not go elsewhere before it is known
                unseen.append(NotListed(name, Retry(error.what, lost=True)))
            else:
                unseen.append(NotListed(name, why))
        if seen:
            await self._listings.put_off(work.place, seen, ALARM_SECONDS)
        return [*found.single, *unseen]

    async def _hand_back(self, work: ListingWork | float, *, lost: bool = False) -> None:
        if not isinstance(work, ListingWork):
            return
        with suppress(SaysoError):  # the lease lapses by itself
            await self._listings.listing_failed(work, "", after_seconds=0, lost=lost, whole_place=False, gone=False)


def _was_shown(row: ListingRow, work: ListingWork) -> bool:
    """Whether a list shows it, or may have: one that ended before any list named it, or was to, is in none."""
    is_named = row.post is not None or row.request.id in work.ids
    return is_named or not row.request.settled or _was_tried(row, work)


def _was_tried(row: ListingRow, work: ListingWork) -> bool:
    """Whether an earlier attempt, of which nobody knows how it ended, may have shown it."""
    tried_at = work.lost_at or work.perhaps_at
    return row.tried or (tried_at is not None and row.since <= tried_at + GATHERING)
