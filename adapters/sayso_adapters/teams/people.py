"""Who somebody is in Teams, and whether such an account may decide at all.

A genuine call proves only that some account tapped. Who that is, the roster of the conversation says: an account that
is not in it decides nothing; neither do guests and accounts of other tenants, unless the policy names that very
account. Answers are kept for two minutes, so that a burst of taps is one look-up and a dismissal takes effect soon; a
vote that decides has the earlier ones looked up afresh. What cannot be looked up admits nobody.

Teams has no directory to ask without further rights: somebody is known by the conversations that the bot is in. Who was
not found in those that were looked at, while there are more, is not known not to be there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sayso_adapters.kept import Kept
from sayso_adapters.payloads import as_id
from sayso_adapters.teams.activities import ACCOUNT, as_name
from sayso_adapters.teams.places import OWN_CHAT, PREFIX, Place, Places
from sayso_adapters.teams.settings import GUID, TeamsSettings
from sayso_adapters.teams.wire import Wire
from sayso_bot.domain.person import Person, normal
from sayso_bot.ports import AdapterError, Gone, LookupFailed, Rejected

KEPT_SECONDS = 120.0
MAX_MEMBER_PAGES = 20
AT_ONCE = 8

_NOBODY = frozenset({"MemberNotFoundInConversation", "NotFound", "not_found"})
_NOT_THERE = frozenset({"BotNotInConversationRoster", "ConversationNotFound"})


class TooManyPlaces(LookupFailed):
    """Nobody was found where people are looked for, and there are more places than those."""

    def __init__(self) -> None:
        super().__init__("too_many_places", lasting=True)


@dataclass(frozen=True, slots=True)
class Account:
    """What a roster says. ``guest``: of another tenant, or in ours as a guest. ``addresses`` are those that our tenant
    vouches for: of its own members alone.
    """

    id: str
    object_id: str
    name: str
    tenant: str
    guest: bool
    addresses: tuple[str, ...]

    @property
    def alias(self) -> str:
        return f"{PREFIX}{self.tenant}/{self.object_id}"

    def person(self) -> Person:
        return Person.known_as(self.name, {self.alias, *(f"email:{address}" for address in self.addresses)})


class People:
    """All raise `LookupFailed` where Teams could not be asked."""

    def __init__(
        self, settings: TeamsSettings, wire: Wire, places: Places, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._places = places
        self._accounts: Kept[Account | None] = Kept(KEPT_SECONDS, clock)
        self._rosters: Kept[tuple[Account, ...]] = Kept(KEPT_SECONDS, clock)

    async def account(self, conversation: str, user: str, *, fresh: bool = False) -> Account | None:
        """The account with this id of Teams' or Entra's, or None where it is not in the conversation."""
        name = f"{conversation} {user}"
        return await self._accounts.get(name, lambda: self._member(conversation, user), fresh=fresh)

    async def members(self, conversation: str, *, fresh: bool = False) -> tuple[Account, ...]:
        return await self._rosters.get(conversation, lambda: self._roster(conversation), fresh=fresh)

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        """The aliases behind ``teams:TENANT/OBJECT`` or the members of ``teams:CONVERSATION``.

        ``fresh`` asks Teams, whatever was kept.
        """
        tenant, slash, object_id = approver.removeprefix(PREFIX).lower().partition("/")
        if slash:
            if not GUID.match(tenant) or not GUID.match(object_id):
                return frozenset()
            found = await self._anywhere(object_id, fresh=fresh)
            return frozenset({found.alias} if found is not None and found.tenant == tenant else ())
        try:
            place = await self._places.known(approver)
        except (Gone, Rejected):
            return frozenset()
        except AdapterError as error:
            raise LookupFailed.of(error) from None
        members = await self.members(place.conversation, fresh=fresh)
        return frozenset(one.alias for one in members if not one.guest)

    async def recognise(self, person: Person) -> Person:
        """``person`` with the alias of the account whose address is theirs, if that account may decide."""
        addresses = {alias for alias in person.aliases if alias.startswith("email:")}
        if not addresses:
            return person
        found = await self._known_by(addresses)
        return person.also({found[0].alias}) if found else person

    async def with_address(self, address: str) -> tuple[Account, Place] | None:
        """The account whose confirmed address this is, and a place where it is known."""
        return await self._known_by({normal(f"email:{address}")})

    # ------------------------------------------------------------------ wherever the bot is

    async def _anywhere(self, object_id: str, *, fresh: bool) -> Account | None:
        """The account, where any conversation that the bot is in has it.

        ``fresh`` lists them anew for whom those that were listed do not have: that may take half a second.
        """
        looked_at: list[Place] = []
        for anew in (False, True) if fresh else (False,):
            places = [place for place in await self._near(object_id, fresh=anew) if place not in looked_at]
            if (found := await self._among(places, object_id, fresh=fresh)) is not None:
                return found
            looked_at += places
        if any(not conversation.startswith(OWN_CHAT) for conversation in self._places.unlisted):
            raise TooManyPlaces
        return None

    async def _among(self, places: Sequence[Place], object_id: str, *, fresh: bool) -> Account | None:
        """The account, where one of ``places`` has it.

        Whom Teams does not find by an id of Entra's is looked for in the rosters: Microsoft's emulator finds nobody so.
        """
        failure: LookupFailed | None = None
        for start in range(0, len(places), AT_ONCE):
            asked = [
                self.account(place.conversation, object_id, fresh=fresh) for place in places[start : start + AT_ONCE]
            ]
            for found in await asyncio.gather(*asked, return_exceptions=True):
                if isinstance(found, Account):
                    return found
                if isinstance(found, LookupFailed):
                    failure = found
                elif found is not None:
                    raise found
        if failure is not None:
            raise failure
        async for _, members in self._all_rosters(places, fresh=fresh):
            if (listed := next((one for one in members if one.object_id == object_id), None)) is not None:
                return listed
        return None

    async def _known_by(self, addresses: set[str]) -> tuple[Account, Place] | None:
        """The account that has one of ``addresses`` (as aliases). A tenant gives each to one account."""
        async for place, members in self._all_rosters(await self._here()):
            for one in members:
                if addresses & {f"email:{address}" for address in one.addresses}:
                    return one, place
        if self._places.unlisted:
            raise TooManyPlaces
        return None

    async def _all_rosters(
        self, places: Sequence[Place], *, fresh: bool = False
    ) -> AsyncIterator[tuple[Place, tuple[Account, ...]]]:
        """Every roster that can be read. Raises `LookupFailed` at the end where one could not be."""
        failure: LookupFailed | None = None
        for start in range(0, len(places), AT_ONCE):
            some = places[start : start + AT_ONCE]
            read = await asyncio.gather(
                *(self.members(place.conversation, fresh=fresh) for place in some), return_exceptions=True
            )
            for place, members in zip(some, read, strict=True):
                if isinstance(members, LookupFailed):
                    failure = members
                elif isinstance(members, BaseException):
                    raise members
                else:
                    yield place, members
        if failure is not None:
            raise failure

    async def _here(self, *, fresh: bool = False) -> list[Place]:
        """The places that the bot is in."""
        try:
            return [place for place in await self._places.all(fresh=fresh) if not place.removed]
        except AdapterError as error:
            raise LookupFailed.of(error) from None

    async def _near(self, object_id: str, *, fresh: bool) -> list[Place]:
        """Where such an account can be: not in the personal chats of others."""
        here = await self._here(fresh=fresh)
        found = [place for place in here if place.kind != "personal" or place.person == object_id]
        try:
            own = await self._places.personal(object_id)
        except AdapterError as error:
            raise LookupFailed.of(error) from None
        return found if own is None or own in found else [*found, own]

    # ------------------------------------------------------------------ asked of Teams

    async def _member(self, conversation: str, user: str) -> Account | None:
        try:
            to = await self._places.address(f"{PREFIX}{conversation}")
            return self._read(await self._wire.member(to, user))
        except AdapterError as error:
            if isinstance(error, Gone) and error.what in _NOBODY | _NOT_THERE:
                return None
            raise LookupFailed.of(error) from None

    async def _roster(self, conversation: str) -> tuple[Account, ...]:
        found: list[Account] = []
        page = ""
        try:
            to = await self._places.address(f"{PREFIX}{conversation}")
            for _ in range(MAX_MEMBER_PAGES):
                members, page = await self._wire.members(to, page)
                found += [account for member in members if (account := self._read(member))]
                if not page:
                    return tuple(found)
        except AdapterError as error:
            if isinstance(error, Gone) and error.what in _NOT_THERE:
                return ()
            raise LookupFailed.of(error) from None
        raise LookupFailed("too_many_members", lasting=True)

    def _read(self, member: Mapping[str, Any]) -> Account | None:
        return account_of(member, self._settings)


def account_of(member: Mapping[str, Any], settings: TeamsSettings) -> Account | None:
    """An account from a roster's entry, or None for one without an id of Entra's: a bot, or somebody anonymous.

    What the roster does not say is taken as the safer of its two values; Microsoft's emulator says little.
    """
    user, object_id = as_id(member.get("id")), as_id(member.get("aadObjectId") or member.get("objectId")).lower()
    if not ACCOUNT.match(user) or not GUID.match(object_id):
        return None
    tenant = as_id(member.get("tenantId")).lower() or (settings.tenant_id if settings.local else "")
    role, login, mail = (as_text(member.get(name)) for name in ("userRole", "userPrincipalName", "email"))
    member_role = (role or ("user" if settings.local else "")) == "user"
    guest = not member_role or "#ext#" in login or tenant != settings.tenant_id
    addresses = dict.fromkeys(address for address in (mail, login) if "@" in address and not guest)
    return Account(
        id=user,
        object_id=object_id,
        name=as_name(member.get("name")) or object_id,
        tenant=tenant or "unknown",
        guest=guest,
        addresses=tuple(addresses),
    )


def as_text(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""
