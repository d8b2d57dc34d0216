"""Where cards are: the channels, group chats and personal chats that the bot has been in, and how each is reached now.

The bot learns a place when it is added or spoken to there, never from a policy. What leads to it is taken anew from
whatever comes from there, because Teams may change it at any time. It lies on the shelf, so that every replica knows
it. That the bot was removed is remembered for people to see; what Teams says then decides.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from sayso_adapters.kept import Kept
from sayso_adapters.teams.activities import CONVERSATION, Arrived, Kind
from sayso_adapters.teams.wire import Address
from sayso_bot.errors import SaysoError
from sayso_bot.ports import Gone, Log, Rejected, Retry, Shelf

KEPT_SECONDS = 400 * 86400
FRESH_SECONDS = 30.0
REMINDED_SECONDS = 86400.0
MOST_PLACES = 500
"""In how many people are looked for; any other is reached all the same."""
PREFIX = "teams:"
OWN_CHAT = "a:"
"""With what Teams' ids of personal chats begin."""
NOT_KNOWN = "place_not_known"
REMEDY = (
    "Nothing is known here of the bot having been added or spoken to there. Add the app to the team or chat, or mention"
    " it there; sayso teams places lists what it knows."
)


@dataclass(frozen=True, slots=True)
class Place:
    """``person`` is whose personal chat it is (an object id of Entra's). ``removed``: the bot was taken out."""

    conversation: str
    kind: Kind
    service_url: str
    bot: str = ""
    name: str = ""
    team: str = ""
    team_name: str = ""
    person: str = ""
    seen_at: str = ""
    removed: bool = False

    @property
    def address(self) -> Address:
        return Address(self.conversation, self.service_url)

    @property
    def called(self) -> str:
        """What people call it, for people to read."""
        within = [name for name in (self.team_name, self.name) if name]
        kind = {"channel": "a channel", "groupChat": "a group chat", "personal": "a personal chat"}[self.kind]
        return " / ".join(within) or kind


class Places:
    """What is on ``shelf``, kept in memory for half a minute. Raises `Retry` while the shelf cannot be read.

    ``unlisted`` are the conversations beyond `MOST_PLACES`, as of the last list.
    """

    def __init__(self, shelf: Shelf, log: Log, now: Callable[[], float] = time.monotonic) -> None:
        self._shelf = shelf
        self._log = log
        self._now = now
        self._all: dict[str, Place] = {}
        self.unlisted: Sequence[str] = ()
        self._listed: Kept[None] = Kept(FRESH_SECONDS, now)
        self._reminded: dict[str, float] = {}

    # ------------------------------------------------------------------ known

    async def address(self, place: str) -> Address:
        """How ``place`` (``teams:…``) is reached now. Raises `Rejected`, `Gone`, `Retry`."""
        return (await self.known(place)).address

    async def known(self, place: str) -> Place:
        """Raises `Rejected` for what is no place of Teams', `Gone` for one that the bot has not been in, `Retry`."""
        conversation = place.removeprefix(PREFIX)
        if not place.startswith(PREFIX) or not CONVERSATION.match(conversation):
            raise Rejected("not_a_teams_place")
        found = await self._one(conversation)
        if found is None:
            error = Gone(NOT_KNOWN)
            error.todo = REMEDY
            raise error
        return found

    async def all(self, *, fresh: bool = False) -> Sequence[Place]:
        """Those that are listed, and with ``fresh`` listed now; those that the bot is in before the others."""
        return in_order((await self._known(fresh=fresh)).values())

    async def personal(self, person: str) -> Place | None:
        """The personal chat with somebody, by an id of Entra's; nobody's where it is empty."""
        if not person:
            return None
        chats = [place for place in await self.all() if place.kind == "personal" and not place.removed]
        found = next((place for place in chats if place.person == person), None)
        return found if found is not None or not self.unlisted else await self._unlisted_chat(person)

    async def _unlisted_chat(self, person: str) -> Place | None:
        try:
            named = await self._shelf.get(f"chat/{person}")
        except SaysoError as error:
            raise Retry(error.code) from None
        found = await self._one(named.decode()) if named else None
        return found if found is not None and found.person == person and not found.removed else None

    async def _one(self, conversation: str) -> Place | None:
        """One of all; looked up by itself where it was learnt since, or is beyond those that are listed."""
        if (found := (await self._known()).get(conversation)) is not None:
            return found
        try:
            record = await self._shelf.get(f"place/{conversation}")
        except SaysoError as error:
            raise Retry(error.code) from None
        if (found := _unpacked(record) if record else None) is not None:
            self._all[conversation] = found
        return found

    async def _known(self, *, fresh: bool = False) -> dict[str, Place]:
        """What was listed within half a minute; however many ask, it is listed once."""
        await self._listed.get("all", self._list, fresh=fresh)
        return self._all

    async def _list(self) -> None:
        try:
            names = await conversations(self._shelf)
            found = await read(self._shelf, names[:MOST_PLACES])
        except SaysoError as error:
            raise Retry(error.code) from None
        self._all = {place.conversation: place for place in found}
        self.unlisted = names[MOST_PLACES:]

    # ------------------------------------------------------------------ learnt

    async def learn(self, at: Arrived) -> None:
        """The bot is where ``at`` came from. Written down where that is new, or was last a day ago."""
        known = await self._one(at.conversation)
        place = Place(
            conversation=at.conversation,
            kind=at.kind,
            service_url=at.service_url,
            bot=at.bot or (known.bot if known else ""),
            name=at.name or (known.name if known else at.user_name if at.kind == "personal" else ""),
            team=at.team or (known.team if known else ""),
            team_name=at.team_name or (known.team_name if known else ""),
            person=(at.object_id if at.kind == "personal" else "") or (known.person if known else ""),
        )
        await self._keep(place, known)

    async def learn_channel(self, of: Place, conversation: str, name: str) -> None:
        """A channel of the team that ``of`` is in, as Teams lists it."""
        if CONVERSATION.match(conversation):
            known = await self._one(conversation)
            await self._keep(replace(of, conversation=conversation, name=name, kind="channel", seen_at=""), known)

    async def left(self, at: Arrived, *, whole_team: bool) -> None:
        """The bot was taken out of there, and with a team out of all its channels."""
        for place in await self.all():
            gone = place.conversation == at.conversation or (whole_team and at.team and place.team == at.team)
            if gone and not place.removed:
                await self._put(replace(place, removed=True))
                self._log.warning("teams.place_left", place=f"{PREFIX}{place.conversation}")

    async def _keep(self, place: Place, known: Place | None) -> None:
        same = known is not None and replace(known, seen_at="") == place
        if same and self._now() - self._reminded.get(place.conversation, float("-inf")) < REMINDED_SECONDS:
            return
        await self._put(replace(place, seen_at=datetime.now(UTC).isoformat(timespec="seconds")))
        self._reminded[place.conversation] = self._now()
        if known is None or known.removed:
            self._log.info("teams.place_learnt", place=f"{PREFIX}{place.conversation}", kind=place.kind)

    async def _put(self, place: Place) -> None:
        try:
            record = json.dumps(asdict(place)).encode()
            await self._shelf.put(f"place/{place.conversation}", record, ttl_seconds=KEPT_SECONDS)
            if place.person:
                await self._shelf.put(f"chat/{place.person}", place.conversation.encode(), ttl_seconds=KEPT_SECONDS)
        except SaysoError as error:
            raise Retry(error.code) from None
        self._all[place.conversation] = place


async def conversations(shelf: Shelf) -> list[str]:
    """Those of the places on the shelf, personal chats last. Raises `Unavailable`."""
    return sorted(name.removeprefix("place/") for name in await shelf.names("place/"))


async def read(shelf: Shelf, named: Iterable[str]) -> list[Place]:
    """The places of the conversations ``named`` that are on the shelf. Raises `Unavailable`."""
    records = await asyncio.gather(*(shelf.get(f"place/{conversation}") for conversation in named))
    return [place for record in records if record and (place := _unpacked(record))]


def in_order(places: Iterable[Place]) -> list[Place]:
    """Those that the bot is in before the others."""
    return sorted(places, key=lambda place: (place.removed, place.kind, place.called, place.conversation))


def _unpacked(record: bytes) -> Place | None:
    """None for what an earlier version has written otherwise: it is learnt anew."""
    try:
        return Place(**json.loads(record))
    except (TypeError, ValueError):
        return None
