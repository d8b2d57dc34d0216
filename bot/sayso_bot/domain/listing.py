"""A listing is one message for a burst: the first requests that wait at a place, and how many more there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.request import Status

MOST_ROWS = 15
MOST_TOLD = 20
"""How many things are told beside a listing in one message."""


_ENDED = {
    Status.APPROVED: "approved",
    Status.DENIED: "denied",
    Status.EXPIRED: "expired",
    Status.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """One request of a listing, and the button that opens it. ``paused`` is who stopped it, where it waits for that."""

    request: Brief
    button: str
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """``name`` is the id of a request of it, by which its message is found again. ``waiting`` counts all that wait,
    those without a row too; ``ended`` counts those of it that have ended. ``url`` leads to the inbox.
    """

    name: str
    rows: tuple[Listed, ...]
    waiting: int
    ended: Mapping[Status, int]
    url: str

    @property
    def headline(self) -> str:
        if not self.waiting:
            return "Nothing of this list waits for an answer any more."
        if self.waiting == 1:
            return "1 request waits for an answer."
        return f"{self.waiting} requests wait for an answer. Each is decided on its own."

    def not_shown(self, shown: int) -> str:
        """A sentence about those that wait and have no row among ``shown``, or nothing."""
        rest = self.waiting - shown
        if not rest:
            return ""
        if not shown:
            return f"{rest} wait, see the inbox."
        return f"And {rest} more {'wait' if rest > 1 else 'waits'}, see the inbox."

    @property
    def have_ended(self) -> str:
        """A sentence that counts those that have ended, or nothing."""
        counts = [f"{self.ended[status]} {word}" for status, word in _ENDED.items() if self.ended.get(status)]
        return f"Ended: {', '.join(counts)}." if counts else ""
