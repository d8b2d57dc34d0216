"""Posts announcements, as delivery posts cards: once, under a lease, looked up after a lost answer.

An announcement is given up where its place cannot be reached, or says that it is not accepted: it raises no alarm, and
its change stands on the record either way. That a place cannot be reached is no error of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sayso_bot.errors import SaysoError
from sayso_bot.ports import AdapterError, Gone, Log, NoticeStore, NoticeWork, Rejected, Retry
from sayso_bot.workers.leases import keeping, pause, taken

LEASE_SECONDS = 15.0
MOST_ATTEMPTS = 50
RECORD_SECONDS = 1.0


class Announcing:
    """``announce`` is the desk's: the post, or None where the place takes no announcements."""

    def __init__(self, store: NoticeStore, announce: Callable[[NoticeWork], Awaitable[str | None]], log: Log) -> None:
        self._store = store
        self._announce = announce
        self._log = log

    async def deliver(self, notice_id: str, place: str) -> bool:
        """Post one notice that is due. False when the whole place is to be left alone for now."""
        work = await taken(self._store.begin_notice(notice_id, place, LEASE_SECONDS), self._hand_back)
        if work is None:
            return True
        try:
            async with keeping(lambda: self._store.renew_notice(work, LEASE_SECONDS), LEASE_SECONDS):
                post = await self._announce(work)
        except AdapterError as error:
            return await self._failed(work, error)
        except (asyncio.CancelledError, SaysoError):  # told to stop, or our store went away: no fault of the place's
            await self._hand_back(work, lost=True)
            raise
        except Exception:  # noqa: BLE001 - an adapter's bug must not stop the cards of the place
            self._log.exception("announcement_failed", notice=notice_id, place=place)
            return await self._failed(work, Rejected("internal"))
        await self._record(work, post)
        return True

    async def _hand_back(self, work: NoticeWork | None, *, lost: bool = False) -> None:
        if work is None:
            return
        with suppress(SaysoError):  # the lease lapses by itself
            await self._store.notice_failed(work, "stopped", after_seconds=0, lost=lost, whole_place=False)

    async def _record(self, work: NoticeWork, post: str | None) -> None:
        """Write down that it is posted, trying for as long as it takes: to forget a post is to make another."""
        while True:
            try:
                if post is None:
                    return await self._store.notice_given_up(work)
                await self._store.notice_posted(work, post)
            except SaysoError as error:
                self._log.warning("announcement_not_recorded", place=work.place, code=error.code)
                await asyncio.sleep(RECORD_SECONDS)
            else:
                return self._log.info("announced", notice=work.notice.id, place=work.place)

    async def _failed(self, work: NoticeWork, error: AdapterError) -> bool:
        about = {"notice": work.notice.id, "place": work.place, "what": error.what, "attempts": work.attempts}
        if not isinstance(error, Retry) or work.attempts >= MOST_ATTEMPTS:
            say = self._log.warning if isinstance(error, Gone) else self._log.error
            say("announcement_given_up", text=work.notice.text, **about)
            await self._store.notice_given_up(work)
            return True
        self._log.warning("not_announced", **about)
        after = error.after if error.after is not None else pause(work.attempts)
        whole_place = error.after is not None
        await self._store.notice_failed(work, error.what, after_seconds=after, lost=error.lost, whole_place=whole_place)
        return False
