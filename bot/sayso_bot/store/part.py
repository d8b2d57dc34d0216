"""What each part of the store works with: the book's keys, and calls of its functions."""

from __future__ import annotations

from collections.abc import Sequence

from sayso_bot.domain.request import Outline
from sayso_bot.store.calls import Calls
from sayso_bot.store.keys import Keys


class Part:
    def __init__(self, calls: Calls, keys: Keys) -> None:
        self.keys = keys
        self._calls = calls
        self._call, self._plain = calls.function, calls.plain

    def _of(self, request: Outline, place: str | None = None) -> Sequence[str]:
        if place is None:
            place = request.place
        return self.keys.of_request(request.id, request.agent, place)
