"""What each part of the store works with: the book's keys, and calls of its functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sayso_bot.domain.notice import Notices
from sayso_bot.domain.request import Outline
from sayso_bot.store.calls import Calls
from sayso_bot.store.codec import fields_of
from sayso_bot.store.keys import Keys

"""What is to be said, each with its place."""


class Part:
    def __init__(self, calls: Calls, keys: Keys) -> None:
        self.keys = keys
        self._calls = calls
        self._call, self._plain = calls.function, calls.plain

    def _named(self, *names: str) -> list[str]:
        """Keys that a book has one of."""
        return [self.keys[name] for name in names]

    async def _hash(self, name: str) -> Mapping[str, str]:
        """All fields of such a key."""
        found = await self._plain("HGETALL", self.keys[name])
        return found if isinstance(found, dict) else fields_of(found)

    def _notice_keys(self, notices: Notices) -> list[str]:
        """What ``announce`` in ``prelude.lua`` works on, of each notice."""
        keys = self.keys
        return [
            name
            for notice, place in notices
            for name in (keys.notice(notice.id), keys.post(notice.id, place), keys.work(place))
        ]

    def _of_request(self, request: Outline, place: str | None = None) -> Sequence[str]:
        if place is None:
            place = request.place
        return self.keys.of_request(request.id, request.agent, place)
