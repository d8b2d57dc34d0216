"""What a burst of requests that is shown as one message needs: who shows it, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.listing import Listing
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.request import Status


@runtime_checkable
class ShowsListings(Protocol):
    """An adapter that can show a `Listing`. One that cannot is given a card for each request."""

    async def post_listing(self, listing: Listing, place: str) -> str:
        """As `ChatAdapter.post`."""
        ...

    async def update_listing(self, listing: Listing, place: str, post: str) -> None:
        """As `ChatAdapter.update`."""
        ...


@dataclass(frozen=True, slots=True)
class ListingRow:
    """A request as it stands, and the ``version`` of it that a listing of now shows.

    ``post`` is where it is shown already; ``listed`` says that this is a listing and no card of its own. ``left``: it
    was moved from the place since. ``tried``: it may be shown, of which nobody knows. ``since`` when it is asked here.
    ``tells``: its story is told here all the same. ``told``, ``pause`` and ``teller`` are as in `Work`.
    """

    request: Brief
    version: int
    button: str
    post: str | None
    listed: bool
    since: datetime
    told: frozenset[str] = frozenset()
    left: bool = False
    pause: Pause | None = None
    tried: bool = False
    tells: bool = False
    teller: str | None = None


@dataclass(frozen=True, slots=True)
class ListingWork:
    """The listing of one place to bring up to date, under a lease that ``fence`` names.

    ``ids`` are the requests that wait by what it shows, ``ended`` counts those that it has told of. ``perhaps_at`` is
    the last ``lost_at`` of a message that was found since, or deleted. The rest is as in `Work`.
    """

    place: str
    fence: int
    name: str
    post: str | None
    attempts: int
    lost_at: datetime | None
    perhaps_at: datetime | None
    ids: frozenset[str]
    ended: Mapping[Status, int]


class ListingStore(Protocol):
    """Each method is one Redis Function, atomic and safe to repeat. Raises `Unavailable`."""

    async def begin_listing(self, place: str, lease_seconds: float, name: str) -> ListingWork | float:
        """Take the lease of a place's listing, ``name`` for a new one; or in how many seconds to look again."""
        ...

    async def renew_listing(self, work: ListingWork, lease_seconds: float) -> None: ...

    async def listing_row(self, request_id: str, place: str) -> ListingRow | None:
        """None where the request has no card at ``place``."""
        ...

    async def listing_shown(
        self,
        work: ListingWork,
        post: str | None,
        new: Sequence[str],
        over: Mapping[str, Status | None],
        pause_seconds: float,
    ) -> bool:
        """Write down what the message shows. False where the lease is somebody else's: nothing else may be recorded.

        ``over`` wait there no more: they ended so, or (None) were moved away.
        When nothing waits any more the listing is closed, and the next request begins another.
        """
        ...

    async def row_shown(self, row: ListingRow, place: str, post: str | None) -> None:
        """A request is shown by the listing, or needs not be shown."""
        ...

    async def listing_failed(
        self, work: ListingWork, what: str, *, after_seconds: float, lost: bool, whole_place: bool, gone: bool
    ) -> None:
        """Try again later; ``what`` it was, or empty where the platform was not asked. ``gone``: its message is not
        there any more, and another is to be posted.
        """
        ...

    async def put_off(self, place: str, ids: Sequence[str], seconds: float) -> None:
        """Those of ``ids`` that are due are due so many seconds from now."""
        ...
