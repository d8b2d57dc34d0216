"""Announcements as delivery works on them: the functions of `delivery.lua`, on the record of a notice."""

from __future__ import annotations

import secrets

from sayso_bot.domain.request import from_milliseconds
from sayso_bot.ports import NoticeWork
from sayso_bot.store.calls import Calls
from sayso_bot.store.codec import fields_of
from sayso_bot.store.keys import Keys
from sayso_bot.store.live import notice_of
from sayso_bot.store.part import Part

MOST_BYTES = 2600
"""Of announcements that are said in one message: no chat cuts so much short."""


class RedisNotices(Part):
    """`sayso_bot.ports.NoticeStore` for one book. ``pace_seconds`` is as in `RedisStore`."""

    def __init__(self, calls: Calls, keys: Keys, pace_seconds: float) -> None:
        super().__init__(calls, keys)
        self._pace = int(pace_seconds * 1000)

    async def begin_notice(self, notice_id: str, place: str, lease_seconds: float) -> NoticeWork | None:
        words = [notice_id, place, int(lease_seconds * 1000), secrets.token_hex(8), self._pace]
        code, *rest = await self._call("begin", self._of(notice_id, place), *words)
        if code == "joins":
            if await self._join(notice_id, str(rest[1]), place):
                return None
            code, *rest = await self._call("begin", self._of(notice_id, place), *words, "1")
        if code != "ok":
            return None
        _, fence, wanted, _, post, _, attempts, lost_at, _, _, record, *_ = rest
        return NoticeWork(
            notice=notice_of(fields_of(record)),
            place=place,
            fence=int(fence),
            wanted=int(wanted),
            post=post or None,
            attempts=int(attempts),
            lost_at=from_milliseconds(int(lost_at)) if lost_at else None,
        )

    async def _join(self, notice_id: str, waits: str, place: str) -> bool:
        shared = [self.keys["clock"], self.keys.work(place), self.keys["places"], self.keys["blocked"]]
        each = [key for name in (waits, notice_id) for key in (self.keys.notice(name), self.keys.post(name, place))]
        code, *_ = await self._call("join", [*shared, *each], place, notice_id, MOST_BYTES)
        return bool(code == "ok")

    async def renew_notice(self, work: NoticeWork, lease_seconds: float) -> None:
        await self._call("renew", self._work(work), work.notice.id, work.place, work.fence, int(lease_seconds * 1000))

    async def notice_posted(self, work: NoticeWork, post: str) -> None:
        keys = [*self._work(work), self.keys["counters"]]
        await self._call("posted", keys, work.notice.id, work.place, work.fence, work.wanted, post, "")

    async def notice_given_up(self, work: NoticeWork) -> None:
        await self._call("moot", self._work(work), work.notice.id, work.place, work.fence, work.wanted, "")

    async def notice_failed(
        self, work: NoticeWork, what: str, *, after_seconds: float, lost: bool, whole_place: bool
    ) -> None:
        lost_word, whole = ("1" if flag else "" for flag in (lost, whole_place))
        await self._call(
            "failed", self._work(work), work.notice.id, work.place, work.fence, int(after_seconds * 1000), lost_word,
            "", whole, what, self._pace,
        )  # fmt: skip

    def _work(self, work: NoticeWork) -> list[str]:
        return self._of(work.notice.id, work.place)

    def _of(self, notice_id: str, place: str) -> list[str]:
        return self.keys.of_notice(notice_id, place)
