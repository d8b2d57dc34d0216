"""Reports a channel that stops working to the admins, once, with the routes that depend on it; and that it works again.

A place is ill when some card cannot be brought to it, also where that goes to its rule's fallback, and well when
something is shown there again: an alarm that ends proves nothing, because its request may have gone elsewhere. Cards
that still could not be shown there are tried then, and not in an hour; seldom, since they may fail for another reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sayso_bot.errors import SaysoError
from sayso_bot.ports import ALARMS_LOOKED_AT, Alarm, Illness, Log

LOOK_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0


class IllnessWatch:
    """``alarms`` are cards that cannot be delivered, ``why`` is what the place said to one of them, ``reported`` the
    places told of.

    ``report`` puts a place on the record with what it said, or (empty) that it is well again; ``reached`` has what
    could not be shown at a place tried at once; ``tell`` tells of what is on the record and was not told yet, and may
    be asked as often as one likes.
    """

    def __init__(
        self,
        alarms: Callable[[int], Awaitable[Sequence[Alarm]]],
        why: Callable[[Alarm], Awaitable[str]],
        reported: Callable[[], Awaitable[Sequence[Illness]]],
        report: Callable[[str, str], Awaitable[None]],
        reached: Callable[[str], Awaitable[None]],
        tell: Callable[[], Awaitable[None]],
        log: Log,
    ) -> None:
        self._alarms = alarms
        self._why = why
        self._reported = reported
        self._report = report
        self._reached = reached
        self._tell = tell
        self._log = log
        self._ill: frozenset[str] = frozenset()
        self._alarmed: frozenset[str] = frozenset()
        self._well: set[str] = set()
        self._left: dict[str, str] = {}
        self._tried: dict[str, tuple[float, float]] = {}  # until when a place's cards are left alone, after what pause

    def shown(self, place: str, before: str | None) -> None:
        """Something was shown at ``place`` just now, anew or in the post that stood there ``before``: what stands can
        often be changed where nothing new is taken, so that proves something only where a card there could not be.
        """
        if before is not None and place not in self._alarmed:
            return
        self._left.pop(place, None)
        if place in self._ill:
            self._well.add(place)

    def left(self, place: str, what: str) -> None:
        """A card was taken elsewhere just now, because of ``what`` its place said."""
        self._well.discard(place)
        self._left[place] = what

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except SaysoError as error:
                self._log.warning("illness_waits", code=error.code)
            except Exception:  # noqa: BLE001 - a fault of ours must not end the watch
                self._log.exception("illness_failed")

    async def look(self) -> None:
        first: dict[str, Alarm] = {}
        for alarm in await self._alarms(ALARMS_LOOKED_AT):
            first.setdefault(alarm.place, alarm)
        self._alarmed = frozenset(first)
        known = {illness.place for illness in await self._reported()}
        self._ill = frozenset(known | first.keys() | self._left.keys())
        self._well &= self._ill
        for place in first.keys() - known:
            await self._report(place, await self._why(first[place]))
        for place, what in list(self._left.items()):
            if place not in known | first.keys():
                await self._report(place, what)
            self._left.pop(place, None)
        for place in self._well & (known | first.keys()):
            if place not in first:
                await self._report(place, "")
            elif self._may_try(place):
                await self._reached(place)
            self._well.discard(place)
        self._tried = {place: tried for place, tried in self._tried.items() if place in first}
        await self._tell()

    def _may_try(self, place: str) -> bool:
        """Whether its cards are due for another try, which is then noted. Each pause is twice as long as the last."""
        now = asyncio.get_running_loop().time()
        until, pause = self._tried.get(place, (0.0, FIRST_PAUSE_SECONDS / 2))
        if until > now:
            return False
        pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
        self._tried[place] = (now + pause, pause)
        return True
