"""What every room of the office works with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.deeds import Call, Done, Effect
from sayso_bot.domain.effects import Pending, same_place
from sayso_bot.domain.globs import Glob
from sayso_bot.domain.notice import Notices, new_notice
from sayso_bot.domain.request import Outline, Status
from sayso_bot.domain.routing import LiveChannel
from sayso_bot.domain.text import one_line
from sayso_bot.errors import ChangedMeanwhile, InvalidField
from sayso_bot.ports import (
    ChatAdapter,
    Configuration,
    Epochs,
    Filter,
    Log,
    OfficeStore,
    Store,
)

INBOX = "inbox"
MOST_NOTICES = 100
MOST_COUNTED = 200
LOOK_TO_COUNT = 1_000
PAGE = 50


@dataclass(frozen=True, slots=True)
class Proved:
    """Who does it, and the epochs under which that was proved; None for the operator, of whom nothing is proved."""

    admin: Admin
    epochs: Epochs | None


class Room(Protocol):
    """One kind of deeds. ``versioned``: what they do hangs on routes and channels, so nobody does it unseen."""

    @property
    def deeds(self) -> tuple[type[Any], ...]: ...

    @property
    def versioned(self) -> bool: ...

    async def was_done(self, call: Call) -> bool:
        """Whether this asking has taken effect before, so that nothing is to be confirmed any more."""
        ...

    async def preview(self, deed: Any) -> Effect: ...

    async def carry_out(self, deed: Any, by: Proved, call: Call) -> Done: ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where a deed leads. ``new`` is set where the place has no name yet: this is to be its name."""

    channel: str
    place: str
    new: LiveChannel | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    store: Store
    books: OfficeStore
    configuration: Configuration
    adapters: Mapping[str, ChatAdapter]
    address: Callable[[str], str]
    book: str
    log: Log

    @property
    def version(self) -> int:
        return self.configuration.epochs.routes

    # ------------------------------------------------------------------ channels

    def known(self) -> dict[str, str]:
        """Places by the names that people may use for them; the policy's names win."""
        live = {name: channel.place for name, channel in self.configuration.channels.items()}
        return {**live, INBOX: INBOX, **self.configuration.policy.channels}

    def place_of(self, channel: str) -> tuple[str, str | None]:
        """The place of ``channel``, a name or a place, and its name where it has one. Raises `InvalidField`."""
        known = self.known()
        if channel in known:
            return known[channel], channel
        if ":" not in channel:
            raise InvalidField(
                f"The book {self.book} has no channel called {one_line(channel)[:80]}. Nothing was changed; name one of"
                " the policy's, or a place such as slack:C0CHANNEL.",
                field="channel",
            )
        place = self.address(channel)
        name = next((name for name, other in known.items() if same_place(other, place)), None)
        return known[name] if name else place, name

    # ------------------------------------------------------------------ what is pending

    async def pending(
        self, matches: Callable[[Outline], bool], wanted: Filter, most: int, look: int
    ) -> tuple[list[Outline], bool]:
        """The newest ``most`` pending requests that match, of the newest ``look``; and whether there may be more."""
        found: list[Outline] = []
        cursor: str | None = None
        for _ in range(look // PAGE):
            page = await self.store.browse(wanted, cursor=cursor, limit=PAGE)
            found += [request for request in page.items if not request.settled and matches(request)]
            cursor = page.cursor
            if len(found) >= most or cursor is None:
                return found[:most], cursor is not None or len(found) > most
            await asyncio.sleep(0)
        return found, True

    async def count(self, matches: Callable[[Outline], bool], *, action: str = "", agent: str = "") -> Pending:
        exact = action if action and Glob(action).exact else None
        wanted = Filter(Status.PENDING, exact, agent or None)
        found, more = await self.pending(matches, wanted, MOST_COUNTED, LOOK_TO_COUNT)
        return Pending(len(found), more)

    # ------------------------------------------------------------------ words at places

    def notices(self, text: str, places: Iterable[str]) -> Notices:
        """A notice for each place; the inbox shows how things stand by itself."""
        told = [place for place in dict.fromkeys(places) if place != INBOX]
        return [(new_notice(text), place) for place in told[:MOST_NOTICES]]


def changed() -> ChangedMeanwhile:
    return ChangedMeanwhile(
        "Another admin has changed routes or channels since you looked. Nothing was changed; look again."
    )
