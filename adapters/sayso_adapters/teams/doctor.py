"""Whether Teams can be spoken to and can reach us, whether the places that the policy names can be posted to, and what
to do about each that cannot. Looking posts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sayso_adapters.teams.keys import KeySet, NoKeys
from sayso_adapters.teams.places import PREFIX, Places
from sayso_adapters.teams.settings import APP_ID, LOCAL, TENANT_ID, TeamsSettings
from sayso_adapters.teams.tokens import Tokens
from sayso_adapters.teams.wire import Wire
from sayso_bot.domain.policy import places_of
from sayso_bot.ports import AdapterContext, AdapterError, Check, PlaceLook, Retry


class Doctor:
    """``address`` is where Teams calls us."""

    def __init__(
        self,
        settings: TeamsSettings,
        context: AdapterContext,
        wire: Wire,
        tokens: Tokens,
        places: Places,
        keys: KeySet,
        address: str,
    ) -> None:
        self._settings = settings
        self._context = context
        self._wire = wire
        self._tokens = tokens
        self._places = places
        self._keys = keys
        self._address = address

    async def check(self) -> Sequence[Check]:
        ways = [self._local()] if self._settings.local else [await self._token(), await self._key_set(), self._way_in()]
        return [*ways, self._clock(), await self._known(), *await self._named()]

    async def look_at(self, place: str) -> PlaceLook:
        """How a place stands. Whether people may join a team by themselves Teams does not say, so it is taken that they
        may."""
        try:
            found = await self._places.known(place)
            await self._wire.members(found.address)
        except AdapterError as error:
            fix = error.todo or f"Teams did not say how it stands ({error.what}). Try again shortly."
            return PlaceLook(False, f"{place}: {fix}")
        return PlaceLook(True, f"The bot is in {place} ({found.called}).", found.kind == "channel")

    def _local(self) -> Check:
        detail = f"{LOCAL} is set: anybody on this machine is believed. It is for Microsoft's emulator alone."
        return Check("teams emulator", ok=True, detail=detail, warning=True)

    async def _token(self) -> Check:
        name = "teams token"
        try:
            await self._tokens.token()
        except Retry as error:
            todo = "Check this machine's way to it, and try again shortly."
            return Check(name, ok=False, detail=f"Entra cannot be reached ({error.what}). {todo}")
        except AdapterError as error:
            todo = f"{error.todo} {APP_ID} and {TENANT_ID} must be those of the same registration."
            return Check(name, ok=False, detail=todo)
        return Check(name, ok=True, detail="Entra lets the app sign in.")

    async def _key_set(self) -> Check:
        name = "teams keys"
        try:
            count = await self._keys.check()
        except NoKeys as error:
            wrong = f"The keys that prove Teams' calls cannot be had ({error.what}), so every tap is refused with 503."
            return Check(name, ok=False, detail=f"{wrong} Check this machine's way to {self._settings.openid_url}.")
        return Check(name, ok=True, detail=f"Keys that prove Teams' calls: {count}.")

    def _way_in(self) -> Check:
        name = "teams address"
        if self._address.startswith("https://"):
            return Check(name, ok=True, detail=f"The bot's messaging endpoint must be {self._address}.")
        return Check(name, ok=False, detail=f"Teams calls https only; SAYSO_PUBLIC_URL gives {self._address}.")

    def _clock(self) -> Check:
        right = self._context.clock_is_right()
        wrong = "This machine's clock is off, so every tap is refused with 503. Set it."
        return Check("teams clock", ok=right, detail="Tokens can be checked." if right else wrong)

    async def _known(self) -> Check:
        name = "teams places"
        try:
            there = [place for place in await self._places.all() if not place.removed]
        except AdapterError as error:
            return Check(name, ok=False, detail=f"The shelf cannot be read ({error.what}).")
        if there:
            return Check(name, ok=True, detail=f"The bot is in {len(there)} places; sayso teams places lists them.")
        todo = "The bot is nowhere yet. Add the app to a team or chat: sayso teams package makes it."
        return Check(name, ok=True, detail=todo, warning=True)

    async def _named(self) -> list[Check]:
        desk = self._context.desk
        named = places_of(PREFIX.removesuffix(":"), desk.routes(), desk.live_routes())
        looks = [(names, await self.look_at(place)) for place, names in named.items()]
        return [Check(f"teams channel {', '.join(names)}", ok=look.ok, detail=look.detail) for names, look in looks]
