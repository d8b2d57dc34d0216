"""The story of requests: replies in the thread of the post that shows them, and a word to one person alone.

In a chat there are no threads, so there it is a message of its own. Teams cannot be asked what it shows: what lost its
answer in this process is taken as told, because it mostly was; what another process may have told is told again.
Nobody is written to because an agent names them: the principal is whom an operator has bound to the agent's key.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from sayso_adapters.teams.people import People, TooManyPlaces
from sayso_adapters.teams.places import Places
from sayso_adapters.teams.saying import Chats, words
from sayso_adapters.teams.wire import Address, Wire
from sayso_bot.domain.story import Entry
from sayso_bot.domain.wording import shortened
from sayso_bot.ports import Log, Retry

LONGEST = 2000
LONGEST_OF_SEVERAL = 250
MOST_REMEMBERED = 1000


class Thread:
    def __init__(self, wire: Wire, places: Places, people: People, chats: Chats, log: Log) -> None:
        self._wire = wire
        self._places = places
        self._people = people
        self._chats = chats
        self._log = log
        self._perhaps: OrderedDict[str, None] = OrderedDict()

    async def narrate(self, place: str, post: str, entries: Sequence[Entry]) -> None:
        """As `sayso_bot.ports.ChatAdapter.narrate`."""
        found = await self._places.known(place)
        to = found.address
        if found.kind == "channel":
            to = Address(f"{found.conversation};messageid={post}", found.service_url)
        await self._say(to, entries)

    def told(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """As `sayso_bot.ports.ChatAdapter.told`, as far as is known."""
        return [entry for entry in entries if _name(entry) in self._perhaps]

    async def notify(self, address: str, entry: Entry, *, look: bool) -> str | None:
        """As `sayso_bot.ports.ChatAdapter.notify`: to the member of our tenant with this address.

        Whom another try would not find either is left to the other platforms.
        """
        try:
            known = await self._people.with_address(address)
        except TooManyPlaces as error:
            self._log.warning("teams.principal_not_found", what=error.what, request=entry.request_id)
            return None
        if known is None:
            return None
        account, near = known
        if look and self.told([entry]):
            return f"{account.alias}/unknown"
        to = await self._chats.with_person(account.id, account.object_id, near)
        return f"{account.alias}/{await self._say(to, [entry])}"

    async def _say(self, to: Address, entries: Sequence[Entry]) -> str:
        """Say all of them in one message; its id."""
        longest = LONGEST if len(entries) == 1 else LONGEST_OF_SEVERAL
        try:
            return await self._wire.post(to, words("\n\n".join(shortened(entry.text, longest) for entry in entries)))
        except Retry as error:
            if error.lost:
                self._perhaps |= {_name(entry): None for entry in entries}
                while len(self._perhaps) > MOST_REMEMBERED:
                    self._perhaps.popitem(last=False)
            raise


def _name(entry: Entry) -> str:
    return f"{entry.request_id} {entry.key}"
