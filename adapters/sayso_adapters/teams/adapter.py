"""Teams as a place where people answer: the port, put together from its parts.

Taps and words come over HTTP at ``/api/messages``. A post is sent once; Teams cannot be asked what it shows, so one
whose answer was lost may stand there twice, and both work. What a person may do is the desk's to say; this adapter says
who the person is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sayso_adapters.teams.admin import Admins
from sayso_adapters.teams.callbacks import Callbacks
from sayso_adapters.teams.cards import message
from sayso_adapters.teams.doctor import Doctor
from sayso_adapters.teams.hearing import Hearing
from sayso_adapters.teams.keys import KeySet
from sayso_adapters.teams.listing import listing_message
from sayso_adapters.teams.messages import Messages
from sayso_adapters.teams.people import People
from sayso_adapters.teams.places import Places
from sayso_adapters.teams.saying import Chats, card, words
from sayso_adapters.teams.settings import LOCAL, read
from sayso_adapters.teams.submissions import Submissions
from sayso_adapters.teams.taps import Taps
from sayso_adapters.teams.thread import Thread
from sayso_adapters.teams.tokens import Tokens
from sayso_adapters.teams.wire import Wire
from sayso_bot.domain.card import Card
from sayso_bot.domain.listing import Listing
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.person import Person
from sayso_bot.domain.story import Entry
from sayso_bot.domain.wording import shortened
from sayso_bot.errors import Unusable
from sayso_bot.ports import AdapterContext, Capabilities, Check, PlaceLook

PATH = "/api/messages"
FINISH_SECONDS = 1.0
LONGEST_NOTICE = 4000


def create(context: AdapterContext) -> TeamsAdapter:
    """The adapter, its route mounted. Nothing is sent before `TeamsAdapter.start`. Raises `Unusable`."""
    return TeamsAdapter(context)


class TeamsAdapter:
    """`sayso_bot.ports.ChatAdapter` for Teams."""

    def __init__(self, context: AdapterContext) -> None:
        settings = read(context.settings)
        if settings.local and not context.loopback:
            raise Unusable(
                f"{LOCAL} believes whoever calls, so Sayso must listen on this machine alone: set SAYSO_HOST to"
                f" 127.0.0.1, or remove {LOCAL}."
            )
        tokens = Tokens(settings)
        self._wire = Wire(settings, tokens)
        self._places = Places(context.shelf, context.log)
        self._people = People(settings, self._wire, self._places)
        chats = Chats(self._wire, self._places, settings.tenant_id)
        self._thread = Thread(self._wire, self._places, self._people, chats, context.log)
        self._taps = Taps(context, self._people, self._places)
        self._admins = Admins(context, self._people)
        messages = Messages(context, self._people, self._wire, chats, self._admins)
        keys, address = KeySet(settings.openid_url), f"{context.public_url.rstrip('/')}{PATH}"
        self._doctor = Doctor(settings, context, self._wire, tokens, self._places, keys, address)
        submissions = Submissions(context, self._taps, self._admins, chats)
        hearing = Hearing(context, self._wire, self._places, self._taps, submissions, messages, self._admins)
        context.mount("POST", PATH, Callbacks(settings, context, keys, hearing.heard).receive)

    @property
    def name(self) -> str:
        return "teams"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(pushes=True, finds=False, narrates=True, notifies=True)

    async def start(self) -> None:
        await self._wire.open()

    async def stop(self) -> None:
        await asyncio.gather(*(part.finish(FINISH_SECONDS) for part in (self._taps, self._admins)))
        await self._wire.close()

    async def post(self, card_: Card, place: str, button: str) -> str:
        shown = message(card_, button)
        return await self._wire.post(await self._places.address(place), card(shown.content, shown.text))

    async def update(self, card_: Card, place: str, post: str, button: str) -> None:
        shown = message(card_, button)
        await self._wire.update(await self._places.address(place), post, card(shown.content, shown.text))

    async def post_listing(self, listing: Listing, place: str) -> str:
        to, shown = await self._places.address(place), listing_message(listing)
        return await self._wire.post(to, card(shown.content, shown.text))

    async def update_listing(self, listing: Listing, place: str, post: str) -> None:
        shown = listing_message(listing)
        await self._wire.update(await self._places.address(place), post, card(shown.content, shown.text))

    async def find(self, request_id: str, place: str) -> str | None:
        """Teams lets a bot look up none of its posts."""
        return None

    async def narrate(self, place: str, post: str, entries: Sequence[Entry]) -> None:
        await self._thread.narrate(place, post, entries)

    async def told(self, place: str, post: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        return self._thread.told(entries)

    async def notify(self, address: str, entry: Entry, *, near: str, look: bool) -> str | None:
        return await self._thread.notify(address, entry, look=look)

    async def announce(self, notice: Notice, place: str) -> str:
        return await self._wire.post(await self._places.address(place), words(shortened(notice.text, LONGEST_NOTICE)))

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        return await self._people.resolve(approver, fresh=fresh)

    async def recognise(self, person: Person) -> Person:
        return await self._people.recognise(person)

    async def look_at(self, place: str) -> PlaceLook:
        """See `sayso_bot.ports.LooksAtPlaces`."""
        return await self._doctor.look_at(place)

    async def check(self) -> Sequence[Check]:
        return await self._doctor.check()
