"""Brings cards up to date: compares what a place should show with what it shows, and mends the difference.

Hints only wake this worker; what is due is read from the store, so a lost hint costs a second and an extra one costs
a look. Any number of replicas share the work: a card is worked on under a fenced lease, one place at a time keeps its
order, and a place that asked us to wait is left alone by all of them. One that does not answer this replica is left
alone by this one for a while: its other cards would fare the same, and another replica may reach it. What a platform
has answered is recorded however long the store is away, since to forget a post is to make another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from sayso_bot.domain.notice import is_notice
from sayso_bot.domain.request import Outline
from sayso_bot.errors import SaysoError
from sayso_bot.ports import AdapterError, Gone, Log, Rejected, Retry, Store, Work
from sayso_bot.workers.hint import Hint
from sayso_bot.workers.leases import keeping, pause, taken
from sayso_bot.workers.listings import Listings
from sayso_bot.workers.notices import Announcing
from sayso_bot.workers.tasks import cancelled

LEASE_SECONDS = 15.0
IDLE_SECONDS = 1.0
PLACES_AT_ONCE = 64
BATCH = 20
FIRST_REST_SECONDS = 0.25
LONGEST_REST_SECONDS = 10.0
ALARM_PAUSE_SECONDS = 120.0
LONGEST_ALARM_PAUSE_SECONDS = 3600.0
ALARM_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class _Rest:
    """Until when, by the loop's time, a place that did not answer ``failures`` times is left alone."""

    until: float
    failures: int


class Delivery:
    """``show`` is the desk's; it returns the post, or None when nobody needs to see the card any more. So is ``move``,
    which takes a card to its rule's fallback and returns that place, or None where the card stays. ``shown`` is told of
    each place that takes cards: of a new one there, or one that failed before and of the post that stood there.
    ``left`` is told of each place that a card has left, and of what it said.
    """

    def __init__(
        self,
        store: Store,
        show: Callable[[Work], Awaitable[str | None]],
        move: Callable[[Work, str], Awaitable[str | None]],
        listings: Listings,
        announcing: Announcing,
        shown: Callable[[str, str | None], None],
        left: Callable[[str, str], None],
        log: Log,
    ) -> None:
        self._store = store
        self._show = show
        self._move = move
        self._listings = listings
        self._announcing = announcing
        self._shown = shown
        self._left = left
        self._log = log
        self._hint = Hint()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, _Rest] = {}

    def hint(self) -> None:
        """There may be something to do."""
        self._hint.give()

    async def run(self) -> None:
        """Work until cancelled; leases of what is under way are handed back."""
        try:
            while True:
                self._hint.forget()
                wait = IDLE_SECONDS
                try:
                    wait = await self._start_places()
                except SaysoError as error:
                    self._log.warning("delivery_waits", code=error.code)
                except Exception:  # noqa: BLE001 - a fault of ours must not end all deliveries
                    self._log.exception("delivery_failed")
                await self._hint.wait(wait)
        finally:
            await cancelled(tuple(self._busy.values()))

    async def _start_places(self) -> float:
        """Start work on every due place that nobody here works on; how long until more can be expected."""
        due = await self._store.due_places(PLACES_AT_ONCE * 4 + len(self._resting))
        now = asyncio.get_running_loop().time()
        waits = [IDLE_SECONDS]
        for place in due.items:
            rest = self._resting[place].until - now if place in self._resting else 0.0
            if rest > 0:
                waits.append(rest)
            elif place not in self._busy and len(self._busy) < PLACES_AT_ONCE:
                task = asyncio.create_task(self._work_at(place))
                self._busy[place] = task
                task.add_done_callback(lambda _, place=place: self._done(place))  # type: ignore[misc]
        if due.next_in_seconds is not None:
            waits.append(due.next_in_seconds)
        return max(0.01, min(waits))

    def _done(self, place: str) -> None:
        self._busy.pop(place, None)
        self._hint.give()

    async def _work_at(self, place: str) -> None:
        """Deliver what is due at one place, in order. What cannot be read holds up nothing but itself."""
        try:
            stuck, listed = False, list[str]()
            for request_id in await self._store.due_work(place, BATCH):
                if is_notice(request_id):
                    if not await self._announcing.deliver(request_id, place):
                        return
                    continue
                request = await self._readable(request_id)
                stuck = stuck or request is None
                if request is not None and self._listings.has(request, place):
                    listed.append(request_id)
                elif request is not None and not await self._deliver(request, place):
                    return
            if listed and not await self._deliver_listing(place, listed):
                return
            if stuck:
                await asyncio.sleep(IDLE_SECONDS)
        except SaysoError as error:
            self._log.warning("delivery_waits", place=place, code=error.code)
            await asyncio.sleep(IDLE_SECONDS)
        except Exception:  # noqa: BLE001 - nor those at other places
            self._log.exception("delivery_failed", place=place)
            await asyncio.sleep(IDLE_SECONDS)

    async def _deliver_listing(self, place: str, listed: Sequence[str]) -> bool:
        """Bring the place's listing up to date, and each card that is none of it. False as in `_deliver`."""
        for left in await self._listings.bring_up_to_date(place, listed):
            request = await self._readable(left.request_id)
            if request is None:
                continue
            if left.why is None:
                if not await self._deliver(request, place):
                    return False
                continue
            is_lost = isinstance(left.why, Retry) and left.why.lost
            work = await self._begin(request, place, "lost" if is_lost else "failed")
            if work is not None and work.teller is not None and work.lost_at is None:  # nobody needs to see it here
                await self._record(work, None)
            elif work is not None:
                await self._failed(work, left.why, alarm=not work.request.settled)
        return True

    async def _readable(self, request_id: str) -> Outline | None:
        try:
            return await self._store.glance(request_id)
        except SaysoError as error:
            self._log.warning("card_not_readable", request=request_id, code=error.code)
            return None

    async def _deliver(self, request: Outline, place: str) -> bool:
        """Bring one card up to date. False when the whole place is to be left alone for now."""
        work = await self._begin(request, place)
        if work is None:
            return True
        try:
            async with keeping(lambda: self._store.renew(work, LEASE_SECONDS), LEASE_SECONDS):
                post = await self._show(work)
        except AdapterError as error:
            return await self._failed(work, error)
        except (asyncio.CancelledError, SaysoError):  # told to stop, or our store went away: no fault of the place's
            await self._hand_back(work, lost=True)  # the platform may have taken the call: look before posting again
            raise
        except Exception:  # noqa: BLE001 - an adapter's bug must not stop the others' cards
            self._log.exception("card_failed", request=work.request.id, place=place)
            return await self._failed(work, Rejected("internal"))
        if post is not None or work.lost_at is not None:
            self._resting.pop(place, None)
        await self._record(work, post)
        if post is not None and (work.post is None or work.attempts > 1):
            self._shown(place, work.post)
        return True

    async def _begin(
        self, request: Outline, place: str, of_list: Literal["failed", "lost"] | None = None
    ) -> Work | None:
        return await taken(self._store.begin(request, place, LEASE_SECONDS, of_list), self._hand_back)

    async def _hand_back(self, work: Work | None, *, lost: bool = False) -> None:
        if work is None:
            return
        with suppress(SaysoError):  # the lease lapses by itself
            await self._store.failed(work, "stopped", after_seconds=0, lost=lost, alarm=False, whole_place=False)

    async def _record(self, work: Work, post: str | None) -> None:
        """Write down what is shown, trying for as long as it takes."""
        while True:
            try:
                if post is None:
                    return await self._store.moot(work)
                await self._store.posted(work, post)
            except SaysoError as error:
                self._log.warning("card_not_recorded", request=work.request.id, place=work.place, code=error.code)
                await asyncio.sleep(IDLE_SECONDS)
            else:
                return self._log.info("card_shown", request=work.request.id, place=work.place, version=work.wanted)

    async def _failed(self, work: Work, error: AdapterError, *, alarm: bool = False) -> bool:
        """What is to come of a card that was not shown, with an ``alarm`` at once or when it is due. As `_deliver`."""
        lasting = isinstance(error, Gone | Rejected)
        after = error.after if isinstance(error, Retry) else None
        whole_place = after is not None
        is_limited = after is not None and work.post is not None  # it is seen, and the platform says when to go on
        alarm = alarm or lasting or (work.attempts >= ALARM_ATTEMPTS and not is_limited)
        if work.post is None and work.place != work.request.place:
            alarm = False  # it is asked elsewhere: only what a lost answer may have left here is looked for
        if after is None:
            after = _alarm_pause(work.attempts) if lasting else pause(work.attempts)
        lost = isinstance(error, Retry) and error.lost
        about = {"request": work.request.id, "place": work.place, "what": error.what, "attempts": work.attempts}
        if alarm and _may_move(work, error) and (to := await self._move(work, error.what)):
            self._log.error("card_moved", **about, to=to)
            self._left(work.place, error.what)
            if not lasting:
                self._rest(work.place)
            return lasting
        (self._log.error if alarm else self._log.warning)("card_not_shown", **about, again_in_seconds=round(after, 1))
        await self._store.failed(work, error.what, after_seconds=after, lost=lost, alarm=alarm, whole_place=whole_place)
        if lasting:
            return True
        if not whole_place:
            self._rest(work.place)
        return False

    def _rest(self, place: str) -> None:
        """Leave a place alone here, longer each time that it does not answer."""
        failures = self._resting[place].failures + 1 if place in self._resting else 1
        seconds = min(LONGEST_REST_SECONDS, FIRST_REST_SECONDS * 2.0 ** min(failures - 1, 10))
        self._resting[place] = _Rest(asyncio.get_running_loop().time() + seconds, failures)


def _may_move(work: Work, error: AdapterError) -> bool:
    """A place that asks for patience keeps its cards; so does one that may show the card and cannot be asked now."""
    if work.post is not None or work.request.settled:
        return False
    if isinstance(error, Retry):
        return error.after is None and not error.lost and work.lost_at is None
    return True


def _alarm_pause(attempts: int) -> float:
    """A place that cannot be reached is tried ever more seldom, so that old cards are no load on the platform."""
    return min(LONGEST_ALARM_PAUSE_SECONDS, ALARM_PAUSE_SECONDS * 2.0 ** min(attempts - 1, 10))
