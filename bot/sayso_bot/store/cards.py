"""Cards at places: which are due, who works at which under a fenced lease, what stands there (``delivery.lua``)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Literal

from sayso_bot.domain.request import Outline, Request, from_milliseconds
from sayso_bot.domain.story import story
from sayso_bot.ports import Alarm, Button, Due, Work
from sayso_bot.store.codec import due_of, fields_of, request_of
from sayso_bot.store.live import pause_of
from sayso_bot.store.part import Part

PACE_SECONDS = 1.1
"""Between two posts at a place that has asked us to wait: Slack takes about one a second in a channel."""


class Cards(Part):
    async def button(self, token: str) -> Button | None:
        found = await self._plain("GET", self.keys.button(token))
        if found is None:
            return None
        request_id, revision, place = found.split(" ", 2)
        return Button(request_id, int(revision), place)

    async def tapped(self, request: Request, place: str, post: str) -> None:
        keys = [*self._of_request(request, place), self.keys["counters"]]
        await self._call("tapped", keys, request.id, place, post)

    async def due_places(self, limit: int) -> Due:
        return due_of(await self._call("due_places", [self.keys["places"], self.keys["clock"]], limit, writes=False))

    async def due_work(self, place: str, limit: int, *, soon_seconds: float = 0.0) -> Sequence[str]:
        keys = [self.keys.work(place), self.keys["clock"], self.keys["blocked"]]
        _, _, ids = await self._call("due_work", keys, place, limit, int(soon_seconds * 1000), writes=False)
        return [str(request_id) for request_id in ids]

    async def begin(
        self, request: Outline, place: str, lease_seconds: float, of_list: Literal["failed", "lost"] | None = None
    ) -> Work | None:
        code, *rest = await self._call(
            "begin",
            self._of_request(request, place),
            request.id,
            place,
            int(lease_seconds * 1000),
            secrets.token_hex(8),
            int(PACE_SECONDS * 1000),
            "",
            of_list or "",
        )
        if code != "ok":
            return None
        _, fence, wanted, _, post, button, attempts, lost_at, doubles, told, record, pause, tells, teller = rest
        return Work(
            request=request_of(fields_of(record)),
            place=place,
            fence=int(fence),
            wanted=int(wanted),
            post=post or None,
            doubles=tuple(doubles.split()),
            button=button,
            attempts=int(attempts),
            lost_at=from_milliseconds(int(lost_at)) if lost_at else None,
            told=frozenset(told.split()),
            pause=pause_of(pause) if pause else None,
            tells=bool(tells),
            teller=teller or None,
        )

    async def renew(self, work: Work, lease_seconds: float) -> bool:
        keys, lease = self._of_request(work.request, work.place), int(lease_seconds * 1000)
        code, *_ = await self._call("renew", keys, work.request.id, work.place, work.fence, lease)
        return bool(code == "ok")

    async def posted(self, work: Work, post: str) -> None:
        keys = [*self._of_request(work.request, work.place), self.keys["counters"]]
        by_now = " ".join(entry.key for entry in story(work.request))
        await self._call("posted", keys, work.request.id, work.place, work.fence, work.wanted, post, by_now)

    async def narrated(self, request: Outline, place: str, key: str) -> None:
        await self._call("narrated", self._of_request(request, place), place, key)

    async def moot(self, work: Work) -> None:
        keys = [*self._of_request(work.request, work.place), *self.keys.of_teller(work.request.id, work.teller)]
        await self._call("moot", keys, work.request.id, work.place, work.fence, work.wanted, work.teller or "")

    async def failed(
        self, work: Work, what: str, *, after_seconds: float, lost: bool, alarm: bool, whole_place: bool
    ) -> None:
        flags = ("1" if flag else "" for flag in (lost, alarm, whole_place))
        keys = self._of_request(work.request, work.place)
        after = int(after_seconds * 1000)
        pace = int(PACE_SECONDS * 1000)
        await self._call("failed", keys, work.request.id, work.place, work.fence, after, *flags, what, pace)

    async def hasten(self, request: Outline, place: str) -> bool:
        """Try at once what could not be shown at ``place``, and raised an alarm there. False for what has left it."""
        code, *_ = await self._call("hasten", self._of_request(request, place), request.id, place)
        return bool(code == "ok")

    async def move(self, work: Work, to: str, button: str, what: str, by: str) -> bool:
        """Take a card that cannot be shown to another place; an empty ``button``: nothing is posted there.

        False where it cannot be moved any more: its lease is somebody else's, it was shown, or the request has ended.
        """
        request_id = work.request.id
        keys = [
            *self._of_request(work.request, work.place),
            self.keys.work(to),
            self.keys.post(request_id, to),
            self.keys.button(button),
        ]
        code, *_ = await self._call("move", keys, request_id, work.place, to, work.fence, button, what, by)
        return bool(code == "ok")

    async def alarms(self, limit: int) -> Sequence[Alarm]:
        """Cards that cannot be delivered, the oldest first."""
        found = await self._plain("ZRANGE", self.keys["alarms"], "0", str(limit - 1), "WITHSCORES")
        pairs = found if found and isinstance(found[0], (list, tuple)) else zip(found[::2], found[1::2], strict=True)
        alarms = []
        for member, since in pairs:
            request_id, _, place = str(member).partition(" ")
            alarms.append(Alarm(request_id, place, from_milliseconds(int(float(since)))))
        return alarms

    async def why_not_shown(self, alarm: Alarm) -> str:
        """What its place said when the card could not be shown there last."""
        return str(await self._plain("HGET", self.keys.post(alarm.request_id, alarm.place), "what") or "unreachable")
