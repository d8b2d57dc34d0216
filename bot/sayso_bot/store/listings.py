"""The functions of `listing.lua`: what is kept of a place's listing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from sayso_bot.domain.request import Status, from_milliseconds
from sayso_bot.domain.story import story
from sayso_bot.ports import ListingRow, ListingWork
from sayso_bot.store.codec import brief_from, fields_of
from sayso_bot.store.live import pause_of
from sayso_bot.store.part import Part

_COUNTED = (Status.APPROVED, Status.DENIED, Status.EXPIRED, Status.CANCELLED)


class RedisListings(Part):
    """`sayso_bot.ports.ListingStore` for one book."""

    async def begin_listing(self, place: str, lease_seconds: float, name: str) -> ListingWork | float:
        keys = [*self._of(place), self.keys["clock"], self.keys["blocked"]]
        lease = int(lease_seconds * 1000)
        code, _, *rest = await self._call("begin_listing", keys, place, lease, secrets.token_hex(8), name)
        if code != "ok":
            return int(rest[0]) / 1000
        fence, kept, post, attempts, lost_at, perhaps_at, counts, ids = rest
        return ListingWork(
            place=place,
            fence=int(fence),
            name=kept,
            post=post or None,
            attempts=int(attempts),
            lost_at=from_milliseconds(int(lost_at)) if lost_at else None,
            perhaps_at=from_milliseconds(int(perhaps_at)) if perhaps_at else None,
            ids=frozenset(ids),
            ended={status: int(count) for status, count in zip(_COUNTED, counts, strict=True) if count},
        )

    async def renew_listing(self, work: ListingWork, lease_seconds: float) -> None:
        keys = [self.keys.listing(work.place), self.keys["clock"]]
        await self._call("renew_listing", keys, work.fence, int(lease_seconds * 1000))

    async def listing_row(self, request_id: str, place: str) -> ListingRow | None:
        record, post_key = self.keys.request(request_id), self.keys.post(request_id, place)
        keys = [record, post_key, self.keys["clock"], self.keys["epochs"]]
        code, _, *rest = await self._call("listing_row", keys, place, writes=False)
        if code != "ok":
            return None
        light, version, button, post, listed, told, left, pause, tried, since, tells, teller = rest
        request = brief_from(fields_of(light))
        return ListingRow(
            request=request,
            version=int(version),
            button=button,
            post=post or None,
            listed=bool(listed),
            told=frozenset(told.split()),
            left=bool(left),
            pause=pause_of(pause) if pause else None,
            tried=bool(tried),
            since=from_milliseconds(int(since)) if since else request.created_at,
            tells=bool(tells),
            teller=teller or None,
        )

    async def listing_shown(
        self,
        work: ListingWork,
        post: str | None,
        new: Sequence[str],
        over: Mapping[str, Status | None],
        pause_seconds: float,
    ) -> bool:
        keys = [*self._of(work.place), self.keys["clock"], self.keys["counters"]]
        told = [word for request_id, status in over.items() for word in (request_id, str(status or ""))]
        pause = int(pause_seconds * 1000)
        code, *_ = await self._call("listing_shown", keys, work.fence, post or "", pause, len(new), *new, *told)
        return bool(code == "ok")

    async def row_shown(self, row: ListingRow, place: str, post: str | None) -> None:
        teller = row.teller if post is None else None
        keys = [
            *self.keys.of_request(row.request.id, row.request.agent, place),
            *self.keys.of_teller(row.request.id, teller),
        ]
        by_now = " ".join(entry.key for entry in story(row.request))
        pause = row.pause.id if row.pause else ""
        await self._call("row_shown", keys, row.request.id, place, row.version, post or "", by_now, pause, teller or "")

    async def listing_failed(
        self, work: ListingWork, what: str, *, after_seconds: float, lost: bool, whole_place: bool, gone: bool
    ) -> None:
        flags = ("1" if flag else "" for flag in (lost, whole_place, gone))
        shared = self._named("clock", "places", "blocked")
        keys = [self.keys.listing(work.place), *shared, self.keys.work(work.place)]
        await self._call("listing_failed", keys, work.fence, work.place, int(after_seconds * 1000), *flags, what)

    async def put_off(self, place: str, ids: Sequence[str], seconds: float) -> None:
        keys = [self.keys.work(place), *self._named("places", "blocked", "clock")]
        await self._call("put_off", keys, place, int(seconds * 1000), *ids)

    def _of(self, place: str) -> list[str]:
        return [self.keys.listing(place), self.keys.listed(place)]
